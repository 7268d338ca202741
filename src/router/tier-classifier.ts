// Which tier a message's work asks for. Promotes only; the caller keeps what a user or skill chose.

import type { Tier } from "../types/route.ts";

export function classifyTier(message: string): { tier: Tier; confidence: number } {
  if (/\b(?:prove|exhaustive|audit)\b/i.test(message)) return { tier: "deep", confidence: 0.6 };
  if (/\b(?:plan|design|compare|options)\b/i.test(message)) return { tier: "smart", confidence: 0.6 };
  if (/\b(?:fix|implement|write|refactor|test|add)\b/i.test(message)) return { tier: "coding", confidence: 0.6 };
  return { tier: "balanced", confidence: 0.5 };
}
