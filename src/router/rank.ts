// Orders the candidates of a phase by cost and capability. Pure arithmetic over catalogue facts; knows nothing of
// configuration files.

import type { ModelInfo, Phase } from "../types/provider.ts";
import type { RouteCandidate, RouteContext } from "../types/route.ts";
import { PHASE_FACTS } from "./phases.ts";

/** A failed step is read again, diagnosed, done again and checked: about three steps. Our estimate. */
export const REPAIR_STEPS = 3;

export interface RankInput {
  phase: Phase;
  /** In order of preference, without doubles. */
  models: ModelInfo[];
  rank: "expected-cost" | "ratio";
  /** 0 to 100; null = nobody knows. */
  capability(model: ModelInfo): number | null;
  floor: number;
  needs: RouteContext["needs"];
  previous: RouteContext["previous"];
}

export interface Ranking {
  winner: ModelInfo | null;
  reason: string;
  candidates: RouteCandidate[];
}

/**
 * USD of one step; null = unknown price. The prefix is read from the cache only where this very model holds it warm.
 */
export function stepCost(
  model: ModelInfo,
  phase: Phase,
  needs: RouteContext["needs"],
  previous: RouteContext["previous"],
): number | null {
  const { step } = PHASE_FACTS[phase];
  const prefix = Math.max(needs.contextTokens, previous?.prefixTokens ?? 0);
  const long = model.longContext;
  const price = long !== null && prefix + step.input > long.above ? { ...model.price, ...long.price } : model.price;
  if (!isPrice(price.input) || !isPrice(price.output)) return null;
  const warm = previous !== null && previous.warm && previous.model === model.id;
  const cached = warm ? Math.min(prefix, previous.prefixTokens) : 0;
  const write = isPrice(price.cache_write) ? price.cache_write : price.input;
  const read = isPrice(price.cache_read) ? price.cache_read : price.input;
  return (
    (cached * read + (prefix - cached) * write + step.input * price.input + step.output * price.output) / 1_000_000
  );
}

function isPrice(value: number | null | undefined): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

/** Why the model cannot serve this request at all; null = it can. Unknown facts do not disqualify. */
export function unfit(model: ModelInfo, phase: Phase, needs: RouteContext["needs"]): string | null {
  if (model.status === "retired") return "retired by its vendor";
  if (needs.tools && model.tools === false) return "takes no tools";
  if (needs.vision && model.vision === false) return "takes no images";
  const wanted = needs.contextTokens + PHASE_FACTS[phase].step.input + PHASE_FACTS[phase].step.output;
  if (model.contextWindow !== null && model.contextWindow < wanted)
    return `context window of ${model.contextWindow} tokens is too small for about ${wanted}`;
  return null;
}

interface Entry {
  model: ModelInfo;
  capability: number | null;
  cost: number | null;
  score: number | null;
  /** The score it would have if no candidate's cache were warm; tells whether only the cache kept it from winning. */
  coldScore: number | null;
  rejected: string | null;
}

export function rankCandidates(input: RankInput): Ranking {
  const entries: Entry[] = input.models.map((model) => ({
    model,
    capability: input.capability(model),
    cost: stepCost(model, input.phase, input.needs, input.previous),
    score: null,
    coldScore: null,
    rejected: unfit(model, input.phase, input.needs),
  }));
  const fit = entries.filter((entry) => entry.rejected === null);
  const repair = repairCost(fit, input);
  const allCold = { ...input, previous: input.previous === null ? null : { ...input.previous, warm: false } };
  const coldRepair = repairCost(fit, allCold);
  for (const entry of fit) {
    entry.score = scoreOf(entry, entry.cost, input.rank, repair);
    entry.coldScore = scoreOf(
      entry,
      stepCost(entry.model, input.phase, input.needs, allCold.previous),
      input.rank,
      coldRepair,
    );
  }

  const known = fit.filter((entry) => entry.score !== null);
  const aboveFloor = known.filter((entry) => (entry.capability ?? 0) >= input.floor);
  const pool = aboveFloor.length > 0 ? aboveFloor : known;
  const winner = pool.length > 0 ? best(pool) : (fit[0] ?? null);

  for (const entry of fit) {
    if (entry === winner) continue;
    entry.rejected = whyNot(entry, winner, pool, input);
  }
  return {
    winner: winner?.model ?? null,
    reason: reasonFor(winner, pool, input),
    candidates: entries.map(toCandidate),
  };
}

