// The books of one run: prices each call exactly, keeps the caps, sums up. Reads no settings by itself and makes no
// calls.

import { addMoney, fromMoney, NO_MONEY, savingsPercent, toMoney, type Money } from "../util/money.ts";
import { reserve, type Cap } from "./budget.ts";
import { createCacheSwitches, warmUsage } from "./cache-switch.ts";
import { dearestModel, priceUsage } from "./price.ts";
import type { ErrorInfo } from "../types/error.ts";
import type { CostTotals, LedgerEntry, ModelCall } from "../types/ledger.ts";
import type { Stage } from "../types/plan.ts";
import type { ModelInfo, Usage } from "../types/provider.ts";

/** USD; 0 = no cap. */
export interface BudgetCaps {
  session_usd: number;
  plan_usd: number;
  execute_usd: number;
  turn_usd: number;
}

export interface LedgerInput {
  /** Looked at before each call, so that an edited configuration counts from the next one. */
  caps(): BudgetCaps;
  /** `--max-budget-usd`; null = none. */
  runCapUsd: number | null;
  /** The configured baseline model, and those that may be it where none is configured. */
  baseline(): { fixed: ModelInfo | null; candidates: readonly ModelInfo[] };
  now(): Date;
  newId(prefix: string): string;
}

export interface Ledger {
  /**
   * Reserves the worst case where a cap is set (only then `requestBytes` is called): lowers `maxTokens` to what the
   * caps allow, or refuses: code `limit`, or `configuration` where a price is unknown. A call that is never settled
   * stays reserved: it may have been billed.
   */
  reserve(
    call: ModelCall,
    requestBytes: () => number,
    maxTokens: number,
  ): { ok: true; maxTokens: number } | { ok: false; error: ErrorInfo };
  /** Books what was billed. `error` (code `limit`) is set when it lies above the reservation. */
  settle(call: ModelCall, usage: Usage, servedModel: string | null): { entry: LedgerEntry; error: ErrorInfo | null };
  totals(entries: readonly LedgerEntry[]): CostTotals;
  /**
   * Takes over what a resumed session already spent, and which caches its calls left warm.
   * @param entries asked for once a cap is set, and only then
   * @param keyCalls of the turns' own calls at least the last of each conversation and stage, in their order
   */
  restore(
    entries: () => readonly LedgerEntry[],
    keyCalls: readonly LedgerEntry[],
    modelOf?: (id: string) => ModelInfo | null,
  ): void;
}

interface Spending {
  turn: number;
  stage: Stage;
  /** null = unknown. */
  cost: Money | null;
  /** False for what earlier runs of the session spent. */
  thisRun: boolean;
}

function exactly(usd: number | null): Money | null {
  return usd === null ? null : toMoney(usd);
}

function conversationKey(call: Pick<ModelCall, "conversation" | "stage" | "ticket">): string {
  if (call.conversation !== undefined) return String(call.conversation);
  return call.stage === "execute" ? `execute ${call.ticket ?? ""}` : "talk";
}

/** Small calls and gate replies send nothing that later calls begin with. */
function leavesCache(call: Pick<ModelCall, "purpose" | "stage">): boolean {
  return call.purpose === "main" && call.stage !== "gate";
}

/** Sums figures as records carry them; unknown stays unknown. */
export function totalCosts(
  entries: readonly LedgerEntry[],
  exact: ReadonlyMap<string, { cost: Money | null; baseline: Money | null }> = new Map(),
): CostTotals {
  const usage: Usage = { input: 0, output: 0, cache_read: 0, cache_write: 0 };
  const calls = new Map<string, number>();
  for (const entry of entries) {
    for (const kind of ["input", "output", "cache_read", "cache_write"] as const) usage[kind] += entry.usage[kind];
    if (entry.baseline_model !== null) calls.set(entry.baseline_model, (calls.get(entry.baseline_model) ?? 0) + 1);
  }
  const cost = addMoney(entries.map((entry) => exact.get(entry.id)?.cost ?? exactly(entry.cost_usd)));
  const baseline = addMoney(entries.map((entry) => exact.get(entry.id)?.baseline ?? exactly(entry.baseline_cost_usd)));
  const [mostUsed] = [...calls].sort(([, left], [, right]) => right - left);
  return {
    calls: entries.length,
    usage,
    cost_usd: cost === null ? null : fromMoney(cost),
    estimate: entries.some((entry) => entry.estimate),
    baseline_model: mostUsed?.[0] ?? null,
    baseline_cost_usd: baseline === null ? null : fromMoney(baseline),
    baseline_estimate: entries.some((entry) => entry.baseline_estimate === true),
    savings_pct: cost === null || baseline === null ? null : savingsPercent(cost, baseline),
  };
}

