// Session files: one append-only JSONL file per session. Each record has `type`; unknown types are skipped with a
// notice.

import type { TouchedFile } from "./agent.ts";
import type { Approval, Plan, Stage, WorkflowEvent, WorkflowState } from "./plan.ts";
import type { LedgerEntry } from "./ledger.ts";
import type { Message } from "./message.ts";
import type { ActiveSkill, Overrides, Route } from "./route.ts";
import type { Denial } from "./permission.ts";
import type { ErrorInfo } from "./error.ts";
import type { TurnEndReason } from "./event.ts";
import type { FileAction } from "./tool.ts";

export interface SessionHeader {
  type: "session";
  version: 1;
  id: string;
  workspace: string;
  created_at: string;
  forked_from: string | null;
}

/** What the agent appends; the store adds `seq` and `at`. */
export type SessionRecord =
  | { type: "command"; text: string }
  | { type: "turn_start"; turn: number; stage: Stage; ticket: string | null; text: string }
  /** Opens a fresh conversation: later messages belong to it. `seed` starts it (handed-over plan, summary). */
  | {
      type: "conversation";
      id: number;
      reason: "start" | "handoff" | "ticket" | "revision" | "compact" | "gate";
      seed: Message[];
    }
  | { type: "message"; conversation: number; turn: number; message: Message }
  | { type: "tool_intent"; turn: number; call_id: string; tool: string; summary: string }
  | { type: "route"; route: Route }
  | { type: "workflow"; event: WorkflowEvent }
  | { type: "plan"; plan: Plan }
  | { type: "approval"; approval: Approval }
  | { type: "cost"; entry: LedgerEntry }
  | { type: "overrides"; overrides: Overrides }
  | { type: "skill"; skill: ActiveSkill | null }
  | { type: "grant"; rule: string }
  | { type: "denial"; turn: number; denial: Denial }
  | { type: "file"; turn: number; path: string; action: FileAction; in_scope: boolean; rolled_back: boolean }
  | { type: "checkpoint"; id: string; label: string; ticket: string | null }
  | { type: "shell"; command: string; output: string; exit_code: number | null }
  | { type: "notice"; level: "info" | "warning"; text: string }
  | { type: "turn_end"; turn: number; reason: TurnEndReason; error: ErrorInfo | null };

export type StoredRecord = SessionRecord & { seq: number; at: string };

/** What a session file gives back to the agent that goes on with it. */
export interface RestoredSession {
  /** By id; each tool call in them has its result. */
  conversations: Map<number, Message[]>;
  /** The conversation that each stage would go on with. */
  conversationOf: Partial<Record<Stage, number>>;
  workflow: WorkflowState;
  /** Choices made by command; those of flags held for their run only. */
  overrides: Overrides;
  skill: ActiveSkill | null;
  grants: string[];
  /** Read from the file when they are first looked at: a long session has thousands, and a turn needs none of them. */
  readonly routes: Route[];
  readonly ledger: LedgerEntry[];
  /** Turns that a route other than a gate's served. */
  routedTurns: number[];
  /** Of the turns' own calls the first and the last of each conversation and stage, in their order. */
  keyCalls: LedgerEntry[];
  files: TouchedFile[];
  denials: Denial[];
  /** Number of the last turn. */
  turns: number;
  lastModel: string | null;
  lastText: string;
  /** Files that the plan at hand has touched. */
  planFiles: TouchedFile[];
  /** Turn in which the plan at hand was first handed in. */
  planSince: number;
  /** What finished tickets of the plan at hand reported, by ticket id. */
  reports: Record<string, string>;
}

export interface SessionSummary {
  id: string;
  workspace: string;
  created_at: string;
  updated_at: string;
  title: string;
  turns: number;
  plan_state: string | null;
  models: string[];
  cost_usd: number | null;
  /** A price behind the cost is an estimate. */
  cost_is_estimate: boolean;
  /** pid of a live process that holds it, or null. */
  held_by: number | null;
  path: string;
}

/** An open session file. `append` returns once the bytes are with the operating system: written before shown. */
export interface SessionLog {
  readonly id: string;
  readonly path: string;
  append(record: SessionRecord): void;
  close(): void;
}
