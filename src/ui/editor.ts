// The multi-line editor as a pure reducer. Remembers what came by paste, because a pasted command approves nothing.
// Must not know keys, terminals or history.

import { sanitizeText, visibleText } from "../util/sanitize.ts";
import { graphemes, plural, width } from "./text.ts";

export interface EditorState {
  text: string;
  /** UTF-16 offset, always between two graphemes. */
  cursor: number;
  /** null: nothing was pasted. Else the command word that stood complete before the first paste, or "". */
  pasteHead: string | null;
  /** Large pastes by the mark that stands for them in `text`. */
  pastes: Record<string, string>;
  pasteCount: number;
  /** What Ctrl+K, Ctrl+U and Ctrl+W took last; what was pasted before stays pasted when it comes back. */
  killed: { text: string; isForeign: boolean };
}

export const EMPTY_EDITOR: EditorState = {
  text: "",
  cursor: 0,
  pasteHead: null,
  pastes: {},
  pasteCount: 0,
  killed: { text: "", isForeign: false },
};

export type EditorAction =
  | { type: "insert"; text: string }
  /** Text that nobody typed, although no paste marks enclose it. */
  | { type: "insert_foreign"; text: string }
  | { type: "paste"; text: string }
  | { type: "replace"; start: number; end: number; text: string }
  | { type: "set"; text: string }
  | { type: "backspace" | "delete" | "left" | "right" | "word_left" | "word_right" | "line_start" | "line_end" }
  | { type: "kill_word" | "kill_line_start" | "kill_line_end" | "yank" | "clear" };

/** A paste above either limit is shown as a mark instead of its text. */
const PASTE_SHOWN_CHARACTERS = 1000;
const PASTE_SHOWN_LINES = 10;
const NEIGHBOURHOOD = 64;

function previousBoundary(text: string, at: number): number {
  if (at <= 0) return 0;
  const from = Math.max(0, at - NEIGHBOURHOOD);
  return at - (graphemes(text.slice(from, at)).at(-1)?.length ?? 1);
}

function nextBoundary(text: string, at: number): number {
  if (at >= text.length) return text.length;
  return at + (graphemes(text.slice(at, at + NEIGHBOURHOOD))[0]?.length ?? 1);
}

function wordLeft(text: string, at: number): number {
  const match = /(?:[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s]+)\s*$/u.exec(text.slice(0, at));
  return match === null ? 0 : match.index;
}

function wordRight(text: string, at: number): number {
  const match = /^\s*(?:[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s]+)/u.exec(text.slice(at));
  return match === null ? text.length : at + match[0].length;
}

function lineStart(text: string, at: number): number {
  return at === 0 ? 0 : text.lastIndexOf("\n", at - 1) + 1;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}

/** The slash-command word at the beginning, once it is complete (a blank follows or the text ends at `until`). */
function commandHead(text: string): string {
  return /^\s*(\/[a-z-]+)(?=\s)/.exec(text)?.[1] ?? "";
}

function splice(state: EditorState, start: number, end: number, text: string): EditorState {
  const next = state.text.slice(0, start) + text + state.text.slice(end);
  if (next === "") return { ...EMPTY_EDITOR, pasteCount: state.pasteCount, killed: state.killed };
  return { ...state, text: next, cursor: start + text.length };
}

function insertForeign(state: EditorState, text: string): EditorState {
  const pasteHead = state.pasteHead ?? commandHead(state.text.slice(0, state.cursor));
  return { ...splice(state, state.cursor, state.cursor, text), pasteHead };
}

function paste(state: EditorState, raw: string): EditorState {
  const text = sanitizeText(raw.replace(/\r\n?/g, "\n"));
  if (text === "") return state;
  const pasteHead = state.pasteHead ?? commandHead(state.text.slice(0, state.cursor));
  const lines = text.split("\n").length;
  if (text.length <= PASTE_SHOWN_CHARACTERS && lines <= PASTE_SHOWN_LINES)
    return { ...splice(state, state.cursor, state.cursor, text), pasteHead };
  const number = state.pasteCount + 1;
  const mark = `[paste ${number}: ${plural(lines, "line")}, ${plural(text.length, "character")}]`;
  const next = splice(state, state.cursor, state.cursor, mark);
  return { ...next, pasteHead, pasteCount: number, pastes: { ...state.pastes, [mark]: text } };
}

/** The mark that ends (or begins) right at the cursor: it is deleted as one. */
function markAt(state: EditorState, side: "before" | "after"): string | null {
  const part = side === "before" ? state.text.slice(0, state.cursor) : state.text.slice(state.cursor);
  return (
    Object.keys(state.pastes).find((mark) => (side === "before" ? part.endsWith(mark) : part.startsWith(mark))) ?? null
  );
}

function kill(state: EditorState, start: number, end: number): EditorState {
  if (start === end) return state;
  const killed = { text: state.text.slice(start, end), isForeign: state.pasteHead !== null };
  return { ...splice(state, start, end, ""), killed };
}

