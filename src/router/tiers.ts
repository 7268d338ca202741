// Tiers: how an unset one falls, and which may be promoted to which. Never lowers a tier.

import type { Tier } from "../types/route.ts";
import type { ModelInfo } from "../types/provider.ts";
import type { ModelBook } from "./models.ts";

/** Where a tier falls when it is unset. */
const NEXT_TIER: Record<Tier, Tier | null> = { deep: "smart", smart: "balanced", coding: "balanced", balanced: null };

export interface TierResolution {
  /** Null when the whole chain is unset: then the default model serves. */
  model: ModelInfo | null;
  /** The tier whose binding served. */
  landed: Tier | null;
  /** One log line per hop. */
  hops: string[];
}

export function resolveTier(tier: Tier, book: ModelBook): TierResolution {
  const hops: string[] = [];
  let current: Tier = tier;
  for (;;) {
    const model = book.bound(current);
    if (model !== null) return { model, landed: current, hops };
    const next = NEXT_TIER[current];
    hops.push(`Tier fallback: ${current} is unset -> ${next ?? "default model"}`);
    if (next === null) return { model: null, landed: null, hops };
    current = next;
  }
}
