// What front ends and slash commands may do with a running session. Implemented in agent/.

import type { AgentEvent, TurnEndReason } from "./event.ts";
import type { CostTotals, LedgerEntry } from "./ledger.ts";
import type { ErrorInfo, ExitCode } from "./error.ts";
import type { ImageBlock } from "./message.ts";
import type { ApprovalVia, DriftReport, Plan, WorkflowState } from "./plan.ts";
import type { Denial, Grant } from "./permission.ts";
import type { Overrides, Route, TierSource } from "./route.ts";
import type { FileChange } from "./tool.ts";
import type { PermissionMode, Settings } from "./settings.ts";

export interface UserInput {
  text: string;
  images: ImageBlock[];
}

export interface TurnResult {
  reason: TurnEndReason;
  /** The last assistant text, or empty. */
  text: string;
  error: ErrorInfo | null;
}

export interface ApproveRequest {
  via: ApprovalVia;
  /** Ticket ids, or null for all. */
  tickets: string[] | null;
  note: string | null;
  unscoped: boolean;
}

export interface TouchedFile extends FileChange {
  in_scope: boolean;
  rolled_back: boolean;
}

/**
 * One session. At most one turn runs at a time; a second `submit` or `approve` meanwhile rejects with BmoError usage.
 */
export interface Agent {
  readonly sessionId: string;
  readonly workspace: string;
  /** Listener for the event stream; returns the function that removes it. */
  subscribe(listener: (event: AgentEvent) => void): () => void;
  /**
   * Runs a turn for what the user typed. Ordinary text while a plan awaits approval is feedback. Never rejects for
   * model or tool failures.
   */
  submit(input: UserInput): Promise<TurnResult>;
  /**
   * A person's approval of the present plan; starts or continues execution. @throws BmoError usage when there is
   * nothing to approve.
   */
  approve(request: ApproveRequest): Promise<TurnResult>;
  /** Back to the plan stage with the feedback; waits for the current tool when a turn runs. */
  revise(feedback: string): Promise<TurnResult>;
  reject(): void;
  /** Replaces the present plan by edited content: a new revision. @throws BmoError usage naming the field. */
  editPlan(content: unknown): Plan;
  setWorkflow(enabled: boolean): void;
  setPermissionMode(mode: PermissionMode): void;
  setOverrides(overrides: Overrides): void;
  setSkill(name: string | null): Promise<string>;
  compact(): Promise<TurnResult>;
  /** Records a command of the user (`/x`, `!x`) without a turn. */
  recordCommand(text: string): void;
  recordShell(command: string, output: string, exitCode: number | null): void;
  /** Stops the running turn; resolves when it has ended. */
  abort(reason: string): Promise<void>;
  busy(): boolean;
  /** Ends the session: children ended, log closed. */
  close(): Promise<void>;
  /** Works out again what the next request would take; front ends call it after a choice changed. No model call. */
  refresh(): Promise<void>;
  state(): AgentState;
}

/** A snapshot for `/status`, the status line and the JSON result. No model call is needed for any of it. */
export interface AgentState {
  settings: Settings;
  workflow: WorkflowState;
  overrides: Overrides;
  permissionMode: PermissionMode;
  grants: Grant[];
  skill: { name: string; tier: string | null } | null;
  turns: number;
  routes: Route[];
  ledger: LedgerEntry[];
  /** Turn in which the present plan was first handed in: what its tickets cost stands in later ones. */
  planSince?: number;
  totals: CostTotals;
  files: TouchedFile[];
  denials: Denial[];
  warnings: string[];
  /** Canonical id of the model that the last request really went to. */
  lastModel: string | null;
  /** What the next request would take, and why; null when no model can be chosen (the reason says so). */
  next: { model: string | null; reason: string; tier: string; tierSource: TierSource };
  /** Model that would execute the present plan. */
  executionModel: { model: string | null; reason: string };
  sandbox: string;
  lastText: string;
  /** Set once the run met its end; drives the exit code together with `denials`. */
  outcome: ExitCode;
  report: DriftReport | null;
}
