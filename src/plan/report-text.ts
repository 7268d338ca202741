// The drift report in a few lines, for the REPL and for stderr. Pure; reads the report as it stands in the JSON.

import { formatUsd } from "../util/money.ts";
import type { Json, JsonObject } from "../types/json.ts";

export interface ReportRow {
  label: string;
  text: string;
  /** Something did not go as planned. */
  attention: boolean;
}

/** Longer lists are cut: the whole report stands in the session and in the JSON. */
const MOST = 8;

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

function field(value: Json, key: string): Json | undefined {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value[key] : undefined;
}

function nameOf(item: Json): string {
  const path = field(item, "path");
  const action = field(item, "action");
  if (typeof path === "string") return typeof action === "string" ? `${action} ${path}` : path;
  return typeof item === "string" ? item : JSON.stringify(item);
}

function joined(items: readonly string[], separator: string): string {
  const shown = [...new Set(items)];
  return shown.length <= MOST
    ? shown.join(separator)
    : `${shown.slice(0, MOST).join(separator)} and ${shown.length - MOST} more`;
}

function costOfTickets(tickets: readonly Json[]): string {
  const costs = tickets.flatMap((ticket) => {
    const cost = field(ticket, "cost_usd");
    const id = field(ticket, "id");
    return typeof id === "string" && (typeof cost === "number" || cost === null)
      ? [{ id, cost, estimate: field(ticket, "cost_is_estimate") === true }]
      : [];
  });
  // With all tickets in one turn no call belongs to one of them.
  if (costs.every(({ cost }) => cost === 0 || cost === null)) return "";
  return costs.map(({ id, cost, estimate }) => `${id} ${formatUsd(cost, estimate)}`).join(", ");
}

/** What was planned and touched always; the rest only where there is something to say. */
export function reportRows(report: JsonObject): ReportRow[] {
  const planned = list(report["planned_files"]).map(nameOf);
  const touched = list(report["touched_files"]).map(nameOf);
  const special: readonly (readonly [key: string, label: string, separator: string])[] = [
    ["out_of_scope", "outside the plan", ", "],
    ["rollbacks", "put back", ", "],
    ["unsettled", "not settled", "; "],
    ["unplanned_commands", "unplanned commands", "; "],
    ["changed_between_commands", "changed between commands", ", "],
    ["ignored_written", "written where ignored, not watched", ", "],
    ["skipped_tickets", "skipped tickets", ", "],
    ["failed_tickets", "failed tickets", ", "],
  ];
  const costs = costOfTickets(list(report["tickets"]));
  return [
    { label: "planned", text: joined(planned, ", ") || "no files", attention: false },
    { label: "touched", text: joined(touched, ", ") || "no files", attention: false },
    ...special.flatMap(([key, label, separator]) => {
      const names = list(report[key]).map(nameOf);
      return names.length === 0 ? [] : [{ label, text: joined(names, separator), attention: true }];
    }),
    ...(costs === "" ? [] : [{ label: "cost by ticket", text: costs, attention: false }]),
  ];
}

export function reportText(report: JsonObject): string {
  return reportRows(report)
    .map(({ label, text }) => `${label}: ${text}`)
    .join("\n");
}
