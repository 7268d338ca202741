// Searches texts for a pattern: by ripgrep, else by ourselves. Both give the same lines in the same order.

import { basename, dirname, join } from "node:path";
import { BmoError } from "../util/errors.ts";
import { comparePaths } from "../util/path-order.ts";
import { readRegular } from "../util/regular-file.ts";
import { findRipgrep, runRipgrep } from "../util/ripgrep.ts";
import type { ToolContext } from "../types/tool.ts";
import { createLineMatcher, type LineMatcher } from "./line-matcher.ts";
import { listFiles, type SearchPlace } from "./search-files.ts";
import { filterPaths } from "./search-limit.ts";

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
export async function searchText(
  place: SearchPlace,
  search: TextSearch,
  context: ToolContext,
): Promise<{ lines: FoundLine[]; complete: boolean }> {
  const program = await findRipgrep(context.searchPath);
  const byRipgrep = program === null ? null : await searchByRipgrep(program, place, search, context);
  return byRipgrep ?? (await searchOurselves(place, search, context));
}

async function searchByRipgrep(
  program: string,
  place: SearchPlace,
  search: TextSearch,
  context: ToolContext,
): Promise<{ lines: FoundLine[]; complete: boolean } | null> {
  const isFile = place.kind === "file";
  const folder = isFile ? dirname(place.target.realPath) : place.target.realPath;
  const options = [
    "--line-number",
    "--with-filename",
    "--no-heading",
    "--null",
    "--crlf",
    `--context=${search.around}`,
    search.ignoreCase ? "--ignore-case" : "--case-sensitive",
  ];
  const where = isFile ? `./${basename(place.target.realPath)}` : "./";
  const run = (...order: string[]): ReturnType<typeof runRipgrep> =>
    runRipgrep(
      program,
      folder,
      [...options, ...order, "--regexp", search.pattern, "--", where],
      OUTPUT_CAP_BYTES,
      context.signal,
    );
  const unsorted = await run();
  // Which lines come before the cap depends on chance, unless ripgrep sorts: then it searches on one core, but no
  // longer than to the cap.
  const result = unsorted.truncated ? await run("--sort=path") : unsorted;
  if (!result.started) return null;
  if (result.exitCode === 2 && result.stdout.length === 0 && /regex|pattern/i.test(result.stderr)) {
    throw new BmoError(
      "failed",
      `"pattern" is not a valid regular expression: ${result.stderr.replace(/\s+/g, " ").slice(0, 300)}`,
    );
  }
  const records = result.stdout
    .toString("utf8")
    .split("\n")
    .flatMap((record) => {
      const match = /^\.\/([^\0]+)\0(\d+)([:-])(.*)$/s.exec(record);
      if (match === null) return [];
      const [, relativePath = "", line = "", sign, text = ""] = match;
      return [
        {
          relativePath,
          found: {
            path: join(folder, relativePath),
            line: Number(line),
            text: text.replace(/\r$/, ""),
            isMatch: sign === ":",
          },
        },
      ];
    });
  const paths = [...new Set(records.map(({ relativePath }) => relativePath))];
  const wanted = isFile ? { paths, complete: true } : await filterPaths(paths, search.wanted, context.signal);
  const kept = new Set(wanted.paths);
  const lines = records.filter(({ relativePath }) => kept.has(relativePath)).map(({ found }) => found);
  return {
    lines: inPathOrder(lines),
    complete: wanted.complete && !result.truncated && !result.timedOut && !result.aborted,
  };
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
      if (mode === "")
        throw new BmoError("failed", `"pattern" is not a valid regular expression: ${thrown.message}`, null, {
          cause: thrown,
        });
    }
  }
  throw new Error("unreachable: the last mode compiles or throws");
}

async function searchOurselves(
  place: SearchPlace,
  search: TextSearch,
  context: ToolContext,
): Promise<{ lines: FoundLine[]; complete: boolean }> {
  const matcher = await createLineMatcher(compile(search), MATCH_TIMEOUT_MS, context.signal);
  try {
    return await searchWith(matcher, place, search, context);
  } finally {
    await matcher.end();
  }
}

async function searchWith(
  matcher: LineMatcher,
  place: SearchPlace,
  search: TextSearch,
  context: ToolContext,
): Promise<{ lines: FoundLine[]; complete: boolean }> {
  const isFile = place.kind === "file";
  const listed = isFile
    ? { paths: [place.target.realPath], complete: true }
    : await listFiles(place.target.realPath, context);
  const wanted = isFile ? listed : await filterPaths(listed.paths, search.wanted, context.signal);
  const found: FoundLine[] = [];
  let complete = listed.complete && wanted.complete;
  for (const relativePath of wanted.paths.sort(comparePaths)) {
    if (context.signal.aborted || found.length >= MOST_FOUND) return { lines: found, complete: false };
    const path = isFile ? relativePath : join(place.target.realPath, relativePath);
    const loaded = context.isProtected(path) ? null : await readRegular(path, FILE_CAP_BYTES).catch(() => null);
    if (loaded === null || loaded.bytes.includes(0)) continue;
    const lines = loaded.bytes.toString("utf8").split(/\r?\n/);
    if (lines.at(-1) === "") lines.pop();
    const indexes = await matcher.match(lines);
    if (indexes === null) complete = false;
    else found.push(...withContext(path, lines, indexes, search.around));
  }
  return { lines: found, complete };
}

function withContext(path: string, lines: readonly string[], matches: readonly number[], around: number): FoundLine[] {
  const hits = new Set(matches);
  const shown = new Set<number>();
  for (const index of matches)
    for (let near = Math.max(0, index - around); near <= Math.min(lines.length - 1, index + around); near++)
      shown.add(near);
  return [...shown]
    .sort((left, right) => left - right)
    .map((index) => ({ path, line: index + 1, text: lines[index] ?? "", isMatch: hits.has(index) }));
}
