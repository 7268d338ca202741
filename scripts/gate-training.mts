// Trains the gate's classifier and cross-validates the whole decision, list and parts included. Deterministic: fixed
// seeds, no clock.
import { fileURLToPath } from "node:url";
import { extractFeatures } from "../src/router/features.ts";
import { decideGate } from "../src/router/gate.ts";
import { scoreLabels, type LinearModel } from "../src/router/linear.ts";
import { fit, random, readCorpus, readLanguages, type LabelledCase } from "./router-training.mts";

const cases = `${fileURLToPath(new URL("..", import.meta.url))}scripts/router-cases/`;
const LABELS = ["stay", "escalate"];
/** Many languages need many slots; shrinking leaves most of them empty. */
const OPTIONS = { slots: 131_072, epochs: 15, rate: 0.05, decay: 1e-4, smoothing: 0.01, seed: 1, sparsity: 1e-2 };
/** One step of a stored weight; what is less than a step is left out, and seven steps are the most. */
const STEP = 0.38;
const MOST_STEPS = 7;
/** The slots that half a byte can step over. */
const WIDEST = 16;
const FOLDS = 5;
/** What a case counts behind a greeting; more makes the classifier shy of all talk. */
const BEHIND = 0.15;

interface GateCase extends LabelledCase {
  language: string;
  topic: string;
}

/** Talk and work in many languages, and all work that the other two classifiers learn from. */
function gateCases(): GateCase[] {
  const known = (folder: string, language: string, weight: number, label?: string): GateCase[] =>
    readCorpus(`${cases}${folder}`)
      .filter((one) => one.label !== "balanced")
      .map((one) => ({ message: one.message, targets: [label ?? one.label], weight, language, topic: folder }));
  return [
    ...readLanguages(`${cases}gate-languages`).map(({ message, label, language, topic }) => ({
      message,
      targets: [label],
      weight: 1,
      language,
      topic,
    })),
    ...known("gate", "mixed", 1),
    ...known("phase", "en", 0.5, "escalate"),
    ...known("tier", "en", 0.5, "escalate"),
  ];
}

/**
 * Work behind a greeting is work: each case of a language once more, after one of its greetings and without a mark
 * between the two.
 */
function behindGreetings(list: GateCase[]): GateCase[] {
  const draw = random(42);
  const greetings = new Map<string, string[]>();
  for (const { language, topic, message } of list)
    if (topic === "hello" || topic === "manners")
      greetings.set(language, [...(greetings.get(language) ?? []), message]);
  return list.flatMap((one) => {
    const own = greetings.get(one.language) ?? [];
    const greeting = own[Math.floor(draw() * own.length)];
    return greeting === undefined
      ? []
      : [
          {
            ...one,
            message: `${greeting} ${one.message}`,
            weight: one.targets[0] === "escalate" ? BEHIND : BEHIND / 2,
            features: undefined,
          },
        ];
  });
}

/** The difference between the two labels' weights, in the steps that are stored. */
function train(list: GateCase[]): LinearModel {
  const { weights } = fit([...list, ...behindGreetings(list)], LABELS, OPTIONS);
  const steps = Int8Array.from({ length: OPTIONS.slots }, (_, slot) => {
    const difference = (weights[2 * slot]! - weights[2 * slot + 1]!) / STEP;
    return Math.abs(difference) < 1 ? 0 : Math.max(-MOST_STEPS, Math.min(MOST_STEPS, Math.round(difference)));
  });
  return { labels: ["stay"], weights: steps, scale: STEP, temperature: 1 };
}

/** One byte a weight: in the high half how many slots further it is, less one, in the low half its signed steps. */
function pack(weights: Int8Array): string {
  const bytes: number[] = [];
  let last = -1;
  weights.forEach((weight, slot) => {
    if (weight === 0) return;
    for (; slot - last > WIDEST; last += WIDEST) bytes.push((WIDEST - 1) << 4);
    bytes.push(((slot - last - 1) << 4) | (weight & 15));
    last = slot;
  });
  return Buffer.from(bytes).toString("base64");
}

