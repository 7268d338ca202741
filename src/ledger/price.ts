// What usage costs on a model, exactly. Pure arithmetic over the facts of a model; an unknown price is never zero.

import { NO_MONEY, tokensAt, type Money } from "../util/money.ts";
import type { ModelInfo, Price, Usage } from "../types/provider.ts";

export interface PricedUsage {
  /** null = a price that this usage needs is unknown. */
  costUsd: Money | null;
  /** True where a figure of the price is an estimate. */
  estimate: boolean;
}

type PricedModel = Pick<ModelInfo, "price" | "longContext" | "priceEstimate">;

/** Tokens of the request: new, read from and written to the cache. */
export function promptTokens(usage: Usage): number {
  return usage.input + usage.cache_read + usage.cache_write;
}

function known(price: number | null | undefined): number | null {
  return typeof price === "number" && Number.isFinite(price) && price >= 0 ? price : null;
}

/**
 * The price list that applies to a request of that many tokens. Writing to the cache costs plain input where no price
 * of its own is known.
 */
export function priceList(model: PricedModel, requestTokens: number): Price {
  const { price, longContext } = model;
  const list = longContext !== null && requestTokens > longContext.above ? { ...price, ...longContext.price } : price;
  const input = known(list.input);
  return {
    input,
    output: known(list.output),
    cache_read: known(list.cache_read),
    cache_write: known(list.cache_write) ?? input,
  };
}

function part(tokens: number, price: number | null): Money | null {
  if (tokens <= 0) return NO_MONEY;
  return price === null ? null : tokensAt(Math.trunc(tokens), price);
}

/** Prices one call. A kind of token that was not used needs no price. */
export function priceUsage(usage: Usage, model: PricedModel): PricedUsage {
  const list = priceList(model, promptTokens(usage));
  let cost = NO_MONEY;
  for (const kind of ["input", "output", "cache_read", "cache_write"] as const) {
    const amount = part(usage[kind], list[kind]);
    if (amount === null) return { costUsd: null, estimate: model.priceEstimate };
    cost += amount;
  }
  return { costUsd: cost, estimate: model.priceEstimate };
}

/**
 * The dearest of the models for this usage that could have served it; the earlier of equals, null when no price is
 * known.
 */
export function dearestModel(usage: Usage, models: readonly ModelInfo[]): ModelInfo | null {
  let dearest: { model: ModelInfo; cost: Money } | null = null;
  for (const model of models) {
    const fits = model.contextWindow === null || promptTokens(usage) + usage.output <= model.contextWindow;
    if (!fits || model.status === "retired") continue;
    const { costUsd } = priceUsage(usage, model);
    if (costUsd !== null && (dearest === null || costUsd > dearest.cost)) dearest = { model, cost: costUsd };
  }
  return dearest?.model ?? null;
}
