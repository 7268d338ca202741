// The plan artifact, its approval, and the state of the staged workflow. Keys keep their on-disk spelling (contract
// section 9).

import type { TouchedFile } from "./agent.ts";
import type { FileAction } from "./tool.ts";
import type { Phase } from "./provider.ts";

export interface PlanFile {
  /** Path, directory or glob, relative to the workspace. */
  path: string;
  action: FileAction;
}

export interface Ticket {
  id: string;
  title: string;
  detail: string;
  phase: Phase | null;
  files: PlanFile[];
  /** Rules as in contract section 8, e.g. `bash(npm test)`; a bare command line counts as a rule for just that line. */
  commands: string[];
  acceptance: string[];
  verify: string[];
  depends_on: string[];
  out_of_scope: string[];
}

/** What the hash covers: canonical JSON of exactly these fields. */
export interface PlanContent {
  title: string;
  summary: string;
  tickets: Ticket[];
  network: boolean;
  open_questions: string[];
  decisions: string[];
}

export type PlanState = "draft" | "awaiting_approval" | "approved" | "executing" | "done" | "failed" | "rejected";
export type TicketState = "open" | "in_progress" | "done" | "failed" | "skipped";

export interface Plan {
  id: string;
  /** 1 for the first artifact of an id; rises with each revision. */
  revision: number;
  /** `sha256:` + 64 hex digits over the RFC 8785 JSON of the content. */
  hash: string;
  content: PlanContent;
  state: PlanState;
  /** By ticket id. */
  tickets: Record<string, TicketState>;
  /** What validation flags, by name of ticket and field; shown on the card. */
  flags: string[];
}

export type ApprovalVia = "command" | "flag" | "subcommand" | "configuration" | "demo";

/** A person's approval. Only the input handler of a person's command or an explicit flag creates it. */
export interface Approval {
  plan_id: string;
  hash: string;
  workspace: string;
  session_id: string;
  via: ApprovalVia;
  /** Ticket ids approved; all of the plan's when null. */
  tickets: string[] | null;
  note: string | null;
  unscoped: boolean;
  at: string;
}

/** What was done since the present plan was first stored. A new plan begins with none of it. */
export interface PlanProgress {
  /** Turn in which the plan was first handed in; its tickets are worked on in later ones. */
  since: number;
  /** Every touch of a file in its order; a path may be there more than once. */
  files: Iterable<TouchedFile>;
  /** What finished tickets reported, by ticket id. */
  reports: Record<string, string>;
  /** Shell commands that ran in execution without being in the plan. */
  unplannedCommands: string[];
  /** What could not be checked or put back, and why. */
  unsettled: { path: string; reason: string }[];
  /** Paths that changed while the plan was executed, by nobody of bmo. */
  changedBetween: string[];
  /** Ignored paths that were written while the plan was executed; folders with the number of files. */
  ignoredWritten: string[];
}

export interface TicketReport {
  id: string;
  title: string;
  state: TicketState;
  /** null = not known. */
  cost_usd: number | null;
  cost_is_estimate: boolean;
  /** The executor's last words on it. */
  report: string | null;
}

/** What an execution came to; printed in JSON as it is. */
export interface DriftReport {
  plan: string;
  hash: string;
  state: PlanState;
  planned_files: PlanFile[];
  touched_files: TouchedFile[];
  unplanned_commands: string[];
  tickets: TicketReport[];
  /** Ticket ids. */
  skipped_tickets: string[];
  failed_tickets: string[];
  /** Paths that were put back. */
  rollbacks: string[];
  /** Path and reason. */
  unsettled: string[];
  changed_between_commands: string[];
  ignored_written: string[];
  /** Paths. */
  out_of_scope: string[];
}

export type Stage = "plan" | "execute" | "chat" | "gate";

/** A stage in which tools may run; a gate reply has none. */
export type WorkStage = Exclude<Stage, "gate">;

/** State of the staged workflow; changed only by `reduceWorkflow`. */
export interface WorkflowState {
  enabled: boolean;
  /** Where the next turn stands; never `gate`. */
  stage: WorkStage;
  plan: Plan | null;
  approval: Approval | null;
  /** True once executing was interrupted: text then steers the executor. */
  interrupted: boolean;
  /** How often this plan went back to the planner by itself. */
  replans: number;
}

export type WorkflowEvent =
  /** `by` the user: kept for later runs; by a flag or the configuration: for this run. */
  | { type: "workflow_switched"; enabled: boolean; by: "user" | "flag" | "configuration" }
  | { type: "plan_stored"; plan: Plan }
  | { type: "plan_approved"; approval: Approval }
  | { type: "execution_started" }
  | { type: "execution_interrupted" }
  | { type: "ticket_changed"; ticket: string; state: TicketState }
  | { type: "plan_finished"; state: "done" | "failed" }
  | { type: "plan_rejected" }
  | { type: "revision_requested"; by: "user" | "executor" | "verification" }
  | { type: "stage_reset" };
