// Runs a program in a real pseudo-terminal and lets tests wait for what they expect to see.

import { spawn } from "@lydell/node-pty";
import { createScreen, type Screen } from "./screen.ts";

export interface PtyOptions {
  columns?: number;
  rows?: number;
  environment?: Record<string, string>;
  cwd?: string;
  /** Milliseconds until a wait counts as failed; the screen is then in the error. */
  patience?: number;
}

export interface PtyProgram {
  readonly pid: number;
  screen: Screen;
  /** All bytes so far. */
  output(): string;
  /** As if typed, or sent by the terminal. */
  write(data: string): void;
  /** With the marks of bracketed paste. */
  paste(text: string): void;
  resize(columns: number, rows: number): void;
  /** Resolves once the condition holds for what is on the screen. */
  waitFor(condition: RegExp | string | ((screen: Screen) => boolean), what?: string): Promise<void>;
  /** Resolves when bytes matching the condition have come. */
  waitForBytes(condition: RegExp): Promise<void>;
  signal(name: NodeJS.Signals): void;
  exited: Promise<{ exitCode: number; signal: number | undefined }>;
  /** Ends the program if it still runs. */
  dispose(): void;
}

export function startPty(argv: readonly string[], options: PtyOptions = {}): PtyProgram {
  const { columns = 80, rows = 24, patience = Number(process.env["BMO_TEST_PATIENCE"] ?? 20_000) } = options;
  const [file = "", ...rest] = argv;
  const child = spawn(file, [...rest], {
    cols: columns,
    rows,
    cwd: options.cwd ?? process.cwd(),
    name: options.environment?.["TERM"] ?? "xterm-256color",
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: "/nonexistent",
      TERM: "xterm-256color",
      LANG: "C.UTF-8",
      NO_COLOR: "1",
      ...options.environment,
    },
  });
  const screen = createScreen(columns, rows, options.environment?.["TERM_PROGRAM"] !== "vscode");
  const watchers = new Set<() => void>();
  let bytes = "";
  let ended = false;
  child.onData((data) => {
    bytes += data;
    void screen.write(data).then(() => {
      for (const watch of [...watchers]) watch();
    });
  });
  const exited = new Promise<{ exitCode: number; signal: number | undefined }>((resolve) => {
    child.onExit(({ exitCode, signal }) => {
      ended = true;
      // What was written last may still be on its way to the screen.
      void screen.write("").then(() => {
        for (const watch of [...watchers]) watch();
        resolve({ exitCode, signal });
      });
    });
  });
  const wait = (holds: () => boolean, what: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        watchers.delete(watch);
      };
      const watch = (): void => {
        if (!holds()) return;
        settle();
        resolve();
      };
      const timer = setTimeout(() => {
        settle();
        reject(
          new Error(
            `never seen: ${what}${ended ? " (the program has ended)" : ""}\n--- screen ---\n${screen.all().join("\n").trimEnd()}\n--- last bytes ---\n${JSON.stringify(bytes.slice(-600))}`,
          ),
        );
      }, patience);
      watchers.add(watch);
      watch();
    });
  return {
    pid: child.pid,
    screen,
    output: () => bytes,
    write: (data) => child.write(data),
    paste: (text) => child.write(`\u001b[200~${text}\u001b[201~`),
    resize(newColumns, newRows) {
      screen.resize(newColumns, newRows);
      child.resize(newColumns, newRows);
    },
    waitFor(condition, what) {
      const holds =
        typeof condition === "function"
          ? () => condition(screen)
          : typeof condition === "string"
            ? () => screen.all().join("\n").includes(condition)
            : () => condition.test(screen.all().join("\n"));
      return wait(holds, what ?? String(condition));
    },
    waitForBytes: (condition) => wait(() => condition.test(bytes), String(condition)),
    signal: (name) => process.kill(child.pid, name),
    exited,
    dispose() {
      if (!ended) child.kill("SIGKILL");
    },
  };
}
