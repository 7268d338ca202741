// The one error class for mistakes of the user or the configuration, and how failures become exit codes.

import { EXIT, type ErrorCode, type ErrorInfo, type ExitCode } from "../types/error.ts";

/** A mistake that the user can mend: says what, where and what is allowed. Caught once, in cli/main.ts. */
export class BmoError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | null;

  constructor(code: ErrorCode, message: string, hint: string | null = null, options?: ErrorOptions) {
    super(message, options);
    this.name = "BmoError";
    this.code = code;
    this.hint = hint;
  }

  info(): ErrorInfo {
    return { code: this.code, message: this.message, hint: this.hint };
  }
}

const EXIT_BY_CODE: Record<ErrorCode, ExitCode> = {
  usage: EXIT.usage,
  configuration: EXIT.usage,
  credentials: EXIT.credentials,
  provider: EXIT.provider,
  limit: EXIT.limit,
  denied: EXIT.denied,
  awaiting_approval: EXIT.awaitingApproval,
  failed: EXIT.failed,
  locked: EXIT.failed,
  aborted: EXIT.interrupted,
  internal: EXIT.failed,
};

export function exitCodeOf(code: ErrorCode): ExitCode {
  return EXIT_BY_CODE[code];
}

/** Turns anything thrown into the error object of the output; a bug becomes `internal` with its message. */
export function toErrorInfo(thrown: unknown): ErrorInfo {
  if (thrown instanceof BmoError) return thrown.info();
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: "internal", message, hint: null };
}

/** `code` of a Node system error such as ENOENT, or undefined. */
export function systemErrorCode(thrown: unknown): string | undefined {
  if (thrown instanceof Error && "code" in thrown && typeof thrown.code === "string") return thrown.code;
  return undefined;
}
