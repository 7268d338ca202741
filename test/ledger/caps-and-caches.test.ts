// The borders of caps and caches: which cap is named, what counts against it, until when a cache is warm, and what a
// resumed session knows.

import { describe, expect, test } from "vitest";
import { reserve } from "../../src/ledger/budget.ts";
import { createLedger, type BudgetCaps, type Ledger } from "../../src/ledger/ledger.ts";
import { warmUsage } from "../../src/ledger/cache-switch.ts";
import { toMoney } from "../../src/util/money.ts";
import type { LedgerEntry, ModelCall } from "../../src/types/ledger.ts";
import type { ModelInfo, Usage } from "../../src/types/provider.ts";
import { cheap, dear, model } from "./models.ts";

const usage = (input: number, output: number, cacheRead = 0, cacheWrite = 0): Usage => ({
  input,
  output,
  cache_read: cacheRead,
  cache_write: cacheWrite,
});
const call = (of: ModelInfo, facts: Partial<ModelCall> = {}): ModelCall => ({
  turn: 1,
  step: 1,
  route: null,
  purpose: "main",
  stage: "execute",
  phase: null,
  tier: null,
  ticket: null,
  model: of,
  ...facts,
});

interface Made {
  ledger: Ledger;
  /** The penalty of a call as booked. */
  penalty(of: ModelInfo, used: Usage, facts?: Partial<ModelCall>): number | null;
  book(of: ModelInfo, used: Usage, facts?: Partial<ModelCall>): LedgerEntry;
  wait(milliseconds: number): void;
}

function make(
  more: { caps?: Partial<BudgetCaps>; run?: number; fixed?: ModelInfo | null; candidates?: ModelInfo[] } = {},
): Made {
  let time = Date.parse("2026-11-21T10:00:00.000Z");
  let count = 0;
  const ledger = createLedger({
    caps: () => ({ session_usd: 0, plan_usd: 0, execute_usd: 0, turn_usd: 0, ...more.caps }),
    runCapUsd: more.run ?? null,
    baseline: () => ({ fixed: more.fixed ?? null, candidates: more.candidates ?? [] }),
    now: () => new Date(time),
    newId: (prefix) => `${prefix}_${(count += 1)}`,
  });
  const book: Made["book"] = (of, used, facts = {}) => ledger.settle(call(of, facts), used, null).entry;
  return {
    ledger,
    book,
    penalty: (of, used, facts) => book(of, used, facts).switch_penalty_usd,
    wait: (milliseconds) => void (time += milliseconds),
  };
}

