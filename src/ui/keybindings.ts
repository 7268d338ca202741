// Which key means what in the editor. A table; the meaning is carried out elsewhere.

import type { KeyEvent } from "./input/decode.ts";

export type Binding =
  | "send"
  | "newline"
  | "up"
  | "down"
  | "left"
  | "right"
  | "word_left"
  | "word_right"
  | "line_start"
  | "line_end"
  | "backspace"
  | "delete"
  | "delete_or_exit"
  | "kill_word"
  | "kill_line_start"
  | "kill_line_end"
  | "yank"
  | "complete"
  | "cycle_mode"
  | "escape"
  | "interrupt"
  | "search"
  | "expand"
  | "edit"
  | "redraw"
  | "suspend";

const BINDINGS: Record<string, Binding> = {
  enter: "send",
  "ctrl+j": "newline",
  "alt+enter": "newline",
  "shift+enter": "newline",
  "ctrl+enter": "newline",
  up: "up",
  "ctrl+p": "up",
  down: "down",
  "ctrl+n": "down",
  left: "left",
  "ctrl+b": "left",
  right: "right",
  "ctrl+f": "right",
  "alt+b": "word_left",
  "alt+left": "word_left",
  "ctrl+left": "word_left",
  "alt+f": "word_right",
  "alt+right": "word_right",
  "ctrl+right": "word_right",
  home: "line_start",
  "ctrl+a": "line_start",
  end: "line_end",
  "ctrl+e": "line_end",
  backspace: "backspace",
  "shift+backspace": "backspace",
  delete: "delete",
  "ctrl+d": "delete_or_exit",
  "ctrl+w": "kill_word",
  "alt+backspace": "kill_word",
  "ctrl+backspace": "kill_word",
  "ctrl+u": "kill_line_start",
  "ctrl+k": "kill_line_end",
  "ctrl+y": "yank",
  tab: "complete",
  "shift+tab": "cycle_mode",
  escape: "escape",
  "ctrl+c": "interrupt",
  "ctrl+r": "search",
  "ctrl+o": "expand",
  "ctrl+g": "edit",
  "ctrl+l": "redraw",
  "ctrl+z": "suspend",
};

export function keyName(event: KeyEvent): string {
  return `${event.ctrl ? "ctrl+" : ""}${event.alt ? "alt+" : ""}${event.shift ? "shift+" : ""}${event.name}`;
}

export function bindingOf(event: KeyEvent): Binding | null {
  return BINDINGS[keyName(event)] ?? null;
}
