// Decides a recorded route again, on the same readings but with today's configuration and prices. Pure; asks no model.

import type { Route, RouteContext } from "../types/route.ts";
import type { ModelInfo } from "../types/provider.ts";
import type { Settings } from "../types/settings.ts";
import { BmoError } from "../util/errors.ts";
import { decideSituation } from "./index.ts";
import { createModelBook, type RouterParts } from "./models.ts";
import { isPhase } from "./phases.ts";
import { promoteOn } from "./promote.ts";
import { createSituation, type PhaseReading } from "./situation.ts";

export interface ReplayedRoute {
  recorded: Route;
  /** Canonical id that would be chosen now, or null when none can be. */
  model: string | null;
  info: ModelInfo | null;
  source: string | null;
  reason: string;
  estimatedCost: number | null;
}

/**
 * `texts`: the turn's text by turn number. Routes without recorded inputs are left out, since they cannot be decided on
 * the same ground.
 */
export async function replayRoutes(
  routes: readonly Route[],
  texts: ReadonlyMap<number, string>,
  settings: Settings,
  parts: RouterParts,
): Promise<{ replayed: ReplayedRoute[]; skipped: number }> {
  const replayed: ReplayedRoute[] = [];
  let skipped = 0;
  let before: { route: Route; info: ModelInfo } | null = null;
  for (const route of routes) {
    const context = contextOf(route, texts.get(route.turn) ?? "", settings);
    if (context === null) {
      skipped++;
      continue;
    }
    const again = await decideAgain(route, context, parts, before);
    replayed.push(again);
    before = again.info === null ? null : { route: { ...route, model: again.info.id }, info: again.info };
  }
  return { replayed, skipped };
}

async function decideAgain(
  route: Route,
  context: RouteContext,
  parts: RouterParts,
  before: { route: Route; info: ModelInfo } | null,
): Promise<ReplayedRoute> {
  try {
    const signal = route.inputs?.run_signal ?? null;
    if (signal !== null && before !== null && before.route.turn === route.turn) {
      const promoted = promoteOn(
        context,
        { route: before.route, model: before.info },
        () => signal,
        createModelBook(context.settings, parts, () => undefined),
      );
      const info = promoted?.model ?? before.info;
      return {
        recorded: route,
        model: info.id,
        info,
        source: promoted === null ? before.route.source : "escalation",
        reason: promoted?.reason ?? "no promotion inside the run",
        estimatedCost: promoted?.candidates[0]?.est_cost_usd ?? null,
      };
    }
    const phase: PhaseReading | null =
      route.phase === null || !isPhase(route.phase)
        ? null
        : { phase: route.phase, confidence: route.phase_confidence ?? 1, layer: route.phase_layer ?? "message" };
    const fixed = { phase, gate: route.gate, tier: route.inputs?.tier_reading ?? null };
    const decision = await decideSituation(createSituation(context, parts, null, new AbortController().signal, fixed));
    const taken = decision.route.candidates.find((candidate) => candidate.rejected === null);
    return {
      recorded: route,
      model: decision.model.id,
      info: decision.model,
      source: decision.route.source,
      reason: decision.route.reason,
      estimatedCost: taken?.est_cost_usd ?? null,
    };
  } catch (thrown) {
    if (!(thrown instanceof BmoError)) throw thrown;
    return { recorded: route, model: null, info: null, source: null, reason: thrown.message, estimatedCost: null };
  }
}

function contextOf(route: Route, message: string, settings: Settings): RouteContext | null {
  const { inputs } = route;
  if (inputs === undefined) return null;
  return {
    settings,
    message,
    history: [],
    stage: route.stage === "gate" ? (inputs.workflow_enabled ? "plan" : "chat") : route.stage,
    workflowEnabled: inputs.workflow_enabled,
    turn: inputs.turn,
    plan: null,
    ticket: route.ticket,
    pending: inputs.pending,
    overrides: inputs.overrides,
    skill: inputs.skill,
    needs: inputs.needs,
    previous: inputs.previous,
  };
}
