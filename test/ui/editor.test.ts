// The editor against a plain model, its layout, pastes, and history.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  EMPTY_EDITOR,
  expandPastes,
  isCommandTyped,
  layoutEditor,
  moveVertically,
  reduceEditor,
  type EditorAction,
  type EditorState,
} from "../../src/ui/editor.ts";
import { addEntry, createHistory, loadHistory, saveEntry, searchHistory, walk } from "../../src/ui/history.ts";
import { graphemes, width } from "../../src/ui/text.ts";

const run = (actions: readonly EditorAction[], from: EditorState = EMPTY_EDITOR): EditorState =>
  actions.reduce(reduceEditor, from);

const text = fc.string({
  unit: fc.constantFrom("a", "B", "1", " ", "\n", "é", "日", "👩‍👩‍👧", "e\u0301", "-", "/"),
  maxLength: 12,
});
const action: fc.Arbitrary<EditorAction> = fc.oneof(
  text.map((value) => ({ type: "insert" as const, text: value })),
  text.map((value) => ({ type: "paste" as const, text: value })),
  fc.constantFrom<EditorAction>(
    { type: "backspace" },
    { type: "delete" },
    { type: "left" },
    { type: "right" },
    { type: "word_left" },
    { type: "word_right" },
    { type: "line_start" },
    { type: "line_end" },
    { type: "kill_word" },
    { type: "kill_line_start" },
    { type: "kill_line_end" },
    { type: "yank" },
    { type: "clear" },
  ),
);

describe("editing", () => {
  test("the cursor always stands between graphemes inside the text", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const state = run(actions);
        const boundaries = new Set([0]);
        let at = 0;
        for (const grapheme of graphemes(state.text)) boundaries.add((at += grapheme.length));
        // Inserting may join graphemes around the cursor; it still never leaves the text or splits a surrogate pair.
        expect(state.cursor).toBeGreaterThanOrEqual(0);
        expect(state.cursor).toBeLessThanOrEqual(state.text.length);
        expect(
          /[\ud800-\udbff]$/.test(state.text.slice(0, state.cursor)) &&
            /^[\udc00-\udfff]/.test(state.text.slice(state.cursor)),
        ).toBe(false);
        if (actions.every((one) => one.type !== "insert" && one.type !== "paste" && one.type !== "yank"))
          expect(boundaries.has(state.cursor)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test("insert then backspace by graphemes gives the text back", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "日", "👩‍👩‍👧", "🏳️‍🌈"), { minLength: 1, maxLength: 5 }), (pieces) => {
        const before = run([{ type: "insert", text: "xy" }, { type: "left" }]);
        const typed = run([{ type: "insert", text: pieces.join("") }], before);
        const deleted = run(
          pieces.map(() => ({ type: "backspace" as const })),
          typed,
        );
        expect([deleted.text, deleted.cursor]).toEqual(["xy", 1]);
      }),
    );
  });

  test.each(["kill_line_start", "kill_word"] as const)("what was pasted stays pasted after %s and yank", (kill) => {
    const laundered = run([{ type: "paste", text: "/approve" }, { type: kill }, { type: "yank" }]);
    expect(laundered.text).toMatch(/approve$/);
    expect(isCommandTyped(laundered)).toBe(false);
    const retyped = run([{ type: "insert", text: "/approve" }, { type: "kill_line_start" }, { type: "yank" }]);
    expect(retyped.text).toBe("/approve");
    expect(isCommandTyped(retyped)).toBe(true);
  });

  test("killing and yanking", () => {
    const state = run([{ type: "insert", text: "one two\nthree four" }, { type: "kill_word" }]);
    expect(state.text).toBe("one two\nthree ");
    expect(run([{ type: "line_start" }, { type: "yank" }], state).text).toBe("one two\nfourthree ");
    expect(run([{ type: "kill_line_start" }], state).text).toBe("one two\n");
    expect(run([{ type: "line_start" }, { type: "kill_line_end" }], state).text).toBe("one two\n");
  });
});

