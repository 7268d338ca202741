// What a subcommand is handed of the outside world; it reads and writes nothing else, so that tests can run it
// directly.

import { safeJson } from "../util/sanitize.ts";

export interface SubcommandIo {
  /** Text as it is; the subcommand adds its own line ends. Only the result goes here. */
  stdout(text: string): void;
  stderr(text: string): void;
  environment: Readonly<Record<string, string | undefined>>;
  /** Real path of the workspace. */
  workspace: string;
  /** The user's home directory. */
  home: string;
  /** True when a person can answer questions: stdin and stdout are terminals. */
  isTerminal: boolean;
  /** Whether `--json` was given: stdout then carries one JSON value. */
  json: boolean;
  /** Asks on the terminal; called only when `isTerminal`. `secret`: the answer is not echoed. */
  question(prompt: string, options?: { secret: boolean }): Promise<string>;
}

/** One JSON value and a line end, as every subcommand with `--json` prints it. */
export function printJson(io: SubcommandIo, value: unknown): void {
  io.stdout(`${safeJson(value, 2)}\n`);
}
