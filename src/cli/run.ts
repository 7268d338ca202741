// One run of the command line: a subcommand, the REPL, or headless. Each path loads only what it needs.

import { exitCodeOf, toErrorInfo } from "../util/errors.ts";
import type { CommandLine } from "./arguments.ts";
import type { RunFacts } from "./app.ts";
import type { ExitCode } from "../types/error.ts";

/** True where a person sits at both ends and the terminal can draw. */
function isInteractive(line: CommandLine): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true && process.env["TERM"] !== "dumb" && !line.print && line.format === "text";
}

export async function runCommandLine(line: CommandLine, facts: RunFacts): Promise<ExitCode> {
  const approving = line.subcommand === "approve";
  if (line.kind === "subcommand" && !approving) return (await import("./subcommands.ts")).runSubcommand(line, facts);
  // Touching process.stdin costs; a run that is headless by its options never looks at it here.
  if (!line.print && line.format === "text" && isInteractive(line)) return (await import("./repl.ts")).runRepl(line, facts);
  return (await import("./headless.ts")).runHeadlessLine(line, facts);
}

/** What goes wrong before there is a session: the message on stderr, and the object on stdout where one was promised. */
export function failEarly(thrown: unknown, argv: readonly string[], startedAt: number): ExitCode {
  const error = toErrorInfo(thrown);
  const code = exitCodeOf(error.code);
  process.stderr.write(`bmo: ${error.message}\n${error.hint === null ? "" : `     ${error.hint}\n`}`);
  if (error.code === "internal" && thrown instanceof Error) process.stderr.write(`${thrown.stack ?? ""}\n`);
  const wantsJson = argv.some((word, index) => word === "--json" || word === "--output-format=json" || word === "--output-format=stream-json" || (word === "--output-format" && /json$/.test(argv[index + 1] ?? "")));
  if (wantsJson) {
    const result = {
      type: "result", version: 1, session_id: null, status: "error", exit_code: code, result: "", data: null, plan: null, routes: [], usage: { input: 0, output: 0, cache_read: 0, cache_write: 0 },
      cost_usd: 0, cost_is_estimate: false, baseline: { model: null, cost_usd: null }, savings_pct: null, files: [], denials: [], report: null, warnings: [], error, duration_ms: Math.round(performance.now() - startedAt),
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
  return code;
}