describe("pastes", () => {
  test("line ends become newlines, control characters go", () => {
    expect(run([{ type: "paste", text: "a\r\nb\rc\u001b[31md\u0007" }]).text).toBe("a\nb\ncd");
  });

  test("a large one is shown as a mark, sent as itself, deleted as one", () => {
    const content = "line\n".repeat(300);
    const state = run([
      { type: "insert", text: "see " },
      { type: "paste", text: content },
      { type: "insert", text: " end" },
    ]);
    expect(state.text).toBe("see [paste 1: 301 lines, 1500 characters] end");
    expect(expandPastes(state)).toBe(`see ${content} end`);
    expect(
      run([...Array.from({ length: 4 }, () => ({ type: "left" as const })), { type: "backspace" }], state).text,
    ).toBe("see  end");
  });

  test("a mark typed by hand stands for nothing", () => {
    expect(expandPastes(run([{ type: "insert", text: "[paste 1: 301 lines, 1500 characters]" }]))).toBe(
      "[paste 1: 301 lines, 1500 characters]",
    );
  });

  test("only a typed command word counts as typed", () => {
    const typed = (actions: readonly EditorAction[]): boolean => isCommandTyped(run(actions));
    expect(typed([{ type: "insert", text: "/approve" }])).toBe(true);
    expect(typed([{ type: "paste", text: "/approve" }])).toBe(false);
    expect(
      typed([
        { type: "insert", text: "/" },
        { type: "paste", text: "approve" },
      ]),
    ).toBe(false);
    expect(
      typed([
        { type: "insert", text: "/app" },
        { type: "paste", text: "rove t1" },
      ]),
    ).toBe(false);
    expect(typed([{ type: "paste", text: "approve" }, { type: "line_start" }, { type: "insert", text: "/" }])).toBe(
      false,
    );
    expect(
      typed([
        { type: "insert", text: "/approve " },
        { type: "paste", text: "a note" },
      ]),
    ).toBe(true);
    expect(
      typed([
        { type: "insert", text: "/status " },
        { type: "paste", text: "/approve" },
        ...Array.from({ length: 8 }, () => ({ type: "left" as const })),
        { type: "kill_line_start" },
      ]),
    ).toBe(false);
    expect(typed([{ type: "paste", text: "x" }, { type: "backspace" }, { type: "insert", text: "/approve" }])).toBe(
      true,
    );
  });
});

describe("layout", () => {
  test("rows hold the whole text, fit the width, and the cursor has a cell", () => {
    fc.assert(
      fc.property(text, text, fc.integer({ min: 3, max: 20 }), (before, after, columns) => {
        const whole = before + after;
        const layout = layoutEditor(whole, before.length, columns);
        expect(layout.rows.map((row) => whole.slice(row.start, row.end)).join("")).toBe(whole.replaceAll("\n", ""));
        for (const row of layout.rows) expect(width(row.shown)).toBeLessThanOrEqual(Math.max(columns, 2));
        expect(layout.cursorRow).toBeLessThan(layout.rows.length);
        expect(layout.cursorColumn).toBeLessThan(columns);
      }),
      { numRuns: 1000 },
    );
  });

  test("up and down keep the column and stop at the edges", () => {
    const state = { ...run([{ type: "insert", text: "abcdef\nxy\nabcdef" }]) };
    const up = moveVertically(state, -1, 40);
    expect(up?.cursor).toBe(9);
    expect(up === null ? null : moveVertically(up, -1, 40)?.cursor).toBe(2);
    expect(moveVertically(state, 1, 40)).toBeNull();
  });
});

describe("history", () => {
  test("walking keeps the draft", () => {
    const history = addEntry(addEntry(createHistory([]), "one"), "two");
    const first = walk(history, -1, "draft");
    const second = first === null ? null : walk(first.history, -1, first.text);
    expect([first?.text, second?.text]).toEqual(["two", "one"]);
    expect(second === null ? null : walk(second.history, -1, second.text)).toBeNull();
    expect(first === null ? null : walk(first.history, 1, first.text)?.text).toBe("draft");
  });

  test("searching goes from new to old; capitals make it exact", () => {
    const history = createHistory(["Fix it", "fix that", "other"]);
    expect(searchHistory(history, "fix", 3)).toBe(1);
    expect(searchHistory(history, "fix", 1)).toBe(0);
    expect(searchHistory(history, "Fix", 3)).toBe(0);
    expect(searchHistory(history, "none", 3)).toBe(-1);
  });

  test("the file is private, survives torn lines, and stays bounded", () => {
    const folder = mkdtempSync(join(tmpdir(), "bmo-ui-history-"));
    const file = join(folder, "deep", "history.jsonl");
    saveEntry(file, "with\nnewline");
    saveEntry(file, "   ");
    expect(readFileSync(file, "utf8")).toBe('"with\\nnewline"\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeFileSync(file, `"a"\n{"no":1}\n"torn`, { flag: "a" });
    expect(loadHistory(file).entries).toEqual(["with\nnewline", "a"]);
    writeFileSync(file, Array.from({ length: 2500 }, (_, index) => `"${index}"\n`).join(""));
    expect(loadHistory(file).entries.length).toBe(1000);
    expect(readFileSync(file, "utf8").split("\n").length).toBe(1001);
    expect(loadHistory(join(folder, "missing")).entries).toEqual([]);
    rmSync(folder, { recursive: true });
  });
});
