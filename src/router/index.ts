// The router: runs the strategies in order and stamps the decision. Pure but for the one small-model question and the
// clock of `decide_ms`.

import { createHash } from "node:crypto";
import type { Message } from "../types/message.ts";
import type { ModelInfo, ReasoningLevel } from "../types/provider.ts";
import type { AskSmallModel, RouteCandidate, RouteContext, RouteDecision, Router } from "../types/route.ts";
import { elapsedMs } from "../util/clock.ts";
import { BmoError } from "../util/errors.ts";
import { createModelBook, type RouterParts } from "./models.ts";
import { capabilityOf, namedModels } from "./phase-router.ts";
import { promoteInRun } from "./promote.ts";
import { stepCost } from "./rank.ts";
import { createSituation, type Choice, type PhaseReading, type Situation } from "./situation.ts";
import { strategies } from "./strategies.ts";

export type { RouterParts } from "./models.ts";

export function createRouter(parts: RouterParts): Router {
  const now = parts.now ?? elapsedMs;
  const said = new Set<string>();
  /** A configuration notice is worth saying once, not every turn. */
  const fresh = (notices: string[]): string[] => notices.filter((text) => !said.has(text) && said.add(text));

  const decide = async (
    context: RouteContext,
    ask: AskSmallModel | null,
    signal: AbortSignal,
  ): Promise<RouteDecision> => {
    const started = now();
    const decision = await decideSituation(createSituation(context, parts, ask, signal));
    decision.route.decide_ms = Math.round((now() - started) * 1000) / 1000;
    return { ...decision, notices: fresh(decision.notices) };
  };

  const reconsider = (context: RouteContext, current: RouteDecision, run: Message[]): RouteDecision | null => {
    const started = now();
    const book = createModelBook(context.settings, parts, () => undefined);
    const promoted = promoteInRun(context, current, run, book);
    if (promoted === null) return null;
    const { route } = current;
    const log = [
      `Dynamic tier upgrade: ${route.tier} -> coding (in this run: ${promoted.signal})`,
      assignmentLine("coding", "dynamic", promoted.model, "escalation"),
    ];
    return {
      route: {
        ...route,
        id: routeId([route.id, promoted.model.id]),
        tier: "coding",
        tier_source: "dynamic",
        model: promoted.model.id,
        source: "escalation",
        reason: promoted.reason,
        candidates: promoted.candidates,
        ...(route.inputs === undefined
          ? {}
          : {
              inputs: {
                ...route.inputs,
                needs: context.needs,
                previous: context.previous,
                run_signal: promoted.signal,
              },
            }),
        decide_ms: Math.round((now() - started) * 1000) / 1000,
      },
      model: promoted.model,
      reasoning: reasoningFor(context, promoted.model, "coding", true),
      temperature: promoted.model.temperature ? context.settings.options.model_router.temperature : null,
      notices: [],
      log,
    };
  };

  return { decide, reconsider };
}

/** Runs the strategies over one situation. Untimed: `decide_ms` is 0. */
export async function decideSituation(situation: Situation): Promise<RouteDecision> {
  const choice = await firstAnswer(situation);
  const gate = await situation.gate();
  const phase =
    choice.source === "gate"
      ? null
      : await situation.phase(situation.phaseRouterActive() && choice.candidates !== undefined);
  return { ...stamp(situation, choice, phase, gate.decision), gateReason: gate.reason };
}

async function firstAnswer(situation: Situation): Promise<Choice> {
  for (const strategy of strategies) {
    const choice = await strategy(situation);
    if (choice !== undefined) return choice;
  }
  throw new BmoError("internal", "No routing strategy answered.");
}

function stamp(
  situation: Situation,
  choice: Choice,
  phase: PhaseReading | null,
  gate: RouteDecision["route"]["gate"],
): RouteDecision {
  const { context } = situation;
  const tier = choice.tier ?? { tier: "balanced", source: "default" };
  const { model } = choice;
  situation.log.push(assignmentLine(tier.tier, tier.source, model, choice.source));
  return {
    route: {
      id: routeId([context.turn, context.ticket, context.stage, clip(context.message), model.id]),
      ticket: context.ticket,
      stage: choice.source === "gate" ? "gate" : context.stage,
      phase: phase?.phase ?? null,
      phase_confidence: phase === null ? null : Math.round(phase.confidence * 1000) / 1000,
      phase_layer: phase?.layer ?? null,
      tier: tier.tier,
      tier_source: tier.source,
      gate,
      model: model.id,
      source: choice.source,
      reason: choice.reason,
      candidates: choice.candidates ?? otherCandidates(situation, choice, phase),
      decide_ms: 0,
      inputs: {
        turn: context.turn,
        workflow_enabled: context.workflowEnabled,
        pending: context.pending,
        overrides: context.overrides,
        skill: context.skill,
        needs: context.needs,
        previous: context.previous,
        tier_reading: situation.tierRead(),
        run_signal: null,
      },
    },
    model,
    reasoning: choice.source === "gate" ? null : reasoningFor(context, model, tier.tier, tier.source !== "default"),
    temperature: choice.bound === true && model.temperature ? context.settings.options.model_router.temperature : null,
    notices: situation.notices,
    log: situation.log,
  };
}

/** Without ranking there is still something to compare with: the other models that the configuration names. */
function otherCandidates(situation: Situation, choice: Choice, phase: PhaseReading | null): RouteCandidate[] {
  const { settings, needs, previous } = situation.context;
  const models = new Map<string, ModelInfo>([[choice.model.id, choice.model]]);
  if (choice.source !== "gate") {
    for (const name of namedModels(settings)) {
      const model = situation.book.tryResolve(name);
      if (model !== null) models.set(model.id, model);
    }
  }
  const kind = phase?.phase ?? "implement";
  return [...models.values()].map((model) => {
    const capability = capabilityOf(model, kind, settings, situation.book);
    const cost = stepCost(model, kind, needs, previous);
    return {
      model: model.id,
      capability: capability === null ? null : capability / 100,
      est_cost_usd: cost === null ? null : Number(cost.toPrecision(6)),
      ...(model.priceEstimate ? { price_is_estimate: true } : {}),
      score: null,
      rejected: model.id === choice.model.id ? null : `not asked for: ${choice.reason}`,
    };
  });
}

function assignmentLine(tier: string, source: string, model: ModelInfo, by: string): string {
  return `Tier assignment: tier=${tier} source=${source} model=${model.id} by=${by} reasoning=${model.reasoning}`;
}

/**
 * A tier that somebody chose beats the stage's level, which beats the default tier's. Null where the model takes none.
 */
function reasoningFor(
  context: RouteContext,
  model: ModelInfo,
  tier: string,
  tierChosen: boolean,
): ReasoningLevel | null {
  if (model.reasoning === "none") return null;
  const { reasoning } = context.settings.options;
  const byStage = reasoning[context.stage] ?? null;
  const byTier = reasoning[tier] ?? null;
  return tierChosen ? (byTier ?? byStage) : (byStage ?? byTier);
}

function routeId(parts: unknown[]): string {
  return `r_${createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 12)}`;
}

/** Ids need no more than the ends of a long paste. */
function clip(text: string): string {
  return text.length <= 4_000 ? text : `${text.slice(0, 2_000)}${text.length}${text.slice(-2_000)}`;
}
