// Shows what a write did: numbered lines for the model, so that it needs no diff command, and a patch for the front
// end.

import { linesOf, numberedLine } from "../util/text-lines.ts";
import type { DisplayBlock } from "../types/tool.ts";

const MOST_SHOWN = 60;
const CONTEXT_LINES = 2;
const DIFF_TIMEOUT_MS = 500;

interface Hunk {
  oldStart: number;
  oldLines: number;
  newStart: number;
  newLines: number;
  /** Each with its sign: blank, `+`, `-`, or `\` for a missing newline. */
  lines: string[];
}

/** The difference of two texts; `hunks` is null where it could not be found in time. */
export interface Change {
  before: string | null;
  after: string;
  hunks: Hunk[] | null;
}

/** Start of the line that holds `offset`, moved back by some lines. */
function lineStart(text: string, offset: number, back: number): number {
  let start = offset;
  for (let count = 0; count <= back; count++) {
    // The newline before `start` itself ends the line above: from the second round on it is stepped over.
    const from = start - (count === 0 ? 1 : 2);
    if (from < 0) return 0;
    start = text.lastIndexOf("\n", from) + 1;
  }
  return start;
}

/** End of the line that holds `offset`, newline included, moved on by some lines. */
function lineEnd(text: string, offset: number, on: number): number {
  let end = offset;
  for (let count = 0; count <= on; count++) {
    const newline = text.indexOf("\n", end);
    if (newline < 0) return text.length;
    end = newline + 1;
  }
  return end;
}

/** The part in which two texts differ, with whole lines around it: a large file costs no more than its change. */
function differingPart(before: string, after: string): { start: number; beforeEnd: number; afterEnd: number } {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before.charCodeAt(head) === after.charCodeAt(head)) head += 1;
  let tail = 0;
  while (
    tail < shorter - head &&
    before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)
  )
    tail += 1;
  const start = lineStart(before, head, CONTEXT_LINES + 1);
  const beforeEnd = lineEnd(before, before.length - tail, CONTEXT_LINES + 1);
  return { start, beforeEnd, afterEnd: after.length - (before.length - beforeEnd) };
}

/** Compares two texts with plain newlines; `before` is null for a new file. */
export async function compareTexts(before: string | null, after: string): Promise<Change> {
  const old = before ?? "";
  const { structuredPatch } = await import("diff");
  const { start, beforeEnd, afterEnd } = differingPart(old, after);
  const patch = structuredPatch(
    "",
    "",
    old.slice(start, beforeEnd),
    after.slice(start, afterEnd),
    undefined,
    undefined,
    { context: CONTEXT_LINES, timeout: DIFF_TIMEOUT_MS },
  );
  let above = 0;
  for (let at = old.indexOf("\n"); at >= 0 && at < start; at = old.indexOf("\n", at + 1)) above += 1;
  const hunks =
    patch?.hunks.map((hunk) => ({ ...hunk, oldStart: hunk.oldStart + above, newStart: hunk.newStart + above })) ?? null;
  return { before, after, hunks };
}

/**
 * Lines of the new text around each change: `12|` unchanged, `12+` new; removed lines are counted, as the model gave
 * them itself.
 */
export function changedLines(change: Change): string {
  if (change.hunks === null) return "(too different for a listing)";
  const shown: string[] = [];
  for (const hunk of change.hunks) {
    let line = hunk.newStart;
    let removed = 0;
    for (const text of hunk.lines) {
      if (text.startsWith("\\")) continue;
      if (text.startsWith("-")) {
        removed += 1;
        continue;
      }
      if (removed > 0 && !text.startsWith("+")) shown.push(`  (${removed} removed)`);
      removed = text.startsWith("+") ? Math.max(0, removed - 1) : 0;
      shown.push(numberedLine(line, text.slice(1), text.startsWith("+") ? "+" : "|"));
      line += 1;
    }
    if (removed > 0) shown.push(`  (${removed} removed)`);
  }
  if (shown.length <= MOST_SHOWN) return shown.join("\n");
  return [...shown.slice(0, MOST_SHOWN), `(… ${shown.length - MOST_SHOWN} more lines)`].join("\n");
}

/** The patch that a front end draws. */
export function diffBlock(path: string, change: Change): DisplayBlock {
  const head = `--- ${change.before === null ? "/dev/null" : `a/${path}`}\n+++ b/${path}\n`;
  if (change.hunks === null) {
    return {
      kind: "diff",
      path,
      patch: `${head}(too different for a patch)\n`,
      added: linesOf(change.after).length,
      removed: linesOf(change.before ?? "").length,
    };
  }
  const lines = change.hunks.flatMap((hunk) => hunk.lines);
  // Of an empty side the first line is named 0, as in any unified diff.
  const range = (start: number, count: number): string => `${count === 0 ? start - 1 : start},${count}`;
  const body = change.hunks
    .map(
      (hunk) =>
        `@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@\n${hunk.lines.join("\n")}\n`,
    )
    .join("");
  return {
    kind: "diff",
    path,
    patch: head + body,
    added: lines.filter((line) => line.startsWith("+")).length,
    removed: lines.filter((line) => line.startsWith("-")).length,
  };
}
