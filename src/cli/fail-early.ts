// What goes wrong before there is a session: the message on stderr, and the result object on stdout where one was promised.

import { elapsedMs } from "../util/clock.ts";
import { exitCodeOf, toErrorInfo } from "../util/errors.ts";
import type { ExitCode } from "../types/error.ts";

export function failEarly(thrown: unknown, argv: readonly string[], startedAt: number): ExitCode {
  const error = toErrorInfo(thrown);
  const code = exitCodeOf(error.code);
  const quiet = argv.includes("-q") || argv.includes("--quiet");
  if (!quiet) process.stderr.write(`bmo: ${error.message}\n${error.hint === null ? "" : `     ${error.hint}\n`}`);
  if (!quiet && error.code === "internal" && thrown instanceof Error) process.stderr.write(`${thrown.stack ?? ""}\n`);
  const wantsJson = argv.some((word, index) => word === "--json" || word === "--output-format=json" || word === "--output-format=stream-json" || (word === "--output-format" && /json$/.test(argv[index + 1] ?? "")));
  if (wantsJson) {
    const result = {
      type: "result", version: 1, session_id: null, status: "error", exit_code: code, result: "", data: null, plan: null, routes: [], usage: { input: 0, output: 0, cache_read: 0, cache_write: 0 },
      cost_usd: 0, cost_is_estimate: false, baseline: { model: null, cost_usd: null, cost_is_estimate: false }, savings_pct: null, files: [], denials: [], report: null, warnings: [], error, duration_ms: Math.round(elapsedMs() - startedAt),
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
  return code;
}
