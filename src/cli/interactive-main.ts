// The entry of everything but headless runs: the REPL and the subcommands, bundled by itself (see scripts/build.mjs).

import { parseArguments } from "./command-line.ts";
import { failEarly } from "./fail-early.ts";
import { asksForHelp, namedSubcommand } from "./first-words.ts";
import { loadSubcommands, SUBCOMMANDS } from "./subcommands.ts";
import type { RunFacts } from "./app.ts";
import type { RunLine } from "./run-line.ts";
import { EXIT, type ExitCode } from "../types/error.ts";

/** True where a person sits at both ends and the terminal can draw. */
function isInteractive(line: RunLine): boolean {
  const { stdin, stdout, env } = process;
  return (
    stdin.isTTY === true && stdout.isTTY === true && env["TERM"] !== "dumb" && !line.print && line.format === "text"
  );
}

/** Help lists all subcommands; any other line needs only the one that it may name. */
function neededSubcommands(argv: readonly string[]): string[] {
  const names = Object.keys(SUBCOMMANDS);
  const named = namedSubcommand(argv, names);
  return asksForHelp(argv) ? names : named === null ? [] : [named];
}

/** "headless" = the arguments turned out to ask for a headless run; nothing was done yet. Never rejects. */
export async function runInteractiveArguments(
  argv: readonly string[],
  facts: RunFacts,
): Promise<ExitCode | "headless"> {
  try {
    const line = parseArguments(argv, await loadSubcommands(neededSubcommands(argv)));
    switch (line.kind) {
      case "help":
        process.stdout.write(line.text);
        return EXIT.done;
      case "version":
        process.stdout.write(`${facts.version}\n`);
        return EXIT.done;
      case "subcommand":
        return await (await import("./run-subcommand.ts")).runSubcommand(line, facts);
      case "run":
        return isInteractive(line) ? await (await import("./repl.ts")).runRepl(line, facts) : "headless";
    }
  } catch (thrown) {
    return failEarly(thrown, argv, facts.startedAt);
  }
}
