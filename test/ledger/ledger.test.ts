// Prices, baseline and switches: exact arithmetic over what was billed.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLedger, totalCosts, type Ledger } from "../../src/ledger/ledger.ts";
import { dearestModel, priceUsage } from "../../src/ledger/price.ts";
import { fromMoney } from "../../src/util/money.ts";
import type { LedgerEntry, ModelCall } from "../../src/types/ledger.ts";
import type { ModelInfo, Usage } from "../../src/types/provider.ts";
import { cheap, dear, model } from "./models.ts";

function usage(input: number, output: number, cacheRead = 0, cacheWrite = 0): Usage {
  return { input, output, cache_read: cacheRead, cache_write: cacheWrite };
}

function cost(used: Usage, of: ModelInfo): number | null {
  const { costUsd } = priceUsage(used, of);
  return costUsd === null ? null : fromMoney(costUsd);
}

function call(of: ModelInfo, facts: Partial<ModelCall> = {}): ModelCall {
  return {
    turn: 1,
    step: 1,
    route: { id: "r_1" },
    purpose: "main",
    stage: "execute",
    phase: "implement",
    tier: "balanced",
    ticket: null,
    model: of,
    conversation: 1,
    ...facts,
  };
}

/** A ledger without caps whose clock is moved by hand. */
function ledgerWith(baseline: { fixed: ModelInfo | null; candidates: ModelInfo[] }): {
  ledger: Ledger;
  wait(seconds: number): void;
} {
  let time = Date.parse("2026-11-21T10:00:00.000Z");
  let count = 0;
  const ledger = createLedger({
    caps: () => ({ session_usd: 0, plan_usd: 0, execute_usd: 0, turn_usd: 0 }),
    runCapUsd: null,
    baseline: () => baseline,
    now: () => new Date(time),
    newId: (prefix) => `${prefix}_${(count += 1)}`,
  });
  return {
    ledger,
    wait: (seconds) => {
      time += seconds * 1000;
    },
  };
}

describe("prices", () => {
  test("each kind of token at its own price", () => {
    expect(cost(usage(1_000, 200, 5_000, 300), dear)).toBe(0.008625);
    expect(cost(usage(1, 0), dear)).toBe(0.000003);
    expect(cost(usage(0, 0), dear)).toBe(0);
  });

  test("random usage equals integer arithmetic", () => {
    const tokens = fc.integer({ min: 0, max: 2_000_000 });
    const price = fc.integer({ min: 0, max: 100_000 });
    fc.assert(
      fc.property(
        fc.tuple(tokens, tokens, tokens, tokens),
        fc.tuple(price, price, price, price),
        ([input, output, read, write], [a, b, c, d]) => {
          const priced = model("x/y", {
            input: a / 1000,
            output: b / 1000,
            cache_read: c / 1000,
            cache_write: d / 1000,
          });
          const exact =
            BigInt(input) * BigInt(a) +
            BigInt(output) * BigInt(b) +
            BigInt(read) * BigInt(c) +
            BigInt(write) * BigInt(d);
          expect(priceUsage(usage(input, output, read, write), priced).costUsd).toBe(exact * 10n ** 15n);
        },
      ),
    );
  });

  test("a missing price is unknown only where it is needed; writing to the cache falls back to plain input", () => {
    const half = model("x/half", { input: 1, output: null });
    expect(cost(usage(1_000_000, 0), half)).toBe(1);
    expect(cost(usage(1, 1), half)).toBeNull();
    const plain = model("x/plain", { input: 1, output: 2 });
    expect(cost(usage(0, 0, 0, 1_000_000), plain)).toBe(1);
    expect(cost(usage(0, 0, 1, 0), plain)).toBeNull();
    expect(cost(usage(1, 1), model("x/none", {}))).toBeNull();
    expect(cost(usage(1, 1), model("x/negative", { input: -1, output: 1 }))).toBeNull();
    expect(cost(usage(5, 5), model("x/free", { input: 0, output: 0 }))).toBe(0);
  });

  test("the long price holds for the whole request once its input is above the border", () => {
    const long = model(
      "x/long",
      { input: 2, output: 10, cache_read: 0.2 },
      { longContext: { above: 100_000, price: { input: 4, output: 15 } } },
    );
    expect(cost(usage(100_000, 1_000), long)).toBe(0.21);
    expect(cost(usage(100_001, 1_000), long)).toBe(0.415004);
    expect(cost(usage(1, 0, 100_000), long)).toBe(0.020004);
  });

  test("the dearest that could have served: window, retirement and unknown prices count", () => {
    const small = model("x/small", { input: 100, output: 100 }, { contextWindow: 1_000 });
    const retired = model("x/retired", { input: 100, output: 100 }, { status: "retired" });
    const unknown = model("x/unknown", {});
    const candidates = [cheap, small, retired, unknown, dear];
    expect(dearestModel(usage(5_000, 100), candidates)?.id).toBe("house/dear");
    expect(dearestModel(usage(500, 100), candidates)?.id).toBe("x/small");
    expect(dearestModel(usage(1, 1), [unknown])).toBeNull();
  });
});

