// Typing that is shown ahead of the drawing: when it is, and what is then written.

import { EventEmitter } from "node:events";
import { describe, expect, test } from "vitest";
import { typedAtEnd } from "../../src/ui/echo.ts";
import { initialState, reduceUi, type UiAction, type UiState } from "../../src/ui/state.ts";
import { TerminalOutput } from "../../src/ui/terminal.ts";

const insert = (text: string): UiAction => ({ type: "editor", action: { type: "insert", text } });
const after = (state: UiState, ...actions: UiAction[]): UiState => actions.reduce(reduceUi, state);
const EMPTY = initialState(80, 24);

describe("what counts as typed at the end", () => {
  test.each<[string, UiState, UiAction[], string | null]>([
    ["a character", after(EMPTY, insert("ab")), [insert("c")], "c"],
    ["several at once", EMPTY, [insert("abc")], "abc"],
    [
      "not in the middle",
      after(EMPTY, insert("ab"), { type: "editor", action: { type: "left" } }),
      [insert("c")],
      null,
    ],
    ["not a wide character", EMPTY, [insert("日")], null],
    ["not a new line", after(EMPTY, insert("ab")), [insert("\n")], null],
    ["not a deletion", after(EMPTY, insert("ab")), [{ type: "editor", action: { type: "backspace" } }], null],
    ["not the mark of a shell command", EMPTY, [insert("!")], null],
    [
      "not where a hint went away with it",
      after(EMPTY, { type: "set", values: { hint: "ctrl+c again exits" } }),
      [{ type: "set", values: { hint: null } }, insert("a")],
      null,
    ],
    ["not where nothing changed", EMPTY, [], null],
  ])("%s", (_, before, actions, expected) => {
    expect(typedAtEnd(before, after(before, ...actions))).toBe(expected);
  });
});

describe("what is written", () => {
  function terminal(): { output: TerminalOutput; written: string[] } {
    const written: string[] = [];
    const stdout = Object.assign(new EventEmitter(), { columns: 20, write: (data: string) => written.push(data) > 0 });
    return { output: new TerminalOutput(stdout as unknown as NodeJS.WriteStream), written };
  }

  test("nothing before the frame stands on the screen, then each character once", () => {
    const { output, written } = terminal();
    output.setFrame({ lines: ["› ab", "status"], cursor: { x: 4, y: 0 }, card: null });
    output.echo("c");
    expect(written).toEqual([]);
    output.write("drawn");
    output.echo("c");
    output.echo("d");
    expect(written).toEqual(["drawn", "c", "d"]);
    output.setFrame({ lines: ["› abcd", "status"], cursor: { x: 6, y: 0 }, card: null });
    output.echo("e");
    output.setFrame({ lines: ["› abcde", "other status"], cursor: { x: 7, y: 0 }, card: null });
    output.echo("f");
    expect(written).toEqual(["drawn", "c", "d", "e"]);
  });

  test("nothing where the line goes on, at its end, or without a cursor", () => {
    const { output, written } = terminal();
    for (const frame of [
      { lines: ["› ab <hint>"], cursor: { x: 4, y: 0 }, card: null },
      { lines: [`› ${"x".repeat(16)}`], cursor: { x: 18, y: 0 }, card: null },
      { lines: ["card"], cursor: null, card: null },
    ]) {
      output.setFrame(frame);
      output.write("drawn");
      output.echo("c");
    }
    expect(written).toEqual(["drawn", "drawn", "drawn"]);
  });

  test("a synchronised update goes out as one write", () => {
    const { output, written } = terminal();
    for (const part of ["\u001b[?2026h", "one", "two", "\u001b[?2026l"]) output.write(part);
    expect(written).toEqual(["\u001b[?2026honetwo\u001b[?2026l"]);
  });
});
