// The line below the prompt, and the line above it while something runs. Pure.

import { formatUsd } from "../../util/money.ts";
import type { StatusView, UiState } from "../state.ts";
import { cleanLine, clip, width } from "../text.ts";
import { formatTokens } from "../../util/token-count.ts";
import { type DrawContext, formatSeconds } from "./draw.ts";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/** Milliseconds per frame; the clock of the REPL ticks at this pace while something runs. */
export const FRAME_MS = 120;

function modeText(status: StatusView): string {
  return status.nextMode === null || status.nextMode === status.mode
    ? status.mode
    : `${status.mode} → ${status.nextMode} next turn`;
}

/**
 * Mode, stage, model or tier of the next request, tokens, cost; the least important goes first where there is no room.
 */
export function drawStatus(status: StatusView | null, hint: string | null, context: DrawContext): string {
  const { theme, columns } = context;
  if (hint !== null) return clip(theme.warning(cleanLine(hint)), columns);
  if (status === null) return theme.dim(clip("opening the session …", columns));
  const model = status.model === null ? "no model" : cleanLine(status.model);
  const stage = status.plan ?? (status.stage === "chat" ? null : status.stage);
  const parts: { text: string; weight: number }[] = [
    { text: modeText(status), weight: 5 },
    ...(stage === null || `${status.mode} `.startsWith(`${stage} `) ? [] : [{ text: stage, weight: 4 }]),
    { text: status.tier === null ? model : `${model} (${status.tier})`, weight: 3 },
    ...(status.calls === 0
      ? []
      : [
          { text: `${formatTokens(status.tokens)} tokens`, weight: 1 },
          { text: formatUsd(status.cost, status.costEstimate), weight: 2 },
        ]),
  ];
  const join = (): string => parts.map((part) => part.text).join(" · ");
  while (parts.length > 1 && width(join()) > columns) {
    const least = parts.reduce((lowest, part) => (part.weight < lowest.weight ? part : lowest));
    parts.splice(parts.indexOf(least), 1);
  }
  return theme.dim(clip(join(), columns));
}

/** What runs, for how long, and how to stop it; null when nothing runs. */
export function drawActivity(state: UiState, context: DrawContext): string | null {
  if (state.running === null) return null;
  const { theme, columns } = context;
  const frame = FRAMES[Math.floor(state.now / FRAME_MS) % FRAMES.length] ?? "";
  const { retry } = state.transcript;
  if (retry !== null) {
    return clip(
      theme.warning(
        `${frame} try ${retry.attempt} of ${retry.maxAttempts} in ${formatSeconds(retry.until - state.now + 999)}: ${cleanLine(retry.reason)} · esc stops`,
      ),
      columns,
    );
  }
  const since = formatSeconds(state.now - state.running.since);
  // An open card takes Esc for itself.
  if (state.cards.length > 0) return clip(`${theme.accent("●")} waiting for your answer ${theme.dim(since)}`, columns);
  const label = cleanLine(state.running.label);
  return clip(`${theme.accent(frame)} ${label} ${theme.dim(`${since} · esc interrupts`)}`, columns);
}