/**
 * What it costs to mend a failed step: the most capable candidate does it, with the prefix as it finds it, and writes
 * it at most once.
 */
function repairCost(entries: Entry[], { phase, needs, previous }: RankInput): number {
  let strongest: Entry | null = null;
  for (const entry of entries) {
    if (entry.cost === null || entry.capability === null) continue;
    if (strongest === null || entry.capability > (strongest.capability ?? 0)) strongest = entry;
  }
  if (strongest === null) return 0;
  const { model } = strongest;
  const prefixTokens = Math.max(needs.contextTokens, previous?.prefixTokens ?? 0);
  const warm = stepCost(model, phase, needs, { model: model.id, prefixTokens, tier: "balanced", warm: true }) ?? 0;
  return (stepCost(model, phase, needs, previous) ?? 0) + (REPAIR_STEPS - 1) * warm;
}

/** Higher is better: finished steps per USD, or plain capability per USD of a step. */
function scoreOf(entry: Entry, step: number | null, rank: RankInput["rank"], repair: number): number | null {
  if (step === null || entry.capability === null) return null;
  const chance = entry.capability / 100;
  const cost = rank === "ratio" ? step : step + (1 - chance) * repair;
  const wanted = rank === "ratio" ? chance : 1;
  return wanted / Math.max(cost, 1e-9);
}

/** The first of the best: ties go to the earlier one. */
function best(pool: Entry[]): Entry | null {
  return pool.reduce<Entry | null>(
    (top, entry) => (top === null || (entry.score ?? 0) > (top.score ?? 0) ? entry : top),
    null,
  );
}

function whyNot(entry: Entry, winner: Entry | null, pool: Entry[], input: RankInput): string {
  if (entry.cost === null && entry.capability === null) return "price and capability unknown";
  if (entry.cost === null) return "price unknown";
  if (entry.capability === null) return "capability unknown";
  if (!pool.includes(entry))
    return `capability ${entry.capability} is below the floor of ${input.floor} for ${input.phase}`;
  if (winner !== null && keptByCache(entry, winner, input))
    return `switching would make ${input.previous?.prefixTokens ?? 0} cached tokens cold, which costs more than it saves`;
  if (winner !== null && entry.score === winner.score) return "equal, but later in the list";
  return input.rank === "ratio" ? "less capability per cost" : "dearer per finished step";
}

/** Whether `entry` would have won if the warm cache of the model in use did not count. */
function keptByCache(entry: Entry, winner: Entry, input: RankInput): boolean {
  const { previous } = input;
  if (previous === null || !previous.warm || previous.prefixTokens === 0 || previous.model !== winner.model.id)
    return false;
  return (entry.coldScore ?? 0) > (winner.coldScore ?? 0);
}

function reasonFor(winner: Entry | null, pool: Entry[], input: RankInput): string {
  if (winner === null) return `no candidate for ${input.phase} can serve this request`;
  if (pool.length === 0)
    return `first candidate for ${input.phase}; no candidate has both a known price and a known capability`;
  const basis = input.rank === "ratio" ? "most capability per cost" : "cheapest finished step";
  const floor = (winner.capability ?? 0) < input.floor ? `; no candidate reaches the floor of ${input.floor}` : "";
  const kept = pool.find((entry) => keptByCache(entry, winner, input));
  const stays =
    kept === undefined ? "" : `; not switched to ${kept.model.id}, since a cold cache would cost more than it saves`;
  return `${basis} for ${input.phase} among ${pool.length} candidate${pool.length === 1 ? "" : "s"}${floor}${stays}`;
}

function toCandidate(entry: Entry): RouteCandidate {
  return {
    model: entry.model.id,
    capability: entry.capability === null ? null : entry.capability / 100,
    est_cost_usd: entry.cost === null ? null : round(entry.cost),
    ...(entry.model.priceEstimate ? { price_is_estimate: true } : {}),
    score: entry.score === null ? null : round(entry.score),
    rejected: entry.rejected,
  };
}

/** Six significant digits: enough to tell candidates apart, short enough to read. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}
