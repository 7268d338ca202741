// The live area and what is drawn in it: never too tall or too wide, whatever the state; cards, plan card, Markdown.

import { renderToString } from "ink";
import { createElement } from "react";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commands } from "../../src/commands/index.ts";
import type { TouchedFile } from "../../src/types/agent.ts";
import type { DriftReport, PlanFile, TicketReport } from "../../src/types/plan.ts";
import type { AskRequest } from "../../src/types/permission.ts";
import { cardOptions, createCard, pressInCard, type CardKey, type CardRequest } from "../../src/ui/cards.ts";
import type { DrawContext } from "../../src/ui/components/draw.ts";
import { drawCard } from "../../src/ui/components/card-view.ts";
import { drawBlock } from "../../src/ui/components/items.ts";
import { drawCompletion } from "../../src/ui/components/prompt.ts";
import { composeFrame, frameHeight } from "../../src/ui/frame.ts";
import { highlightCode } from "../../src/ui/highlight.ts";
import { Lines } from "../../src/ui/lines.ts";
import { renderMarkdown } from "../../src/ui/markdown.ts";
import { initialState, reduceUi, type UiState } from "../../src/ui/state.ts";
import { correctUpdate } from "../../src/ui/terminal.ts";
import { createTheme, wantsColor } from "../../src/ui/theme.ts";
import { width } from "../../src/ui/text.ts";
import { fakePlan, fakeTicket } from "../support/fake-agent.ts";

const context = (columns: number, colored = false): DrawContext => ({
  columns,
  theme: createTheme(colored, "auto"),
  markdown: renderMarkdown,
  highlight: () => null,
});

const permission: AskRequest = {
  kind: "permission",
  tool: "edit",
  summary: "edit a",
  target: "/real/path/of/a.ts",
  reason: "outside",
  rule: "edit(**)",
  display: [
    {
      kind: "diff",
      path: "a.ts",
      patch: `@@ -1,60 +1,60 @@\n${"-old line\n+new line\n".repeat(60)}`,
      added: 60,
      removed: 60,
    },
  ],
};
const requests: CardRequest[] = [
  permission,
  { kind: "scope", path: "/w/b.ts", action: "create", tool: "write", reason: "a helper is needed", plan: fakePlan() },
  {
    kind: "effects",
    command: "npm i",
    changes: Array.from({ length: 30 }, (_, index) => ({ path: `f${index}`, action: "create" as const })),
    copy: "/c",
    restoreCommand: "bmo checkpoint restore x",
  },
  { kind: "question", question: "Which?", options: ["alpha", "alps", "beta"] },
  { kind: "question", question: "What?", options: [] },
  { kind: "fallback", from: "a/b", to: "c/d", reason: "429" },
  { kind: "trust", directory: "/w", items: ["providers.x"] },
  { kind: "confirm", question: "Sure?", detail: "really" },
  { kind: "sessions", sessions: [] },
];

