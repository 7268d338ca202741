// Replay: the same ground gives the same decisions, and one changed price changes exactly what the arithmetic says.

import { describe, expect, test } from "vitest";
import { PHASE_FACTS } from "../../src/router/phases.ts";
import { createRouter, type RouterParts } from "../../src/router/index.ts";
import { replayRoutes } from "../../src/router/replay.ts";
import type { ModelInfo } from "../../src/types/provider.ts";
import type { Route, RouteContext } from "../../src/types/route.ts";
import type { Settings } from "../../src/types/settings.ts";
import { readCaseFile } from "./cases.ts";
import { context, model, NEVER, partsOf, settings } from "./support.ts";

/** A small reproducible generator: the same seed gives the same session. */
function dice(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * below);
  };
}

const MODELS = [
  model("house/default", { price: [1, 4], all: 60 }),
  model("house/strong", { price: [4, 20], all: 92 }),
  model("house/mid", { price: [1.5, 6], all: 78 }),
  model("house/small", { price: [0.2, 0.8], all: 55 }),
];
const MESSAGES = ["implement", "debug", "plan", "document", "small_edit"]
  .flatMap((name) => readCaseFile(`phase/${name}`).slice(0, 60))
  .concat(readCaseFile("gate/stay").slice(0, 40));

function someSettings(draw: (below: number) => number): Settings {
  const pick = (...choices: (string | null)[]): string | null => choices[draw(choices.length)] ?? null;
  return settings((value) => {
    value.options.phase_model.planning_model = pick(null, "auto", "house/strong", "tier:smart", "tier:balanced");
    value.options.phase_model.execution_model = pick(null, "auto", "house/mid", "tier:coding");
    Object.assign(value.options.model_router, {
      balanced_model: pick(null, "house/small"),
      coding_model: pick(null, "house/mid"),
      smart_model: pick(null, "house/strong"),
      dynamic_tier_enabled: draw(4) > 0,
    });
    value.options.phase_router.enabled = draw(2) === 0;
    value.options.gate.enabled = draw(3) === 0;
  });
}

async function session(
  seed: number,
  parts: RouterParts,
): Promise<{ value: Settings; routes: Route[]; texts: Map<number, string> }> {
  const draw = dice(seed);
  const value = someSettings(draw);
  const router = createRouter(parts);
  const routes: Route[] = [];
  const texts = new Map<number, string>();
  let previous: RouteContext["previous"] = null;
  for (let turn = 1; turn <= 1 + draw(4); turn++) {
    const message = MESSAGES[draw(MESSAGES.length)] ?? "";
    texts.set(turn, message);
    const turnContext = context({
      settings: value,
      message,
      turn,
      previous,
      stage: (["plan", "execute", "chat"] as const)[draw(3)] ?? "chat",
      workflowEnabled: draw(2) === 0,
      pending: draw(3) === 0,
      overrides: {
        model: draw(6) === 0 ? { value: draw(2) === 0 ? "auto" : "house/mid", once: false, from: "command" } : null,
        tier: draw(6) === 0 ? { value: "deep", once: false, from: "command" } : null,
      },
      skill:
        draw(5) === 0 ? { name: "s", tier: "smart", activatedBy: draw(2) === 0 ? "user" : "model", turn: 1 } : null,
      needs: { tools: true, vision: false, contextTokens: draw(60_000) },
    });
    const decision = await router.decide(turnContext, null, NEVER);
    const push = (route: typeof decision.route): void =>
      void routes.push({
        ...route,
        turn,
        served_model: null,
        cost_usd: null,
        baseline_cost_usd: null,
        savings_pct: null,
      });
    push(decision.route);
    const tool = {
      role: "tool",
      callId: "c",
      toolName: "bash",
      content: [{ type: "text", text: "1 test FAILED" }],
      isError: true,
    } as const;
    const again = router.reconsider(turnContext, decision, [{ ...tool, content: [...tool.content] }]);
    if (again !== null) push(again.route);
    previous = {
      model: (again ?? decision).model.id,
      prefixTokens: draw(80_000),
      tier: decision.route.tier,
      warm: draw(2) === 0,
    };
  }
  return { value, routes: JSON.parse(JSON.stringify(routes)) as Route[], texts };
}

