// A terminal emulator as the oracle of what a person sees: the screen, the scrollback, the cursor.

import xterm from "@xterm/headless";

export interface Screen {
  /** Feeds bytes; resolves when they are on the screen. */
  write(data: string): Promise<void>;
  resize(columns: number, rows: number): void;
  /** Visible lines, right-trimmed. */
  lines(): string[];
  /** Everything, scrollback first, right-trimmed. */
  all(): string[];
  text(): string;
  cursor(): { x: number; y: number };
  scrollback(): number;
}

/** `reflowCursorLine`: most terminals wrap the cursor's line again too, that of VS Code does not. */
export function createScreen(columns: number, rows: number, reflowCursorLine = true): Screen {
  const terminal = new xterm.Terminal({
    cols: columns,
    rows,
    scrollback: 10_000,
    allowProposedApi: true,
    reflowCursorLine,
  });
  const line = (index: number): string => terminal.buffer.active.getLine(index)?.translateToString(true) ?? "";
  const range = (from: number, to: number): string[] =>
    Array.from({ length: Math.max(0, to - from) }, (_, index) => line(from + index));
  const lines = (): string[] => range(terminal.buffer.active.baseY, terminal.buffer.active.baseY + terminal.rows);
  return {
    write: (data) => new Promise((resolve) => terminal.write(data, resolve)),
    resize: (newColumns, newRows) => terminal.resize(newColumns, newRows),
    lines,
    all: () => range(0, terminal.buffer.active.length),
    text: () => lines().join("\n"),
    cursor: () => ({ x: terminal.buffer.active.cursorX, y: terminal.buffer.active.cursorY }),
    scrollback: () => terminal.buffer.active.baseY,
  };
}
