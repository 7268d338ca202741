// Caps: the worst case of a call is reserved before it is made.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reserve } from "../../src/ledger/budget.ts";
import { createLedger, type BudgetCaps, type Ledger } from "../../src/ledger/ledger.ts";
import { toMoney } from "../../src/util/money.ts";
import type { ModelCall } from "../../src/types/ledger.ts";
import type { ModelInfo } from "../../src/types/provider.ts";
import { cheap, dear, model } from "./models.ts";

const none: BudgetCaps = { session_usd: 0, plan_usd: 0, execute_usd: 0, turn_usd: 0 };

function call(of: ModelInfo, facts: Partial<ModelCall> = {}): ModelCall {
  return {
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
  };
}

function ledgerWith(caps: Partial<BudgetCaps>, runCapUsd: number | null = null): Ledger {
  let count = 0;
  return createLedger({
    caps: () => ({ ...none, ...caps }),
    runCapUsd,
    baseline: () => ({ fixed: null, candidates: [] }),
    now: () => new Date("2026-11-21T10:00:00.000Z"),
    newId: (prefix) => `${prefix}_${(count += 1)}`,
  });
}

describe("reserve", () => {
  const cap = (limit: number, spent = 0): { name: string; limit: number; spent: bigint } => ({
    name: "options.budget.turn_usd",
    limit,
    spent: toMoney(spent),
  });

  test("the worst case is every byte at the dearest input price and the whole reply", () => {
    // 10,000 × 3.75 and 4,000 × 15 per million
    expect(reserve({ caps: [cap(1)], model: dear, requestTokens: 10_000, maxTokens: 4_000 })).toEqual({
      ok: true,
      maxTokens: 4_000,
      reserved: toMoney(0.0375 + 0.06),
    });
  });

  test("the reply is lowered to what the cap allows, not below 1,024; a shorter reply asked for is left alone", () => {
    expect(reserve({ caps: [cap(0.0675)], model: dear, requestTokens: 10_000, maxTokens: 4_000 })).toMatchObject({
      ok: true,
      maxTokens: 2_000,
    });
    expect(reserve({ caps: [cap(0.05286)], model: dear, requestTokens: 10_000, maxTokens: 4_000 })).toMatchObject({
      ok: true,
      maxTokens: 1_024,
    });
    expect(reserve({ caps: [cap(0.05285)], model: dear, requestTokens: 10_000, maxTokens: 4_000 })).toMatchObject({
      ok: false,
      error: { code: "limit" },
    });
    expect(reserve({ caps: [cap(0.05285)], model: dear, requestTokens: 10_000, maxTokens: 1_000 })).toMatchObject({
      ok: true,
      maxTokens: 1_000,
    });
    expect(reserve({ caps: [cap(0.05, 0.2)], model: dear, requestTokens: 1, maxTokens: 1 })).toMatchObject({
      ok: false,
    });
  });

  test("the tightest of several caps decides and is named", () => {
    const caps = [
      { ...cap(5), name: "options.budget.session_usd" },
      { ...cap(0.0675), name: "options.budget.plan_usd" },
      { ...cap(1), name: "--max-budget-usd" },
    ];
    expect(reserve({ caps, model: dear, requestTokens: 10_000, maxTokens: 4_000 })).toMatchObject({ maxTokens: 2_000 });
    const refused = reserve({
      caps: caps.map((one) => ({ ...one, spent: toMoney(0.06) })),
      model: dear,
      requestTokens: 10_000,
      maxTokens: 4_000,
    });
    expect(refused).toMatchObject({
      ok: false,
      error: {
        message:
          "options.budget.plan_usd = 0.0675 USD: the next call of house/dear may cost up to $0.0529, and $0.0075 is left; it was not made",
      },
    });
  });

  test("the long price counts when the bytes could be that many tokens", () => {
    const long = model(
      "x/long",
      { input: 1, output: 1 },
      { longContext: { above: 5_000, price: { input: 10, output: 20 } } },
    );
    expect(reserve({ caps: [cap(10)], model: long, requestTokens: 5_000, maxTokens: 1_000 })).toMatchObject({
      reserved: toMoney(0.006),
    });
    expect(reserve({ caps: [cap(10)], model: long, requestTokens: 5_001, maxTokens: 1_000 })).toMatchObject({
      reserved: toMoney(0.07001),
    });
  });

  test("a cap with an unknown price cannot be kept: configuration", () => {
    for (const price of [{}, { input: 1 }, { output: 1 }]) {
      expect(reserve({ caps: [cap(10)], model: model("x/y", price), requestTokens: 1, maxTokens: 1 })).toMatchObject({
        ok: false,
        error: {
          code: "configuration",
          message: "options.budget.turn_usd is set, but the price of x/y is unknown: the cap cannot be kept",
        },
      });
    }
    expect(
      reserve({ caps: [{ name: "x", limit: 1, spent: null }], model: dear, requestTokens: 1, maxTokens: 1 }),
    ).toMatchObject({ ok: false, error: { code: "configuration" } });
    expect(
      reserve({
        caps: [cap(0.001)],
        model: model("x/free", { input: 0, output: 0 }),
        requestTokens: 1_000_000,
        maxTokens: 32_000,
      }),
    ).toMatchObject({ ok: true, maxTokens: 32_000 });
  });
});