/** The cheapest finished step among a recorded route's candidates, computed here from first principles. */
function oracle(route: Route, models: ModelInfo[]): string {
  const { inputs, phase } = route;
  if (inputs === undefined || phase === null) throw new Error("a route without inputs");
  const { step, floor } = PHASE_FACTS[phase];
  const prefix = Math.max(inputs.needs.contextTokens, inputs.previous?.prefixTokens ?? 0);
  const rows = route.candidates.map((candidate) => {
    const price = models.find((one) => one.id === candidate.model)?.price;
    const held =
      inputs.previous?.warm === true && inputs.previous.model === candidate.model ? inputs.previous.prefixTokens : 0;
    const cost =
      held * (price?.cache_read ?? 0) +
      (prefix - held) * (price?.cache_write ?? 0) +
      step.input * (price?.input ?? 0) +
      step.output * (price?.output ?? 0);
    const warm =
      prefix * (price?.cache_read ?? 0) + step.input * (price?.input ?? 0) + step.output * (price?.output ?? 0);
    return { model: candidate.model, cost, warm, chance: candidate.capability ?? 0 };
  });
  const strongest = rows.reduce((best, row) => (row.chance > best.chance ? row : best));
  const able = rows.filter((row) => row.chance * 100 >= floor);
  const repair = strongest.cost + 2 * strongest.warm;
  const finished = (row: (typeof rows)[number]): number => row.cost + (1 - row.chance) * repair;
  return (able.length > 0 ? able : rows).reduce((best, row) => (finished(row) < finished(best) ? row : best)).model;
}

describe("replay", () => {
  test("of its own sessions shows no difference, over 1,000 of them", async () => {
    const parts = partsOf(MODELS);
    const sources = new Set<string>();
    let inRun = 0;
    for (let seed = 1; seed <= 1_000; seed++) {
      const { value, routes, texts } = await session(seed, parts);
      const { replayed, skipped } = await replayRoutes(routes, texts, value, parts);
      expect(skipped).toBe(0);
      expect(replayed.map((one) => [one.model, one.source])).toEqual(
        routes.map((route) => [route.model, route.source]),
      );
      for (const route of routes) sources.add(route.source);
      inRun += routes.filter((route) => route.inputs?.run_signal !== null).length;
    }
    expect([...sources].sort()).toEqual(["default", "escalation", "gate", "phase", "skill", "stage", "tier", "user"]);
    expect(inRun).toBeGreaterThan(0);
  });

  test("with one price changed differs exactly where a brute-force oracle says so", async () => {
    const before = partsOf(MODELS);
    const dearer: ModelInfo[] = MODELS.map((one) =>
      one.id === "house/mid" ? { ...one, price: { input: 30, output: 120, cache_read: 3, cache_write: 37 } } : one,
    );
    const after = partsOf(dearer);
    let different = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const old = await session(seed, before);
      const { replayed } = await replayRoutes(
        old.routes.filter((route) => route.inputs?.run_signal === null),
        old.texts,
        old.value,
        after,
      );
      for (const { recorded, model: now } of replayed) {
        if (recorded.source !== "phase") {
          expect(now).toBe(recorded.model);
          continue;
        }
        expect(now).toBe(oracle(recorded, dearer));
        if (now !== recorded.model) different++;
      }
    }
    expect(different).toBeGreaterThan(10);
  });

  test("a route without inputs is counted, not guessed; a model that is gone is said", async () => {
    const parts = partsOf(MODELS);
    const { routes, texts } = await session(7, parts);
    const [first] = routes;
    if (first === undefined) throw new Error("an empty session");
    const bare: Route = { ...first };
    delete bare.inputs;
    const pinned: Route = {
      ...first,
      source: "user",
      inputs:
        first.inputs === undefined
          ? undefined
          : {
              ...first.inputs,
              overrides: { model: { value: "house/gone", once: false, from: "command" }, tier: null },
            },
    } as Route;
    const { replayed, skipped } = await replayRoutes([bare, pinned], texts, settings(), parts);
    expect(skipped).toBe(1);
    expect(replayed).toEqual([
      expect.objectContaining({ model: null, reason: expect.stringContaining("house/gone") as unknown }),
    ]);
  });
});
