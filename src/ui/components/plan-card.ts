// The plan as the person approves it: everything that approval covers, from structured data. Pure.

import { commandForPeople } from "../../plan/every-command.ts";
import { formatUsd } from "../../util/money.ts";
import { coversWorkspace } from "../../plan/workspace-wide.ts";
import type { Plan, Ticket } from "../../types/plan.ts";
import type { Style } from "../theme.ts";
import { clean, cleanLine, plural, wrap, wrapIndented } from "../text.ts";
import { type DrawContext, labelled } from "./draw.ts";

const LABEL = 10;

function scopeName(path: string): string {
  return coversWorkspace([path]) ? `the whole workspace (${cleanLine(path.trim())})` : cleanLine(path);
}

function list(
  label: string,
  items: readonly string[],
  indent: string,
  context: DrawContext,
  style: Style = (text) => text,
): string[] {
  return items.flatMap((item, index) => labelled(index === 0 ? label : "", style(clean(item)), LABEL, indent, context));
}

function ticketLines(ticket: Ticket, plan: Plan, context: DrawContext): string[] {
  const { theme } = context;
  const state = plan.tickets[ticket.id];
  const marks = [ticket.phase, state === undefined || state === "open" ? null : state.replace("_", " ")].filter(
    (mark) => mark !== null,
  );
  const suffix = marks.length === 0 ? "" : theme.dim(` · ${marks.join(" · ")}`);
  const indent = "   ";
  return [
    ...wrapIndented(
      `${theme.bold(cleanLine(ticket.title))}${suffix}`,
      context.columns,
      ` ${theme.accent(cleanLine(ticket.id))} `,
      "   ",
    ),
    ...(ticket.detail.trim() === "" ? [] : wrapIndented(clean(ticket.detail.trim()), context.columns, indent, indent)),
    ...list(
      "files",
      ticket.files.map((file) => `${file.action} ${scopeName(file.path)}`),
      indent,
      context,
    ),
    ...list("commands", ticket.commands.map(commandForPeople), indent, context),
    ...list("verify", ticket.verify, indent, context),
    ...list("accepted", ticket.acceptance, indent, context),
    ...(ticket.depends_on.length === 0
      ? []
      : labelled("after", cleanLine(ticket.depends_on.join(", ")), LABEL, indent, context)),
    ...(ticket.out_of_scope.length === 0
      ? []
      : labelled("not", cleanLine(ticket.out_of_scope.join("; ")), LABEL, indent, context)),
  ];
}

function scopeLine(plan: Plan, context: DrawContext): string[] {
  const files = plan.content.tickets.flatMap((ticket) => ticket.files);
  const { theme } = context;
  if (files.length === 0)
    return labelled("scope", "no file is named: only /approve unscoped can approve it", LABEL, " ", context);
  if (coversWorkspace(files.map((file) => file.path)))
    return labelled("scope", theme.warning("the whole workspace"), LABEL, " ", context);
  const counts = (["create", "modify", "delete"] as const).flatMap((action) => {
    const count = new Set(files.filter((file) => file.action === action).map((file) => file.path)).size;
    return count === 0 ? [] : [`${action} ${count}`];
  });
  return labelled(
    "scope",
    `${plural(new Set(files.map((file) => file.path)).size, "path")}: ${counts.join(", ")}`,
    LABEL,
    " ",
    context,
  );
}

/** What the commands do that come next; nothing else approves. */
function approvalHelp(plan: Plan, context: DrawContext): string[] {
  const { theme } = context;
  const unscoped = plan.content.tickets.every((ticket) => ticket.files.length === 0);
  const blocked = plan.content.open_questions.length > 0;
  const approve = unscoped ? "/approve unscoped" : "/approve";
  // One that can be chosen alone, as an example.
  const single =
    plan.content.tickets.length > 1 ? plan.content.tickets.find((ticket) => ticket.depends_on.length === 0) : undefined;
  const part = single === undefined ? "" : `; ${approve} ${cleanLine(single.id)} only that ticket`;
  const rows: [string, string][] = [
    [approve, blocked ? "refused until the open questions are answered" : `carries it out${part}`],
    ["/plan <text>", "revises it; plain text does the same"],
    ["/plan edit", "opens it in your editor"],
    ["/reject", "drops it"],
  ];
  const size = Math.max(...rows.map(([name]) => name.length)) + 2;
  const beside = context.columns >= size + 20;
  return rows.flatMap(([name, text]) =>
    beside
      ? wrapIndented(text, context.columns, ` ${theme.accent(name.padEnd(size))}`, " ".repeat(size + 1))
      : wrapIndented(`${theme.accent(name)} ${text}`, context.columns, " ", "   "),
  );
}

/** What a revision changes, before the plan as a whole. */
function changeLines(changes: readonly string[], context: DrawContext): string[] {
  const { theme } = context;
  const styles: Record<string, Style> = { "+": theme.added, "-": theme.removed, "~": theme.warning };
  return changes.flatMap((change) =>
    wrapIndented(clean(change), context.columns, "  ", "    ").map((line) =>
      (styles[change.charAt(0)] ?? theme.dim)(line),
    ),
  );
}

function executesText(model: string | null, stepCost: number | null): string {
  if (model === null) return "on the model that is chosen at that moment";
  return `${cleanLine(model)}${stepCost === null ? "" : ` · about ${formatUsd(stepCost, true)} a step`}`;
}

export interface PlanBlock {
  plan: Plan;
  executionModel: string | null;
  changes: string[];
  stepCost: number | null;
  /** False where no sandbox holds commands to what is said here. */
  confined?: boolean;
}

function networkText({ plan, confined }: PlanBlock, { theme }: DrawContext): string {
  if (plan.content.network) return theme.warning("commands may use the network");
  return confined === false
    ? theme.warning("none is planned, but no sandbox here keeps commands from it, or from files elsewhere")
    : "none for commands";
}

export function drawPlanCard(block: PlanBlock, context: DrawContext): string[] {
  const { plan } = block;
  const { theme } = context;
  const { content } = plan;
  const identity = `revision ${plan.revision} · ${plan.id} · ${plan.hash.slice(0, 15)}`;
  return [
    ...wrapIndented(theme.bold(cleanLine(content.title)), context.columns, theme.accent("◆ Plan "), "  "),
    ...wrapIndented(theme.dim(cleanLine(identity)), context.columns, "  ", "  "),
    ...(block.changes.length === 0
      ? []
      : ["", ` ${theme.bold("changed in this revision")}`, ...changeLines(block.changes, context), ""]),
    ...(content.summary.trim() === ""
      ? []
      : wrap(clean(content.summary.trim()), context.columns - 1).map((line) => ` ${line}`)),
    ...content.tickets.flatMap((ticket) => ["", ...ticketLines(ticket, plan, context)]),
    "",
    ...scopeLine(plan, context),
    ...labelled("network", networkText(block, context), LABEL, " ", context),
    ...labelled("executes", executesText(block.executionModel, block.stepCost), LABEL, " ", context),
    ...list("decided", content.decisions, " ", context),
    ...list("flags", plan.flags, " ", context, theme.warning),
    ...list(
      "questions",
      content.open_questions.map((question, index) => `${index + 1}. ${question}`),
      " ",
      context,
      theme.warning,
    ),
    "",
    ...approvalHelp(plan, context),
  ];
}
