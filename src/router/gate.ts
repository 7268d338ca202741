// The gate: whether a message needs no work. What may never be kept is a short list; the rest decides a trained
// classifier, the third beside phase and tier. A message stays only if all of it and each part of it reads as talk;
// what is unclear is never stay by itself.

import { extractFeatures, weighWords } from "./features.ts";
import { GATE_DATA, GATE_SCALE, GATE_SLOTS, GATE_TEMPERATURE } from "./gate-weights.ts";
import { decodeSparseModel, scoreLabels, type LinearModel } from "./linear.ts";
import { NEVER_WHOLE, NEVER_WITHIN } from "./never-kept.ts";

export interface GateRuleReading {
  decision: "stay" | "escalate" | "unsure";
  reason: string;
  /** Whether the gate's model may turn this into stay; false where it reads as work or is on the list. */
  mayStay: boolean;
  /** Chance that the message needs no work, 0 to 1; 0 or 1 where no classifier was asked. */
  chance: number;
}

const COMMAND = /^\/(?:status|help|new|reset|verbose|usage)(?: +(?:on|off))?$/i;
const ARITHMETIC = /^\d[\d.,\s]*(?:[-+*/^x×][\d.,\s()]+)+=?\s*\??$/u;
const MAX_LENGTH = 240;
/** Below it a message does not stay by itself; chosen by cross-validation, see docs/routing.md. */
const KEEP_FROM = 0.65;
/** Up to it a message, or a part of it, reads as work or as nothing known, and no model may keep it. */
const ASK_FROM = 0.5;
const PARTS = /[.!?…。！？،؛;:]+(?=\s|$|[^\x20-\x7e])|[,、，]\s*|\s[-–—]\s/u;
const WORDS_TOLD = 3;

let decoded: LinearModel | null = null;
/** The label is `stay`; `escalate` scores 0, since of two labels only the difference counts. */
function model(): LinearModel {
  return (decoded ??= decodeSparseModel(["stay"], GATE_DATA, GATE_SLOTS, GATE_SCALE, GATE_TEMPERATURE));
}

/** `chanceOf` is another classifier than the trained one where one is cross-validated. */
export function decideGate(message: string, chanceOf: (text: string) => number = talkChance): GateRuleReading {
  const text = message.normalize("NFKC").trim();
  if (text === "") return never("empty message");
  if (COMMAND.test(text)) return { decision: "stay", reason: "a basic command", mayStay: true, chance: 1 };
  if (text.startsWith("/")) return never("not one of the basic commands");
  if (text.length > MAX_LENGTH || text.includes("\n")) return never("too long to be talk");
  const lower = text.toLowerCase();
  if (answersOrPoints(bare(lower)) && !ARITHMETIC.test(text))
    return never("an approval or reference to something the gate cannot see");
  const listed = NEVER_WITHIN.find(({ pattern }) => pattern.test(lower));
  if (listed !== undefined) return never(listed.reason);
  if (ARITHMETIC.test(text)) return { decision: "stay", reason: "arithmetic", mayStay: true, chance: 1 };
  return weigh(text, chanceOf);
}

function weigh(text: string, chanceOf: (text: string) => number): GateRuleReading {
  const whole = chanceOf(text);
  const parts = text
    .split(PARTS)
    .map(bare)
    .filter((part) => part !== "");
  const weakest = parts.reduce((lowest, part) => Math.min(lowest, answersOrPoints(part) ? 0 : chanceOf(part)), whole);
  const told = `${percent(whole)}${weakest < whole ? `, its weakest part ${percent(weakest)}` : ""}`;
  if (weakest <= ASK_FROM)
    return {
      decision: "escalate",
      reason: `reads as work (talk: ${told}${words(text, -1)})`,
      mayStay: false,
      chance: weakest,
    };
  if (whole < KEEP_FROM)
    return { decision: "unsure", reason: `not clearly talk (${told}${words(text, 1)})`, mayStay: true, chance: whole };
  return { decision: "stay", reason: `reads as talk (${told}${words(text, 1)})`, mayStay: true, chance: whole };
}

/** A message, or a part, that says nothing by itself: a listed answer, a number, a sign. */
function answersOrPoints(part: string): boolean {
  return NEVER_WHOLE.has(part.toLowerCase()) || !/\p{L}/u.test(part);
}

function never(reason: string): GateRuleReading {
  return { decision: "escalate", reason, mayStay: false, chance: 0 };
}

/** Chance by the classifier alone. */
function talkChance(text: string): number {
  const [score = 0] = scoreLabels(model(), extractFeatures(text));
  return 1 / (1 + Math.exp(-score));
}

/** The words that counted most for talk (1) or for work (-1). */
function words(text: string, sign: 1 | -1): string {
  const { weights } = model();
  const sums = weighWords(text, (hash) => weights[hash % weights.length] ?? 0);
  const counted = [...sums].filter(([, sum]) => sum * sign > 0).sort((left, right) => sign * (right[1] - left[1]));
  return counted.length === 0
    ? ""
    : `; by ${counted
        .slice(0, WORDS_TOLD)
        .map(([word]) => JSON.stringify(word))
        .join(", ")}`;
}

function percent(chance: number): string {
  return `${Math.round(100 * chance)} %`;
}

function bare(part: string): string {
  return part.trim().replace(/^[\s¿¡"'(]+|[\s.!?…。！？、，,:;"')~]+$/gu, "");
}
