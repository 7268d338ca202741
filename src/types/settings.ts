// The merged configuration as every other part reads it. Keys keep the spelling of the configuration file (contract
// section 10).

import type { Phase, Price, ReasoningLevel, ReasoningStyle } from "./provider.ts";

export type ProviderType = "anthropic" | "openai" | "openai-compatible" | "script";
export type PermissionMode = "default" | "acceptEdits" | "plan" | "bypassPermissions";
export type ContainmentMode = "off" | "warn" | "enforce";

export interface ModelSettings {
  id: string;
  context_window?: number;
  max_output?: number;
  price?: Partial<Record<keyof Price, number>>;
  tools?: boolean;
  vision?: boolean;
  reasoning?: boolean;
  temperature?: boolean;
  scores?: Partial<Record<Phase, number>>;
  aliases?: string[];
  /** How a reasoning level goes over the wire; the plain `reasoning = true` means `effort`. */
  reasoning_style?: ReasoningStyle;
  /** Values of the effort parameter, weakest first. */
  reasoning_values?: string[];
  reasoning_can_be_off?: boolean;
  /** Dearer prices once the input exceeds `above` tokens. */
  long_context?: { above: number } & Partial<Record<keyof Price, number>>;
  cache_min_tokens?: number;
  cache_ttl_s?: number;
  /** ISO date. */
  retires?: string;
  replaced_by?: string;
}

export interface ProviderSettings {
  type?: ProviderType;
  api?: "responses" | "chat";
  base_url?: string;
  api_key?: string;
  /** A command whose first line of output is the key; run only when the key is needed. */
  key_command?: string;
  headers?: Record<string, string>;
  /** Seconds without a byte before a stream counts as stalled. */
  timeout_s?: number;
  max_retries?: number;
  /** `script` only: the file with the replies. */
  file?: string;
  models?: ModelSettings[];
}

export interface Settings {
  model: string | null;
  preset: string[];
  providers: Record<string, ProviderSettings>;
  options: {
    staged_workflow: { enabled: boolean; require_approval_before_execute: boolean };
    phase_model: {
      planning_model: string | null;
      execution_model: string | null;
      handoff: "plan" | "full";
      unit: "plan" | "ticket";
      /** Refuse approval of a plan with flagged tickets (preset `reasoning-plan`). */
      strict: boolean;
      /** Automatic returns to the planner after a failed verification. */
      max_replans: number;
    };
    roles: { capable: string | null; fast: string | null };
    model_router: {
      balanced_model: string | null;
      smart_model: string | null;
      coding_model: string | null;
      deep_model: string | null;
      routing_model: string | null;
      dynamic_tier_enabled: boolean;
      temperature: number;
    };
    phase_router: {
      enabled: boolean;
      rank: "expected-cost" | "ratio";
      baseline_model: string | null;
      preferences: Partial<Record<Phase, string[]>>;
      /** model → phase → 0 to 100. */
      capability: Record<string, Partial<Record<Phase, number>>>;
      /** Smallest capability per phase that may be taken while a better one is there. */
      floor: Partial<Record<Phase, number>>;
    };
    gate: { enabled: boolean; model: string | null };
    /** Keys: stage names and tier names. */
    reasoning: Record<string, ReasoningLevel>;
    containment: { mode: ContainmentMode };
    fallback: { policy: "ask" | "fail" | "allow" };
    /** USD; 0 = no cap. */
    budget: { session_usd: number; plan_usd: number; execute_usd: number; turn_usd: number };
    shell: { env: { add: Record<string, string>; remove: string[] }; timeout_s: number };
    ui: { theme: "auto" | "dark" | "light"; verbose: boolean };
  };
  permissions: { mode: PermissionMode; allow: string[]; deny: string[] };
}

/** Where a value came from, e.g. `flag --model`, `BMO_MODEL`, `/repo/.bmorc.toml`, `preset tiered`, `default`. */
export type Origin = string;

/** What a person is asked to trust, and what the answer is keyed to. */
export interface ProjectTrust {
  /** Real path of the workspace. */
  directory: string;
  /** Over all files that can change behaviour; another digest means asking again. */
  digest: string;
  trusted: boolean;
  /** What trust would let count: ignored keys with their file, and folders of skills. */
  items: string[];
}

export interface LoadedSettings {
  settings: Settings;
  /** Dotted key → origin. */
  origins: Record<string, Origin>;
  /** Files that took part, highest first. */
  files: string[];
  /**
   * For stderr and the REPL: ignored keys of an untrusted project, unknown keys, several files in one folder, retired
   * models.
   */
  notices: string[];
  /** Project keys that were ignored because the directory is not trusted. */
  untrusted: string[];
  /** What there is to trust in this project; null or absent where nothing is. */
  trust?: ProjectTrust | null;
}
