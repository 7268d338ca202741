// Composes the live area: what is still changing above the prompt, the prompt or a card, the status line. Pure; never
// taller than it is told, because a frame as high as the terminal costs the user's scrollback.

import { argumentHint } from "./completion.ts";
import { drawCard } from "./components/card-view.ts";
import { type DrawContext, drawMarkdown } from "./components/draw.ts";
import { drawCompletion, drawEditor, type DrawnPrompt, drawQueue, drawSearch } from "./components/prompt.ts";
import { drawActivity, drawStatus } from "./components/status-line.ts";
import { toolTitle } from "./components/tool-call.ts";
import type { CommandDefinition } from "../types/command.ts";
import type { UiState } from "./state.ts";
import { clean, clip, tail, wrap } from "./text.ts";

export interface Frame {
  lines: string[];
  /** Cell of the cursor; null hides it. */
  cursor: { x: number; y: number } | null;
  /** The card that it shows; null for none. */
  card: number | null;
}

/** Rows that the live area may take: always less than the terminal has. */
export function frameHeight(rows: number): number {
  return Math.max(1, rows - 1);
}

const LIVE_TEXT = 6000;
const TOOL_LINES = 3;
const MOST_EDITOR_ROWS = 12;
const MOST_COMPLETIONS = 8;

function liveLines(state: UiState, context: DrawContext, limit: number): string[] {
  const { transcript } = state;
  const { theme, columns } = context;
  const groups: string[][] = [];
  if (transcript.stream.rest.trim() !== "") groups.push(drawMarkdown(tail(transcript.stream.rest, LIVE_TEXT), context));
  else if (transcript.reasoning.trim() !== "")
    groups.push(
      wrap(clean(tail(transcript.reasoning.trim(), 600)), columns - 2)
        .slice(transcript.detail ? -12 : -2)
        .map((line) => theme.dim(`  ${line}`)),
    );
  for (const tool of transcript.tools) {
    const output = wrap(clean(tail(tool.output, 2000)).replace(/\n+$/, ""), columns - 2)
      .slice(transcript.detail ? -20 : -TOOL_LINES)
      .filter((line) => line !== "");
    groups.push([
      ...toolTitle(theme.accent("● "), tool.tool, tool.summary, context),
      ...output.map((line) => theme.dim(`  ${line}`)),
    ]);
  }
  if (state.shellOutput !== "")
    groups.push(
      wrap(clean(tail(state.shellOutput, 4000)).replace(/\n+$/, ""), columns - 2)
        .slice(-10)
        .map((line) => theme.dim(`  ${line}`)),
    );
  const lines = groups.flat().map((line) => clip(line, columns));
  return limit <= 0 ? [] : lines.slice(-limit);
}

function drawInput(
  state: UiState,
  commands: readonly CommandDefinition[],
  context: DrawContext,
  limit: number,
): DrawnPrompt {
  const rows = Math.max(1, Math.min(limit, MOST_EDITOR_ROWS));
  if (state.search !== null) return drawSearch(state.search, state.editor, context, rows);
  const hint = state.editor.cursor === state.editor.text.length ? argumentHint(commands, state.editor.text) : null;
  return drawEditor(state.editor, hint, context, rows);
}

export function composeFrame(state: UiState, commands: readonly CommandDefinition[], context: DrawContext): Frame {
  if (state.hidden) return { lines: [], cursor: null, card: null };
  const height = frameHeight(state.rows);
  const card = state.cards[0];
  // Before the session is open a card is what everything waits for.
  const waiting = state.status === null && card !== undefined ? "waiting for your answer" : null;
  const status = height >= 2 ? [drawStatus(state.status, state.hint ?? waiting, context)] : [];
  const activity = height >= 4 ? drawActivity(state, context) : null;
  const above = activity === null ? [] : [activity];
  let room = height - status.length - above.length;

  const main =
    card === undefined
      ? drawInput(state, commands, context, Math.max(1, Math.min(room, Math.ceil(height / 2))))
      : drawCard(card, state.cards.length - 1, context, Math.max(1, room));
  room -= main.lines.length;

  const completion =
    state.completion === null || card !== undefined || room <= 0
      ? []
      : drawCompletion(state.completion, context, Math.min(MOST_COMPLETIONS, room));
  room -= completion.length;
  const queue = drawQueue(state.queue, context, Math.min(3, room));
  room -= queue.length;
  const head = stackHead(state, context, above, queue, room);
  const all = [...head, ...main.lines, ...completion, ...status];
  const lines = all.slice(-height);
  const cut = all.length - lines.length;
  return {
    lines,
    cursor: main.cursor === null ? null : { x: main.cursor.x, y: Math.max(0, head.length + main.cursor.y - cut) },
    card: card?.id ?? null,
  };
}

/**
 * Live output, activity and queue above the prompt; blank lines part them while `room` (for output and blanks) lasts.
 */
function stackHead(state: UiState, context: DrawContext, activity: string[], queue: string[], room: number): string[] {
  const roomy = room >= 6;
  const live = liveLines(state, context, roomy ? room - 3 : Math.max(0, room - 1));
  const groups = [live, activity, queue].filter((group) => group.length > 0);
  const stacked = groups.flatMap((group, index) =>
    roomy && (index === 0 || group === activity) ? ["", ...group] : group,
  );
  const blank = live.length + (stacked.length - groups.flat().length) < room ? [""] : [];
  return [...stacked, ...blank];
}