describe("caps", () => {
  test.each<[string, { caps?: Partial<BudgetCaps>; run?: number }, ModelCall["stage"]]>([
    ["--max-budget-usd", { run: 0.001 }, "chat"],
    ["options.budget.session_usd", { caps: { session_usd: 0.001 } }, "gate"],
    ["options.budget.plan_usd", { caps: { plan_usd: 0.001 } }, "plan"],
    ["options.budget.execute_usd", { caps: { execute_usd: 0.001 } }, "execute"],
    ["options.budget.turn_usd", { caps: { turn_usd: 0.001 } }, "chat"],
  ])("%s is named by the refusal, with a way on", (name, limits, stage) => {
    const refused = make(limits).ledger.reserve(call(dear, { stage }), () => 1_000, 1_024);
    expect(refused).toMatchObject({
      ok: false,
      error: {
        code: "limit",
        message: expect.stringMatching(
          new RegExp(`^${name.replaceAll(".", "\\.")} = 0\\.001 USD: the next call of house/dear`),
        ) as string,
        hint: expect.stringMatching(/Raise the cap.*\/model.*\/compact/) as string,
      },
    });
  });

  test("the cap of one stage counts that stage alone", () => {
    for (const [key, counted, others] of [
      ["plan_usd", "plan", ["execute", "chat", "gate"]],
      ["execute_usd", "execute", ["plan", "chat", "gate"]],
    ] as const) {
      const { ledger, book } = make({ caps: { [key]: 0.03 } });
      for (const stage of others) book(dear, usage(10_000, 1_000), { stage });
      expect(ledger.reserve(call(dear, { stage: counted }), () => 1_000, 1_024).ok).toBe(true);
      book(dear, usage(1_000, 1_000), { stage: counted });
      expect(ledger.reserve(call(dear, { stage: counted }), () => 1_000, 1_024).ok).toBe(false);
    }
  });

  test("what is reserved and not settled yet counts as spent", () => {
    const { ledger } = make({ caps: { session_usd: 0.03 } });
    const first = call(dear);
    expect(ledger.reserve(first, () => 1_000, 1_024).ok).toBe(true);
    expect(ledger.reserve(call(dear), () => 1_000, 1_024).ok).toBe(false);
    ledger.settle(first, usage(0, 0), null);
    expect(ledger.reserve(call(dear), () => 1_000, 1_024).ok).toBe(true);
  });

  test("billed exactly as reserved is no fault; one token more is", () => {
    for (const [output, fault] of [
      [1_024, false],
      [1_025, true],
    ] as const) {
      const { ledger } = make({ caps: { turn_usd: 1 } });
      const made = call(dear);
      ledger.reserve(made, () => 1_000, 1_024);
      expect(ledger.settle(made, usage(0, output, 0, 1_000), null).error !== null).toBe(fault);
    }
  });

  const cap = (limit: number, spent: number | null): { name: string; limit: number; spent: bigint | null } => ({
    name: "x",
    limit,
    spent: spent === null ? null : toMoney(spent),
  });

  test("where more was spent than the cap allows, nothing is left, not less than nothing", () => {
    expect(reserve({ caps: [cap(0.05, 0.2)], model: dear, requestTokens: 1, maxTokens: 1 })).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining("and $0 is left") as string },
    });
  });

  test("a request that alone costs more than is left is refused, whatever a reply costs", () => {
    const silent = model("x/silent", { input: 3, output: 0 });
    expect(reserve({ caps: [cap(0.003, 0)], model: silent, requestTokens: 1_000, maxTokens: 4_000 })).toEqual({
      ok: true,
      maxTokens: 4_000,
      reserved: toMoney(0.003),
    });
    expect(reserve({ caps: [cap(0.003, 0)], model: silent, requestTokens: 1_001, maxTokens: 4_000 })).toMatchObject({
      ok: false,
    });
  });

  test("a cache that is dearer to read than to fill is reserved at that", () => {
    const odd = model("x/odd", { input: 1, output: 1, cache_read: 5, cache_write: 2 });
    expect(reserve({ caps: [cap(1, 0)], model: odd, requestTokens: 1_000, maxTokens: 1_024 })).toMatchObject({
      reserved: toMoney(0.005 + 0.001024),
    });
  });

  test("an unknown price is said to be this call's or an earlier one's, with the entry to write", () => {
    expect(reserve({ caps: [cap(1, null)], model: dear, requestTokens: 1, maxTokens: 1 })).toMatchObject({
      error: { message: expect.stringContaining("the price of an earlier call of this session is unknown") as string },
    });
    expect(
      reserve({ caps: [cap(1, 0)], model: model("x/y", { input: 1 }), requestTokens: 1, maxTokens: 1 }),
    ).toMatchObject({ error: { hint: expect.stringContaining('[[providers.x.models]] id = "y"') as string } });
  });
});