describe("booking", () => {
  test("an entry carries the call, its cost and the baseline of the same usage", () => {
    const { ledger } = ledgerWith({ fixed: dear, candidates: [] });
    const { entry, error } = ledger.settle(
      call(cheap, { turn: 4, step: 2, ticket: "t1" }),
      usage(1_000, 100, 10_000),
      "cheap-2",
    );
    expect(error).toBeNull();
    expect(entry).toEqual({
      id: "c_1",
      conversation: 1,
      turn: 4,
      step: 2,
      route: "r_1",
      purpose: "main",
      stage: "execute",
      phase: "implement",
      tier: "balanced",
      ticket: "t1",
      model: "house/cheap",
      served_model: "cheap-2",
      usage: usage(1_000, 100, 10_000),
      cost_usd: 0.00025,
      estimate: false,
      baseline_model: "house/dear",
      baseline_cost_usd: 0.0075,
      switch_penalty_usd: null,
      at: "2026-11-21T10:00:00.000Z",
    });
    expect(ledger.totals([entry])).toEqual({
      calls: 1,
      usage: usage(1_000, 100, 10_000),
      cost_usd: 0.00025,
      estimate: false,
      baseline_model: "house/dear",
      baseline_cost_usd: 0.0075,
      baseline_estimate: false,
      savings_pct: 96.67,
    });
  });

  test("unknown stays unknown in sums, estimates stay marked", () => {
    const unpriced = model("x/unpriced", {});
    const guessed = model("x/guessed", { input: 1, output: 1 }, { priceEstimate: true });
    const { ledger } = ledgerWith({ fixed: null, candidates: [unpriced] });
    const first = ledger.settle(call(unpriced), usage(10, 10), null).entry;
    expect(first).toMatchObject({ cost_usd: null, baseline_model: null, baseline_cost_usd: null });
    const second = ledger.settle(call(guessed), usage(10, 10), null).entry;
    expect(ledger.totals([first, second])).toMatchObject({
      calls: 2,
      cost_usd: null,
      estimate: true,
      baseline_cost_usd: null,
      savings_pct: null,
    });
    expect(ledger.totals([second])).toMatchObject({ cost_usd: 0.00002, estimate: true });
    expect(ledger.totals([])).toEqual({
      calls: 0,
      usage: usage(0, 0),
      cost_usd: 0,
      estimate: false,
      baseline_model: null,
      baseline_cost_usd: 0,
      baseline_estimate: false,
      savings_pct: null,
    });
  });

  test("a sum of many entries is exact, from this run and from records", () => {
    const tenth = model("x/tenth", { input: 0.1, output: 0.3 });
    const { ledger } = ledgerWith({ fixed: tenth, candidates: [] });
    const entries = Array.from({ length: 1_000 }, () => ledger.settle(call(tenth), usage(1, 1), null).entry);
    expect(ledger.totals(entries).cost_usd).toBe(0.0004);
    expect(totalCosts(JSON.parse(JSON.stringify(entries)) as LedgerEntry[]).cost_usd).toBe(0.0004);
    expect(ledger.totals(entries).savings_pct).toBe(0);
  });
});

describe("switching", () => {
  const half = model("house/half", { input: 2, output: 10, cache_read: 0.2, cache_write: 2.5 });

  test("a session that goes to and fro pays for cold caches and saves less than nothing", () => {
    const { ledger } = ledgerWith({ fixed: null, candidates: [dear, half] });
    const entries = Array.from(
      { length: 10 },
      (_, step) =>
        ledger.settle(call(step % 2 === 0 ? dear : half, { step }), usage(0, 100, 0, 50_000 + step * 100), null).entry,
    );
    expect(entries[0]).toMatchObject({ switch_penalty_usd: null, baseline_model: "house/dear" });
    // 50,100 tokens of the second request were there before: written at 2.5 instead of read at 0.2.
    expect(entries[1]?.switch_penalty_usd).toBe(0.11523);
    expect(entries[1]?.baseline_cost_usd).toBe(0.01653);
    const totals = ledger.totals(entries);
    expect(totals.savings_pct).toBeLessThan(-100);
    expect(totals.cost_usd).toBeGreaterThan(totals.baseline_cost_usd ?? Number.POSITIVE_INFINITY);
  });

  test("no penalty where nothing was lost: same model, other conversation, cold by time, short prefix, warm cache, small calls", () => {
    const { ledger, wait } = ledgerWith({ fixed: dear, candidates: [] });
    const big = usage(0, 100, 0, 50_000);
    const penalty = (of: ModelInfo, used: Usage, facts: Partial<ModelCall> = {}): number | null =>
      ledger.settle(call(of, facts), used, null).entry.switch_penalty_usd;
    expect(penalty(dear, big)).toBeNull();
    expect(penalty(dear, big)).toBeNull();
    expect(penalty(half, big, { conversation: 2 })).toBeNull();
    expect(penalty(half, usage(10, 1), { purpose: "classify" })).toBeNull();
    wait(301);
    expect(penalty(half, big)).toBe(0);
    expect(penalty(dear, usage(100, 10, 50_000))).toBe(0.00027);
    expect(penalty(dear, usage(500, 10), { conversation: 3 })).toBeNull();
    expect(penalty(half, usage(600, 10), { conversation: 3 })).toBe(0);
  });

  test("without a number of the conversation, stage and ticket stand for it", () => {
    const { ledger } = ledgerWith({ fixed: dear, candidates: [] });
    const big = usage(0, 100, 0, 50_000);
    const penalty = (of: ModelInfo, stage: ModelCall["stage"], ticket: string | null): number | null => {
      const facts: ModelCall = { ...call(of, { stage, ticket }) };
      delete facts.conversation;
      return ledger.settle(facts, big, null).entry.switch_penalty_usd;
    };
    expect(penalty(dear, "plan", null)).toBeNull();
    expect(penalty(half, "execute", "t1")).toBeNull();
    expect(penalty(dear, "execute", "t2")).toBeNull();
    expect(penalty(half, "plan", null)).toBeGreaterThan(0.1);
  });
});
