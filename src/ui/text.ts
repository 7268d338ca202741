// Width-aware text for the terminal: wrapping, clipping, graphemes. Pure. What is drawn passes here before Ink sees it.

import sliceAnsi from "slice-ansi";
import stringWidth from "string-width";
import { sanitizeLine, sanitizeText } from "../util/sanitize.ts";
import { breakLine } from "./wrap-line.ts";

const PLAIN = /^[\x20-\x7e]*$/;
const TAB = "    ";

export function width(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text);
}

/** Text of foreign origin, ready to be drawn: cleaned, tabs as blanks. May hold newlines. */
export function clean(text: string): string {
  return sanitizeText(text).replaceAll("\t", TAB);
}

/** `clean` for what must stay on one line. */
export function cleanLine(text: string): string {
  return sanitizeLine(text);
}

/** Controls but the styles that bmo itself draws with, and marks that turn the direction of text. */
const NOT_DRAWN =
  /[\u0000-\u0009\u000b-\u001a\u001c-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\u001b(?!\[[0-9;]*m)/g;

/**
 * The last look at a line before the terminal: what was not cleaned on its way here moves no cursor and talks to no
 * terminal.
 */
export function drawable(line: string): string {
  return line.replace(NOT_DRAWN, "");
}

/** What can matter of a text that is cut to `columns`: measuring megabytes would keep the keys waiting. */
function reach(columns: number): number {
  return 2_000 + columns * 64;
}

/** Cuts to `columns`, with an ellipsis where something was cut. Keeps styles balanced. */
export function clip(whole: string, columns: number): string {
  if (columns <= 0) return "";
  const text = whole.length <= reach(columns) ? whole : whole.slice(0, reach(columns));
  if (width(text) <= columns) return text;
  if (columns === 1) return "…";
  const cut = sliceAnsi(text, 0, columns - 1);
  // A wide character on the edge comes whole.
  return `${width(cut) < columns ? cut : sliceAnsi(text, 0, columns - 2)}…`;
}

/** Keeps the end instead of the beginning; for paths. */
export function clipStart(whole: string, columns: number): string {
  if (columns <= 0) return "";
  const text = whole.length <= reach(columns) ? whole : whole.slice(-reach(columns));
  const total = width(text);
  if (total <= columns) return text;
  const cut = sliceAnsi(text, total - columns + 1);
  return `…${width(cut) < columns ? cut : sliceAnsi(text, total - columns + 2)}`;
}

/**
 * Characters of one line that are drawn; what is longer says how much is left out, because drawing it would keep the
 * keys waiting.
 */
const LONGEST_LINE = 100_000;

/** Lines of at most `columns`; words stay whole where they fit, leading blanks stay, styles go on over line ends. */
export function wrap(text: string, columns: number): string[] {
  const room = Math.max(1, columns);
  return text.split("\n").flatMap((line) => {
    if (line.length > LONGEST_LINE)
      return [
        ...wrapLine(line.slice(0, LONGEST_LINE), room),
        ...wrapLine(`… ${line.length - LONGEST_LINE} more characters of this line`, room),
      ];
    return width(line) <= room ? [line] : wrapLine(line, room);
  });
}

function wrapLine(line: string, room: number): string[] {
  return breakLine(line, room, width, graphemes);
}

/** Wraps with `first` before the first line and `rest` before the others. */
export function wrapIndented(text: string, columns: number, first: string, rest: string): string[] {
  const room = Math.max(1, columns - Math.max(width(first), width(rest)));
  return wrap(text, room).map((line, index) => (index === 0 ? first : rest) + line);
}

let segmenter: Intl.Segmenter | undefined;

/** User-perceived characters. */
export function graphemes(text: string): string[] {
  if (PLAIN.test(text)) return text.split("");
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/**
 * The far end of a long text, cut at a line end where one is near: what a live view of at most `characters` may show.
 */
export function tail(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const cut = text.slice(-characters).replace(/^[\udc00-\udfff]/, "");
  const newline = cut.indexOf("\n");
  return newline >= 0 && newline < 200 ? cut.slice(newline + 1) : cut;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
