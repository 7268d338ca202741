// The phase router's own step: which candidates a phase has in this configuration, ranked. Falls to the default model
// only with a notice.

import type { ModelInfo, Phase } from "../types/provider.ts";
import type { Settings } from "../types/settings.ts";
import type { ModelBook } from "./models.ts";
import { PHASE_FACTS } from "./phases.ts";
import { rankCandidates } from "./rank.ts";
import type { Choice, Situation } from "./situation.ts";

export async function rankForPhase(situation: Situation, because: string): Promise<Choice> {
  const { settings, needs, previous } = situation.context;
  const reading = await situation.phase(true);
  const options = settings.options.phase_router;
  const { models, unknown } = candidatesFor(reading.phase, settings, situation.book);
  const ranking = rankCandidates({
    phase: reading.phase,
    models,
    rank: options.rank,
    capability: (model) => capabilityOf(model, reading.phase, settings, situation.book),
    floor: options.floor[reading.phase] ?? PHASE_FACTS[reading.phase].floor,
    needs,
    previous,
  });
  const candidates = [
    ...ranking.candidates,
    ...unknown.map((model) => ({
      model,
      capability: null,
      est_cost_usd: null,
      score: null,
      rejected: "not configured",
    })),
  ];
  if (ranking.winner !== null)
    return { model: ranking.winner, source: "phase", reason: `${because}: ${ranking.reason}`, candidates };
  const fallback = situation.book.bound("balanced") ?? situation.book.defaultModel().model;
  situation.notice(
    `No candidate for ${reading.phase} can serve this request; the default model ${fallback.id} takes it.`,
  );
  return {
    model: fallback,
    source: "default",
    reason: `${because}, but ${ranking.reason}: the default model`,
    candidates,
  };
}

/**
 * The user's list for the phase; else the models named in the configuration, then the dated list of vendors with
 * credentials.
 */
function candidatesFor(phase: Phase, settings: Settings, book: ModelBook): { models: ModelInfo[]; unknown: string[] } {
  const own = settings.options.phase_router.preferences[phase] ?? [];
  const models = new Map<string, ModelInfo>();
  const unknown: string[] = [];
  for (const name of own.length > 0 ? own : [...namedModels(settings), ...PHASE_FACTS[phase].preferences]) {
    const model = book.tryResolve(name);
    if (model === null || !book.isUsable(model)) {
      if (own.length > 0) unknown.push(name);
      continue;
    }
    models.set(model.id, model);
  }
  return { models: [...models.values()], unknown };
}

/**
 * Every concrete model that the configuration names, in the order of the file's sections. Roles, tiers and `auto` are
 * no models.
 */
export function namedModels(settings: Settings): string[] {
  const { phase_model: stages, roles, model_router: tiers, phase_router: phases } = settings.options;
  const named = [
    settings.model,
    stages.planning_model,
    stages.execution_model,
    roles.capable,
    roles.fast,
    tiers.balanced_model,
    tiers.coding_model,
    tiers.smart_model,
    tiers.deep_model,
    ...Object.values(phases.preferences).flatMap((list) => list ?? []),
    ...Object.entries(settings.providers).flatMap(([provider, { models }]) =>
      (models ?? []).map((model) => `${provider}/${model.id}`),
    ),
  ];
  return [
    ...new Set(
      named.flatMap((value) => {
        const name = value?.trim() ?? "";
        return name === "" || /^(auto|tier:.*|role:.*)$/i.test(name) ? [] : [name];
      }),
    ),
  ];
}

/** The user's figure for this model under any of its names, else the catalogue's. */
export function capabilityOf(model: ModelInfo, phase: Phase, settings: Settings, book: ModelBook): number | null {
  for (const [name, scores] of Object.entries(settings.options.phase_router.capability)) {
    const value = scores[phase];
    if (value !== undefined && (name === model.id || name === model.wireId || book.tryResolve(name)?.id === model.id))
      return value;
  }
  return model.scores[phase]?.value ?? null;
}
