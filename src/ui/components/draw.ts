// What every drawing function is handed, and small helpers they share. A drawing function is pure: data in, lines out.

import type { Highlight, RenderMarkdown } from "../markdown.ts";
import type { Theme } from "../theme.ts";
import { clean, wrap, wrapIndented } from "../text.ts";

export interface DrawContext {
  /** Lines are never wider than this. */
  columns: number;
  theme: Theme;
  /** null until the Markdown code was loaded. */
  markdown: RenderMarkdown | null;
  highlight: Highlight;
}

export function drawMarkdown(text: string, context: DrawContext): string[] {
  return context.markdown === null
    ? wrap(clean(text), context.columns)
    : context.markdown(text, context.columns, context.theme, context.highlight);
}

/** `label  text`, the text (clean already, may carry styles) wrapped beside its label. */
export function labelled(
  label: string,
  text: string,
  labelWidth: number,
  indent: string,
  context: DrawContext,
): string[] {
  const beside = context.columns >= labelWidth + indent.length + 16;
  if (beside)
    return wrapIndented(
      text,
      context.columns,
      `${indent}${context.theme.dim(label.padEnd(labelWidth))}`,
      indent + " ".repeat(labelWidth),
    );
  // On a narrow screen the label is the first word of its text.
  return wrapIndented(
    label === "" ? text : `${context.theme.dim(label)} ${text}`,
    context.columns,
    indent,
    `${indent}  `,
  );
}

/** Keeps the first and last lines of what is too tall, and says how much is left out. */
export function shorten(
  lines: readonly string[],
  limit: number,
  note: (hidden: number) => string,
  keepEnd = 0,
): string[] {
  if (lines.length <= limit) return [...lines];
  if (limit <= 0) return [];
  const end = Math.min(keepEnd, limit - 1);
  const start = limit - 1 - end;
  return [...lines.slice(0, start), note(lines.length - start - end), ...lines.slice(lines.length - end)];
}

/** `42s`, `3m 05s`. */
export function formatSeconds(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, "0")}s`;
}