export function reduceEditor(state: EditorState, action: EditorAction): EditorState {
  const { text, cursor } = state;
  switch (action.type) {
    case "insert":
      return splice(state, cursor, cursor, action.text);
    case "insert_foreign":
      return insertForeign(state, action.text);
    case "paste":
      return paste(state, action.text);
    case "replace":
      return splice(state, action.start, action.end, action.text);
    case "set":
      return {
        ...EMPTY_EDITOR,
        pasteCount: state.pasteCount,
        killed: state.killed,
        text: action.text,
        cursor: action.text.length,
      };
    case "clear":
      return { ...EMPTY_EDITOR, pasteCount: state.pasteCount, killed: state.killed };
    case "backspace":
      return splice(
        state,
        cursor - (markAt(state, "before")?.length ?? cursor - previousBoundary(text, cursor)),
        cursor,
        "",
      );
    case "delete": {
      const end = cursor + (markAt(state, "after")?.length ?? nextBoundary(text, cursor) - cursor);
      return splice(state, cursor, end, "");
    }
    case "left":
      return { ...state, cursor: previousBoundary(text, cursor) };
    case "right":
      return { ...state, cursor: nextBoundary(text, cursor) };
    case "word_left":
      return { ...state, cursor: wordLeft(text, cursor) };
    case "word_right":
      return { ...state, cursor: wordRight(text, cursor) };
    case "line_start":
      return { ...state, cursor: lineStart(text, cursor) };
    case "line_end":
      return { ...state, cursor: lineEnd(text, cursor) };
    case "kill_word":
      return kill(state, wordLeft(text, cursor), cursor);
    case "kill_line_start":
      return kill(state, lineStart(text, cursor), cursor);
    case "kill_line_end":
      return kill(state, cursor, lineEnd(text, cursor));
    case "yank":
      return state.killed.isForeign
        ? insertForeign(state, state.killed.text)
        : splice(state, cursor, cursor, state.killed.text);
  }
}

/** What is sent: marks replaced by what was pasted. */
export function expandPastes(state: EditorState): string {
  let text = state.text;
  for (const [mark, content] of Object.entries(state.pastes)) text = text.split(mark).join(content);
  return text;
}

/** Whether the command word was typed by hand; a paste after a typed command word does no harm. */
export function isCommandTyped(state: EditorState): boolean {
  return state.pasteHead === null || (state.pasteHead !== "" && commandHead(`${state.text} `) === state.pasteHead);
}

export interface EditorRow {
  /** Offsets into the text. */
  start: number;
  end: number;
  shown: string;
}

export interface EditorLayout {
  rows: EditorRow[];
  cursorRow: number;
  cursorColumn: number;
}

/**
 * Marks that turn the direction of text: the name of a file may hold them, and the prompt shows them as what they are.
 */
const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

function shownOf(grapheme: string): string {
  if (grapheme === "\t") return "  ";
  return DIRECTION.test(grapheme) ? visibleText(grapheme) : grapheme;
}

/** Breaks the text into rows of at most `columns`; the cursor always has a cell. */
export function layoutEditor(text: string, cursor: number, columns: number): EditorLayout {
  const room = Math.max(2, columns);
  const rows: EditorRow[] = [];
  let cursorRow = 0;
  let cursorColumn = 0;
  let lineOffset = 0;
  for (const line of text.split("\n")) {
    let row: EditorRow = { start: lineOffset, end: lineOffset, shown: "" };
    let used = 0;
    let offset = lineOffset;
    for (const grapheme of graphemes(line)) {
      const shown = shownOf(grapheme);
      const cells = width(shown);
      if (used + cells > room - 1 && row.shown !== "") {
        rows.push(row);
        row = { start: offset, end: offset, shown: "" };
        used = 0;
      }
      if (offset === cursor) {
        cursorRow = rows.length;
        cursorColumn = used;
      }
      row.shown += shown;
      used += cells;
      offset += grapheme.length;
      row.end = offset;
    }
    if (cursor === offset) {
      cursorRow = rows.length;
      cursorColumn = used;
    }
    rows.push(row);
    lineOffset = offset + 1;
  }
  return { rows, cursorRow, cursorColumn };
}

/** One row up or down; null at the edge, where history takes over. */
export function moveVertically(state: EditorState, direction: -1 | 1, columns: number): EditorState | null {
  const layout = layoutEditor(state.text, state.cursor, columns);
  const target = layout.rows[layout.cursorRow + direction];
  if (target === undefined) return null;
  let cursor = target.start;
  let used = 0;
  for (const grapheme of graphemes(state.text.slice(target.start, target.end))) {
    const cells = width(shownOf(grapheme));
    if (used + cells > layout.cursorColumn) break;
    used += cells;
    cursor += grapheme.length;
  }
  return { ...state, cursor };
}
