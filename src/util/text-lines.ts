// Text as numbered lines: offsets to lines and back, and the listings that models read. Pure.

import { visibleText } from "./sanitize.ts";

/** Characters of one line that are shown; the rest is named. */
export const LONGEST_SHOWN_LINE = 2_000;

/** Lines of a text with plain newlines; a newline at the end opens no further line. */
export function linesOf(text: string): string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** 1-based number of the line that holds the offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}

/** One line as shown: control characters visible, length bounded. */
function shownLine(line: string): string {
  if (line.length <= LONGEST_SHOWN_LINE) return visibleText(line);
  return `${visibleText(line.slice(0, LONGEST_SHOWN_LINE))} [… ${line.length - LONGEST_SHOWN_LINE} more characters]`;
}

/** `12|text`: the number of the line, a bar, the line. */
export function numberedLine(line: number, text: string, mark = "|"): string {
  return `${line}${mark}${shownLine(text)}`;
}