describe("the frame", () => {
  test("is never taller than the terminal less one row, nor wider than its columns", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", " ", "\n", "日", "👩‍👩‍👧", "\t", "\u001b[2J", "x".repeat(40)),
      maxLength: 60,
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 8, max: 120 }),
        text,
        text,
        text,
        fc.option(fc.constantFrom(...requests)),
        fc.boolean(),
        (rows, columns, editor, live, output, request, runs) => {
          let state: UiState = initialState(columns + 1, rows);
          state = reduceUi(state, {
            type: "editor",
            action: { type: "insert", text: editor.replaceAll("\u001b[2J", "") },
          });
          state = reduceUi(state, { type: "event", now: 0, event: { type: "text_delta", text: live } });
          state = reduceUi(state, {
            type: "event",
            now: 0,
            event: { type: "tool_start", call: { type: "tool_call", id: "1", name: "bash", input: {} }, summary: live },
          });
          state = reduceUi(state, { type: "event", now: 0, event: { type: "tool_delta", callId: "1", text: output } });
          state = reduceUi(state, {
            type: "set",
            values: {
              running: runs ? { since: 0, label: "working" } : null,
              queue: [
                { kind: "prompt", text: output },
                { kind: "prompt", text: live },
              ],
              completion: {
                items: [{ value: "/x ", label: `/x ${editor}`, detail: output }],
                selected: 0,
                start: 0,
                end: 0,
              },
            },
          });
          if (request !== null) state = reduceUi(state, { type: "open_card", card: createCard(1, request, null) });
          const frame = composeFrame(state, commands, context(columns));
          expect(frame.lines.length).toBeLessThanOrEqual(frameHeight(rows));
          expect(frame.lines.filter((line) => width(line) > columns || /[\n\u001b]/.test(line))).toEqual([]);
          if (frame.cursor !== null) {
            expect(frame.cursor.y).toBeLessThan(frame.lines.length);
            expect(frame.cursor.x).toBeLessThan(columns + 1);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test("an open card keeps its head and every choice", () => {
    const card = drawCard(createCard(1, permission, null), 2, context(80), 14);
    expect(card.lines.length).toBe(14);
    expect(card.lines[0]).toBe("? Allow edit?");
    expect(card.lines.join("\n")).toContain("target    /real/path/of/a.ts");
    expect(card.lines.slice(-6)).toEqual([
      "› 1. Yes, this once (y)",
      "  2. Session: allow edit(**) until this session ends (s)",
      "  3. Project: always allow edit(**) here (p)",
      "  4. No (n)",
      "  5. Tell the model what to do instead (t)",
      "  ↑↓, number or letter · esc says no · 2 more questions after this",
    ]);
  });

  test("a completion list shows arguments before descriptions where there is no room for both", () => {
    const completion = {
      items: [
        { value: "/approve ", label: "/approve [ids] [note]", detail: "approve the plan at hand" },
        { value: "/why ", label: "/why [turn]", detail: "why this model" },
      ],
      selected: 0,
      start: 0,
      end: 1,
    };
    expect(drawCompletion(completion, context(79), 8)).toEqual([
      "  › /approve [ids] [note]  approve the plan at hand",
      "    /why [turn]            why this model",
    ]);
    expect(drawCompletion(completion, context(39), 8)).toEqual(["  › /approve [ids] [note]", "    /why [turn]"]);
  });

  test("on a narrow screen a choice says all that it allows, and one line of it where there is no room", () => {
    expect(
      drawCard(createCard(1, permission, null), 0, context(39), 30)
        .lines.slice(-9)
        .map((line) => line.trimEnd()),
    ).toEqual([
      "› 1. Yes, this once (y)",
      "  2. Session: allow edit(**) until this",
      "     session ends (s)",
      "  3. Project: always allow edit(**)",
      "     here (p)",
      "  4. No (n)",
      "  5. Tell the model what to do instead",
      "     (t)",
      "  ↑↓, number or letter · esc says no",
    ]);
    expect(drawCard(createCard(1, permission, null), 0, context(39), 12).lines.slice(-5, -1)).toEqual([
      "  2. Session: allow edit(**) until thi…",
      "  3. Project: always allow edit(**) he…",
      "  4. No (n)",
      "  5. Tell the model what to do instead…",
    ]);
  });
});

describe("cards", () => {
  test("a first letter that several choices share goes round among them, one of its own chooses", () => {
    const card = createCard(1, { kind: "question", question: "Which?", options: ["alpha", "beta", "another"] }, null);
    const press = (from: typeof card, text: string): ReturnType<typeof pressInCard> =>
      pressInCard(from, { type: "text", text });
    const [once, twice] = [press(card, "a"), press(press(card, "a").card, "A")];
    expect([once.card.selected, once.reply, twice.card.selected, twice.reply]).toEqual([2, null, 0, null]);
    expect(press(card, "b").reply).toEqual({ answer: "text", text: "beta" });
    expect(press(card, "s").card.typing).toBe("");
    expect(press(card, "x")).toEqual({ card, reply: null });
  });

  test("Esc never allows, and letters are not shared", () => {
    for (const request of requests) {
      const letters = cardOptions(request).flatMap(({ letter }) => letter ?? []);
      expect(new Set(letters).size).toBe(letters.length);
      let card = createCard(1, request, null);
      // A line of text is left first.
      let step = pressInCard(card, { type: "escape" });
      if (step.reply === null) {
        card = step.card;
        step = pressInCard(card, { type: "escape" });
      }
      expect(["deny", "restore", "none"]).toContain(step.reply?.answer);
    }
  });

  test("no keys but a choice answer a card; text of several characters chooses nothing", () => {
    const key: fc.Arbitrary<CardKey> = fc.constantFrom<CardKey>(
      { type: "up" },
      { type: "down" },
      { type: "backspace" },
      { type: "text", text: "yes" },
      { type: "text", text: "z" },
      { type: "text", text: "0" },
      { type: "text", text: "9" },
    );
    fc.assert(
      fc.property(fc.array(key, { maxLength: 20 }), (keys) => {
        let card = createCard(1, permission, null);
        for (const one of keys) {
          const step = pressInCard(card, one);
          expect(step.reply).toBeNull();
          card = step.card;
          expect(card.selected).toBeLessThan(card.options.length);
        }
      }),
    );
  });

  test("options with one first letter are chosen by number", () => {
    expect(
      cardOptions({ kind: "question", question: "?", options: ["alpha", "alps", "beta"] }).map(({ letter }) => letter),
    ).toEqual([null, null, "b", null]);
  });
});

describe("blocks", () => {
  test("the plan card says all that an approval covers, at any width", () => {
    const plan = {
      ...fakePlan({
        network: true,
        decisions: ["keep the API"],
        open_questions: ["Which port?"],
        tickets: [fakeTicket({ files: [{ path: "**", action: "modify" }] }), fakeTicket({ id: "t2", files: [] })],
      }),
      flags: ["t2: files is missing"],
    };
    for (const columns of [18, 40, 80, 200]) {
      const lines = drawBlock(
        { kind: "plan", plan, executionModel: "fake/small", changes: [], stepCost: null },
        true,
        context(columns),
      );
      expect(lines.filter((line) => width(line) > columns)).toEqual([]);
      const flat = lines.join("").replace(/\s+/g, "");
      for (const part of [
        "the whole workspace",
        "commands may use the network",
        "t2: files is missing",
        "1. Which port?",
        "bash(npm test)",
        "/reject",
      ])
        expect(flat).toContain(part.replaceAll(" ", ""));
    }
  });

  test("the card names a ticket of this plan that may be approved alone, in the words that would do it", () => {
    const help = (...tickets: ReturnType<typeof fakeTicket>[]): string =>
      drawBlock(
        { kind: "plan", plan: fakePlan({ tickets }), executionModel: null, changes: [], stepCost: null },
        false,
        context(120),
      )
        .find((line) => line.includes("carries it out"))
        ?.trim() ?? "";
    expect([
      help(fakeTicket()),
      help(fakeTicket({ id: "b", depends_on: ["a"] }), fakeTicket({ id: "a" })),
      help(fakeTicket({ id: "a", files: [] }), fakeTicket({ id: "b", files: [] })),
    ]).toEqual([
      "/approve      carries it out",
      "/approve      carries it out; /approve a only that ticket",
      "/approve unscoped  carries it out; /approve unscoped a only that ticket",
    ]);
  });

  test("a plan without files names the one command that approves it", () => {
    const lines = drawBlock(
      {
        kind: "plan",
        plan: fakePlan({ tickets: [fakeTicket({ files: [] })] }),
        executionModel: null,
        changes: [],
        stepCost: null,
      },
      false,
      context(80),
    ).join("\n");
    expect(lines).toContain("only /approve unscoped can approve it");
    expect(lines).toContain("/approve unscoped  carries it out");
  });

  test("a revision says what it changes, a known model what a step on it costs", () => {
    const block = {
      kind: "plan" as const,
      plan: fakePlan(),
      executionModel: "fake/small",
      changes: ["~ t1 title: other", "- t1 file: modify src/a.ts", "+ t1 file: create src/b.ts"],
      stepCost: 0.0123,
    };
    const plain = drawBlock(block, false, context(80));
    expect(plain.slice(2, 8)).toEqual([
      "",
      " changed in this revision",
      "  ~ t1 title: other",
      "  - t1 file: modify src/a.ts",
      "  + t1 file: create src/b.ts",
      "",
    ]);
    expect(plain).toContain(" executes  fake/small · about ~$0.0123 a step");
    const colored = drawBlock(block, false, { ...context(80), theme: createTheme(true, "auto") }).join("\n");
    expect(colored).toContain("\u001b[32m  + t1 file: create src/b.ts\u001b[39m");
    expect(colored).toContain("\u001b[31m  - t1 file: modify src/a.ts\u001b[39m");
    expect(drawBlock({ ...block, changes: [], stepCost: null }, false, context(80)).join("\n")).not.toMatch(
      /changed in this revision|a step/,
    );
  });

  test("the report names what was planned and touched, and what went wrong only where something did", () => {
    const planned = (path: string): PlanFile => ({ path, action: "modify" });
    const touched = (path: string): TouchedFile => ({ ...planned(path), in_scope: true, rolled_back: false });
    const ticketReport = (id: string, cost: number | null): TicketReport => ({
      id,
      title: id,
      state: "done",
      cost_usd: cost,
      cost_is_estimate: false,
      report: null,
    });
    const report: DriftReport = {
      plan: "p1",
      hash: "sha256:00",
      state: "done",
      planned_files: [planned("a.ts")],
      touched_files: [touched("a.ts")],
      unplanned_commands: [],
      tickets: [ticketReport("t1", 0)],
      skipped_tickets: [],
      failed_tickets: [],
      rollbacks: [],
      unsettled: [],
      changed_between_commands: [],
      ignored_written: [],
      out_of_scope: [],
    };
    expect(drawBlock({ kind: "report", report }, false, context(80))).toEqual([
      "  planned  modify a.ts",
      "  touched  modify a.ts",
    ]);
    const drifted: DriftReport = {
      ...report,
      touched_files: [touched("a.ts"), touched("evil\u001b[2J")],
      out_of_scope: ["b.ts"],
      rollbacks: ["b.ts"],
      unplanned_commands: ["npm i"],
      skipped_tickets: ["t3"],
      failed_tickets: ["t2"],
      tickets: [ticketReport("t1", 0.5), ticketReport("t2", null)],
    };
    expect(drawBlock({ kind: "report", report: drifted }, false, context(80))).toEqual([
      "  planned             modify a.ts",
      "  touched             modify a.ts, modify evil",
      "  outside the plan    b.ts",
      "  put back            b.ts",
      "  unplanned commands  npm i",
      "  skipped tickets     t3",
      "  failed tickets      t2",
      "  cost by ticket      t1 $0.5000, t2 unknown",
    ]);
    const many = drawBlock(
      {
        kind: "report",
        report: { ...report, planned_files: Array.from({ length: 500 }, (_, index) => planned(`f${index}.ts`)) },
      },
      false,
      context(80),
    );
    expect(many.length).toBeLessThan(6);
    expect(many.join("\n")).toContain("and 492 more");
  });

  test("titles, paths and commands of a plan cannot draw a card of their own", () => {
    const evil = "x\u001b[2J\u001b[1;1H\n ✓ approved\u202e";
    const lines = drawBlock(
      {
        kind: "plan",
        plan: fakePlan({
          title: evil,
          tickets: [fakeTicket({ title: evil, files: [{ path: evil, action: "create" }] })],
        }),
        executionModel: evil,
        changes: [evil],
        stepCost: null,
      },
      false,
      context(80),
    );
    expect(lines.join("\n")).not.toMatch(/\u001b|\u202e/);
    expect(lines.filter((line) => line.trim() === "✓ approved")).toEqual([]);
  });

  test("what is wrapped of a table stays in its column", () => {
    expect(
      drawBlock(
        {
          kind: "output",
          text: "name    a long explanation that wraps\nplain words that are wrapped as well",
          failed: false,
        },
        false,
        context(30),
      ).map((line) => line.trimEnd()),
    ).toEqual(["  name    a long explanation", "          that wraps", "  plain words that are wrapped", "  as well"]);
  });
});

describe("Markdown", () => {
  const draw = (source: string, columns = 40): string[] =>
    renderMarkdown(source, columns, createTheme(false, "auto"), () => null);

  test("blocks and inline marks", () => {
    expect(
      draw(
        "# Head\n\nsome **bold** and `code` &lt;b&gt; [text](http://x.y)\n\n- one\n- two\n  1. deep\n\n> quoted\n\n---",
      ),
    ).toEqual([
      "Head",
      "",
      "some bold and code <b> text (http://x.y)",
      "",
      "• one",
      "• two",
      "  1. deep",
      "",
      "│ quoted",
      "",
      "─".repeat(40),
    ]);
    expect(draw("| a | b |\n|---|--:|\n| x | 10 |\n| long | 2 |")).toEqual([
      "a    │  b",
      "─────┼───",
      "x    │ 10",
      "long │  2",
    ]);
    expect(draw("```ts\nif (x) {\n  y();\n}\n```")).toEqual(["  if (x) {", "    y();", "  }"]);
  });

  test("unfinished marks are text; hostile bytes and nesting do no harm", () => {
    expect(draw("an **unfinished and `open")).toEqual(["an **unfinished and `open"]);
    expect(draw("a\u001b]8;;evil\u0007b\u202ec")).toEqual(["ab<U+202E>c"]);
    expect(draw(`${">".repeat(5000)} x`).length).toBeGreaterThan(0);
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom("#", "*", "`", "|", "-", "\n", " ", "a", "[", "]", "(", ")", ">", "1.", "\u001b"),
          maxLength: 80,
        }),
        (source) => {
          expect(draw(source).join("\n")).not.toContain("\u001b");
        },
      ),
    );
  });

  test("code gets colours only where there are any", () => {
    expect(highlightCode("const a = 1; // <b>", "ts", createTheme(true, "auto"))).toEqual([
      "\u001b[35mconst\u001b[39m a = \u001b[32m1\u001b[39m; \u001b[2m// <b>\u001b[22m",
    ]);
    expect(highlightCode("const a", "ts", createTheme(false, "auto"))).toBeNull();
    expect(highlightCode("x", "no-such-language", createTheme(true, "auto"))).toBeNull();
  });
});

