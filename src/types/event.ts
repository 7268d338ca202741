// The one stream that comes up from the agent. Envelope fields are camelCase and become snake_case once, in headless/;
// records that also live on disk (plan, route, ledger entry) keep their on-disk spelling.

import type { ErrorInfo } from "./error.ts";
import type { AssistantMessage, ToolCallBlock } from "./message.ts";
import type { LedgerEntry } from "./ledger.ts";
import type { Approval, Plan, Stage, TicketState } from "./plan.ts";
import type { GateDecision, Route } from "./route.ts";
import type { FileAction, ToolOutput } from "./tool.ts";

export type TurnEndReason = "done" | "awaiting_approval" | "denied" | "limit" | "aborted" | "error";

export type AgentEvent =
  | { type: "session_start"; sessionId: string; workspace: string; resumed: boolean }
  | { type: "turn_start"; turn: number; stage: Stage; ticket: string | null; text: string }
  | { type: "gate_decision"; turn: number; decision: GateDecision | null; reason: string; preview: string }
  | { type: "route_decision"; route: Route }
  | { type: "step_start"; turn: number; step: number; model: string }
  | { type: "text_delta"; text: string }
  | { type: "reasoning_delta"; text: string }
  | { type: "message_end"; message: AssistantMessage }
  | { type: "tool_start"; call: ToolCallBlock; summary: string }
  | { type: "tool_delta"; callId: string; text: string }
  | { type: "tool_end"; callId: string; tool: string; output: ToolOutput }
  /**
   * `changes` says what a revision changes; empty for a first one. `stepCost`: estimated USD of one step on that model,
   * null or absent when unknown.
   */
  | {
      type: "plan_ready";
      plan: Plan;
      executionModel: string | null;
      changes?: string[];
      stepCost?: number | null;
      confined?: boolean;
    }
  | { type: "plan_approved"; plan: Plan; approval: Approval }
  | { type: "ticket_start"; plan: string; ticket: string; title: string }
  | {
      type: "ticket_end";
      plan: string;
      ticket: string;
      state: TicketState;
      costUsd: number | null;
      costEstimate: boolean;
    }
  | { type: "scope_violation"; path: string; action: FileAction; allowed: boolean; reason: string }
  | { type: "rollback"; paths: string[]; copy: string; restoreCommand: string }
  | { type: "cost_entry"; entry: LedgerEntry }
  | { type: "retry"; attempt: number; maxAttempts: number; delayMs: number; reason: string }
  | { type: "notice"; level: "info" | "warning"; text: string }
  | { type: "turn_end"; turn: number; reason: TurnEndReason; error: ErrorInfo | null };
