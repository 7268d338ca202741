// Which tier a message's work asks for, by a small trained classifier. Promotes only; the caller keeps what a user or
// skill chose.

import { TIERS, type Tier } from "../types/route.ts";
import { extractFeatures } from "./features.ts";
import { decodeModel, scoreLabels, softmax, type LinearModel } from "./linear.ts";
import { TIER_DATA, TIER_SCALE, TIER_TEMPERATURE } from "./tier-weights.ts";

let decoded: LinearModel | null = null;

/** Confidence is the chance of the tier named, fitted on labelled cases. An empty message is balanced. */
export function classifyTier(message: string): { tier: Tier; confidence: number } {
  if (message.trim() === "") return { tier: "balanced", confidence: 1 };
  decoded ??= decodeModel(TIERS, TIER_DATA, TIER_SCALE, TIER_TEMPERATURE);
  const chances = softmax(scoreLabels(decoded, extractFeatures(message)));
  const top = chances.indexOf(Math.max(...chances));
  return { tier: TIERS[top] ?? "balanced", confidence: chances[top] ?? 0 };
}
