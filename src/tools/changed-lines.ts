// Shows what a write did: numbered lines for the model, so that it needs no diff command, and a patch for the front end.

import { linesOf, numberedLine } from "../util/text-lines.ts";
import type { DisplayBlock } from "../types/tool.ts";

const MOST_SHOWN = 60;
const DIFF_TIMEOUT_MS = 500;

interface Hunk {
  newStart: number;
  lines: string[];
}

async function hunksOf(before: string, after: string, context: number): Promise<Hunk[] | null> {
  const { structuredPatch } = await import("diff");
  return structuredPatch("", "", before, after, undefined, undefined, { context, timeout: DIFF_TIMEOUT_MS })?.hunks ?? null;
}

/** Lines of the new text around each change: `12|` unchanged, `12+` new; removed lines are counted, as the model gave them itself. */
export async function changedLines(before: string, after: string): Promise<string> {
  const hunks = await hunksOf(before, after, 2);
  if (hunks === null) return "(too different for a listing)";
  const shown: string[] = [];
  for (const hunk of hunks) {
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

/** The patch that a front end draws; `before` is null for a new file. */
export async function diffBlock(path: string, before: string | null, after: string): Promise<DisplayBlock> {
  const old = before ?? "";
  const { createTwoFilesPatch } = await import("diff");
  const name = before === null ? "/dev/null" : `a/${path}`;
  const patch = createTwoFilesPatch(name, `b/${path}`, old, after, undefined, undefined, { context: 3, timeout: DIFF_TIMEOUT_MS });
  if (patch === undefined) {
    const [removed, added] = [linesOf(old), linesOf(after)];
    return { kind: "diff", path, patch: `--- ${name}\n+++ b/${path}\n(too different for a patch)\n`, added: added.length, removed: removed.length };
  }
  const body = patch.split("\n").filter((line) => !line.startsWith("=====") && !line.startsWith("+++") && !line.startsWith("---"));
  return { kind: "diff", path, patch, added: body.filter((line) => line.startsWith("+")).length, removed: body.filter((line) => line.startsWith("-")).length };
}
