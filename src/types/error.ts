// The vocabulary of failure: the exit codes of contract section 4 and the error object of section 5.

/** Process exit codes. Where several apply: signal, 2, 6, 7, 5, 3, 1, 4, 0. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  awaitingApproval: 3,
  denied: 4,
  limit: 5,
  credentials: 6,
  provider: 7,
  hangup: 129,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Stable machine-readable code of a failure; `exitCodeOf` in util/errors.ts maps each to a process exit code. */
export type ErrorCode =
  | "usage"
  | "configuration"
  | "credentials"
  | "provider"
  | "limit"
  | "denied"
  | "awaiting_approval"
  | "failed"
  | "locked"
  | "aborted"
  | "internal";

/** What went wrong, what it is about, and what the user can do next. Never contains a secret. */
export interface ErrorInfo {
  code: ErrorCode;
  message: string;
  hint: string | null;
}
