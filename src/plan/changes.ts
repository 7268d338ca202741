// What a revision changes, in lines that a person can check at a glance. Each field that the hash covers has its row
// here: a field without one does not compile.

import type { PlanContent, Ticket } from "../types/plan.ts";

/** Lines beginning with `+`, `-` or `~`; `label` says whose field it is. */
type Describe<Value> = (before: Value, after: Value, label: string) => string[];
type Rows<Shape> = { readonly [Field in keyof Shape]: Describe<Shape[Field]> };

function isSame(before: readonly string[], after: readonly string[]): boolean {
  return before.length === after.length && before.every((item, index) => item === after[index]);
}

const lists =
  (name: string): Describe<readonly string[]> =>
  (before, after, label) => {
    if (isSame(before, after)) return [];
    const removed = before.filter((item) => !after.includes(item)).map((item) => `- ${label}${name}: ${item}`);
    const added = after.filter((item) => !before.includes(item)).map((item) => `+ ${label}${name}: ${item}`);
    const lines = [...removed, ...added];
    return lines.length > 0 ? lines : [`~ ${label}${name}: the same entries in another order or number`];
  };
const replaced =
  <Value>(name: string, show: (after: Value) => string): Describe<Value> =>
  (before, after, label) =>
    before === after ? [] : [`~ ${label}${name}: ${show(after)}`];
const reworded =
  (name: string): Describe<string> =>
  (before, after, label) =>
    before === after ? [] : [`~ ${label}${name} reworded`];

const fileTexts = (files: Ticket["files"]): string[] => files.map((file) => `${file.action} ${file.path}`);

const TICKET: Rows<Ticket> = {
  // Tickets are compared by their ids.
  id: () => [],
  title: replaced("title", (title) => title),
  detail: reworded("detail"),
  phase: replaced("phase", (phase) => phase ?? "none"),
  files: (before, after, label) => lists("file")(fileTexts(before), fileTexts(after), label),
  commands: lists("command"),
  acceptance: lists("acceptance"),
  verify: lists("verify"),
  depends_on: lists("depends on"),
  out_of_scope: lists("out of scope"),
};

function ticketsChanges(before: readonly Ticket[], after: readonly Ticket[]): string[] {
  const known = new Map(before.map((ticket) => [ticket.id, ticket]));
  const kept = new Set(after.map((ticket) => ticket.id));
  const removed = before.filter((ticket) => !kept.has(ticket.id));
  const order = (tickets: readonly Ticket[]): string[] =>
    tickets.map(({ id }) => id).filter((id) => known.has(id) && kept.has(id));
  return [
    ...removed.map((ticket) => `- ticket ${ticket.id}: ${ticket.title}`),
    ...after.flatMap((ticket) => {
      const earlier = known.get(ticket.id);
      if (earlier !== undefined) return changesOf(TICKET, earlier, ticket, `${ticket.id} `);
      const files = fileTexts(ticket.files).map((file) => `+ ${ticket.id} file: ${file}`);
      return [`+ ticket ${ticket.id}: ${ticket.title}`, ...files];
    }),
    ...(isSame(order(before), order(after)) ? [] : [`~ tickets: in another order: ${order(after).join(", ")}`]),
  ];
}

const CONTENT: Rows<PlanContent> = {
  title: replaced("title", (title) => title),
  summary: reworded("summary"),
  tickets: ticketsChanges,
  network: replaced("network", (network) => (network ? "commands may use it" : "none")),
  open_questions: lists("open question"),
  decisions: lists("decision"),
};

function changesOf<Shape extends object>(rows: Rows<Shape>, before: Shape, after: Shape, label: string): string[] {
  const fields = Object.keys(rows) as (keyof Shape)[];
  return fields.flatMap((field) => rows[field](before[field], after[field], label));
}

/** Lines beginning with `+`, `-` or `~`; empty only where both have the same hash. */
export function planChanges(before: PlanContent, after: PlanContent): string[] {
  return changesOf(CONTENT, before, after, "");
}
