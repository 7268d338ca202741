// Detects the phase of a turn: known agent mode, then the message, then what the history adds. Pure; reads only the
// last few signals. Its confidences are probabilities fitted on labelled cases; the small model is the caller's
// business.

import type { HistorySignal } from "../types/route.ts";
import type { Ticket } from "../types/plan.ts";
import type { Phase } from "../types/provider.ts";
import { extractFeatures } from "./features.ts";
import { readHistory, type HistoryEvidence } from "./history-evidence.ts";
import { decodeModel, scoreLabels, softmax, type LinearModel } from "./linear.ts";
import { PHASE_DATA, PHASE_LABELS, PHASE_SCALE, PHASE_TEMPERATURE } from "./phase-weights.ts";
import type { PhaseReading } from "./situation.ts";

export interface DetectorInput {
  message: string;
  history: readonly HistorySignal[];
  /** Fingerprint of a foreign agent's mode, e.g. `aider:architect`. */
  agent?: string;
}

/** `review` is work of its own kind that is routed as `plan`. */
export interface DetailedReading extends PhaseReading {
  label: Phase | "review";
}

const AGENT_MODE_CONFIDENCE = 0.95;
/** Below this a message counts as vague: then even a host that only usually does one thing decides. */
const VAGUE = 0.6;
const AGENT_MODES: Record<string, Phase> = {
  "claude-code:plan": "plan",
  "aider:architect": "plan",
  "aider:editor": "implement",
  "openclaw:create_plan": "plan",
  "openclaw:implement_step": "implement",
};
/** Review is named as such only where it clearly outweighs plan; both are routed alike. */
const REVIEW_MARGIN = 1.3;

let decoded: LinearModel | null = null;
function model(): LinearModel {
  return (decoded ??= decodeModel(PHASE_LABELS, PHASE_DATA, PHASE_SCALE, PHASE_TEMPERATURE));
}

export function detectPhase(input: DetectorInput): DetailedReading {
  const mode = input.agent === undefined ? undefined : AGENT_MODES[input.agent];
  const evidence = readHistory(input.message, input.history, probabilities);
  const found = reading(combine(input.message, evidence), evidence);
  const vague = evidence.dependence >= 0.5 || found.confidence < VAGUE;
  if (mode !== undefined && (vague || mode === "plan"))
    return { phase: mode, label: mode, confidence: AGENT_MODE_CONFIDENCE, layer: "agent" };
  return found;
}

/** The phase of a ticket's text; never `plan`: a ticket is work to be done. */
export function detectTicketPhase(ticket: Pick<Ticket, "title" | "detail" | "files">): PhaseReading {
  const paths = ticket.files.map((file) => file.path).join(" ");
  const chances = probabilities(`${ticket.title}\n${ticket.detail.slice(0, 600)}`.trim() || paths);
  const work = PHASE_LABELS.map((label, at) => (label === "plan" || label === "review" ? 0 : (chances[at] ?? 0)));
  const total = work.reduce((sum, chance) => sum + chance, 0);
  if (total === 0) return { phase: "implement", confidence: 0.3, layer: "default" };
  const top = work.indexOf(Math.max(...work));
  const label = PHASE_LABELS[top];
  return {
    phase: label === undefined || label === "review" ? "implement" : label,
    confidence: (work[top] ?? 0) / total,
    layer: "message",
  };
}

/** Chances by label of the message alone. */
export function probabilities(message: string): number[] {
  return softmax(scoreLabels(model(), extractFeatures(message)));
}

/** Log-linear mixture: the less a message says by itself, the more its history counts. */
function combine(message: string, evidence: HistoryEvidence): number[] {
  const own = message.trim() === "" ? null : probabilities(message);
  if (evidence.chances === null)
    return own ?? PHASE_LABELS.map((label) => (label === "implement" ? 0.4 : 0.6 / (PHASE_LABELS.length - 1)));
  if (own === null) return evidence.chances;
  const weight = evidence.dependence;
  const mixed = own.map(
    (chance, at) => Math.pow(chance + 0.01, 1 - weight) * Math.pow((evidence.chances?.[at] ?? 0) + 0.01, weight),
  );
  const sum = mixed.reduce((total, value) => total + value, 0);
  return mixed.map((value) => value / sum);
}

function reading(chances: number[], evidence: HistoryEvidence): DetailedReading {
  const at = (label: Phase | "review"): number => chances[PHASE_LABELS.indexOf(label)] ?? 0;
  let label: Phase | "review" = "implement";
  let best = 0;
  for (const candidate of PHASE_LABELS) {
    const chance = candidate === "plan" || candidate === "review" ? at("plan") + at("review") : at(candidate);
    if (chance > best) [label, best] = [candidate, chance];
  }
  const isPlanning = label === "plan" || label === "review";
  if (isPlanning) label = at("review") > REVIEW_MARGIN * at("plan") ? "review" : "plan";
  const layer = evidence.chances === null ? "message" : evidence.dependence >= 0.5 ? "history" : "message";
  return { phase: label === "review" ? "plan" : label, label, confidence: best, layer };
}
