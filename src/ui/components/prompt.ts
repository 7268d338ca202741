// The editor with its prompt, the history search, the completion list and the queue. Pure.

import type { Completion } from "../completion.ts";
import { layoutEditor, type EditorState } from "../editor.ts";
import { PROMPT } from "../first-paint.ts";
import type { QueuedInput, Search } from "../state.ts";
import { cleanLine, clip, clipStart, width } from "../text.ts";
import type { DrawContext } from "./draw.ts";

export interface DrawnPrompt {
  lines: string[];
  cursor: { x: number; y: number };
}

/** At most `limit` rows around the cursor; `ghost` is shown dim behind the text. */
export function drawEditor(
  editor: EditorState,
  ghost: string | null,
  context: DrawContext,
  limit: number,
): DrawnPrompt {
  const { theme, columns } = context;
  const indent = width(PROMPT);
  const layout = layoutEditor(editor.text, editor.cursor, Math.max(2, columns - indent));
  const from = Math.max(0, Math.min(layout.cursorRow - limit + 1, layout.rows.length - limit));
  const shown = layout.rows.slice(from, from + limit);
  const mark = editor.text.startsWith("!") ? theme.warning("! ") : theme.accent(PROMPT);
  const lines = shown.map(
    (row, index) =>
      (from + index === 0 ? mark : "  ") +
      (from + index === 0 && editor.text.startsWith("!") ? row.shown.slice(1) : row.shown),
  );
  if (ghost !== null && lines.length === 1) lines[0] = clip(`${lines[0] ?? ""}${theme.dim(ghost)}`, columns);
  const shift = editor.text.startsWith("!") && layout.cursorRow === 0 && layout.cursorColumn > 0 ? 1 : 0;
  return {
    lines,
    cursor: { x: Math.min(columns - 1, indent + layout.cursorColumn - shift), y: layout.cursorRow - from },
  };
}

export function drawSearch(search: Search, editor: EditorState, context: DrawContext, limit: number): DrawnPrompt {
  const query = cleanLine(search.query);
  const label = search.index < 0 && search.query !== "" ? "no match for" : "search history";
  const first = clip(`${context.theme.accent(`${label}: `)}${query}`, context.columns);
  const found = limit < 2 || search.index < 0 ? [] : drawEditor(editor, null, context, limit - 1).lines;
  return {
    lines: [first, ...found],
    cursor: { x: Math.min(context.columns - 1, label.length + 2 + width(query)), y: 0 },
  };
}

/** A description with less room than this is left out. */
const DETAIL_COLUMNS = 20;

export function drawCompletion(completion: Completion, context: DrawContext, limit: number): string[] {
  const { theme, columns } = context;
  const { items, selected } = completion;
  const from = Math.max(0, Math.min(selected - Math.floor(limit / 2), items.length - limit));
  const shown = items.slice(from, from + limit);
  const longest = Math.max(...shown.map((item) => width(cleanLine(item.label))));
  const beside = Math.min(longest, Math.max(10, Math.floor(columns * 0.6)));
  // What is left of a description on a narrow screen says nothing; the arguments then have the line.
  const described = columns - beside - 6 >= DETAIL_COLUMNS;
  const labelWidth = described ? beside : columns - 4;
  return shown.map((item, index) => {
    const chosen = from + index === selected;
    const label =
      item.detail === "" ? clipStart(cleanLine(item.label), columns - 4) : clip(cleanLine(item.label), labelWidth);
    const detail =
      item.detail === "" || !described
        ? ""
        : `${" ".repeat(Math.max(0, labelWidth - width(label)))}  ${theme.dim(cleanLine(item.detail))}`;
    return clip(`  ${chosen ? theme.accent(`› ${label}`) : `  ${label}`}${detail}`, columns);
  });
}

export function drawQueue(queue: readonly QueuedInput[], context: DrawContext, limit: number): string[] {
  const lines = queue.map((one) =>
    clip(context.theme.dim(`  queued: ${one.kind === "shell" ? "!" : ""}${cleanLine(one.text)}`), context.columns),
  );
  if (lines.length <= limit) return lines;
  return limit <= 0
    ? []
    : [
        ...lines.slice(0, limit - 1),
        context.theme.dim(clip(`  … ${lines.length - limit + 1} more queued`, context.columns)),
      ];
}
