// Reads what the small model answered. Anything but the words asked for counts as no answer.

import { PHASES, type Phase } from "../types/provider.ts";
import { TIERS, type Tier } from "../types/route.ts";

/** Enough for one word and what some models put around it. */
export const GATE_MAX_TOKENS = 16;
export const CLASSIFY_MAX_TOKENS = 24;

/** Both words, neither word, or prose around a word: null, which counts as escalate. */
export function parseGateWord(answer: string): "stay" | "escalate" | null {
  const word = answer
    .trim()
    .toLowerCase()
    .replace(/^["'`*_(]+|["'`*_).!]+$/g, "");
  return word === "stay" || word === "escalate" ? word : null;
}

export interface Classification {
  phase: Phase | null;
  tier: Tier | null;
}

/** Takes each word only if it is the single one of its kind; prose, several words or silence give null. */
export function parseClassification(answer: string): Classification {
  const words = answer
    .toLowerCase()
    .split(/[^a-z_]+/)
    .filter((word) => word !== "");
  if (words.length > 8) return { phase: null, tier: null };
  return { phase: single(words, PHASES), tier: single(words, TIERS) };
}

function single<Word extends string>(words: string[], allowed: readonly Word[]): Word | null {
  const found = allowed.filter((word) => words.includes(word));
  return found.length === 1 ? (found[0] ?? null) : null;
}
