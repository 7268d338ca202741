// Cards: the question with all it covers, then the choices. Pure. Drawn from structured data; a card that is too tall
// keeps its head, the end of its detail and every choice.

import { formatUsd } from "../../util/money.ts";
import type { Card } from "../cards.ts";
import { clean, cleanLine, clip, plural, width, wrap, wrapIndented } from "../text.ts";
import { diffTitle, drawDiff } from "./diff.ts";
import { type DrawContext, labelled, shorten } from "./draw.ts";

const LABEL = 10;
const PREVIEW_LINES = 200;
/** A person who says yes must know that it lets the repository run things. */
const TRUST_MEANS =
  "these count. Such settings can start programs, name the servers that see your code, and allow commands unasked.";

function title(text: string, context: DrawContext): string[] {
  return wrapIndented(context.theme.bold(text), context.columns, context.theme.warning("? "), "  ");
}

function row(label: string, text: string, context: DrawContext): string[] {
  return labelled(label, clean(text), LABEL, "  ", context);
}

function permissionLines(request: Extract<Card["request"], { kind: "permission" }>, context: DrawContext): string[] {
  const noNote = (hidden: number): string => context.theme.dim(`  … ${hidden} more lines`);
  const preview = request.display.flatMap((block) => {
    switch (block.kind) {
      case "diff":
        return [`  ${diffTitle(block, context)}`, ...drawDiff(block, context, PREVIEW_LINES, noNote)];
      case "text":
        return wrapIndented(clean(block.text), context.columns, "  ", "  ");
      case "shell":
        return block.command === request.target ? [] : row("command", block.command, context);
    }
  });
  // The target is what is really touched; the summary is the tool's own wording.
  const summary =
    request.summary === "" || request.summary === request.target ? [] : row("what", request.summary, context);
  return [
    ...title(`Allow ${cleanLine(request.tool)}?`, context),
    ...summary,
    ...(request.target === "" ? [] : row(request.tool === "bash" ? "command" : "target", request.target, context)),
    ...(request.reason === "" ? [] : row("why ask", request.reason, context)),
    ...preview,
  ];
}

function detailLines(card: Card, context: DrawContext): string[] {
  const { request } = card;
  switch (request.kind) {
    case "permission":
      return permissionLines(request, context);
    case "scope":
      return [
        ...title("Extend the plan's scope?", context),
        ...row(request.action, request.path, context),
        ...row("tool", request.tool, context),
        ...row("why", request.reason, context),
        ...row("plan", request.plan.content.title, context),
      ];
    case "effects":
      return [
        ...title(`A command changed ${plural(request.changes.length, "path")} outside the plan's scope`, context),
        ...row("command", request.command, context),
        ...request.changes.flatMap((change) => row(change.action, change.path, context)),
        ...row("copy", request.copy, context),
        ...row("get back", request.restoreCommand, context),
      ];
    case "question":
      return title(clean(request.question), context);
    case "fallback":
      return [
        ...title(`${cleanLine(request.from)} cannot serve this. Continue with ${cleanLine(request.to)}?`, context),
        ...row("why", request.reason, context),
      ];
    case "trust":
      return [
        ...title("Do you trust this directory's project configuration?", context),
        ...row("directory", request.directory, context),
        ...request.items.flatMap((item, index) => row(index === 0 ? "it sets" : "", item, context)),
        ...row("if yes", TRUST_MEANS, context),
      ];
    case "confirm":
      return [
        ...title(clean(request.question), context),
        ...(request.detail === "" ? [] : wrap(clean(request.detail), context.columns - 2).map((line) => `  ${line}`)),
      ];
    case "sessions":
      return title(request.sessions.length === 0 ? "There is no session in this workspace" : "Which session?", context);
  }
}

