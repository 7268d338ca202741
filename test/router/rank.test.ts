// Ranking: expected cost of a finished step, plain ratio, floors, filters, unknown figures, ties.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PHASE_FACTS } from "../../src/router/phases.ts";
import { rankCandidates, REPAIR_STEPS, stepCost, type RankInput } from "../../src/router/rank.ts";
import { model } from "./support.ts";

const needs = { tools: true, vision: false, contextTokens: 10_000 };
function rank(input: Partial<RankInput> & Pick<RankInput, "models">): ReturnType<typeof rankCandidates> {
  return rankCandidates({
    phase: "implement",
    rank: "expected-cost",
    capability: (one) => one.scores.implement?.value ?? null,
    floor: 50,
    needs,
    previous: null,
    ...input,
  });
}
const reasons = (result: ReturnType<typeof rankCandidates>): Record<string, string | null> =>
  Object.fromEntries(result.candidates.map((candidate) => [candidate.model, candidate.rejected]));

describe("expected cost", () => {
  test("a cheap model that fails often loses to a better one; the ratio takes the cheapest", () => {
    const models = [model("a/strong", { price: [2, 10], all: 90 }), model("a/cheap", { price: [1.2, 6], all: 52 })];
    expect(rank({ models }).winner?.id).toBe("a/strong");
    expect(rank({ models, rank: "ratio", floor: 0 }).winner?.id).toBe("a/strong");
    const apart = [model("a/strong", { price: [2, 10], all: 90 }), model("a/cheap", { price: [0.02, 0.1], all: 22 })];
    expect(rank({ models: apart, rank: "ratio", floor: 0 }).winner?.id).toBe("a/cheap");
    expect(rank({ models: apart }).winner?.id).toBe("a/strong");
  });

  test("agrees with a brute-force oracle", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            input: fc.double({ min: 0.01, max: 20, noNaN: true }),
            output: fc.double({ min: 0.01, max: 80, noNaN: true }),
            score: fc.integer({ min: 1, max: 99 }),
          }),
          { minLength: 1, maxLength: 8 },
        ),
        fc.integer({ min: 0, max: 60 }),
        (rows, floor) => {
          const models = rows.map((row, at) => model(`a/m${at}`, { price: [row.input, row.output], all: row.score }));
          const cost = (at: number): number =>
            ((1.25 * needs.contextTokens + PHASE_FACTS.implement.step.input) * (rows[at]?.input ?? 0) +
              PHASE_FACTS.implement.step.output * (rows[at]?.output ?? 0)) /
            1e6;
          const top = rows.reduce((best, row, at) => (row.score > (rows[best]?.score ?? 0) ? at : best), 0);
          // The repair writes the prefix once and reads it afterwards.
          const warm =
            ((0.1 * needs.contextTokens + PHASE_FACTS.implement.step.input) * (rows[top]?.input ?? 0) +
              PHASE_FACTS.implement.step.output * (rows[top]?.output ?? 0)) /
            1e6;
          const repair = cost(top) + (REPAIR_STEPS - 1) * warm;
          const total = (at: number): number => cost(at) + (1 - (rows[at]?.score ?? 0) / 100) * repair;
          const all = rows.map((_row, at) => at);
          const good = all.filter((at) => (rows[at]?.score ?? 0) >= floor);
          const pool = good.length > 0 ? good : all;
          const least = Math.min(...pool.map(total));
          const winner = Number((rank({ models, floor }).winner?.id ?? "").slice(3));
          expect(pool).toContain(winner);
          expect(total(winner)).toBeCloseTo(least, 9);
        },
      ),
    );
  });
});

test("the dearer a cold cache, the likelier the model in use stays, however large the gap in capability", () => {
  const pair = (write: number) =>
    ["a/weak", "a/strong"].map((id, at) =>
      model(id, {
        all: at === 0 ? 52 : 95,
        extra: { price: { input: 1, output: 5, cache_read: 0.1, cache_write: write } },
      }),
    );
  const previous = { model: "a/weak", prefixTokens: 20_000, tier: "balanced" as const, warm: true };
  expect([4, 40, 400, 4_000].map((write) => rank({ models: pair(write), previous }).winner?.id)).toEqual([
    "a/weak",
    "a/weak",
    "a/weak",
    "a/weak",
  ]);
  expect(rank({ models: pair(0.1), previous }).winner?.id).toBe("a/strong");
  expect(rank({ models: pair(400), previous }).reason).toContain(
    "not switched to a/strong, since a cold cache would cost more than it saves",
  );
});