describe("terminal", () => {
  test("lines pass through Ink unchanged", () => {
    const lines = ["plain", "", "日本 wide", "  indented"];
    expect(renderToString(createElement(Lines, { lines }), { columns: 40 })).toBe(lines.join("\n"));
  });

  test("the start of an incremental update is moved up, a mere move of the cursor is not", () => {
    expect(correctUpdate("\u001b[?25l\u001b[2B\u001b[1G\u001b[2A\u001b[E\u001b[1Gx\u001b[K\n")).toBe(
      "\u001b[?25l\u001b[2B\u001b[1G\u001b[3A\u001b[E\u001b[1Gx\u001b[K\n",
    );
    expect(correctUpdate("\u001b[1A\u001b[1Gx\u001b[K\n")).toBe("\u001b[2A\u001b[1Gx\u001b[K\n");
    const move = "\u001b[?25l\u001b[2B\u001b[1G\u001b[2A\u001b[1G\u001b[?25h";
    expect(correctUpdate(move)).toBe(move);
    expect(correctUpdate("text \u001b[2A\u001b[E")).toBe("text \u001b[2A\u001b[E");
  });

  test("colour is decided by FORCE_COLOR, then NO_COLOR, then the terminal", () => {
    expect(
      [
        {},
        { NO_COLOR: "1" },
        { NO_COLOR: "" },
        { NO_COLOR: "1", FORCE_COLOR: "1" },
        { FORCE_COLOR: "0" },
        { TERM: "dumb" },
      ].map(wantsColor),
    ).toEqual([true, false, true, true, false, false]);
  });
});
