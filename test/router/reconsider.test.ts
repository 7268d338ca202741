// Promotion inside a run: which signals count, when it pays, and that it never goes down.

import { describe, expect, test } from "vitest";
import { createRouter } from "../../src/router/index.ts";
import { codeSignal } from "../../src/router/promote.ts";
import type { JsonObject } from "../../src/types/json.ts";
import type { Message } from "../../src/types/message.ts";
import type { RouteContext, RouteDecision } from "../../src/types/route.ts";
import { context, model, NEVER, partsOf, settings } from "./support.ts";

const user = (text: string): Message => ({ role: "user", content: [{ type: "text", text }] });
function run(name: string, input: JsonObject, result: string): Message[] {
  return [
    { role: "assistant", model: "house/balanced", content: [{ type: "tool_call", id: "c", name, input }] },
    { role: "tool", callId: "c", toolName: name, content: [{ type: "text", text: result }], isError: false },
  ];
}

describe("signals", () => {
  test.each([
    ["view", { path: "src/a.ts" }, "text"],
    ["edit", { path: "Makefile" }, "text"],
    ["bash", { command: "cd app && npm test" }, "ok"],
    ["bash", { command: "echo" }, "Traceback (most recent call last)"],
    ["grep", { pattern: "x" }, "error[E0502]: cannot borrow"],
  ])("%s %j", (name, input, result) => {
    expect(codeSignal([user("look"), ...run(name, input, result)])).not.toBeNull();
  });
  test.each([
    ["view", { path: "notes.md" }, "text"],
    ["bash", { command: "ls" }, "a b"],
    ["grep", { pattern: "x" }, "no match"],
  ])("none in %s %j", (name, input, result) => {
    expect(codeSignal([user("look"), ...run(name, input, result)])).toBeNull();
  });
  test("old history and a run without results say nothing", () => {
    expect(codeSignal([...run("view", { path: "a.ts" }, ""), user("thanks")])).toBeNull();
    expect(codeSignal([user("look")])).toBeNull();
  });
});

describe("reconsider", () => {
  const models = [
    model("house/default"),
    model("house/balanced", { price: [0.5, 2], all: 45 }),
    model("house/coding", { price: [2, 8], all: 88 }),
    model("house/dear", { price: [60, 300], all: 60 }),
    model("house/unpriced", { price: null, all: 99 }),
  ];
  const router = createRouter(partsOf(models));
  const tiers = (coding: string | null) =>
    settings((value) =>
      Object.assign(value.options.model_router, { balanced_model: "house/balanced", coding_model: coding }),
    );
  const work = [user("have a look"), ...run("bash", { command: "npm test" }, "1 failed")];

  async function promoted(
    change: Partial<RouteContext> = {},
    coding: string | null = "house/coding",
  ): Promise<RouteDecision | null> {
    const turn = context({ message: "thanks for looking", settings: tiers(coding), ...change });
    return router.reconsider(turn, await router.decide(turn, null, NEVER), work);
  }

  test("promotes a balanced run that shows code work", async () => {
    const decision = await promoted();
    expect(decision?.route).toMatchObject({
      model: "house/coding",
      tier: "coding",
      tier_source: "dynamic",
      source: "escalation",
    });
    expect(decision?.log).toEqual([
      "Dynamic tier upgrade: balanced -> coding (in this run: command npm test)",
      "Tier assignment: tier=coding source=dynamic model=house/coding by=escalation reasoning=none",
    ]);
    expect(decision?.route.candidates.map((candidate) => [candidate.model, candidate.rejected === null])).toEqual([
      ["house/coding", true],
      ["house/balanced", false],
    ]);
  });
  test("and then stays", async () => {
    const turn = context({ message: "thanks for looking", settings: tiers("house/coding") });
    const decision = await promoted();
    expect(decision === null ? null : router.reconsider(turn, decision, work)).toBeNull();
  });
  test.each([
    ["without coding_model", {}, null],
    ["where the switch does not pay", {}, "house/dear"],
    ["where the price is unknown", {}, "house/unpriced"],
    ["in the plan stage", { stage: "plan" as const }, "house/coding"],
    [
      "when the user chose the tier",
      { overrides: { model: null, tier: { value: "balanced" as const, once: false, from: "command" as const } } },
      "house/coding",
    ],
    [
      "when the user pinned a model",
      { overrides: { model: { value: "house/default", once: false, from: "command" as const }, tier: null } },
      "house/coding",
    ],
    [
      "when a skill asks for the tier",
      { skill: { name: "s", tier: "balanced" as const, activatedBy: "user" as const, turn: 1 } },
      "house/coding",
    ],
  ])("not %s", async (_name, change, coding) => {
    expect(await promoted(change, coding)).toBeNull();
  });
  test("not when escalation is off", async () => {
    const off = tiers("house/coding");
    off.options.model_router.dynamic_tier_enabled = false;
    expect(await promoted({ settings: off })).toBeNull();
  });
  test("a prefix whose re-reading costs more than it saves keeps the model", async () => {
    const near = [
      model("house/default"),
      model("house/balanced", { price: [2, 8], all: 78 }),
      model("house/coding", { price: [2.2, 9], all: 84 }),
    ];
    const close = createRouter(partsOf(near));
    const turn = context({ message: "thanks for looking", settings: tiers("house/coding") });
    const current = await close.decide(turn, null, NEVER);
    const heavy = {
      ...turn,
      previous: { model: "house/balanced", prefixTokens: 190_000, tier: "balanced" as const, warm: true },
    };
    expect(close.reconsider(heavy, current, work)).toBeNull();
  });
});
