// The order of routing, highest first. Each strategy answers or declines (undefined); the last one must answer.

import type { ModelInfo } from "../types/provider.ts";
import type { Tier, TierSource } from "../types/route.ts";
import { rankForPhase } from "./phase-router.ts";
import type { Choice, Situation } from "./situation.ts";
import { resolveTier } from "./tiers.ts";

export type Strategy = (situation: Situation) => Promise<Choice | undefined>;

export const strategies: readonly Strategy[] = [
  userModel, //        /model, --model ("auto" hands over to the phase router)
  userTier, //         /tier, --tier
  gateStay, //         a message that needs no work
  skillTier, //        the active skill's tier
  stageModel, //       planning_model, execution_model: a model or "tier:<tier>"
  escalation, //       a balanced turn that needs more
  phasePreference, //  "auto": the phase decides
  defaultTier, //      balanced_model
  defaultModel, //     model, or the catalogue's choice for the credentials found
];

async function userModel(situation: Situation): Promise<Choice | undefined> {
  const override = situation.context.overrides.model;
  if (override === null) return undefined;
  const origin = override.from === "flag" ? "--model" : "/model";
  const spec = situation.book.spec(override.value, origin);
  if (situation.context.overrides.tier !== null)
    situation.notice(
      `The tier chosen with ${situation.context.overrides.tier.from === "flag" ? "--tier" : "/tier"} is ignored: ${origin} ${override.value} decides.`,
    );
  const span = override.from === "flag" ? "for this run" : override.once ? "for this turn" : "until it is changed";
  switch (spec.kind) {
    case "unset":
      return undefined;
    case "pin":
      return { model: spec.model, source: "user", reason: `pinned by ${origin} ${span}` };
    case "tier":
      return tierChoice(situation, spec.tier, "user", { tier: "user", reason: `${origin} tier:${spec.tier}` });
    case "auto":
      return rankForPhase(situation, `handed to the phase router by ${origin} auto`);
  }
}

async function userTier(situation: Situation): Promise<Choice | undefined> {
  const { model, tier } = situation.context.overrides;
  if (tier === null || model !== null) return undefined;
  return tierChoice(situation, tier.value, "user", {
    tier: "user",
    reason: `tier ${tier.value} chosen with ${tier.from === "flag" ? "--tier" : "/tier"}`,
  });
}

async function gateStay(situation: Situation): Promise<Choice | undefined> {
  const reading = await situation.gate();
  if (reading.decision !== "stay") return undefined;
  const small = situation.book.small("gate");
  if (small !== null) return { model: small, source: "gate", reason: `needs no work: ${reading.reason}` };
  return {
    model: situation.book.defaultModel().model,
    source: "gate",
    reason: `needs no work: ${reading.reason}; no gate model is set, so the default model answers`,
  };
}

async function skillTier(situation: Situation): Promise<Choice | undefined> {
  const { skill, turn } = situation.context;
  if (skill?.tier == null) return undefined;
  if (skill.activatedBy === "model" && (turn <= skill.turn || situation.stage.spec.kind === "pin")) return undefined;
  return tierChoice(situation, skill.tier, "skill", {
    tier: "skill",
    reason: `active skill ${skill.name} asks for tier ${skill.tier}`,
  });
}

async function stageModel(situation: Situation): Promise<Choice | undefined> {
  const { spec, key } = situation.stage;
  if (spec.kind === "pin") return { model: spec.model, source: "stage", reason: `${key} = ${spec.name}` };
  if (spec.kind !== "tier") return undefined;
  if (spec.tier === "balanced" && (await situation.promotion()) !== null) return undefined;
  return tierChoice(situation, spec.tier, "stage", { tier: "default", reason: `${key} = tier:${spec.tier}` });
}

async function escalation(situation: Situation): Promise<Choice | undefined> {
  const promotion = await situation.promotion();
  if (promotion === null) return undefined;
  const { tier, reading } = promotion;
  const by = { rules: "by rules", model: "by the routing model", phase: "by the phase of the work" }[reading.by];
  situation.log.push(`Dynamic tier upgrade: balanced -> ${tier} (${by}, confidence ${reading.confidence.toFixed(2)})`);
  return tierChoice(situation, tier, "escalation", {
    tier: "dynamic",
    reason: `promoted from balanced to ${tier} ${by}`,
  });
}

async function phasePreference(situation: Situation): Promise<Choice | undefined> {
  if (!situation.phaseRouterActive()) return undefined;
  const { spec, key } = situation.stage;
  return rankForPhase(situation, spec.kind === "auto" ? `${key} = auto` : "the phase router fills the default slot");
}

async function defaultTier(situation: Situation): Promise<Choice | undefined> {
  const model = situation.book.bound("balanced");
  return model === null
    ? undefined
    : { model, source: "tier", reason: "balanced_model, the default tier", bound: true };
}

async function defaultModel(situation: Situation): Promise<Choice> {
  const { model, reason } = situation.book.defaultModel();
  return { model, source: "default", reason };
}

/** A tier that falls through its whole chain is served by the default model; every hop is logged. */
function tierChoice(
  situation: Situation,
  tier: Tier,
  source: Choice["source"],
  why: { tier: TierSource; reason: string },
): Choice {
  const { model, landed, hops } = resolveTier(tier, situation.book);
  situation.log.push(...hops);
  const served: ModelInfo = model ?? situation.book.defaultModel().model;
  const fell =
    landed === tier
      ? ""
      : landed === null
        ? `; no tier is bound, so the default model serves`
        : `; ${tier} is unset and falls to ${landed}`;
  return {
    model: served,
    source,
    reason: `${why.reason}${fell}`,
    tier: { tier, source: why.tier },
    bound: model !== null,
  };
}
