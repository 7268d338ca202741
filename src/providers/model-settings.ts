// Merges what the user says about models with the catalogue: every field of the user's wins. Refuses facts that cannot
// be.

import { PHASES, type CapabilityScore, type ModelInfo, type Phase, type Price } from "../types/provider.ts";
import type { ModelSettings } from "../types/settings.ts";
import { BmoError } from "../util/errors.ts";

const PRICE_KEYS = ["input", "output", "cache_read", "cache_write"] as const;

/** Facts about a model of which nothing but the id is known. */
export function unknownModel(provider: string, wireId: string): ModelInfo {
  return {
    id: `${provider}/${wireId}`,
    provider,
    wireId,
    aliases: [],
    contextWindow: null,
    maxOutput: null,
    price: { input: null, output: null, cache_read: null, cache_write: null },
    priceEstimate: false,
    longContext: null,
    tools: null,
    vision: null,
    reasoning: "none",
    reasoningValues: [],
    reasoningCanBeOff: false,
    temperature: false,
    cacheMinTokens: null,
    cacheTtlSeconds: null,
    scores: {},
    status: "current",
    retires: null,
    replacedBy: null,
    source: "configuration",
    confidence: "user",
  };
}

/**
 * A number from configuration. The schema has looked at it before; a price is money, so it is looked at again. @throws
 * BmoError configuration
 */
function checked(key: string, value: unknown, allowed: "amount" | "tokens" | "percent"): number {
  const range = {
    amount: "a number of US dollars per million tokens, 0 or more",
    tokens: "a whole number above 0",
    percent: "a number from 0 to 100",
  }[allowed];
  const valid =
    typeof value === "number" &&
    Number.isFinite(value) &&
    value >= 0 &&
    (allowed !== "tokens" || (Number.isInteger(value) && value > 0)) &&
    (allowed !== "percent" || value <= 100);
  if (!valid)
    throw new BmoError("configuration", `${key} = ${JSON.stringify(value)} is not allowed`, `${key} takes ${range}.`);
  return value;
}

function priceFrom(key: string, given: Partial<Record<keyof Price, number>>): Partial<Price> {
  const price: Partial<Price> = {};
  for (const name of PRICE_KEYS)
    if (given[name] !== undefined) price[name] = checked(`${key}.${name}`, given[name], "amount");
  return price;
}

/**
 * @param base what the catalogue knows of the model, or `unknownModel`. @throws BmoError configuration naming the key.
 */
export function applyModelSettings(base: ModelInfo, given: ModelSettings, key: string): ModelInfo {
  const model: ModelInfo = { ...base, source: "configuration" };
  if (given.context_window !== undefined)
    model.contextWindow = checked(`${key}.context_window`, given.context_window, "tokens");
  if (given.max_output !== undefined) model.maxOutput = checked(`${key}.max_output`, given.max_output, "tokens");
  if (given.price !== undefined) {
    const price = priceFrom(`${key}.price`, given.price);
    model.price = { ...base.price, ...price };
    // Dearer prices of the catalogue belong to the price that the user has just replaced.
    model.longContext = null;
    model.priceEstimate = base.priceEstimate && PRICE_KEYS.some((name) => price[name] === undefined);
    model.confidence = "user";
  }
  if (given.long_context !== undefined) {
    model.longContext = {
      above: checked(`${key}.long_context.above`, given.long_context.above, "tokens"),
      price: priceFrom(`${key}.long_context`, given.long_context),
    };
  }
  if (given.tools !== undefined) model.tools = given.tools;
  if (given.vision !== undefined) model.vision = given.vision;
  if (given.temperature !== undefined) model.temperature = given.temperature;
  if (given.reasoning !== undefined)
    model.reasoning = given.reasoning ? (base.reasoning === "none" ? "effort" : base.reasoning) : "none";
  if (given.reasoning_style !== undefined) model.reasoning = given.reasoning_style;
  if (given.reasoning_values !== undefined) model.reasoningValues = given.reasoning_values;
  if (given.reasoning_can_be_off !== undefined) model.reasoningCanBeOff = given.reasoning_can_be_off;
  if (given.cache_min_tokens !== undefined)
    model.cacheMinTokens = checked(`${key}.cache_min_tokens`, given.cache_min_tokens, "tokens");
  if (given.cache_ttl_s !== undefined)
    model.cacheTtlSeconds = checked(`${key}.cache_ttl_s`, given.cache_ttl_s, "tokens");
  if (given.aliases !== undefined) model.aliases = [...new Set([...given.aliases, ...base.aliases])];
  if (given.retires !== undefined) model.retires = given.retires;
  if (given.replaced_by !== undefined) model.replacedBy = given.replaced_by;
  if (given.scores !== undefined) model.scores = { ...base.scores, ...scoresFrom(`${key}.scores`, given.scores) };
  return model;
}

function scoresFrom(key: string, given: Partial<Record<Phase, number>>): Partial<Record<Phase, CapabilityScore>> {
  const scores: Partial<Record<Phase, CapabilityScore>> = {};
  for (const phase of PHASES)
    if (given[phase] !== undefined)
      scores[phase] = { value: checked(`${key}.${phase}`, given[phase], "percent"), estimate: false };
  return scores;
}
