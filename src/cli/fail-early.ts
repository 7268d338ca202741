// What goes wrong before there is a session: the message on stderr, and the result object on stdout where one was
// promised.

import { elapsedMs } from "../util/clock.ts";
import { exitCodeOf, toErrorInfo } from "../util/errors.ts";
import { safeJson, sanitizeText } from "../util/sanitize.ts";
import type { ErrorInfo, ExitCode } from "../types/error.ts";

/**
 * Read off the bare words: the arguments themselves may be what failed. As when they are parsed, the last one counts.
 */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const options = end === -1 ? argv : argv.slice(0, end);
  const formats = options.flatMap((word, index) => {
    if (word === "--json") return ["json"];
    if (word === "--output-format") return [options[index + 1] ?? ""];
    return word.startsWith("--output-format=") ? [word.slice("--output-format=".length)] : [];
  });
  return formats.findLast((format) => format === "text" || format.endsWith("json"))?.endsWith("json") === true;
}

/** The result object of a run that had no session yet, with its line end. */
export function earlyResult(
  status: "error" | "aborted",
  code: ExitCode,
  error: ErrorInfo | null,
  startedAt: number,
): string {
  const result = {
    type: "result",
    version: 1,
    session_id: null,
    status,
    exit_code: code,
    result: "",
    data: null,
    plan: null,
    routes: [],
    usage: { input: 0, output: 0, cache_read: 0, cache_write: 0 },
    cost_usd: 0,
    cost_is_estimate: false,
    baseline: { model: null, cost_usd: null, cost_is_estimate: false },
    savings_pct: null,
    files: [],
    denials: [],
    report: null,
    warnings: [],
    error,
    duration_ms: Math.round(elapsedMs() - startedAt),
  };
  return `${safeJson(result)}\n`;
}

export function failEarly(thrown: unknown, argv: readonly string[], startedAt: number): ExitCode {
  const error = toErrorInfo(thrown);
  const code = exitCodeOf(error.code);
  const quiet = argv.includes("-q") || argv.includes("--quiet");
  // What is quoted may come from a file of the project: it moves no cursor.
  if (!quiet)
    process.stderr.write(sanitizeText(`bmo: ${error.message}\n${error.hint === null ? "" : `     ${error.hint}\n`}`));
  if (!quiet && error.code === "internal" && thrown instanceof Error) process.stderr.write(`${thrown.stack ?? ""}\n`);
  if (wantsJson(argv)) process.stdout.write(earlyResult("error", code, error, startedAt));
  return code;
}
