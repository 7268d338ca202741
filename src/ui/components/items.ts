// One drawing function per kind of transcript block. Pure; a block is drawn once, at the width of that moment.

import { formatUsd } from "../../util/money.ts";
import { reportRows } from "../../plan/report.ts";
import type { DriftReport } from "../../types/plan.ts";
import type { Block, RouteLine } from "../blocks.ts";
import { clean, cleanLine, clip, plural, wrapIndented } from "../text.ts";
import { type DrawContext, drawMarkdown, labelled } from "./draw.ts";
import { drawPlanCard } from "./plan-card.ts";
import { drawShell, drawToolCall } from "./tool-call.ts";

const USER_CHARACTERS = 4000;
const USER_LINES = 40;

function prefixed(mark: string, text: string, context: DrawContext): string[] {
  return wrapIndented(clean(text), context.columns, mark, "  ");
}

/** `plan · coding → anthropic/x · reason · $0.0123`. */
export function routeText(line: RouteLine): string {
  const served = line.servedModel === null || line.servedModel === line.model ? "" : ` (served ${line.servedModel})`;
  const kind = [line.phase ?? line.stage, line.tier].filter((part) => part !== null).join(" · ");
  const cost = line.calls === 0 ? [] : [formatUsd(line.cost, line.estimate)];
  return [`${kind} → ${line.model ?? "no model"}${served}`, ...(line.reason === "" ? [] : [line.reason]), ...cost].join(
    " · ",
  );
}

function drawTicket(block: Extract<Block, { kind: "ticket" }>, context: DrawContext): string[] {
  const { theme } = context;
  const cost = block.costUsd === null ? "" : theme.dim(` · ${formatUsd(block.costUsd, block.costEstimate)}`);
  const name = `${cleanLine(block.ticket)}${block.title === "" ? "" : `: ${cleanLine(block.title)}`}`;
  switch (block.state) {
    case "started":
    case "in_progress":
      return wrapIndented(theme.bold(`ticket ${name}`), context.columns, theme.accent("▸ "), "  ");
    case "done":
      return wrapIndented(`ticket ${name} done${cost}`, context.columns, theme.success("✓ "), "  ");
    case "open":
    case "failed":
    case "skipped":
      return wrapIndented(`ticket ${name} ${block.state}${cost}`, context.columns, theme.error("✗ "), "  ");
  }
}

/** A command's text; what is wrapped of a table stays in its column. */
function drawOutput(text: string, failed: boolean, context: DrawContext): string[] {
  return clean(text)
    .replace(/\n+$/, "")
    .split("\n")
    .flatMap((line, index) => {
      const mark = index === 0 && failed ? context.theme.error("✗ ") : "  ";
      // A line that begins with blanks goes on in the column of the line above it.
      const column = /^(\s*\S.*?\s{2,}|\s+)\S/.exec(line)?.[1] ?? "";
      const beside = column.length <= context.columns / 2;
      if (beside)
        return wrapIndented(
          line.slice(column.length),
          context.columns,
          mark + column,
          "  " + " ".repeat(column.length),
        );
      return column.trim() === ""
        ? wrapIndented(line.trimStart(), context.columns, mark + "  ", "    ")
        : wrapIndented(line.replace(/(\S)\s{2,}/g, "$1  "), context.columns, mark, "    ");
    });
}

/** What was sent; of a large paste the beginning is enough to know it again. */
function drawUser(text: string, context: DrawContext): string[] {
  const shown = text.slice(0, USER_CHARACTERS).split("\n").slice(0, USER_LINES).join("\n");
  const rest = text.length - shown.length;
  const lines = prefixed(context.theme.accent("› "), shown, context).map((line) => context.theme.bold(line));
  return rest === 0 ? lines : [...lines, context.theme.dim(`  … ${plural(rest, "more character")}`)];
}

/** What was planned and what came of it. */
function drawReport(report: DriftReport, context: DrawContext): string[] {
  const rows = reportRows(report);
  const size = Math.max(...rows.map((row) => row.label.length)) + 2;
  return rows.flatMap((row) =>
    labelled(
      row.label,
      row.attention ? context.theme.warning(cleanLine(row.text)) : cleanLine(row.text),
      size,
      "  ",
      context,
    ),
  );
}

function drawBody(block: Block, context: DrawContext): string[] {
  const { theme } = context;
  switch (block.kind) {
    case "user":
      return drawUser(block.text, context);
    case "markdown":
      return drawMarkdown(block.text, context);
    case "reasoning":
      return prefixed("  ", block.text.trim(), context).map((line) => theme.dim(line));
    case "tool":
      return drawToolCall(block, context);
    case "shell":
      return drawShell(block, context);
    case "plan":
      return drawPlanCard(block, context);
    case "approved":
      return prefixed(
        theme.success("✓ "),
        `plan approved: ${cleanLine(block.plan.content.title)}${block.approval.tickets === null ? "" : ` (${block.approval.tickets.join(", ")})`}`,
        context,
      );
    case "report":
      return drawReport(block.report, context);
    case "ticket":
      return drawTicket(block, context);
    case "violation":
      return prefixed(
        theme.warning("! "),
        `${block.action} ${cleanLine(block.path)} is outside the plan's scope: ${block.allowed ? "allowed" : "refused"}. ${block.reason}`,
        context,
      );
    case "rollback":
      return prefixed(
        theme.warning("! "),
        `restored ${plural(block.paths.length, "path")}: ${block.paths.map(cleanLine).join(", ")}\ncopy: ${block.copy}\nto bring it back: ${block.restoreCommand}`,
        context,
      );
    case "route":
      return prefixed("  ", routeText(block.line), context).map((line) => theme.dim(line));
    case "notice":
      return prefixed(block.level === "warning" ? theme.warning("! ") : theme.dim("· "), block.text, context);
    case "error":
      return [
        ...prefixed(theme.error("✗ "), block.error.message, context),
        ...(block.error.hint === null ? [] : prefixed("  ", block.error.hint, context).map((line) => theme.dim(line))),
      ];
    case "output":
      return drawOutput(block.text, block.failed, context);
    case "choice":
      return prefixed(theme.dim("? "), `${cleanLine(block.question)} → ${cleanLine(block.answer)}`, context);
  }
}

/** Lines of one block, none wider than the context says, with a blank line before it where wanted. */
export function drawBlock(block: Block, gap: boolean, context: DrawContext): string[] {
  const lines = drawBody(block, context).map((line) => clip(line, context.columns));
  return gap ? ["", ...lines] : lines;
}
