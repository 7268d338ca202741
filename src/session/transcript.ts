// The events that show a resumed session as it was, from its records. Pure; what was only of the moment (deltas,
// retries, questions) is not among them.

import type { AgentEvent } from "../types/event.ts";
import type { StoredRecord } from "../types/session.ts";
import type { Message, ToolCallBlock } from "../types/message.ts";
import type { Plan, WorkflowEvent } from "../types/plan.ts";
import type { ToolOutput } from "../types/tool.ts";

function textOf(message: Message): string {
  return message.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
}

function messageEvents(message: Message, summaries: ReadonlyMap<string, string>): AgentEvent[] {
  switch (message.role) {
    case "user":
      return [];
    case "assistant":
      return [
        { type: "message_end", message },
        ...message.content.flatMap((block): AgentEvent[] =>
          block.type === "tool_call"
            ? [{ type: "tool_start", call: block, summary: summaries.get(block.id) ?? block.name }]
            : [],
        ),
      ];
    case "tool": {
      const output: ToolOutput = {
        content: message.content,
        isError: message.isError,
        display: [{ kind: "text", text: textOf(message) }],
      };
      return [{ type: "tool_end", callId: message.callId, tool: message.toolName, output }];
    }
  }
}

function shellEvents(record: Extract<StoredRecord, { type: "shell" }>): AgentEvent[] {
  const call: ToolCallBlock = {
    type: "tool_call",
    id: `shell-${record.seq}`,
    name: "!",
    input: { command: record.command },
  };
  const failed = record.exit_code !== 0;
  const output: ToolOutput = {
    content: [{ type: "text", text: record.output }],
    isError: failed,
    display: [{ kind: "shell", command: record.command, exitCode: record.exit_code, output: record.output }],
  };
  return [
    { type: "tool_start", call, summary: record.command },
    { type: "tool_end", callId: call.id, tool: call.name, output },
  ];
}

function workflowEvents(event: WorkflowEvent, plan: Plan | null): AgentEvent[] {
  switch (event.type) {
    case "plan_stored":
      return [{ type: "plan_ready", plan: event.plan, executionModel: null }];
    case "plan_approved":
      return plan === null ? [] : [{ type: "plan_approved", plan, approval: event.approval }];
    case "ticket_changed": {
      if (plan === null) return [];
      const title = plan.content.tickets.find((ticket) => ticket.id === event.ticket)?.title ?? "";
      if (event.state === "in_progress") return [{ type: "ticket_start", plan: plan.id, ticket: event.ticket, title }];
      if (event.state === "done" || event.state === "failed")
        return [
          {
            type: "ticket_end",
            plan: plan.id,
            ticket: event.ticket,
            state: event.state,
            costUsd: null,
            costEstimate: false,
          },
        ];
      return [];
    }
    case "workflow_switched":
    case "execution_started":
    case "execution_interrupted":
    case "plan_finished":
    case "plan_rejected":
    case "revision_requested":
    case "stage_reset":
      return [];
  }
}

const NONE: ReadonlyMap<string, string> = new Map();

/**
 * What each message's calls were announced as, by call id. Some servers count their ids again in every conversation.
 */
function callSummaries(records: readonly StoredRecord[]): ReadonlyMap<Message, ReadonlyMap<string, string>> {
  const found = new Map<Message, Map<string, string>>();
  let latest = new Map<string, string>();
  for (const record of records) {
    if (record.type === "tool_intent") latest.set(record.call_id, record.summary);
    else if (record.type === "message" && record.message.role === "assistant")
      found.set(record.message, (latest = new Map()));
  }
  return found;
}

/** Events in the order of the records. Each turn shows the routes as they stood at its end. */
export function transcriptOf(records: readonly StoredRecord[]): AgentEvent[] {
  const summaries = callSummaries(records);
  const lastRoutes = new Map(
    records.flatMap((record) => (record.type === "route" ? [[record.route.id, record.route] as const] : [])),
  );
  const shownRoutes = new Set<string>();
  let plan: Plan | null = null;
  const events: AgentEvent[] = [];
  for (const record of records) {
    switch (record.type) {
      case "turn_start":
        events.push({
          type: "turn_start",
          turn: record.turn,
          stage: record.stage,
          ticket: record.ticket,
          text: record.text,
        });
        break;
      case "route": {
        const route = lastRoutes.get(record.route.id) ?? record.route;
        if (!shownRoutes.has(route.id)) events.push({ type: "route_decision", route });
        shownRoutes.add(route.id);
        break;
      }
      case "message":
        events.push(...messageEvents(record.message, summaries.get(record.message) ?? NONE));
        break;
      case "workflow":
        if (record.event.type === "plan_stored") plan = record.event.plan;
        events.push(...workflowEvents(record.event, plan));
        break;
      case "cost":
        events.push({ type: "cost_entry", entry: record.entry });
        break;
      case "shell":
        events.push(...shellEvents(record));
        break;
      case "command":
        events.push({ type: "notice", level: "info", text: record.text });
        break;
      case "notice":
        events.push({ type: "notice", level: record.level, text: record.text });
        break;
      case "turn_end":
        events.push({ type: "turn_end", turn: record.turn, reason: record.reason, error: record.error });
        break;
      case "conversation":
      case "tool_intent":
      case "approval":
      case "overrides":
      case "skill":
      case "grant":
      case "denial":
      case "file":
      case "unplanned":
      case "unsettled":
      case "changed_between":
      case "ticket_report":
      case "checkpoint":
        break;
    }
  }
  return events;
}
