// The settings of somebody who has set nothing but a model and its providers.

import type { ProviderSettings, Settings } from "../../src/types/settings.ts";

export function plainSettings(model: string | null, providers: Record<string, ProviderSettings> = {}): Settings {
  return {
    model,
    preset: [],
    providers,
    options: {
      staged_workflow: { enabled: true, require_approval_before_execute: true },
      phase_model: {
        planning_model: null,
        execution_model: null,
        handoff: "plan",
        unit: "plan",
        strict: false,
        max_replans: 2,
      },
      roles: { capable: null, fast: null },
      model_router: {
        balanced_model: null,
        smart_model: null,
        coding_model: null,
        deep_model: null,
        routing_model: null,
        dynamic_tier_enabled: true,
        temperature: 0.7,
      },
      phase_router: {
        enabled: false,
        rank: "expected-cost",
        baseline_model: null,
        preferences: {},
        capability: {},
        floor: {},
      },
      gate: { enabled: false, model: null },
      reasoning: {},
      containment: { mode: "enforce" },
      fallback: { policy: "ask" },
      budget: { session_usd: 0, plan_usd: 0, execute_usd: 0, turn_usd: 0 },
      shell: { env: { add: {}, remove: [] }, timeout_s: 120 },
      ui: { theme: "auto", verbose: false },
    },
    permissions: { mode: "default", allow: [], deny: [] },
  };
}
