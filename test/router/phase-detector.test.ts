// Phase detection: the published examples, histories, agent modes, robustness. Accuracy on unseen cases is measured
// outside.

import { describe, expect, test } from "vitest";
import { historySignals, HISTORY_LIMIT } from "../../src/router/history.ts";
import { detectPhase, detectTicketPhase } from "../../src/router/phase-detector.ts";
import { classifyTier } from "../../src/router/tier-classifier.ts";
import type { Message } from "../../src/types/message.ts";
import type { HistorySignal } from "../../src/types/route.ts";
import { readCaseFile } from "./cases.ts";

const said = (role: "user" | "assistant", text: string): HistorySignal => ({ role, text });
const used = (tool: string, facts: Partial<HistorySignal> = {}): HistorySignal => ({
  role: "tool",
  tool,
  text: "",
  ok: true,
  ...facts,
});

test.each([
  ["How should I structure the retry logic?", "plan"],
  ["Write a function that does X", "implement"],
  ["Why is this failing?", "debug"],
  ["Write pytest cases for this", "test"],
  ["Simplify this method", "refactor"],
  ["Add a docstring", "document"],
  ["Rename this variable", "small_edit"],
])("the text's own example: %s", (message, phase) => {
  expect(detectPhase({ message, history: [] }).phase).toBe(phase);
});

test.each([
  ["fix the typo in README", "small_edit"],
  ["Add error handling to the parser", "implement"],
  ["write unit tests for the parser", "test"],
  ["The app crashes on start", "debug"],
  ["refactoring the module", "refactor"],
  ["planning the release", "plan"],
  ["Traceback (most recent call last):\n  File \"a.py\", line 3\nKeyError: 'x'", "debug"],
])("where plain keyword patterns miss: %s", (message, phase) => {
  expect(detectPhase({ message, history: [] }).phase).toBe(phase);
});

describe("messages that lean on the history", () => {
  test.each([
    ["go on", [used("bash", { command: "python -m app", ok: false, text: "Traceback: no such column" })], "debug"],
    [
      "continue",
      [
        used("write", { path: "src/cart.spec.ts" }),
        said("assistant", "cart.spec.ts is done. Remaining specs: checkout."),
      ],
      "test",
    ],
    ["weiter", [used("write", { path: "docs/install.md" })], "document"],
    ["next", [used("view", { path: "a.ts" }), used("grep"), used("view", { path: "b.ts" })], "plan"],
    ["still broken", [used("edit", { path: "a.ts" }), said("assistant", "The loop should be gone.")], "debug"],
    [
      "yes, all of them",
      [said("assistant", "I can write test cases for: expired token, missing header. Should I?")],
      "test",
    ],
    [
      "do the same for the other controllers",
      [
        said("user", "extract the validation from UserController into a validator"),
        used("edit", { path: "app/UserController.php" }),
      ],
      "refactor",
    ],
    [
      "ok go",
      [
        said("user", "how would you do the invite flow?"),
        said("assistant", "Plan: 1) table invites 2) POST /invites 3) accept page. Shall I start?"),
      ],
      "implement",
    ],
    ["a bit bigger", [used("edit", { path: "src/theme.css" }), said("user", "make the logo grey")], "small_edit"],
  ] as [string, HistorySignal[], string][])("%s", (message, history, phase) => {
    const reading = detectPhase({ message, history });
    expect([reading.phase, reading.layer]).toEqual([phase, "history"]);
  });

  test("a message that speaks for itself is not overruled", () => {
    const failing = [used("bash", { command: "npm test", ok: false, text: "1 failed" })];
    expect(
      detectPhase({
        message:
          "write a readme with install steps, usage examples and a short section about the licence for new users please",
        history: failing,
      }),
    ).toMatchObject({ phase: "document", layer: "message" });
  });
});

test.each([
  ["claude-code:plan", "plan"],
  ["aider:architect", "plan"],
  ["aider:editor", "implement"],
  ["openclaw:create_plan", "plan"],
  ["openclaw:implement_step", "implement"],
])("agent mode %s", (agent, phase) => {
  expect(detectPhase({ message: "next", history: [], agent })).toMatchObject({
    phase,
    confidence: 0.95,
    layer: "agent",
  });
});

