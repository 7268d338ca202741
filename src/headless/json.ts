// The one place where events become snake_case, and the object that ends every machine-readable run (contract section
// 5).

import { printedJson } from "../util/snake-keys.ts";
import { ticketCost, ticketEntries } from "../plan/ticket-cost.ts";
import { EXIT, type ErrorInfo, type ExitCode } from "../types/error.ts";
import type { AgentState } from "../types/agent.ts";
import type { AgentEvent } from "../types/event.ts";
import type { Json, JsonObject } from "../types/json.ts";
import type { AssistantMessage } from "../types/message.ts";
import type { Plan } from "../types/plan.ts";
import type { Route } from "../types/route.ts";
import type { ToolOutput } from "../types/tool.ts";

function plain(value: unknown): Json {
  return value === undefined ? null : (JSON.parse(JSON.stringify(value)) as Json);
}

/** What a route was decided on is kept in the program's own spelling; here it takes that of the output. */
function routeJson(route: Route): Json {
  return {
    ...(plain(route) as JsonObject),
    ...(route.inputs === undefined ? {} : { inputs: printedJson(route.inputs) }),
  };
}

function messageJson(message: AssistantMessage): JsonObject {
  return {
    model: message.model,
    content: message.content.map((block): JsonObject => {
      switch (block.type) {
        case "text":
        case "reasoning":
          return { type: block.type, text: block.text };
        case "tool_call":
          return { type: block.type, id: block.id, name: block.name, input: block.input };
      }
    }),
  };
}

function outputJson(output: ToolOutput): JsonObject {
  return {
    is_error: output.isError,
    text: output.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n"),
    images: output.content.filter((block) => block.type === "image").length,
    display: output.display.map((block): JsonObject =>
      block.kind === "shell"
        ? { kind: block.kind, command: block.command, exit_code: block.exitCode, output: block.output }
        : { ...block },
    ),
  };
}

/** One event as a line of `stream-json`. */
export function eventJson(event: AgentEvent): JsonObject {
  switch (event.type) {
    case "session_start":
      return { type: event.type, session_id: event.sessionId, workspace: event.workspace, resumed: event.resumed };
    case "message_end":
      return { type: event.type, message: messageJson(event.message) };
    case "tool_start":
      return {
        type: event.type,
        call_id: event.call.id,
        tool: event.call.name,
        input: event.call.input,
        summary: event.summary,
      };
    case "tool_delta":
      return { type: event.type, call_id: event.callId, text: event.text };
    case "tool_end":
      return { type: event.type, call_id: event.callId, tool: event.tool, output: outputJson(event.output) };
    case "plan_ready":
      return {
        type: event.type,
        plan: plain(event.plan),
        execution_model: event.executionModel,
        changes: event.changes ?? [],
        confined: event.confined ?? true,
      };
    case "ticket_end":
      return {
        type: event.type,
        plan: event.plan,
        ticket: event.ticket,
        state: event.state,
        cost_usd: event.costUsd,
        cost_is_estimate: event.costEstimate,
      };
    case "rollback":
      return { type: event.type, paths: event.paths, copy: event.copy, restore_command: event.restoreCommand };
    case "retry":
      return {
        type: event.type,
        attempt: event.attempt,
        max_attempts: event.maxAttempts,
        delay_ms: event.delayMs,
        reason: event.reason,
      };
    case "route_decision":
      return { type: event.type, route: routeJson(event.route) };
    case "turn_start":
    case "gate_decision":
    case "step_start":
    case "text_delta":
    case "reasoning_delta":
    case "plan_approved":
    case "ticket_start":
    case "scope_violation":
    case "cost_entry":
    case "notice":
    case "turn_end":
      return plain(event) as JsonObject;
  }
}

function planJson(plan: Plan, state: AgentState): JsonObject {
  return {
    id: plan.id,
    revision: plan.revision,
    hash: plan.hash,
    state: plan.state,
    title: plan.content.title,
    tickets: plan.content.tickets.map((ticket) => {
      const costs = ticketEntries(plan, ticket.id, state.ledger, state.planSince ?? 0);
      const ticketState = plan.tickets[ticket.id] ?? "open";
      const cost = ticketCost(costs, ticketState);
      return {
        id: ticket.id,
        title: ticket.title,
        state: ticketState,
        files: ticket.files.map((file) => ({ path: file.path, action: file.action })),
        cost_usd: cost,
      };
    }),
  };
}

export interface ResultInput {
  sessionId: string | null;
  /** null when the run failed before there was a session. */
  state: AgentState | null;
  exitCode: ExitCode;
  text: string;
  data: Json;
  error: ErrorInfo | null;
  warnings: string[];
  durationMs: number;
}

function statusOf(exitCode: ExitCode): string {
  switch (exitCode) {
    case EXIT.done:
      return "done";
    case EXIT.awaitingApproval:
      return "awaiting_approval";
    case EXIT.denied:
      return "denied";
    case EXIT.limit:
      return "limit";
    case EXIT.interrupted:
    case EXIT.terminated:
    case EXIT.hangup:
      return "aborted";
    case EXIT.failed:
    case EXIT.usage:
    case EXIT.credentials:
    case EXIT.provider:
      return "error";
  }
}

/** The result object; what is absent is null. */
export function resultJson(input: ResultInput): JsonObject {
  const { state } = input;
  const totals = state?.totals ?? null;
  return {
    type: "result",
    version: 1,
    session_id: input.sessionId,
    status: statusOf(input.exitCode),
    exit_code: input.exitCode,
    result: input.text,
    data: input.data,
    plan: state?.workflow.plan == null ? null : planJson(state.workflow.plan, state),
    routes: (state?.routes ?? []).map(routeJson),
    usage: plain(totals?.usage ?? { input: 0, output: 0, cache_read: 0, cache_write: 0 }),
    cost_usd: totals === null ? 0 : totals.cost_usd,
    cost_is_estimate: totals?.estimate ?? false,
    baseline: {
      model: totals?.baseline_model ?? null,
      cost_usd: totals?.baseline_cost_usd ?? null,
      cost_is_estimate: totals?.baseline_estimate ?? false,
    },
    savings_pct: totals?.savings_pct ?? null,
    files: plain(state?.files ?? []),
    denials: (state?.denials ?? []).map((denial) => ({
      tool: denial.tool,
      summary: denial.summary,
      reason: denial.reason,
    })),
    report: plain(state?.report ?? null),
    warnings: [...new Set([...input.warnings, ...(state?.warnings ?? [])])],
    error:
      input.error === null ? null : { code: input.error.code, message: input.error.message, hint: input.error.hint },
    duration_ms: Math.round(input.durationMs),
  };
}