const scoreOf = (model: LinearModel, text: string): number => scoreLabels(model, extractFeatures(text))[0] ?? 0;

/** The temperature under which chances of held-out cases match their frequencies best. */
function temperatureOf(rows: { score: number; stay: boolean }[]): number {
  let best = { value: 1, loss: Infinity };
  for (let value = 0.5; value <= 2.5; value += 0.05) {
    const loss = rows.reduce((sum, { score, stay }) => sum + Math.log1p(Math.exp((stay ? -score : score) / value)), 0);
    if (loss < best.loss) best = { value, loss };
  }
  return Math.round(best.value * 100) / 100;
}

/** Each case read by a classifier that has seen nothing of its fold. */
function heldOut(
  list: GateCase[],
  foldOf: (one: GateCase) => string | number,
): { one: GateCase; model: LinearModel }[] {
  return [...new Set(list.map(foldOf))].flatMap((fold) => {
    const model = train(list.filter((one) => foldOf(one) !== fold));
    return list.filter((one) => foldOf(one) === fold).map((one) => ({ one, model }));
  });
}

function foldByDraw(list: GateCase[]): (one: GateCase) => number {
  const draw = random(9);
  const folds = new Map(list.map((one) => [one, Math.floor(draw() * FOLDS)]));
  return (one) => folds.get(one) ?? 0;
}

/** Cases that open with the same two words share a fold. */
function foldByOpening({ message }: GateCase): number {
  const opening = message
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N} ]/gu, " ")
    .trim()
    .split(/\s+/u)
    .slice(0, 2)
    .join(" ");
  let hash = 7;
  for (const character of opening) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
  return hash % FOLDS;
}

export function gateWeights(): {
  data: string;
  scale: number;
  slots: number;
  temperature: number;
  layout: string;
  cases: number;
} {
  const list = gateCases();
  const { weights, scale } = train(list);
  const temperature = temperatureOf(
    heldOut(list, foldByDraw(list)).map(({ one, model }) => ({
      score: scoreOf(model, one.message),
      stay: one.targets[0] === "stay",
    })),
  );
  return {
    data: pack(weights),
    scale,
    slots: OPTIONS.slots,
    temperature,
    layout: `steps and weights, half a byte each, ${OPTIONS.slots} slots × 1 label`,
    cases: list.length,
  };
}

/** Lines of the report: wrongly kept and wrongly escalated, held out by draw, by opening words and by language. */
export function gateFigures(): string[] {
  const list = gateCases();
  const drawn = heldOut(list, foldByDraw(list));
  const temperature = temperatureOf(
    drawn.map(({ one, model }) => ({ score: scoreOf(model, one.message), stay: one.targets[0] === "stay" })),
  );
  const decided = (rows: typeof drawn): { one: GateCase; stays: boolean }[] =>
    rows.map(({ one, model }) => ({
      one,
      stays:
        decideGate(one.message, (text) => 1 / (1 + Math.exp(-scoreOf(model, text) / temperature))).decision === "stay",
    }));
  const line = (name: string, rows: { one: GateCase; stays: boolean }[]): string => {
    const work = rows.filter(({ one }) => one.targets[0] === "escalate");
    const talk = rows.filter(({ one }) => one.targets[0] === "stay");
    const sentOn = talk.filter(({ stays }) => !stays).length;
    return `  ${name.padEnd(14)} wrongly kept ${work.filter(({ stays }) => stays).length} of ${work.length}, escalated ${sentOn} of ${talk.length} (${((100 * sentOn) / Math.max(1, talk.length)).toFixed(0)} %)`;
  };
  const byDraw = decided(drawn);
  const grouped = (key: (one: GateCase) => string): string[] =>
    [...new Set(list.map(key))].sort().map((name) =>
      line(
        name,
        byDraw.filter(({ one }) => key(one) === name),
      ),
    );
  return [
    line("drawn", byDraw),
    line("by opening", decided(heldOut(list, foldByOpening))),
    line("by language", decided(heldOut(list, ({ language }) => language))),
    ...grouped(({ topic }) => topic),
    ...grouped(({ language }) => language),
  ];
}
