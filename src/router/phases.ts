// The table of phases: what each one needs, which tier means it, and the default preference lists. Data only; a new
// phase is a row. Dated 2026-11-20. Preference lists name current models of each vendor, strongest first; half-points
// follow the published pass rates that the catalogue's scores are fitted on. Token figures are estimates of one step's
// fresh input and output.

import { PHASES, type Phase } from "../types/provider.ts";
import type { Tier } from "../types/route.ts";

export interface PhaseFacts {
  /** Larger = harder; decides which ticket's phase stands for a whole plan. */
  difficulty: number;
  /** Smallest capability (0 to 100) that is taken while a better one is there. */
  floor: number;
  /** The tier that this kind of work asks for. */
  tier: Tier;
  /** Fresh tokens of a typical step, beyond what the prefix holds. */
  step: { input: number; output: number };
  preferences: readonly string[];
}

const STRONG = [
  "anthropic/claude-opus-5-5",
  "openai/gpt-6.1-sol",
  "anthropic/claude-sonnet-5-5",
  "google/gemini-4-argon",
  "moonshotai/kimi-k3.1-pro",
  "zai/glm-5.3",
  "xai/grok-4.7",
  "alibaba/qwen3.8-max",
  "mistral/mistral-medium-2604",
];
const MIDDLE = [
  "anthropic/claude-sonnet-5-5",
  "openai/gpt-6.1-terra",
  "openai/gpt-6.1-sol",
  "google/gemini-4-argon",
  "deepseek/deepseek-flash",
  "deepseek/deepseek-v4-pro",
  "moonshotai/kimi-k2.7-code",
  "zai/glm-5.3",
  "xai/grok-4.7",
  "alibaba/qwen3.8-max",
  "minimax/MiniMax-M3",
  "mistral/mistral-medium-2604",
];
const SMALL = [
  "anthropic/claude-haiku-5-5",
  "openai/gpt-6-luna",
  "deepseek/deepseek-flash",
  "google/gemini-3.8-flash",
  "zai/glm-5.3-flash",
  "alibaba/qwen3-coder-flash",
  "minimax/MiniMax-M3.1-Flash",
  "mistral/mistral-small-2603",
  "xai/grok-build-0.1",
];
const union = (...lists: (readonly string[])[]): string[] => [...new Set(lists.flat())];

export const PHASE_FACTS: Record<Phase, PhaseFacts> = {
  plan: {
    difficulty: 72,
    floor: 50,
    tier: "smart",
    step: { input: 3_000, output: 2_500 },
    preferences: union(STRONG, MIDDLE, SMALL),
  },
  implement: {
    difficulty: 67,
    floor: 50,
    tier: "coding",
    step: { input: 2_500, output: 1_800 },
    preferences: union(MIDDLE, STRONG, SMALL),
  },
  debug: {
    difficulty: 69.5,
    floor: 50,
    tier: "coding",
    step: { input: 3_500, output: 1_200 },
    preferences: union(MIDDLE, STRONG, SMALL),
  },
  test: {
    difficulty: 66,
    floor: 50,
    tier: "coding",
    step: { input: 2_500, output: 1_600 },
    preferences: union(MIDDLE, SMALL, STRONG),
  },
  refactor: {
    difficulty: 69,
    floor: 50,
    tier: "coding",
    step: { input: 3_000, output: 2_000 },
    preferences: union(MIDDLE, STRONG, SMALL),
  },
  document: {
    difficulty: 58,
    floor: 60,
    tier: "balanced",
    step: { input: 2_000, output: 1_000 },
    preferences: union(SMALL, MIDDLE),
  },
  small_edit: {
    difficulty: 59,
    floor: 60,
    tier: "balanced",
    step: { input: 1_200, output: 300 },
    preferences: union(SMALL, MIDDLE),
  },
};

export function isPhase(value: string): value is Phase {
  return (PHASES as readonly string[]).includes(value);
}

/** The phase that asks most of a model; `null` of none. `plan` never counts: a ticket is work to be done. */
export function hardestPhase(phases: Iterable<Phase>): Phase | null {
  let hardest: Phase | null = null;
  for (const phase of phases) {
    if (phase === "plan") continue;
    if (hardest === null || PHASE_FACTS[phase].difficulty > PHASE_FACTS[hardest].difficulty) hardest = phase;
  }
  return hardest;
}
