// The drift report after execution: what was planned, what was touched, what was left out or put back.

import { ticketCost, ticketEntries } from "../plan/ticket-cost.ts";
import type { SessionState } from "./session-state.ts";
import type { JsonObject } from "../types/json.ts";
import type { Plan } from "../types/plan.ts";

export function driftReport(state: SessionState, plan: Plan): JsonObject {
  const touched = state.planFiles.map((file) => ({
    path: file.path,
    action: file.action,
    in_scope: file.in_scope,
    rolled_back: file.rolled_back,
  }));
  const tickets = plan.content.tickets.map((ticket) => {
    const calls = ticketEntries(plan, ticket.id, state.ledger, state.planSince);
    const ticketState = plan.tickets[ticket.id] ?? "open";
    return {
      id: ticket.id,
      title: ticket.title,
      state: ticketState,
      cost_usd: ticketCost(calls, ticketState),
      cost_is_estimate: calls.some((entry) => entry.estimate),
      report: state.reports[ticket.id] ?? null,
    };
  });
  return {
    plan: plan.id,
    hash: plan.hash,
    state: plan.state,
    planned_files: plan.content.tickets.flatMap((ticket) =>
      ticket.files.map((file) => ({ path: file.path, action: file.action })),
    ),
    touched_files: touched,
    unplanned_commands: [...state.unplannedCommands],
    tickets,
    skipped_tickets: tickets.filter((ticket) => ticket.state === "skipped").map((ticket) => ticket.id),
    failed_tickets: tickets.filter((ticket) => ticket.state === "failed").map((ticket) => ticket.id),
    rollbacks: touched.filter((file) => file.rolled_back).map((file) => file.path),
    unsettled: state.planUnsettled.map(({ path, reason }) => `${path} (${reason})`),
    changed_between_commands: [...state.changedBetween],
    ignored_written: [...state.ignoredWritten],
    out_of_scope: touched.filter((file) => !file.in_scope).map((file) => file.path),
  };
}
