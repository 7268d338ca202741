// The drift report of an execution: what was planned, what was touched, what was left out or put back; and its rows for
// people. Pure.

import { ticketCost, ticketEntries } from "./ticket-cost.ts";
import { touchedFiles } from "./touched-files.ts";
import { formatUsd } from "../util/money.ts";
import type { LedgerEntry } from "../types/ledger.ts";
import type { DriftReport, Plan, PlanProgress, TicketReport } from "../types/plan.ts";

/** @param ledger all calls of the session. */
export function driftReport(plan: Plan, progress: PlanProgress, ledger: readonly LedgerEntry[]): DriftReport {
  const tickets = plan.content.tickets.map((ticket): TicketReport => {
    const calls = ticketEntries(plan, ticket.id, ledger, progress.since);
    const state = plan.tickets[ticket.id] ?? "open";
    return {
      id: ticket.id,
      title: ticket.title,
      state,
      cost_usd: ticketCost(calls, state),
      cost_is_estimate: calls.some((entry) => entry.estimate),
      report: progress.reports[ticket.id] ?? null,
    };
  });
  const touched = [...touchedFiles(progress.files)];
  return {
    plan: plan.id,
    hash: plan.hash,
    state: plan.state,
    planned_files: plan.content.tickets.flatMap((ticket) => ticket.files),
    touched_files: touched,
    unplanned_commands: [...progress.unplannedCommands],
    tickets,
    skipped_tickets: tickets.filter((ticket) => ticket.state === "skipped").map((ticket) => ticket.id),
    failed_tickets: tickets.filter((ticket) => ticket.state === "failed").map((ticket) => ticket.id),
    rollbacks: touched.filter((file) => file.rolled_back).map((file) => file.path),
    unsettled: progress.unsettled.map(({ path, reason }) => `${path} (${reason})`),
    changed_between_commands: [...progress.changedBetween],
    ignored_written: [...progress.ignoredWritten],
    out_of_scope: touched.filter((file) => !file.in_scope).map((file) => file.path),
  };
}

export interface ReportRow {
  label: string;
  text: string;
  /** Something did not go as planned. */
  attention: boolean;
}

/** Longer lists are cut: the whole report is in the session and in the JSON. */
const MOST = 8;

function joined(items: readonly string[], separator: string): string {
  const shown = [...new Set(items)];
  return shown.length <= MOST
    ? shown.join(separator)
    : `${shown.slice(0, MOST).join(separator)} and ${shown.length - MOST} more`;
}

function costOfTickets(tickets: readonly TicketReport[]): string {
  // With all tickets in one turn no call belongs to one of them.
  if (tickets.every(({ cost_usd }) => cost_usd === 0 || cost_usd === null)) return "";
  return tickets
    .map(({ id, cost_usd, cost_is_estimate }) => `${id} ${formatUsd(cost_usd, cost_is_estimate)}`)
    .join(", ");
}

function namesOf(files: readonly { path: string; action: string }[]): string {
  return joined(
    files.map(({ path, action }) => `${action} ${path}`),
    ", ",
  );
}

/** What was planned and touched always; the rest only where there is something to say. */
export function reportRows(report: DriftReport): ReportRow[] {
  const special: readonly (readonly [label: string, items: readonly string[], separator: string])[] = [
    ["outside the plan", report.out_of_scope, ", "],
    ["put back", report.rollbacks, ", "],
    ["not settled", report.unsettled, "; "],
    ["unplanned commands", report.unplanned_commands, "; "],
    ["changed between commands", report.changed_between_commands, ", "],
    ["written where ignored, not watched", report.ignored_written, ", "],
    ["skipped tickets", report.skipped_tickets, ", "],
    ["failed tickets", report.failed_tickets, ", "],
  ];
  const costs = costOfTickets(report.tickets);
  return [
    { label: "planned", text: namesOf(report.planned_files) || "no files", attention: false },
    { label: "touched", text: namesOf(report.touched_files) || "no files", attention: false },
    ...special.flatMap(([label, items, separator]) =>
      items.length === 0 ? [] : [{ label, text: joined(items, separator), attention: true }],
    ),
    ...(costs === "" ? [] : [{ label: "cost by ticket", text: costs, attention: false }]),
  ];
}

export function reportText(report: DriftReport): string {
  return reportRows(report)
    .map(({ label, text }) => `${label}: ${text}`)
    .join("\n");
}
