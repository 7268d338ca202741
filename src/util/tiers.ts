// Reads the name of a tier.

import { TIERS, type Tier } from "../types/route.ts";

/** In any case, as people type it; null for what is no tier. */
export function parseTier(text: string): Tier | null {
  const wanted = text.trim().toLowerCase();
  return TIERS.find((tier) => tier === wanted) ?? null;
}