describe("caches", () => {
  const warm = usage(0, 100, 0, 50_000);
  const half = model("house/half", { input: 2, output: 10, cache_read: 0.2, cache_write: 2.5 });

  test.each([
    [300_000, true],
    [300_001, false],
  ])("after %i ms the cache of the model before is warm: %s", (milliseconds, isWarm) => {
    const { penalty, wait } = make();
    penalty(dear, warm);
    wait(milliseconds);
    expect((penalty(half, warm) ?? 0) > 0).toBe(isWarm);
  });

  test("a model's own time and smallest prefix decide", () => {
    const { penalty, wait } = make();
    penalty(model("x/long", { input: 1, output: 1 }, { cacheTtlSeconds: 3_600 }), warm);
    wait(3_599_000);
    expect(penalty(half, warm)).toBeGreaterThan(0);
    const picky = model(
      "x/picky",
      { input: 1, output: 1, cache_read: 0.1, cache_write: 1.25 },
      { cacheMinTokens: 50_000 },
    );
    expect(penalty(picky, usage(0, 0, 0, 50_000))).toBeGreaterThan(0);
    const border = make();
    border.penalty(dear, usage(0, 0, 0, 49_999));
    expect(border.penalty(picky, warm)).toBe(0);
  });

  test("only what both requests have in common was lost, less what was read after all", () => {
    const grown = make();
    grown.penalty(dear, usage(0, 0, 0, 10_000));
    // 10,000 of the 50,000 were there before: at 2.5 instead of 0.2 per million.
    expect(grown.penalty(half, warm)).toBe(0.023);
    const shrunk = make();
    shrunk.penalty(dear, warm);
    expect(shrunk.penalty(half, usage(0, 0, 0, 10_000))).toBe(0.023);
    const partly = make();
    partly.penalty(dear, warm);
    expect(partly.penalty(half, usage(0, 0, 8_000, 2_000))).toBe(0.0046);
  });

  test("what would have been read is taken from what was written first, then from plain input", () => {
    expect(warmUsage(usage(500, 7, 10, 300), 400)).toEqual(usage(400, 7, 410, 0));
    expect(warmUsage(usage(50, 7, 0, 300), 1_000)).toEqual(usage(0, 7, 350, 0));
    expect(warmUsage(usage(50, 7, 0, 300), 0)).toEqual(usage(50, 7, 0, 300));
  });

  test("a model of unknown price has no penalty that anybody knows; one without a cache has none", () => {
    const { penalty } = make();
    penalty(dear, warm);
    expect(penalty(model("x/unknown", {}), warm)).toBeNull();
    expect(penalty(model("x/plain", { input: 1, output: 1 }), warm)).toBe(0);
  });

  test("small calls and gate replies neither meet a cache nor leave one", () => {
    const { penalty } = make();
    penalty(dear, warm);
    expect(penalty(half, warm, { stage: "gate" })).toBeNull();
    expect(penalty(half, warm, { purpose: "classify" })).toBeNull();
    expect(penalty(dear, warm)).toBeNull();
  });

  test("a resumed session knows the caches that its main calls left warm, for as long as their model keeps them", () => {
    const first = make();
    const main = first.book(dear, warm, { stage: "plan" });
    const gate = first.book(half, warm, { stage: "gate" });
    const after = (milliseconds: number, modelOf?: (id: string) => ModelInfo | null): number | null => {
      const again = make();
      again.ledger.restore(() => [main, gate], [main, gate], modelOf);
      again.wait(milliseconds);
      return again.penalty(half, warm, { stage: "plan" });
    };
    expect(after(299_000)).toBeGreaterThan(0);
    expect(after(301_000)).toBe(0);
    expect(after(301_000, () => ({ ...dear, cacheTtlSeconds: 3_600 }))).toBeGreaterThan(0);
  });
});

describe("sums", () => {
  test("the baseline named is the one that most calls had", () => {
    const { ledger, book } = make({ candidates: [cheap, dear] });
    const one = book(cheap, usage(10, 10));
    const entries = [
      { ...one, id: "a", baseline_model: "house/rare" },
      { ...one, id: "b" },
      { ...one, id: "c" },
      { ...one, id: "d", baseline_model: null },
    ];
    expect(ledger.totals(entries).baseline_model).toBe("house/dear");
    expect(ledger.totals(entries.slice(0, 2)).baseline_model).toBe("house/rare");
  });

  test("a baseline of estimated price is marked, in the entry and in the sum", () => {
    const guessed = model("x/guessed", { input: 1, output: 1 }, { priceEstimate: true });
    const { ledger, book } = make({ fixed: guessed });
    const entry = book(cheap, usage(10, 10));
    expect(entry).toMatchObject({ estimate: false, baseline_estimate: true });
    expect(ledger.totals([entry])).toMatchObject({ estimate: false, baseline_estimate: true });
    expect(ledger.totals([{ ...entry, baseline_estimate: false }])).toMatchObject({ baseline_estimate: false });
  });

  test("without a known cost or a known baseline there are no savings", () => {
    const entry = make({ fixed: dear }).book(cheap, usage(10, 10));
    const { ledger } = make();
    expect(ledger.totals([entry]).savings_pct).toBeGreaterThan(90);
    expect(ledger.totals([{ ...entry, cost_usd: null }]).savings_pct).toBeNull();
    expect(ledger.totals([{ ...entry, baseline_cost_usd: null }]).savings_pct).toBeNull();
  });
});
