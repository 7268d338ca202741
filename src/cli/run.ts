// One run of the command line: a subcommand, the REPL, or headless. Each path loads only what it needs.

import type { CommandLine } from "./arguments.ts";
import type { RunFacts } from "./app.ts";
import type { ExitCode } from "../types/error.ts";

/** True where a person sits at both ends and the terminal can draw. */
function isInteractive(line: CommandLine): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true && process.env["TERM"] !== "dumb" && !line.print && line.format === "text";
}

/** Only the entry point may name the bundle of headless runs: its place is relative to that file. */
export type LoadHeadless = () => Promise<{ runHeadlessArguments(argv: readonly string[], facts: RunFacts): Promise<ExitCode> }>;

export async function runCommandLine(line: CommandLine, argv: readonly string[], facts: RunFacts, loadHeadless: LoadHeadless): Promise<ExitCode> {
  const approving = line.subcommand === "approve";
  if (line.kind === "subcommand" && !approving) return (await import("./subcommands.ts")).runSubcommand(line, facts);
  if (isInteractive(line)) return (await import("./repl.ts")).runRepl(line, facts);
  return (await loadHeadless()).runHeadlessArguments(argv, facts);
}

