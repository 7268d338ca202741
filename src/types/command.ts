// Slash commands: UI-free; each answers with text and data, and may ask the front end for one action.

import type { Agent } from "./agent.ts";
import type { LedgerEntry } from "./ledger.ts";
import type { Route } from "./route.ts";
import type { ModelRegistry } from "./provider.ts";
import type { LoadedSettings } from "./settings.ts";
import type { SessionSummary } from "./session.ts";
import type { Json } from "./json.ts";
import type { ErrorInfo, ExitCode } from "./error.ts";
import type { Ask } from "./permission.ts";

/** What a front end must do after a command; everything else was done by the command itself. */
export type CommandAction =
  | { type: "none" }
  | { type: "exit" }
  | { type: "new_session" }
  | { type: "resume_session"; id: string | null }
  | { type: "toggle_detail" }
  | { type: "edit_text"; text: string; extension: string; apply: (text: string) => Promise<CommandResult> };

export interface CommandResult {
  text: string;
  data: Json;
  exitCode: ExitCode;
  action: CommandAction;
  /** What a turn that the command started failed with; a failed command itself throws. */
  error?: ErrorInfo;
}

/** Services beyond the agent that commands need; built by the composition root. */
export interface CommandServices {
  loaded(): LoadedSettings;
  registry(): ModelRegistry;
  sessions(): Promise<SessionSummary[]>;
  /** Writes one key of the user's file, keeping its comments; null removes it. Returns the file's path. */
  writeUserSetting(key: string, value: string | null): Promise<string>;
  skills(): Promise<
    {
      name: string;
      description: string;
      available: boolean;
      reason: string | null;
      path: string;
      tier: string | null;
    }[]
  >;
  diff(): Promise<string>;
  undo(argument: string): Promise<{ text: string; exitCode: ExitCode }>;
  tools(): Promise<{ name: string; access: string; description: string; offered: boolean }[]>;
  projectFile(): { path: string; exists: boolean };
  /** The route of a turn with its candidates and why each was not taken. */
  explainRoute(route: Route): string;
  /** The session's cost by model and stage, with baseline and savings. */
  costText(entries: readonly LedgerEntry[]): string;
  /** Rules that the user allowed for good in this workspace, and the file that keeps them. */
  projectRules(): { path: string; rules: string[] };
  /** Forgets one of them; false when there is none. It no longer counts from the next call on. */
  forgetProjectRule(rule: string): Promise<boolean>;
  /** The merged configuration with origins, secrets masked. */
  configText(): string;
  /** Each value of the merged configuration as JSON text, secrets masked. */
  configRows(): { key: string; value: string }[];
}

export interface CommandContext {
  agent: Agent;
  services: CommandServices;
  /** True when nobody can answer a question. */
  headless: boolean;
  ask: Ask;
}

export interface CommandDefinition {
  name: string;
  aliases: string[];
  /** Shown in the completion, e.g. `[ids] [note]`. */
  argumentHint: string;
  summary: string;
  /** Whether it only reads: such a command answers at once while a turn runs. */
  readOnly: boolean;
  /**
   * What it would do with this argument that only a person may, such as approving: piped text may be somebody else's.
   * Absent or null: nothing.
   */
  onlyByPerson?(argument: string): { refusal: string; instead: string } | null;
  run(argument: string, context: CommandContext): Promise<CommandResult>;
}
