// The decision which model serves a turn, with its reason. `Route` keeps its on-disk spelling (contract section 5).

import type { ModelInfo, Phase, ReasoningLevel } from "./provider.ts";
import type { Message } from "./message.ts";
import type { Plan, Stage, WorkStage } from "./plan.ts";
import type { Settings } from "./settings.ts";

export const TIERS = ["balanced", "coding", "smart", "deep"] as const;
/** Lowest first. */
export type Tier = (typeof TIERS)[number];

/** A tier's name in any case, as people type it; null for what is no tier. */
export function parseTier(text: string): Tier | null {
  const wanted = text.trim().toLowerCase();
  return TIERS.find((tier) => tier === wanted) ?? null;
}

export type TierSource = "user" | "skill" | "dynamic" | "default";
export type PhaseLayer = "stage" | "agent" | "message" | "history" | "model" | "default";
export type GateDecision = "stay" | "escalate";
export type RouteSource =
  "user" | "gate" | "skill" | "stage" | "escalation" | "phase" | "tier" | "default" | "fallback";

export interface RouteCandidate {
  model: string;
  capability: number | null;
  est_cost_usd: number | null;
  /** True where the price behind it is an estimate; otherwise absent. */
  price_is_estimate?: boolean;
  score: number | null;
  /** Why it was not taken; null for the one taken. */
  rejected: string | null;
}

/**
 * What a decision was made from, beyond message and configuration; kept with the route so that `bmo route replay`
 * decides on the same ground.
 */
export interface RouteInputs {
  turn: number;
  workflow_enabled: boolean;
  pending: boolean;
  overrides: Overrides;
  skill: ActiveSkill | null;
  needs: RouteContext["needs"];
  previous: RouteContext["previous"];
  /** The tier that the work was read to ask for, where that was looked at. */
  tier_reading: { tier: Tier; confidence: number; by: "rules" | "model" | "phase" } | null;
  /** What promoted the route inside a run; null for a decision at the start of a turn. */
  run_signal: string | null;
}

export interface Route {
  id: string;
  turn: number;
  ticket: string | null;
  stage: Stage;
  phase: Phase | null;
  phase_confidence: number | null;
  phase_layer: PhaseLayer | null;
  tier: Tier;
  tier_source: TierSource;
  gate: GateDecision | null;
  /** Canonical `provider/model`; never a tier name, never an alias. */
  model: string;
  served_model: string | null;
  source: RouteSource;
  reason: string;
  candidates: RouteCandidate[];
  decide_ms: number;
  cost_usd: number | null;
  baseline_cost_usd: number | null;
  /** True where a price behind the figure is an estimate; otherwise absent. */
  cost_is_estimate?: boolean;
  baseline_is_estimate?: boolean;
  savings_pct: number | null;
  inputs?: RouteInputs;
}

/** The user's standing choices, highest priority of all. `model: "auto"` hands over to the phase router. */
export interface Overrides {
  model: { value: string; once: boolean; from: "flag" | "command" } | null;
  tier: { value: Tier; once: boolean; from: "flag" | "command" } | null;
}

export interface ActiveSkill {
  name: string;
  tier: Tier | null;
  activatedBy: "user" | "model";
  /** Turn in which it was activated; one activated by the model acts from the next turn on. */
  turn: number;
}

/** What one tool did earlier, reduced to what the phase detector looks at. */
export interface HistorySignal {
  role: "user" | "assistant" | "tool";
  text: string;
  tool?: string;
  path?: string;
  command?: string;
  ok?: boolean;
}

/** All that a decision may depend on, besides the one small-model call. */
export interface RouteContext {
  settings: Settings;
  message: string;
  history: HistorySignal[];
  stage: WorkStage;
  workflowEnabled: boolean;
  /** Number of the turn in the session, from 1, gate replies not counted. */
  turn: number;
  plan: Plan | null;
  /** Set when one ticket is routed by itself. */
  ticket: string | null;
  /** A plan awaits approval, a question is open, or a plan executes: the gate is skipped. */
  pending: boolean;
  overrides: Overrides;
  skill: ActiveSkill | null;
  needs: { tools: boolean; vision: boolean; contextTokens: number };
  /** Model of the request before, and how many tokens of prefix its cache may hold. */
  previous: { model: string; prefixTokens: number; tier: Tier; warm: boolean } | null;
}

export interface RouteDecision {
  /** Why the gate decided as it did; the route has its own reason. */
  gateReason?: string;
  route: Omit<Route, "turn" | "cost_usd" | "baseline_cost_usd" | "savings_pct" | "served_model">;
  model: ModelInfo;
  reasoning: ReasoningLevel | null;
  temperature: number | null;
  notices: string[];
  /** Lines for the session's log: `Tier assignment:` and `Dynamic tier upgrade:`. */
  log: string[];
}

/** Asks the small model one short question; rejects on failure, which never fails the turn. */
export type AskSmallModel = (
  model: ModelInfo,
  prompt: { system: string; user: string },
  maxTokens: number,
  signal: AbortSignal,
) => Promise<string>;

export interface Router {
  /** Decides once per turn. Pure but for `ask`. @throws BmoError configuration when no model can serve. */
  decide(context: RouteContext, ask: AskSmallModel | null, signal: AbortSignal): Promise<RouteDecision>;
  /** Looks at this run's tool results before a later step; null = stay. Never goes down. */
  reconsider(context: RouteContext, current: RouteDecision, run: Message[]): RouteDecision | null;
}
