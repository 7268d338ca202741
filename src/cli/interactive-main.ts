// The entry of everything but headless runs: the REPL and the subcommands, bundled by itself (see scripts/build.mjs).

import { parseArguments, type CommandLine } from "./arguments.ts";
import { failEarly } from "./fail-early.ts";
import type { RunFacts } from "./app.ts";
import type { ExitCode } from "../types/error.ts";

/** True where a person sits at both ends and the terminal can draw. */
function isInteractive(line: CommandLine): boolean {
  return (
    process.stdin.isTTY === true &&
    process.stdout.isTTY === true &&
    process.env["TERM"] !== "dumb" &&
    !line.print &&
    line.format === "text"
  );
}

/** "headless" = the arguments turned out to ask for a headless run; nothing was done yet. Never rejects. */
export async function runInteractiveArguments(
  argv: readonly string[],
  facts: RunFacts,
): Promise<ExitCode | "headless"> {
  try {
    const line = parseArguments(argv.map((word) => (word === "-V" ? "-v" : word)));
    if (line.kind === "help") {
      process.stdout.write(line.version ? `${facts.version}\n` : line.text);
      return 0;
    }
    if (line.kind === "subcommand" && line.subcommand !== "approve")
      return await (await import("./subcommands.ts")).runSubcommand(line, facts);
    if (isInteractive(line)) return await (await import("./repl.ts")).runRepl(line, facts);
    return "headless";
  } catch (thrown) {
    return failEarly(thrown, argv, facts.startedAt);
  }
}
