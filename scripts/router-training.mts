// Shared by the training script: reads case files and fits a multinomial logistic regression. Deterministic: a fixed
// seed, no clock.
import { readFileSync, readdirSync } from "node:fs";
import { extractFeatures, type Features } from "../src/router/features.ts";

export interface LabelledCase {
  message: string;
  targets: string[];
  weight: number;
  features?: Features;
}

/** One case per line; `\n` stands for a line break; empty lines and lines starting with `#!` are left out. */
export function readCaseFile(path: string): string[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#!"))
    .map((line) => line.replaceAll("\\n", "\n"));
}

export function readCorpus(folder: string): { label: string; message: string }[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".txt"))
    .sort()
    .flatMap((name) => readCaseFile(`${folder}/${name}`).map((message) => ({ label: name.slice(0, -4), message })));
}

export interface LanguageCase {
  message: string;
  label: "stay" | "escalate";
  language: string;
  topic: string;
}

const TALK_TOPICS = ["hello", "manners", "life", "self", "facts"];

/** One file a language; a line `# topic` opens each topic, and the topic gives the label. */
export function readLanguages(folder: string): LanguageCase[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".txt"))
    .sort()
    .flatMap((name) => {
      let topic = "";
      return readCaseFile(`${folder}/${name}`).flatMap((line): LanguageCase[] => {
        if (!line.startsWith("# "))
          return [
            {
              message: line,
              label: TALK_TOPICS.includes(topic) ? "stay" : "escalate",
              language: name.slice(0, -4),
              topic,
            },
          ];
        topic = line.slice(2);
        return [];
      });
    });
}

export function readJsonLines(path: string): Record<string, unknown>[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line));
}

export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export interface Model {
  labels: string[];
  weights: Float64Array;
}

export interface FitOptions {
  slots: number;
  epochs: number;
  rate: number;
  decay: number;
  smoothing: number;
  seed: number;
  sparsity?: number;
}

/**
 * Adagrad on the cross entropy with L2 decay, and with `sparsity` an L1 shrinkage after each step; a case with several
 * targets shares its mass, most of it on the first.
 */
export function fit(cases: LabelledCase[], labels: string[], options: FitOptions): Model {
  const size = labels.length;
  const weights = new Float64Array(options.slots * size);
  const squares = new Float64Array(options.slots * size).fill(1e-2);
  const order = cases.map((_, at) => at);
  const draw = random(options.seed);
  const total = cases.reduce((sum, one) => sum + one.weight, 0) / cases.length;
  const logits = new Float64Array(size);
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    for (let at = order.length - 1; at > 0; at--) {
      const other = Math.floor(draw() * (at + 1));
      const kept = order[at]!;
      order[at] = order[other]!;
      order[other] = kept;
    }
    for (const at of order) {
      const one = cases[at]!;
      const features = (one.features ??= extractFeatures(one.message));
      score(features, weights, size, logits);
      softmax(logits, 1);
      const share = one.targets.length > 1 ? 0.75 : 1;
      for (let label = 0; label < size; label++) {
        const name = labels[label]!;
        let target =
          name === one.targets[0] ? share : one.targets.includes(name) ? (1 - share) / (one.targets.length - 1) : 0;
        target = target * (1 - options.smoothing) + options.smoothing / size;
        const gradient = ((logits[label]! - target) * one.weight) / total;
        for (let feature = 0; feature < features.count; feature++) {
          const slot = (features.hash[feature]! % options.slots) * size + label;
          const step = gradient * features.value[feature]! + options.decay * weights[slot]!;
          squares[slot]! += step * step;
          const pace = options.rate / Math.sqrt(squares[slot]!);
          const moved = weights[slot]! - pace * step;
          weights[slot] =
            options.sparsity === undefined
              ? moved
              : Math.sign(moved) * Math.max(0, Math.abs(moved) - options.sparsity * pace);
        }
      }
    }
  }
  return { labels, weights };
}

export function score(features: Features, weights: ArrayLike<number>, size: number, into: Float64Array): void {
  into.fill(0);
  const slots = weights.length / size;
  for (let feature = 0; feature < features.count; feature++) {
    const base = (features.hash[feature]! % slots) * size;
    const value = features.value[feature]!;
    for (let label = 0; label < size; label++) into[label]! += weights[base + label]! * value;
  }
}

export function softmax(logits: Float64Array, temperature: number): void {
  let top = -Infinity;
  for (const value of logits) top = Math.max(top, value);
  let sum = 0;
  for (let at = 0; at < logits.length; at++) {
    logits[at] = Math.exp((logits[at]! - top) / temperature);
    sum += logits[at]!;
  }
  for (let at = 0; at < logits.length; at++) logits[at]! /= sum;
}
