// What the tests of the real program at a real pseudo-terminal share: starting it, typing as a person does, reading the
// screen. Holds every program to this: the scrollback is never wiped and the screen never cleared.

import { afterEach, expect } from "vitest";
import { startPty, type PtyOptions, type PtyProgram } from "../support/pty.ts";
import { BMO } from "./harness.ts";
import type { Scene } from "./scenario.ts";

export const KEY = {
  enter: "\r",
  escape: "\u001b",
  tab: "\t",
  shiftTab: "\u001b[Z",
  up: "\u001b[A",
  down: "\u001b[B",
  backspace: "\u007f",
  ctrl: (letter: string): string => String.fromCharCode(letter.charCodeAt(0) - 96),
} as const;

const programs: PtyProgram[] = [];

afterEach(() => {
  const bytes = programs.splice(0).map((program) => {
    program.dispose();
    return program.output();
  });
  for (const output of bytes) expect(output).not.toMatch(/\u001b\[[23]J|\u001bc/);
});

export function open({ place }: Scene, words: string[] = [], options: PtyOptions = {}): PtyProgram {
  const program = startPty([process.execPath, BMO, ...words], {
    cwd: place.workspace,
    ...options,
    environment: { HOME: place.home, BMO_HOME: `${place.home}/bmo`, ...options.environment },
  });
  programs.push(program);
  return program;
}

const squeeze = (text: string): string => text.replaceAll(/\s+/g, "");

/** What stands in the prompt, blanks left out. */
function promptText(program: PtyProgram): string {
  const lines = program.screen.lines().filter((line) => line !== "");
  const start = lines.findLastIndex((line) => /^[›!]/.test(line));
  return squeeze(lines.slice(start).join(""));
}

/** Types without sending; resolves when it stands in the prompt. */
export async function fill(program: PtyProgram, text: string): Promise<void> {
  program.write(text);
  const mark = text.startsWith("!") ? "!" : "›";
  await program.waitFor(
    () => promptText(program).startsWith(squeeze(mark + text.replace(/^!/, ""))),
    `${text} in the prompt`,
  );
}

/** Types a line as a person does: the text first, Enter as a key of its own. */
export async function type(program: PtyProgram, text: string): Promise<void> {
  await fill(program, text);
  program.write(KEY.enter);
}

/** The prompt is there, nothing runs, nothing is asked. */
export function idle(program: PtyProgram): Promise<void> {
  return program.waitFor((screen) => {
    const text = screen.text();
    return (
      /^›\s*$/m.test(text) &&
      !/esc (interrupts|stops|says no|restores|cancels)|waiting for your answer|opening the session/.test(text)
    );
  }, "an idle prompt");
}

/** Runs a command that only reads and returns what it printed, from its echo to the prompt. */
export async function command(program: PtyProgram, text: string, last: RegExp): Promise<string> {
  const before = echoes(program, text);
  await type(program, text);
  await program.waitFor(
    (screen) => echoes(program, text) > before && last.test(after(screen.all(), text)),
    `the end of ${text}`,
  );
  await idle(program);
  return after(program.screen.all(), text);
}

function echoes(program: PtyProgram, text: string): number {
  return (
    program.screen.all().filter((line) => line === `› ${text}`).length -
    (promptText(program) === squeeze(`›${text}`) ? 1 : 0)
  );
}

function after(lines: string[], text: string): string {
  return lines.slice(lines.lastIndexOf(`› ${text}`) + 1).join("\n");
}

/** The value of a row of `/status`; wrapped rows are joined. */
export function statusRow(printed: string, label: string): string {
  const lines = printed.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`  ${label}  `));
  const value = [lines[start]?.slice(label.length + 2).trim() ?? ""];
  for (const line of lines.slice(start + 1)) {
    if (!/^ {10,}\S/.test(line)) break;
    value.push(line.trim());
  }
  return value.join(" ");
}

/** How often a line stands on the screen and in the scrollback. */
export function count(program: PtyProgram, line: string): number {
  return program.screen.all().filter((one) => one === line).length;
}
