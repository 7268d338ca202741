// Which value of a vendor's reasoning parameter stands for a level of ours. Pure.

import type { ModelInfo, ReasoningLevel } from "../types/provider.ts";

/** All values that any vendor uses, weakest first. */
const STRENGTH = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/**
 * The value to send for an `effort` model: the level itself where the model takes it, else the next stronger one it
 * takes, else its strongest. `off` is `none` where it exists; null = the model has no value for off, the vendor's own
 * switch must be used.
 */
export function effortValue(model: ModelInfo, level: ReasoningLevel): string | null {
  const values = model.reasoningValues;
  if (level === "off") {
    if (values.includes("none")) return "none";
    if (model.reasoningCanBeOff) return null;
    return values[0] ?? null;
  }
  if (values.length === 0) return level;
  const wanted = STRENGTH.indexOf(level);
  const usable = values.filter((value) => value !== "none");
  return usable.find((value) => STRENGTH.indexOf(value) >= wanted) ?? usable.at(-1) ?? null;
}

const BUDGETS: Record<Exclude<ReasoningLevel, "off">, number> = { low: 2_048, medium: 8_192, high: 24_576 };
const SMALLEST_BUDGET = 1_024;

/**
 * Thinking tokens for a `budget` model, leaving at least as many again, up to 4,096, for the answer; null where the
 * limit is too small for any.
 */
export function budgetTokens(level: Exclude<ReasoningLevel, "off">, maxTokens: number): number | null {
  const budget = Math.min(BUDGETS[level], maxTokens - Math.min(4_096, Math.floor(maxTokens / 2)));
  return budget >= SMALLEST_BUDGET ? budget : null;
}