describe("caps of a run", () => {
  test("without a cap the request is not even measured", () => {
    const measure = (): number => expect.fail("measured");
    expect(ledgerWith({}).reserve(call(model("x/unknown", {})), measure, 32_000)).toEqual({
      ok: true,
      maxTokens: 32_000,
    });
    expect(ledgerWith({ plan_usd: 1 }).reserve(call(dear, { stage: "execute" }), measure, 32_000)).toMatchObject({
      ok: true,
    });
    expect(ledgerWith({ execute_usd: 1 }).reserve(call(dear, { stage: "plan" }), measure, 32_000)).toMatchObject({
      ok: true,
    });
  });

  test("worst cases of all calls made never exceed the cap, whatever is billed up to them", () => {
    const scope = fc.constantFrom<keyof BudgetCaps | "run">("session_usd", "execute_usd", "turn_usd", "run");
    fc.assert(
      fc.property(
        scope,
        fc.integer({ min: 1, max: 5_000 }),
        fc.array(
          fc.record({
            bytes: fc.integer({ min: 1, max: 60_000 }),
            wanted: fc.integer({ min: 1, max: 32_000 }),
            share: fc.integer({ min: 0, max: 100 }),
            fails: fc.boolean(),
            small: fc.boolean(),
          }),
          { minLength: 1, maxLength: 30 },
        ),
        (key, thousandths, calls) => {
          const limit = thousandths / 1000;
          const ledger = key === "run" ? ledgerWith({}, limit) : ledgerWith({ [key]: limit });
          let promised = 0n;
          for (const one of calls) {
            const of = one.small ? cheap : dear;
            const made = call(of);
            const answer = ledger.reserve(made, () => one.bytes, one.wanted);
            if (!answer.ok) continue;
            expect(answer.maxTokens).toBeGreaterThanOrEqual(Math.min(1_024, one.wanted));
            const worst =
              BigInt(one.bytes) * toMoney(of.price.cache_write ?? 0) +
              BigInt(answer.maxTokens) * toMoney(of.price.output ?? 0);
            expect(promised + worst / 1_000_000n).toBeLessThanOrEqual(toMoney(limit));
            if (one.fails) {
              promised += worst / 1_000_000n;
              continue;
            }
            const output = Math.floor((answer.maxTokens * one.share) / 100);
            const { error } = ledger.settle(made, { input: 0, output, cache_read: 0, cache_write: one.bytes }, null);
            expect(error).toBeNull();
            promised +=
              (BigInt(one.bytes) * toMoney(of.price.cache_write ?? 0) +
                BigInt(output) * toMoney(of.price.output ?? 0)) /
              1_000_000n;
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("each cap counts what it is about", () => {
    const spend = (ledger: Ledger, facts: Partial<ModelCall>): boolean => {
      const made = call(dear, facts);
      if (!ledger.reserve(made, () => 1_000, 1_024).ok) return false;
      ledger.settle(made, { input: 1_000, output: 1_000, cache_read: 0, cache_write: 0 }, null);
      return true;
    };
    // One call costs 0.018 and reserves 0.01911.
    const turn = ledgerWith({ turn_usd: 0.03 });
    expect([spend(turn, { turn: 1 }), spend(turn, { turn: 1 }), spend(turn, { turn: 2 })]).toEqual([true, false, true]);
    const plan = ledgerWith({ plan_usd: 0.03 });
    expect([
      spend(plan, { stage: "execute" }),
      spend(plan, { stage: "plan" }),
      spend(plan, { stage: "plan", turn: 2 }),
      spend(plan, { stage: "execute" }),
    ]).toEqual([true, true, false, true]);
    const session = ledgerWith({ session_usd: 0.03 });
    expect([spend(session, { turn: 1, stage: "gate" }), spend(session, { turn: 2, stage: "plan" })]).toEqual([
      true,
      false,
    ]);
  });

  test("a resumed session counts for the session's cap, not for the run's", () => {
    const first = ledgerWith({});
    const { entry } = first.settle(call(dear), { input: 1_000, output: 1_000, cache_read: 0, cache_write: 0 }, null);
    const again = (caps: Partial<BudgetCaps>, run: number | null): boolean => {
      const ledger = ledgerWith(caps, run);
      ledger.restore(() => [entry], [entry]);
      return ledger.reserve(call(dear, { turn: 2 }), () => 1_000, 1_024).ok;
    };
    expect(again({ session_usd: 0.03 }, null)).toBe(false);
    expect(again({}, 0.03)).toBe(true);
    const unknown = ledgerWith({ session_usd: 100 });
    unknown.restore(() => [{ ...entry, cost_usd: null }], []);
    expect(unknown.reserve(call(dear), () => 1, 1)).toMatchObject({ ok: false, error: { code: "configuration" } });
  });

  test("billed above the reservation: the entry is booked and the run ends with a limit", () => {
    const ledger = ledgerWith({ turn_usd: 1 });
    const made = call(dear);
    expect(ledger.reserve(made, () => 1_000, 1_024)).toEqual({ ok: true, maxTokens: 1_024 });
    const { entry, error } = ledger.settle(made, { input: 1_000, output: 5_000, cache_read: 0, cache_write: 0 }, null);
    expect(entry.cost_usd).toBe(0.078);
    expect(error).toMatchObject({
      code: "limit",
      message:
        "house/dear billed 0.078 USD for one call; at most 0.01911 USD had been reserved for it, so the budget cannot be kept and the run ends",
    });
  });
});
