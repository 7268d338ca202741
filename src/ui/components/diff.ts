// A change as numbered lines with + and -. Pure.

import { visibleText } from "../../util/sanitize.ts";
import { cleanLine, wrapIndented } from "../text.ts";
import { type DrawContext, shorten } from "./draw.ts";

interface DiffBlock {
  path: string;
  patch: string;
  added: number;
  removed: number;
}

interface Row {
  mark: "+" | "-" | " " | "@";
  number: number | null;
  text: string;
}

/** Rows of a unified patch; headers and the no-newline note are left out. */
function parsePatch(patch: string): Row[] {
  const rows: Row[] = [];
  let oldLine = 0;
  let newLine = 0;
  let inHunk = false;
  for (const line of patch.split("\n")) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line);
    if (hunk !== null) {
      if (inHunk) rows.push({ mark: "@", number: null, text: "" });
      oldLine = Number(hunk[1]);
      newLine = Number(hunk[2]);
      inHunk = true;
      continue;
    }
    if (!inHunk || line === "" || line.startsWith("\\")) continue;
    const text = line.slice(1);
    if (line.startsWith("+")) rows.push({ mark: "+", number: newLine++, text });
    else if (line.startsWith("-")) rows.push({ mark: "-", number: oldLine++, text });
    else {
      rows.push({ mark: " ", number: newLine++, text });
      oldLine += 1;
    }
  }
  return rows;
}

export function diffTitle(block: DiffBlock, context: DrawContext): string {
  return `${cleanLine(block.path)} ${context.theme.added(`+${block.added}`)} ${context.theme.removed(`-${block.removed}`)}`;
}

/** At most `limit` lines; a `note` says how many more there are. */
export function drawDiff(
  block: DiffBlock,
  context: DrawContext,
  limit: number,
  note: (hidden: number) => string,
): string[] {
  const { theme } = context;
  const rows = parsePatch(block.patch);
  const digits = String(Math.max(0, ...rows.map((row) => row.number ?? 0))).length;
  const lines = rows.slice(0, limit + 1).flatMap((row) => {
    if (row.mark === "@") return [theme.dim("  ⋮")];
    const number = (row.number === null ? "" : String(row.number)).padStart(digits);
    const first = `  ${theme.dim(number)} ${row.mark} `;
    const text = visibleText(row.text).replaceAll("\t", "    ");
    const style = row.mark === "+" ? theme.added : row.mark === "-" ? theme.removed : theme.dim;
    return wrapIndented(text, context.columns, first, " ".repeat(digits + 5)).map((line) =>
      row.mark === " " ? line : style(line),
    );
  });
  const hidden = rows.length - Math.min(rows.length, limit + 1);
  const shown = shorten(lines, limit, (more) => note(more + hidden));
  return shown;
}
