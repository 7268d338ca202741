// What a revision changes, in lines that a person can check at a glance.

import { canonicalJson } from "../util/canonical-json.ts";
import type { PlanContent, Ticket } from "../types/plan.ts";

function listChanges(label: string, before: readonly string[], after: readonly string[]): string[] {
  const added = after.filter((item) => !before.includes(item)).map((item) => `+ ${label}: ${item}`);
  const removed = before.filter((item) => !after.includes(item)).map((item) => `- ${label}: ${item}`);
  return [...removed, ...added];
}

function ticketChanges(before: Ticket, after: Ticket): string[] {
  const id = after.id;
  const files = (ticket: Ticket): string[] => ticket.files.map((file) => `${file.action} ${file.path}`);
  return [
    ...(before.title === after.title ? [] : [`~ ${id} title: ${after.title}`]),
    ...(before.detail === after.detail ? [] : [`~ ${id} detail reworded`]),
    ...listChanges(`${id} file`, files(before), files(after)),
    ...listChanges(`${id} command`, before.commands, after.commands),
    ...listChanges(`${id} acceptance`, before.acceptance, after.acceptance),
    ...listChanges(`${id} verify`, before.verify, after.verify),
    ...listChanges(`${id} depends on`, before.depends_on, after.depends_on),
    ...listChanges(`${id} out of scope`, before.out_of_scope, after.out_of_scope),
  ];
}

/** Lines beginning with `+`, `-` or `~`; empty when nothing changed. */
export function planChanges(before: PlanContent, after: PlanContent): string[] {
  if (canonicalJson(before) === canonicalJson(after)) return [];
  const known = new Map(before.tickets.map((ticket) => [ticket.id, ticket]));
  const kept = new Set(after.tickets.map((ticket) => ticket.id));
  return [
    ...(before.title === after.title ? [] : [`~ title: ${after.title}`]),
    ...(before.summary === after.summary ? [] : ["~ summary reworded"]),
    ...before.tickets
      .filter((ticket) => !kept.has(ticket.id))
      .map((ticket) => `- ticket ${ticket.id}: ${ticket.title}`),
    ...after.tickets.flatMap((ticket) => {
      const earlier = known.get(ticket.id);
      return earlier === undefined
        ? [
            `+ ticket ${ticket.id}: ${ticket.title}`,
            ...ticket.files.map((file) => `+ ${ticket.id} file: ${file.action} ${file.path}`),
          ]
        : ticketChanges(earlier, ticket);
    }),
    ...(before.network === after.network ? [] : [`~ network: ${after.network ? "commands may use it" : "none"}`]),
    ...listChanges("open question", before.open_questions, after.open_questions),
    ...listChanges("decision", before.decisions, after.decisions),
  ];
}
