// One run of the command line: a subcommand, the REPL, or headless. Each path loads only what it needs.

import type { CommandLine } from "./arguments.ts";
import type { RunFacts } from "./app.ts";
import type { ExitCode } from "../types/error.ts";

/** True where a person sits at both ends and the terminal can draw. */
function isInteractive(line: CommandLine): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true && process.env["TERM"] !== "dumb" && !line.print && line.format === "text";
}

export async function runCommandLine(line: CommandLine, argv: readonly string[], facts: RunFacts): Promise<ExitCode> {
  const approving = line.subcommand === "approve";
  if (line.kind === "subcommand" && !approving) return (await import("./subcommands.ts")).runSubcommand(line, facts);
  if (isInteractive(line)) return (await import("./repl.ts")).runRepl(line, facts);
  return (await import("#headless")).runHeadlessArguments(argv, facts);
}

