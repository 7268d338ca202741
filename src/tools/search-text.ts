// Searches texts for a pattern: by ripgrep, else by ourselves. Both give the same lines in the same order.

import { basename, dirname, join } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import { BmoError } from "../util/errors.ts";
import { comparePaths } from "../util/path-order.ts";
import { readRegular } from "../util/regular-file.ts";
import { findRipgrep, runRipgrep } from "../util/ripgrep.ts";
import type { ToolContext } from "../types/tool.ts";
import { listFiles, type SearchPlace } from "./search-files.ts";

export interface TextSearch {
  pattern: string;
  ignoreCase: boolean;
  /** Lines shown around each match. */
  around: number;
  /** Test on the path relative to the folder searched. */
  wanted(relativePath: string): boolean;
}

export interface FoundLine {
  /** Real absolute path. */
  path: string;
  line: number;
  text: string;
  isMatch: boolean;
}

const OUTPUT_CAP_BYTES = 8 * 1024 * 1024;
const FILE_CAP_BYTES = 8 * 1024 * 1024;
/** A pattern that backtracks without end is stopped after this time per file. */
const MATCH_TIMEOUT_MS = 2_000;
const MOST_FOUND = 5_000;

/** Found lines in path order, and whether all were looked at. @throws BmoError failed for a bad pattern. */
export async function searchText(place: SearchPlace, search: TextSearch, context: ToolContext): Promise<{ lines: FoundLine[]; complete: boolean }> {
  const program = await findRipgrep(context.searchPath);
  const byRipgrep = program === null ? null : await searchByRipgrep(program, place, search, context);
  return byRipgrep ?? (await searchOurselves(place, search, context));
}

async function searchByRipgrep(program: string, place: SearchPlace, search: TextSearch, context: ToolContext): Promise<{ lines: FoundLine[]; complete: boolean } | null> {
  const isFile = place.kind === "file";
  const folder = isFile ? dirname(place.target.realPath) : place.target.realPath;
  const options = ["--line-number", "--with-filename", "--no-heading", "--null", "--crlf", `--context=${search.around}`, search.ignoreCase ? "--ignore-case" : "--case-sensitive"];
  const where = isFile ? `./${basename(place.target.realPath)}` : "./";
  const run = (...order: string[]): ReturnType<typeof runRipgrep> => runRipgrep(program, folder, [...options, ...order, "--regexp", search.pattern, "--", where], OUTPUT_CAP_BYTES, context.signal);
  const unsorted = await run();
  // Which lines come before the cap depends on chance, unless ripgrep sorts: then it searches on one core, but no longer than to the cap.
  const result = unsorted.truncated ? await run("--sort=path") : unsorted;
  if (!result.started) return null;
  if (result.exitCode === 2 && result.stdout.length === 0 && /regex|pattern/i.test(result.stderr)) {
    throw new BmoError("failed", `"pattern" is no valid regular expression: ${result.stderr.replace(/\s+/g, " ").slice(0, 300)}`);
  }
  const lines: FoundLine[] = [];
  for (const record of result.stdout.toString("utf8").split("\n")) {
    const match = /^\.\/([^\0]+)\0(\d+)([:-])(.*)$/s.exec(record);
    if (match === null) continue;
    const [, relativePath = "", line = "", sign, text = ""] = match;
    if (!isFile && !search.wanted(relativePath)) continue;
    lines.push({ path: join(folder, relativePath), line: Number(line), text: text.replace(/\r$/, ""), isMatch: sign === ":" });
  }
  return { lines: inPathOrder(lines), complete: !result.truncated && !result.timedOut };
}

/** Lines of one file come together and in their order. */
function inPathOrder(lines: readonly FoundLine[]): FoundLine[] {
  const files = new Map<string, FoundLine[]>();
  for (const line of lines) {
    const known = files.get(line.path);
    if (known === undefined) files.set(line.path, [line]);
    else known.push(line);
  }
  return [...files].sort(([left], [right]) => comparePaths(left, right)).flatMap(([, own]) => own);
}

function compile(search: TextSearch): RegExp {
  const flags = search.ignoreCase ? "i" : "";
  for (const mode of ["u", ""]) {
    try {
      return new RegExp(search.pattern, mode + flags);
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw thrown;
      if (mode === "") throw new BmoError("failed", `"pattern" is no valid regular expression: ${thrown.message}`, null, { cause: thrown });
    }
  }
  throw new Error("unreachable: the last mode compiles or throws");
}

async function searchOurselves(place: SearchPlace, search: TextSearch, context: ToolContext): Promise<{ lines: FoundLine[]; complete: boolean }> {
  const expression = compile(search);
  const { createContext, Script } = await import("node:vm");
  const matching = new Script("lines.flatMap((line, index) => (expression.test(line) ? [index] : []))");
  const isFile = place.kind === "file";
  const listed = isFile ? { paths: [place.target.realPath], complete: true } : await listFiles(place.target.realPath, context);
  const found: FoundLine[] = [];
  let { complete } = listed;
  for (const relativePath of listed.paths.sort(comparePaths)) {
    if (context.signal.aborted || found.length >= MOST_FOUND) return { lines: found, complete: false };
    if (!isFile && !search.wanted(relativePath)) continue;
    const path = isFile ? relativePath : join(place.target.realPath, relativePath);
    // Reading waits for nobody: keys and signals get their turn here.
    await breathe();
    const loaded = context.isProtected(path) ? null : await readRegular(path, FILE_CAP_BYTES).catch(() => null);
    if (loaded === null || loaded.bytes.includes(0)) continue;
    const lines = loaded.bytes.toString("utf8").split(/\r?\n/);
    if (lines.at(-1) === "") lines.pop();
    const indexes = matchesWithin(() => matching.runInContext(createContext({ lines, expression }), { timeout: MATCH_TIMEOUT_MS }) as number[]);
    if (indexes === null) complete = false;
    else found.push(...withContext(path, lines, indexes, search.around));
  }
  return { lines: found, complete };
}

/** Indexes of matching lines, or null when the time for one file was used up. */
function matchesWithin(run: () => number[]): number[] | null {
  try {
    return run();
  } catch (thrown) {
    // The error may stem from the other context, where Error is another class.
    if (typeof thrown === "object" && thrown !== null && "code" in thrown && thrown.code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return null;
    throw thrown;
  }
}

function withContext(path: string, lines: readonly string[], matches: readonly number[], around: number): FoundLine[] {
  const hits = new Set(matches);
  const shown = new Set<number>();
  for (const index of matches) for (let near = Math.max(0, index - around); near <= Math.min(lines.length - 1, index + around); near++) shown.add(near);
  return [...shown].sort((left, right) => left - right).map((index) => ({ path, line: index + 1, text: lines[index] ?? "", isMatch: hits.has(index) }));
}
