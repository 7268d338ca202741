// Text in columns, for people. Pure; cells are written as they come, so control characters are the caller's matter.

import { padColumns, textWidth } from "./text-width.ts";

/**
 * Columns as wide as their widest cell, two blanks apart; no line ends in blanks. `rightAligned`: indexes of the
 * columns of figures.
 */
export function textTable(rows: readonly (readonly string[])[], rightAligned: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, textWidth(cell));
  const padded = (cell: string, index: number): string => {
    const columns = widths[index] ?? 0;
    return rightAligned.includes(index)
      ? " ".repeat(Math.max(0, columns - textWidth(cell))) + cell
      : padColumns(cell, columns);
  };
  return rows.map((row) => row.map(padded).join("  ").trimEnd()).join("\n");
}