test("confidences are chances, and an empty message has little", () => {
  for (const message of ["", "🎉", "asdf qwer", "fix the crash", "x ".repeat(10_000)]) {
    const { confidence } = detectPhase({ message, history: [] });
    expect(confidence).toBeGreaterThan(0);
    expect(confidence).toBeLessThanOrEqual(1);
  }
  expect(detectPhase({ message: "", history: [] }).confidence).toBeLessThan(0.6);
});

test("a ticket is work: never plan", () => {
  expect(detectTicketPhase({ title: "Plan the migration", detail: "compare options", files: [] }).phase).not.toBe(
    "plan",
  );
  expect(detectTicketPhase({ title: "", detail: "", files: [] }).phase).not.toBe("plan");
});

describe("predictions survive what does not change the meaning", () => {
  const messages = ["implement", "debug", "test", "refactor", "document", "plan", "review", "small_edit"].flatMap(
    (name) => readCaseFile(`phase/${name}`),
  );
  const swaps: [RegExp, string][] = [
    [/\bbutton\b/gi, "control"],
    [/\bpage\b/gi, "screen"],
    [/\blist\b/gi, "overview"],
    [/\bfast\b/gi, "quick"],
    [/\bplease\b/gi, "kindly"],
    [/\bbig\b/gi, "large"],
    [/\bshow\b/gi, "display"],
    [/\bremove\b/gi, "delete"],
    [/\bcreate\b/gi, "make"],
    [/\bbuild\b/gi, "create"],
    [/\berror\b/gi, "failure"],
    [/\buser\b/gi, "customer"],
    [/\bmodule\b/gi, "package"],
    [/\bfunction\b/gi, "method"],
  ];
  test.each([
    ["upper case", (text: string) => text.toUpperCase()],
    ["capitals", (text: string) => text.replace(/\b\p{L}/gu, (letter) => letter.toUpperCase())],
    ["a full stop", (text: string) => `${text}.`],
    ["exclamation marks", (text: string) => `${text}!!`],
    ["no final mark", (text: string) => text.replace(/[?.!]+$/, "")],
    [
      "a synonym",
      (text: string) => {
        const swap = swaps.find(([from]) => {
          from.lastIndex = 0;
          return from.test(text);
        });
        return swap === undefined ? text : text.replace(swap[0], swap[1]);
      },
    ],
  ])("%s", (_name, change) => {
    const same = messages.filter(
      (message) =>
        detectPhase({ message, history: [] }).phase === detectPhase({ message: change(message), history: [] }).phase,
    );
    expect(same.length / messages.length).toBeGreaterThanOrEqual(0.95);
  });
});

test("tiers: the work counts, not how it sounds", () => {
  expect(classifyTier("thanks, that works").tier).toBe("balanced");
  expect(classifyTier("implement an LRU cache with a ttl in go").tier).toBe("coding");
  expect(classifyTier("compare two ways of storing permissions and recommend one").tier).toBe("smart");
  expect(classifyTier("prove that the protocol can never deadlock").tier).toBe("deep");
  expect(classifyTier("").tier).toBe("balanced");
});

test("history is reduced to the last few signals, with the call beside its result", () => {
  const messages: Message[] = [];
  for (let at = 0; at < 100; at++) {
    messages.push({
      role: "assistant",
      model: "a/b",
      content: [{ type: "tool_call", id: `c${at}`, name: "bash", input: { command: `run ${at}` } }],
    });
    messages.push({
      role: "tool",
      callId: `c${at}`,
      toolName: "bash",
      content: [{ type: "text", text: "x".repeat(50_000) }],
      isError: at === 99,
    });
  }
  messages.push({ role: "user", content: [{ type: "text", text: "go on" }] });
  const signals = historySignals(messages);
  expect(signals).toHaveLength(HISTORY_LIMIT);
  expect(signals.at(-1)).toEqual({ role: "user", text: "go on" });
  expect(signals.at(-2)).toMatchObject({ role: "tool", tool: "bash", ok: false, command: "run 99" });
  expect(signals.every((signal) => signal.text.length < 4_000)).toBe(true);
});
