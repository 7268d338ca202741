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

/** Characters that are printed at a time, so that what is long is never held as text whole. */
const PRINTED_AT_ONCE = 65_536;

/** What is made piece by piece, some pieces at a time. */
export function printPieces(io: SubcommandIo, pieces: Iterable<string>): void {
  let text = "";
  for (const piece of pieces) {
    text += piece;
    if (text.length < PRINTED_AT_ONCE) continue;
    io.stdout(text);
    text = "";
  }
  if (text !== "") io.stdout(text);
}

/** One JSON value and a line end, as every subcommand with `--json` prints it. */
export function printJson(io: SubcommandIo, value: unknown): void {
  io.stdout(`${safeJson(value, 2)}\n`);
}
