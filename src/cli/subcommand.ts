// What a subcommand says of itself, and what it is handed of the outside world when it runs. Help, completion, errors
// and the page of commands read these objects; nothing else names a subcommand's options.

import { safeJson } from "../util/sanitize.ts";
import type { Argument, Command, Option } from "commander";
import type { App, Ground, RunFacts } from "./app.ts";
import type { Flags } from "./flags.ts";
import type { ExitCode } from "../types/error.ts";

export interface Subcommand<Options extends object = object> {
  name: string;
  /** One line, for lists. */
  summary: string;
  /** What its own help and the page of commands say besides; whole sentences. */
  details?: string;
  arguments?: readonly Argument[];
  /** Its own, and its actions' where it cannot run by itself; those of `sharedOptions` in flags.ts come on top. */
  options?: readonly Option[];
  /** What the word behind its name chooses. Where it cannot run by itself, the first is meant when none is named. */
  actions?: readonly Subcommand[];
  run?(call: Call<Options>): Promise<ExitCode> | ExitCode;
  /** Instead of `run`: it is a run of the agent that begins with the approval of the plan that its argument names. */
  approvesPlan?: true;
}

/** A subcommand as it was called. */
export interface Call<Options extends object = object> {
  /** What was given for its arguments, in order. */
  words: readonly string[];
  /** By commander's names; true for an option without a value. */
  options: Options;
  flags: Flags;
  facts: RunFacts;
  output: Output;
  /** All subcommands, each declared to commander. */
  program(): Promise<Command>;
  /** @throws BmoError usage for a directory that is not there. */
  ground(): Ground;
  /** @throws BmoError also configuration. */
  app(): Promise<App>;
  /** @throws BmoError as `ground`. */
  io(): SubcommandIo;
}

export interface Output {
  /** Text as it is; the subcommand adds its own line ends. Only the result goes here. */
  stdout(text: string): void;
  stderr(text: string): void;
  /** Whether `--json` was given: stdout then carries one JSON value. */
  json: boolean;
}

/** What a subcommand reads and writes; nothing else, so that tests can run it directly. */
export interface SubcommandIo extends Output {
  environment: Readonly<Record<string, string | undefined>>;
  /** Real path of the workspace. */
  workspace: string;
  /** The user's home directory. */
  home: string;
  /** True when a person can answer questions: stdin and stdout are terminals. */
  isTerminal: boolean;
  /** Asks on the terminal; called only when `isTerminal`. `secret`: the answer is not echoed. */
  question(prompt: string, options?: { secret: boolean }): Promise<string>;
}

/** Characters that are printed at a time, so that what is long is never held as text whole. */
const PRINTED_AT_ONCE = 65_536;

/** What is made piece by piece, some pieces at a time. */
export function printPieces(io: Output, pieces: Iterable<string>): void {
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
export function printJson(io: Output, value: unknown): void {
  io.stdout(`${safeJson(value, 2)}\n`);
}