export function createLedger(input: LedgerInput): Ledger {
  let earlier: () => Spending[] = () => [];
  /** What earlier runs spent, once it was asked for. */
  let before: Spending[] | null = null;
  const spendings: Spending[] = [];
  const exact = new Map<string, { cost: Money | null; baseline: Money | null }>();
  const reserved = new Map<ModelCall, Money>();
  const switches = createCacheSwitches();

  const spent = (counts: (one: { turn: number; stage: Stage; thisRun: boolean }) => boolean): Money | null => {
    const open = [...reserved].map(([call, cost]) => ({ turn: call.turn, stage: call.stage, cost, thisRun: true }));
    before ??= earlier();
    return addMoney([...before, ...spendings, ...open].filter(counts).map(({ cost }) => cost));
  };

  const capsFor = (call: ModelCall): Cap[] => {
    const caps = input.caps();
    const all: [
      name: string,
      limit: number,
      counts: (one: { turn: number; stage: Stage; thisRun: boolean }) => boolean,
    ][] = [
      ["--max-budget-usd", input.runCapUsd ?? 0, (one) => one.thisRun],
      ["options.budget.session_usd", caps.session_usd, () => true],
      ["options.budget.plan_usd", call.stage === "plan" ? caps.plan_usd : 0, (one) => one.stage === "plan"],
      ["options.budget.execute_usd", call.stage === "execute" ? caps.execute_usd : 0, (one) => one.stage === "execute"],
      ["options.budget.turn_usd", caps.turn_usd, (one) => one.turn === call.turn],
    ];
    return all.filter(([, limit]) => limit > 0).map(([name, limit, counts]) => ({ name, limit, spent: spent(counts) }));
  };

  /** What the same work would have cost on the baseline model; `cold` tokens it would have read from its cache. */
  const baselineOf = (usage: Usage, cold: number): { model: string | null; cost: Money | null; estimate: boolean } => {
    const { fixed, candidates } = input.baseline();
    const model = fixed ?? dearestModel(usage, candidates);
    if (model === null) return { model: null, cost: null, estimate: false };
    const caches = model.price.cache_read !== null;
    const { costUsd, estimate } = priceUsage(caches ? warmUsage(usage, cold) : usage, model);
    return { model: model.id, cost: costUsd, estimate };
  };

  return {
    reserve(call, requestBytes, maxTokens) {
      const caps = capsFor(call);
      if (caps.length === 0) return { ok: true, maxTokens };
      const reservation = reserve({ caps, model: call.model, requestTokens: requestBytes(), maxTokens });
      if (!reservation.ok) return reservation;
      reserved.set(call, reservation.reserved);
      return { ok: true, maxTokens: reservation.maxTokens };
    },

    settle(call, usage, servedModel) {
      const now = input.now();
      const { costUsd, estimate } = priceUsage(usage, call.model);
      const cold = leavesCache(call) ? switches.observe(conversationKey(call), call.model, usage, now) : null;
      const baseline = baselineOf(usage, cold ?? 0);
      const warmCost =
        cold === null || call.model.price.cache_read === null
          ? costUsd
          : priceUsage(warmUsage(usage, cold), call.model).costUsd;
      const penalty = costUsd === null || warmCost === null ? null : costUsd - warmCost;
      const entry: LedgerEntry = {
        id: input.newId("c"),
        turn: call.turn,
        step: call.step,
        route: call.route?.id ?? null,
        purpose: call.purpose,
        stage: call.stage,
        phase: call.phase,
        tier: call.tier,
        ticket: call.ticket,
        ...(call.conversation === undefined ? {} : { conversation: call.conversation }),
        model: call.model.id,
        served_model: servedModel,
        usage,
        cost_usd: costUsd === null ? null : fromMoney(costUsd),
        estimate,
        baseline_model: baseline.model,
        baseline_cost_usd: baseline.cost === null ? null : fromMoney(baseline.cost),
        ...(baseline.estimate ? { baseline_estimate: true } : {}),
        switch_penalty_usd: cold === null || penalty === null ? null : fromMoney(penalty),
        at: now.toISOString(),
      };
      exact.set(entry.id, { cost: costUsd, baseline: baseline.cost });
      spendings.push({ turn: call.turn, stage: call.stage, cost: costUsd, thisRun: true });
      const reservation = reserved.get(call);
      reserved.delete(call);
      const above = reservation !== undefined && (costUsd ?? NO_MONEY) > reservation;
      return { entry, error: above ? billedAbove(call, entry.cost_usd, fromMoney(reservation)) : null };
    },

    totals: (entries) => totalCosts(entries, exact),

    restore(entries, keyCalls, modelOf = () => null) {
      earlier = () =>
        entries().map((entry) => ({
          turn: entry.turn,
          stage: entry.stage,
          cost: exactly(entry.cost_usd),
          thisRun: false,
        }));
      for (const entry of keyCalls) {
        if (leavesCache(entry))
          switches.remember(
            conversationKey(entry),
            modelOf(entry.model) ?? { id: entry.model, cacheTtlSeconds: null },
            entry.usage,
            new Date(entry.at),
          );
      }
    },
  };
}

function billedAbove(call: ModelCall, cost: number | null, reserved: number): ErrorInfo {
  return {
    code: "limit",
    message: `${call.model.id} billed ${String(cost)} USD for one call; at most ${String(reserved)} USD had been reserved for it, so the budget cannot be kept and the run ends`,
    hint: "Check the model's price in the configuration against its vendor's, then continue with bmo -c.",
  };
}
