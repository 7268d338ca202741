// Session files: one append-only JSONL file per session. Each record has `type`; unknown types are skipped with a
// notice.

import type { Approval, Stage, WorkflowEvent } from "./plan.ts";
import type { LedgerEntry } from "./ledger.ts";
import type { Message } from "./message.ts";
import type { ActiveSkill, Overrides, Route } from "./route.ts";
import type { Denial, Grant } from "./permission.ts";
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
  | { type: "approval"; approval: Approval }
  | { type: "cost"; entry: LedgerEntry }
  | { type: "overrides"; overrides: Overrides }
  | { type: "skill"; skill: ActiveSkill | null }
  | { type: "grant"; grant: Grant }
  | { type: "denial"; turn: number; denial: Denial }
  | { type: "file"; turn: number; path: string; action: FileAction; in_scope: boolean; rolled_back: boolean }
  /** A command that ran in execution without being in the plan. */
  | { type: "unplanned"; command: string }
  /** What could not be checked or put back, besides its denial. */
  | { type: "unsettled"; path: string; reason: string }
  /** What changed while a plan was executed, by nobody of bmo; ignored paths that were written. */
  | { type: "changed_between"; changed: string[]; ignored: string[] }
  /** The executor's last words on a ticket that it finished. */
  | { type: "ticket_report"; ticket: string; text: string }
  | { type: "checkpoint"; id: string; label: string; ticket: string | null }
  | { type: "shell"; command: string; output: string; exit_code: number | null }
  | { type: "notice"; level: "info" | "warning"; text: string }
  | { type: "turn_end"; turn: number; reason: TurnEndReason; error: ErrorInfo | null };

export type StoredRecord = SessionRecord & { seq: number; at: string };

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
