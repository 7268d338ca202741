// A finished tool call with its result folded, and the user's own shell command. Pure.

import type { DisplayBlock } from "../../types/tool.ts";
import { clean, cleanLine, clip, wrapIndented } from "../text.ts";
import { diffTitle, drawDiff } from "./diff.ts";
import { type DrawContext, shorten } from "./draw.ts";

const FOLDED_LINES = 4;
const FOLDED_DIFF = 24;
const EXIT_NOTE = /(^|\n)\[exit code \d+\](?=\n|$)/;
/** A result unfolded by hand still has an end: what is longer stands in the session. */
const EXPANDED_LINES = 2000;

function foldNote(context: DrawContext): (hidden: number) => string {
  return (hidden) => context.theme.dim(`  … ${hidden} more ${hidden === 1 ? "line" : "lines"} (ctrl+o)`);
}

function restNote(context: DrawContext): (hidden: number) => string {
  return (hidden) => context.theme.dim(`  … ${hidden} more lines`);
}

function outputLines(text: string, context: DrawContext, isError: boolean): string[] {
  const trimmed = clean(text).replace(/\n+$/, "");
  if (trimmed === "") return [];
  const style = isError ? context.theme.error : context.theme.dim;
  return wrapIndented(trimmed, context.columns, "  ", "  ").map(style);
}

function displayLines(block: DisplayBlock, context: DrawContext, isError: boolean, expanded: boolean): string[] {
  const note = expanded ? restNote(context) : foldNote(context);
  switch (block.kind) {
    case "text":
      return shorten(outputLines(block.text, context, isError), expanded ? EXPANDED_LINES : FOLDED_LINES, note);
    case "diff":
      return [
        `  ${clip(diffTitle(block, context), context.columns - 2)}`,
        ...drawDiff(block, context, expanded ? EXPANDED_LINES : FOLDED_DIFF, note),
      ];
    case "shell": {
      const failed = block.exitCode !== 0;
      // The model is told the exit code in the text; here it has a line of its own.
      const lines = outputLines(block.output.replace(EXIT_NOTE, ""), context, false);
      const code = failed
        ? [context.theme.error(`  ${block.exitCode === null ? "ended by a signal" : `exit ${block.exitCode}`}`)]
        : [];
      // What went wrong stands at the end.
      return [...shorten(lines, expanded ? EXPANDED_LINES : FOLDED_LINES, note, failed ? 3 : 1), ...code];
    }
  }
}

/** Their summaries say what they are; so does that of a check that bmo runs itself. */
const SELF_NAMED: ReadonlySet<string> = new Set([
  "set_plan_artifact",
  "ask_question",
  "request_replan",
  "activate_skill",
]);

export function toolTitle(mark: string, tool: string, summary: string, context: DrawContext): string[] {
  const named =
    summary.startsWith(tool) || (SELF_NAMED.has(tool) && summary.includes(" ")) || summary.startsWith("verify ");
  const text = cleanLine(summary === "" ? tool : named ? summary : `${tool} ${summary}`);
  return wrapIndented(text, context.columns, mark, "  ").slice(0, 4);
}

export function drawToolCall(
  block: { tool: string; summary: string; display: DisplayBlock[]; isError: boolean; expanded: boolean },
  context: DrawContext,
): string[] {
  const mark = block.isError ? context.theme.error("✗ ") : context.theme.success("✓ ");
  return [
    ...toolTitle(mark, block.tool, block.summary, context),
    ...block.display.flatMap((part) => displayLines(part, context, block.isError, block.expanded)),
  ];
}

export function drawShell(
  block: { command: string; output: string; exitCode: number | null },
  context: DrawContext,
): string[] {
  return [
    ...wrapIndented(clean(block.command), context.columns, context.theme.accent("! "), "  "),
    ...displayLines({ kind: "shell", ...block }, context, false, true),
  ];
}
