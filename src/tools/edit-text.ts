// Applies one replacement to a text: finds the passage, refuses what is missing, ambiguous or void, and says what would
// help. Pure.

import { BmoError } from "../util/errors.ts";
import { normalizeEndings, replacePassage } from "../util/line-endings.ts";
import { readMarks } from "../util/sanitize.ts";
import { lineAt, linesOf, numberedLine } from "../util/text-lines.ts";
import type { TextFile } from "./text-file.ts";

export interface Replacement {
  old: string;
  new: string;
  replaceAll: boolean;
  /** A line that the passage touches, to tell equal passages apart. */
  line: number | null;
}

const MOST_LINES_NAMED = 10;
/** Larger files are not searched for passages that differ in blanks. */
const CANDIDATE_CAP = 2_000_000;
const CANDIDATE_LINES = 12;

function occurrences(text: string, wanted: string): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) found.push(at);
  return found;
}

function plain(text: string): string {
  return normalizeEndings(text).text;
}

/** The comparison form of a line for candidates: blanks, quotes and Unicode form do not count. */
function loose(line: string): string {
  return line
    .normalize("NFKC")
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]/g, '"')
    .replace(/\s+/g, " ")
    .trim();
}

/** The file's own text where only blanks, quotes or line numbers differ; offered, never applied. */
function candidate(file: TextFile, old: string): string {
  if (file.text.length > CANDIDATE_CAP) return "";
  const lines = linesOf(file.text);
  const looseLines = lines.map(loose);
  const numbered = linesOf(old).every((line) => /^\s*\d+\s*[|\t→:]/.test(line));
  const wanted = linesOf(old).map((line) => loose(numbered ? line.replace(/^\s*\d+\s*[|\t→:]/, "") : line));
  while (wanted[0] === "") wanted.shift();
  while (wanted.at(-1) === "") wanted.pop();
  if (wanted.length === 0) return "";
  const starts = looseLines.flatMap((line, index) =>
    line === wanted[0] && wanted.every((one, offset) => looseLines[index + offset] === one) ? [index] : [],
  );
  const start = starts[0];
  if (starts.length === 1 && start !== undefined) {
    const passage = lines
      .slice(start, start + Math.min(wanted.length, CANDIDATE_LINES))
      .map((line, offset) => numberedLine(start + offset + 1, line));
    const why = numbered
      ? "without the line numbers, in exactly this form"
      : "in exactly this form (blanks or quotes differ)";
    return `\nGive it ${why}:\n${passage.join("\n")}`;
  }
  if (starts.length > 1)
    return ` Passages that differ in blanks or quotes begin at lines ${starts
      .slice(0, MOST_LINES_NAMED)
      .map((index) => index + 1)
      .join(", ")}.`;
  const firstLine = looseLines.flatMap((line, index) => (line === wanted[0] ? [index + 1] : []));
  return firstLine.length > 0
    ? ` Its first line is at line ${firstLine.slice(0, MOST_LINES_NAMED).join(", ")}, but what follows differs.`
    : "";
}

/** Where the passage stands. @throws BmoError failed with count and line numbers. */
function locate(file: TextFile, old: string, replacement: Replacement): number[] {
  const found = occurrences(file.text, old);
  if (found.length === 0)
    throw new BmoError("failed", `"old" was not found.${candidate(file, old) || " View the file again."}`);
  if (replacement.replaceAll) return found;
  const lines = found.map((offset) => lineAt(file.text, offset));
  const { line } = replacement;
  if (line !== null) {
    const height = linesOf(old).length;
    const touching = found.filter((_, index) => line >= (lines[index] ?? 0) && line < (lines[index] ?? 0) + height);
    if (touching.length === 1) return touching;
    if (touching.length === 0)
      throw new BmoError(
        "failed",
        `"old" is not at line ${line} but at ${lines.slice(0, MOST_LINES_NAMED).join(", ")}`,
      );
    throw new BmoError("failed", `"old" occurs ${touching.length} times at line ${line}; give more of the line`);
  }
  if (found.length === 1) return found;
  const named = lines.slice(0, MOST_LINES_NAMED).join(", ") + (lines.length > MOST_LINES_NAMED ? ", …" : "");
  throw new BmoError(
    "failed",
    `"old" occurs ${found.length} times (lines ${named}). Give more text around it, or "line" to choose one, or replace_all`,
  );
}

/** The text with the replacement made. @throws BmoError failed; the message says what to do. */
export function applyReplacement(file: TextFile, replacement: Replacement): TextFile {
  let old = plain(replacement.old);
  let wanted = plain(replacement.new);
  if (old === "") throw new BmoError("failed", `"old" is empty; to replace a whole file use write`);
  // A listing shows control and invisible characters as marks: a passage copied from it means the characters.
  if (!file.text.includes(old) && readMarks(old) !== old) {
    old = readMarks(old);
    wanted = readMarks(wanted);
  }
  if (old === wanted) throw new BmoError("failed", `"old" and "new" are the same; nothing to do`);
  let result = file;
  for (const offset of locate(file, old, replacement).reverse()) {
    result = { ...result, ...replacePassage(result, offset, offset + old.length, wanted) };
  }
  return result;
}
