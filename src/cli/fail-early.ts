// What goes wrong before there is a session: the message on stderr, and the result object on stdout where one was
// promised.

import { resultJson } from "../headless/json.ts";
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
export function earlyResult(exitCode: ExitCode, error: ErrorInfo | null, startedAt: number): string {
  const durationMs = elapsedMs() - startedAt;
  const nothing = { sessionId: null, state: null, text: "", data: null, warnings: [] };
  return `${safeJson(resultJson({ ...nothing, exitCode, error, durationMs }))}\n`;
}

export function failEarly(thrown: unknown, argv: readonly string[], startedAt: number): ExitCode {
  const error = toErrorInfo(thrown);
  const code = exitCodeOf(error.code);
  const quiet = argv.includes("-q") || argv.includes("--quiet");
  // What is quoted may come from a file of the project: it moves no cursor.
  if (!quiet)
    process.stderr.write(sanitizeText(`bmo: ${error.message}\n${error.hint === null ? "" : `     ${error.hint}\n`}`));
  if (!quiet && error.code === "internal" && thrown instanceof Error) process.stderr.write(`${thrown.stack ?? ""}\n`);
  if (wantsJson(argv)) process.stdout.write(earlyResult(code, error, startedAt));
  return code;
}
