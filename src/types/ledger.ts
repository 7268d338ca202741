// What each model call used and cost. Money is exact inside the ledger; these figures are for records and output.

import type { Stage } from "./plan.ts";
import type { ModelInfo, Phase, Usage } from "./provider.ts";
import type { Route, Tier } from "./route.ts";

/** One model call that is about to be made, or was made. The same object is reserved and settled. */
export interface ModelCall {
  turn: number;
  step: number;
  route: Pick<Route, "id"> | null;
  purpose: LedgerEntry["purpose"];
  stage: Stage;
  phase: Phase | null;
  tier: Tier | null;
  ticket: string | null;
  model: ModelInfo;
  /**
   * Id of the conversation, whose cache a switch of the model leaves cold; where it is missing, stage and ticket stand
   * for it.
   */
  conversation?: number;
}

export interface LedgerEntry {
  id: string;
  turn: number;
  step: number;
  route: string | null;
  /** `main` = a step of a turn; `gate`, `classify` = the small model; `compact` = summarising. */
  purpose: "main" | "gate" | "classify" | "compact";
  stage: Stage;
  phase: Phase | null;
  tier: Tier | null;
  ticket: string | null;
  /** Id of the conversation whose prefix was sent; missing in older records. */
  conversation?: number;
  model: string;
  served_model: string | null;
  usage: Usage;
  /** USD; null = unknown price. */
  cost_usd: number | null;
  estimate: boolean;
  baseline_model: string | null;
  baseline_cost_usd: number | null;
  /** True where the baseline's price is an estimate; otherwise absent. */
  baseline_estimate?: boolean;
  /** USD paid because a switch made a cache cold; part of cost_usd. */
  switch_penalty_usd: number | null;
  at: string;
}

export interface CostTotals {
  calls: number;
  usage: Usage;
  cost_usd: number | null;
  estimate: boolean;
  baseline_model: string | null;
  baseline_cost_usd: number | null;
  baseline_estimate: boolean;
  savings_pct: number | null;
}
