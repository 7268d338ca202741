// A plan as Markdown: what headless runs print, what the executor's first message carries, what `/plan` shows.

import { allowsEveryCommand } from "./every-command.ts";
import type { Plan, Ticket } from "../types/plan.ts";

function list(label: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  if (items.length === 1) return [`- ${label}: ${items[0] ?? ""}`];
  return [`- ${label}:`, ...items.map((item) => `  - ${item}`)];
}

/** One ticket with its whole contract; `state` is shown where it is no longer open. */
export function ticketMarkdown(ticket: Ticket, state: string | null): string {
  const mark = state === null || state === "open" ? "" : ` (${state})`;
  const lines = [`## ${ticket.id}: ${ticket.title}${mark}`];
  if (ticket.detail !== "") lines.push("", ticket.detail, "");
  lines.push(
    ...list("phase", ticket.phase === null ? [] : [ticket.phase]),
    ...list(
      "files",
      ticket.files.map((file) => `${file.action} \`${file.path}\``),
    ),
    ...list(
      "commands",
      ticket.commands.map((command) =>
        allowsEveryCommand(command) ? `**every command** (\`${command}\`)` : `\`${command}\``,
      ),
    ),
    ...list("acceptance", ticket.acceptance),
    ...list(
      "verify",
      ticket.verify.map((command) => `\`${command}\``),
    ),
    ...list("depends on", ticket.depends_on),
    ...list("out of scope", ticket.out_of_scope),
  );
  return lines.join("\n");
}

/** The whole plan. `tickets` narrows it to the approved ones. */
export function planMarkdown(plan: Plan, tickets: string[] | null = null): string {
  const { content } = plan;
  const lines = [`# ${content.title}`];
  if (content.summary !== "") lines.push("", content.summary);
  for (const ticket of content.tickets) {
    if (tickets !== null && !tickets.includes(ticket.id)) continue;
    lines.push("", ticketMarkdown(ticket, plan.tickets[ticket.id] ?? null));
  }
  const tail = [...list("decisions", content.decisions), ...list("open questions", content.open_questions)];
  // Who is to approve has to see what is odd; who carries it out need not.
  if (plan.state !== "executing") tail.push(...list("flagged", plan.flags));
  if (content.network) tail.push("- network: commands may use the network");
  if (tail.length > 0) lines.push("", ...tail);
  return `${lines.join("\n")}\n`;
}