function sessionLabel(card: Card, index: number): string | null {
  if (card.request.kind !== "sessions") return null;
  const session = card.request.sessions[index];
  if (session === undefined) return null;
  const facts = [
    session.updated_at.slice(0, 16).replace("T", " "),
    plural(session.turns, "turn"),
    ...(session.plan_state === null ? [] : [`plan ${session.plan_state.replaceAll("_", " ")}`]),
    formatUsd(session.cost_usd, session.cost_is_estimate),
  ];
  const held = session.held_by === null ? "" : ` · in use by process ${session.held_by}`;
  return `${cleanLine(session.title === "" ? session.id : session.title)} · ${facts.join(" · ")}${held}`;
}

/**
 * The lines of each choice: whole, because what is allowed stands there; cut to one line each where the card has no
 * room for that, and in a list of sessions.
 */
function choiceLines(card: Card, context: DrawContext, limit: number): string[][] {
  const { theme, columns } = context;
  const parts = card.options.map((option, index) => ({
    mark: `${index === card.selected ? "›" : " "} ${index < 9 ? `${index + 1}.` : "  "} `,
    text:
      (sessionLabel(card, index) ?? cleanLine(option.label)) +
      (option.letter === null ? "" : theme.dim(` (${option.letter})`)),
    style: index === card.selected ? theme.accent : (text: string): string => text,
  }));
  const whole = parts.map(({ mark, text, style }) =>
    wrapIndented(text, columns, mark, " ".repeat(mark.length)).map(style),
  );
  if (card.request.kind !== "sessions" && whole.flat().length <= limit / 2) return whole;
  return parts.map(({ mark, text, style }) => [clip(style(mark + text), columns)]);
}

function optionLines(
  card: Card,
  choices: readonly string[][],
  context: DrawContext,
  limit: number,
): { lines: string[]; cursor: { x: number; y: number } | null } {
  const { theme } = context;
  const all = choices.flat();
  const room = Math.max(1, card.typing === null ? limit : limit - 1);
  // The selected choice stays in view.
  const from = Math.max(0, Math.min(card.selected - Math.floor(room / 2), all.length - room));
  const shown = all.slice(from, from + room);
  if (card.typing === null) return { lines: shown, cursor: null };
  const typed = wrapIndented(clean(card.typing), context.columns - 1, theme.accent("  › "), "    ").slice(
    -Math.max(1, limit - shown.length),
  );
  const lines = card.options.length > 1 ? [...shown, ...typed] : typed;
  const last = typed.at(-1) ?? "";
  return { lines, cursor: { x: width(last), y: lines.length - 1 } };
}

export interface DrawnCard {
  lines: string[];
  /** Where the text line's cursor stands; null while choosing. */
  cursor: { x: number; y: number } | null;
}

/** At most `limit` lines. */
export function drawCard(card: Card, waiting: number, context: DrawContext, limit: number): DrawnCard {
  const { theme } = context;
  const more = waiting === 0 ? "" : ` · ${plural(waiting, "more question")} after this`;
  const help =
    card.typing !== null
      ? "enter sends, esc goes back"
      : `↑↓, number or letter · esc ${card.request.kind === "permission" || card.request.kind === "scope" ? "says no" : card.request.kind === "effects" ? "restores" : "cancels"}${more}`;
  const choices = choiceLines(card, context, limit);
  const wanted = choices.flat().length + (card.typing === null ? 0 : 1);
  const optionRoom = Math.max(1, Math.min(wanted, card.request.kind === "sessions" ? limit - 2 : limit - 1));
  const options = optionLines(card, choices, context, optionRoom);
  const helpLines = limit - options.lines.length >= 3 ? [theme.dim(clip(`  ${help}`, context.columns))] : [];
  const room = Math.max(0, limit - options.lines.length - helpLines.length);
  const detail = shorten(
    detailLines(card, context),
    room,
    (hidden) => theme.dim(`  … ${hidden} more lines`),
    Math.min(3, Math.floor(room / 3)),
  ).map((line) => clip(line, context.columns));
  return {
    lines: [...detail, ...options.lines, ...helpLines].slice(0, limit),
    cursor: options.cursor === null ? null : { x: options.cursor.x, y: detail.length + options.cursor.y },
  };
}
