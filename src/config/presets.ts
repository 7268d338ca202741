// Presets: named bundles of defaults, one table row each. They lie below the user's file, so explicit keys always win.

import type { LayerSettings } from "./schema.ts";

/**
 * Model names in presets are `role:capable` or `role:fast`, `tier:<tier>` or `auto`; the router resolves them.
 * No preset may loosen containment, approval or permissions.
 */
export const PRESETS = {
  "fast-plan": {
    options: {
      phase_model: { planning_model: "role:fast", execution_model: "role:capable", handoff: "plan", unit: "plan" },
    },
  },
  "reasoning-plan": {
    options: {
      phase_model: {
        planning_model: "role:capable",
        execution_model: "role:fast",
        handoff: "plan",
        unit: "plan",
        strict: true,
      },
    },
  },
  tiered: {
    options: {
      phase_model: { planning_model: "tier:smart", execution_model: "tier:coding", handoff: "plan", unit: "plan" },
      model_router: { dynamic_tier_enabled: true },
    },
  },
  "phase-aware": {
    options: { phase_model: { planning_model: "auto", execution_model: "auto", handoff: "plan", unit: "ticket" } },
  },
  gated: {
    options: { gate: { enabled: true } },
  },
} as const satisfies Record<string, LayerSettings>;

export type PresetName = keyof typeof PRESETS;

export const PRESET_NAMES = Object.keys(PRESETS);

/** One line per preset, for `bmo init` and the completion. */
export const PRESET_SUMMARIES: Record<PresetName, string> = {
  "fast-plan": "a fast model plans, a capable one executes",
  "reasoning-plan": "a capable model plans in strict tickets, a fast one executes",
  tiered: "the smart tier plans, the coding tier executes; hard turns are promoted",
  "phase-aware": "every ticket goes to the model that fits its kind of work",
  gated: "small talk is answered by a small model; combines with any other preset",
};

export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(PRESETS, name);
}
