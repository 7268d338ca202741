// The terminal's modes, and the output stream that Ink is given in its place. Gives the terminal back on every way out.
// Ink is told of a very tall terminal: its way with frames as tall as the screen would wipe the user's scrollback, and
// bmo keeps its frames below that height itself.

import { EventEmitter } from "node:events";
import {
  BEGIN_SYNCHRONIZED,
  END_SYNCHRONIZED,
  HOME_AND_ERASE,
  PASTE_OFF,
  PASTE_ON,
  RESET_STYLE,
  SHOW_CURSOR,
} from "./terminal-codes.ts";
import type { Frame } from "./frame.ts";
import { width } from "./text.ts";

const ERASE_SCROLLBACK = "\u001b[3J";
/** Rows that Ink believes in. */
const TALL = 100_000;
/** Milliseconds of quiet after which a change of size counts as finished. */
const RESIZE_WAIT_MS = 40;

/**
 * Ink 6.8 begins an incremental update one row too low: it goes up by the rows of the last frame less one, although the
 * cursor stands below that frame. A move that only places the cursor looks alike, but ends by showing it.
 */
const INCREMENTAL_START =
  /^((?:\u001b\[\?25l)?(?:\u001b\[\d+B)?(?:\u001b\[1G)?\u001b\[)(\d+)A(?=\u001b\[E|\u001b\[1G(?!\u001b\[\?25h$))/;

/** Exported for its test. */
export function correctUpdate(data: string): string {
  return data.replace(INCREMENTAL_START, (_, before: string, rows: string) => `${before}${Number(rows) + 1}A`);
}

type Reflow = "none" | "but_cursor_line" | "all";

/**
 * The console and xterm cut long lines; the terminal of VS Code leaves the line with the cursor alone; others wrap all
 * again.
 */
function reflowOf(environment: Record<string, string | undefined>): Reflow {
  if (environment["TERM"] === "linux" || environment["XTERM_VERSION"] !== undefined) return "none";
  return environment["TERM_PROGRAM"] === "vscode" ? "but_cursor_line" : "all";
}

/** What Ink writes to. Has identity and life: it stands for one terminal, and is listened to. */
export class TerminalOutput extends EventEmitter {
  readonly isTTY = true;
  readonly rows = TALL;
  readonly destroyed = false;
  readonly writableEnded = false;
  readonly writable = true;
  readonly writableLength = 0;
  columns: number;
  private readonly stdout: NodeJS.WriteStream;
  /** Set while Ink's next clearing is replaced by one that knows where the frame really is. */
  private clearing: string | null = null;
  private muted = false;
  private frame: Frame = { lines: [], cursor: null, card: null };
  /** The card that is on the screen, so that a person can have seen it; null for none. */
  shownCard: number | null = null;
  /** Whether the screen shows `frame`; between React's commit and Ink's drawing it does not. */
  private shown = false;
  /**
   * What Ink wrote of a synchronised update that it has not ended: three small writes would be three wake-ups of the
   * terminal.
   */
  private held = "";

  constructor(stdout: NodeJS.WriteStream) {
    super();
    this.stdout = stdout;
    this.columns = stdout.columns || 80;
  }

  write(data: string, encodingOrDone?: BufferEncoding | (() => void), done?: () => void): boolean {
    const callback = typeof encodingOrDone === "function" ? encodingOrDone : done;
    if (this.muted) {
      callback?.();
      return true;
    }
    let bytes = correctUpdate(data.replaceAll(ERASE_SCROLLBACK, ""));
    // Synchronised-update marks are written apart from what they enclose.
    const isMark = bytes === BEGIN_SYNCHRONIZED || bytes === END_SYNCHRONIZED;
    if (this.clearing !== null && !isMark) {
      bytes = this.clearing;
      this.clearing = null;
    }
    if (bytes === BEGIN_SYNCHRONIZED || (this.held !== "" && bytes !== END_SYNCHRONIZED)) {
      this.held += bytes;
      callback?.();
      return true;
    }
    const whole = this.held + bytes;
    this.held = "";
    this.shown = true;
    this.shownCard = this.frame.card;
    return this.stdout.write(whole, () => callback?.());
  }

  /** The frame that the next drawing shows. To be told before Ink draws it. */
  setFrame(frame: Frame): void {
    const { lines, cursor } = this.frame;
    const same =
      lines.length === frame.lines.length &&
      lines.every((line, row) => line === frame.lines[row]) &&
      cursor?.x === frame.cursor?.x &&
      cursor?.y === frame.cursor?.y;
    if (!same) this.shown = false;
    this.frame = frame;
  }

  /**
   * Shows plain ASCII typed at the end of the cursor's line at once, ahead of the drawing that will show the same;
   * React and Ink take milliseconds. Does nothing where the screen is not known to be the last frame, the line goes on
   * behind the cursor, or the text would reach its end.
   */
  echo(text: string): void {
    const { lines, cursor } = this.frame;
    const line = cursor === null ? undefined : lines[cursor.y];
    if (!this.shown || this.muted || cursor === null || line === undefined) return;
    if (width(line) !== cursor.x || cursor.x + text.length >= this.columns - 1) return;
    this.stdout.write(text);
    this.frame = {
      lines: lines.with(cursor.y, line + text),
      cursor: { x: cursor.x + text.length, y: cursor.y },
      card: this.frame.card,
    };
  }

  /**
   * `reflows`: which lines the terminal wraps again when it gets narrower. Erases the frame where it stands now and has
   * Ink draw it again at the new width. `before` is written between; `update` brings the new state into React
   * meanwhile, and what Ink draws during it is not shown.
   */
  redraw(columns: number, reflows: Reflow, before: string, update: () => void): void {
    const { lines, cursor } = this.frame;
    const above = cursor === null ? lines : lines.slice(0, cursor.y);
    const inCursorLine = cursor === null || reflows !== "all" ? 0 : Math.floor(cursor.x / columns);
    const extra =
      reflows === "none"
        ? 0
        : above.reduce((sum, line) => sum + Math.max(0, Math.ceil(width(line) / columns) - 1), inCursorLine);
    const up = above.length + extra;
    this.muted = true;
    update();
    this.muted = false;
    this.clearing = `${up > 0 ? `\u001b[${up}A` : ""}\r\u001b[J${before}`;
    // Ink clears and draws again only where the width went down; so it is told of a smaller one, then of the real one.
    this.columns = Math.max(1, Math.min(this.columns, columns) - 1);
    this.emit("resize");
    this.clearing = null;
    this.columns = columns;
    this.emit("resize");
    // What was not shown took the cursor's place with it; so it is told once more.
    update();
  }
}

export interface Terminal {
  output: TerminalOutput;
  /** Raw mode and bracketed paste on. */
  enter(): void;
  /** Everything as it was found. Safe to call twice and from an exit handler. */
  leave(): void;
  /** Draws the frame again on a clean screen; what was there moves into the scrollback. */
  redraw(): void;
  /** Calls back with the new size, for the state to take it over before it returns. */
  onResize(listener: (columns: number, rows: number) => void): void;
  size(): { columns: number; rows: number };
  dispose(): void;
}

export function createTerminal(
  stdin: NodeJS.ReadStream,
  stdout: NodeJS.WriteStream,
  environment: Record<string, string | undefined>,
): Terminal {
  const output = new TerminalOutput(stdout);
  const reflows = reflowOf(environment);
  let entered = false;
  let timer: NodeJS.Timeout | null = null;
  let resized: (columns: number, rows: number) => void = () => undefined;
  const size = (): { columns: number; rows: number } => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 });
  const leave = (): void => {
    if (!entered) return;
    entered = false;
    if (stdin.isTTY) stdin.setRawMode(false);
    if (!stdout.destroyed) stdout.write(END_SYNCHRONIZED + RESET_STYLE + PASTE_OFF + SHOW_CURSOR);
  };
  const onResize = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      const now = size();
      output.redraw(now.columns, reflows, "", () => resized(now.columns, now.rows));
    }, RESIZE_WAIT_MS);
  };
  stdout.on("resize", onResize);
  process.on("exit", leave);
  return {
    output,
    enter() {
      entered = true;
      if (stdin.isTTY) stdin.setRawMode(true);
      stdout.write(PASTE_ON);
    },
    leave,
    redraw() {
      const { columns, rows } = size();
      output.redraw(columns, "none", "\n".repeat(Math.max(0, rows - 1)) + HOME_AND_ERASE, () => resized(columns, rows));
    },
    onResize(listener) {
      resized = listener;
    },
    size,
    dispose() {
      if (timer !== null) clearTimeout(timer);
      stdout.off("resize", onResize);
      process.off("exit", leave);
      leave();
    },
  };
}