test("floor: below it only where nothing reaches it, and then it is said", () => {
  const models = [model("a/low", { price: [0.01, 0.01], all: 40 }), model("a/mid", { price: [5, 5], all: 60 })];
  expect(reasons(rank({ models }))).toEqual({
    "a/low": "capability 40 is below the floor of 50 for implement",
    "a/mid": null,
  });
  const only = rank({ models: models.slice(0, 1) });
  expect(only.winner?.id).toBe("a/low");
  expect(only.reason).toContain("no candidate reaches the floor of 50");
});

test("what cannot serve the request is out, with the reason", () => {
  const models = [
    model("a/toolless", { all: 90, extra: { tools: false } }),
    model("a/blind", { all: 90, extra: { vision: false } }),
    model("a/short", { all: 90, extra: { contextWindow: 8_000 } }),
    model("a/gone", { all: 90, extra: { status: "retired" } }),
    model("a/unknown", { all: 60, extra: { tools: null, vision: null, contextWindow: null } }),
  ];
  const result = rank({ models, needs: { ...needs, vision: true } });
  expect(result.winner?.id).toBe("a/unknown");
  expect(reasons(result)).toMatchObject({
    "a/toolless": "takes no tools",
    "a/blind": "takes no images",
    "a/gone": "retired by its vendor",
  });
  expect(reasons(result)["a/short"]).toContain("context window of 8000 tokens");
  expect(rank({ models: models.slice(0, 1) })).toMatchObject({
    winner: null,
    reason: "no candidate for implement can serve this request",
  });
});

test("an unknown price or score is unknown, never zero; with nothing known the first serves", () => {
  const models = [
    model("a/priceless", { price: null, all: 99 }),
    model("a/scoreless"),
    model("a/known", { price: [50, 90], all: 51 }),
  ];
  const result = rank({ models });
  expect(reasons(result)).toEqual({
    "a/priceless": "price unknown",
    "a/scoreless": "capability unknown",
    "a/known": null,
  });
  expect(result.candidates[0]?.est_cost_usd).toBeNull();
  expect(rank({ models: models.slice(0, 2) }).winner?.id).toBe("a/priceless");
  expect(stepCost(model("a/negative", { price: [-1, 5] }), "implement", needs, null)).toBeNull();
});

test("ties go to the earlier one", () => {
  const models = [model("a/first", { all: 70 }), model("a/second", { all: 70 })];
  expect(rank({ models }).winner?.id).toBe("a/first");
  expect(rank({ models: models.toReversed() }).winner?.id).toBe("a/second");
  expect(reasons(rank({ models }))["a/second"]).toBe("equal, but later in the list");
});

test("a warm prefix is read at the cache's price by the very model that holds it, long prompts at their dearer price", () => {
  const one = model("a/one", { price: [10, 0] });
  const previous = { model: "a/one", prefixTokens: 100_000, tier: "balanced" as const, warm: true };
  const fresh = PHASE_FACTS.implement.step.input * 10;
  expect(stepCost(one, "implement", needs, previous)).toBeCloseTo((100_000 * 1 + fresh) / 1e6, 9);
  expect(stepCost(one, "implement", needs, { ...previous, warm: false })).toBeCloseTo(
    (100_000 * 12.5 + fresh) / 1e6,
    9,
  );
  expect(stepCost(model("a/two", { price: [10, 0] }), "implement", needs, previous)).toBeCloseTo(
    (100_000 * 12.5 + fresh) / 1e6,
    9,
  );
  const long = model("a/one", {
    price: [10, 0],
    extra: { longContext: { above: 50_000, price: { input: 20, cache_read: 2 } } },
  });
  expect(stepCost(long, "implement", needs, previous)).toBeCloseTo(
    (100_000 * 2 + PHASE_FACTS.implement.step.input * 20) / 1e6,
    9,
  );
});
