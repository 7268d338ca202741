// Evaluates the small linear classifiers: quantised weights in, calibrated probabilities out. Weights come from
// scripts/train-router.mts.

import type { Features } from "./features.ts";

export interface LinearModel {
  labels: readonly string[];
  /** Row-major: slot × label; a feature's hash is folded into the slots. */
  weights: Int8Array;
  /** What one unit of a quantised weight is worth. */
  scale: number;
  /** Divides the scores before softmax, so that confidence means frequency. */
  temperature: number;
}

/** `data` is base64 of signed bytes, slot × label. */
export function decodeModel(labels: readonly string[], data: string, scale: number, temperature: number): LinearModel {
  const bytes = Buffer.from(data, "base64");
  return { labels, weights: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), scale, temperature };
}

/**
 * For a model with many slots, most of them empty. `data` is base64 of a byte a weight: the high half says how many
 * slots further it is, less one, the low half is the signed weight; a weight of 0 only steps on.
 */
export function decodeSparseModel(
  labels: readonly string[],
  data: string,
  slots: number,
  scale: number,
  temperature: number,
): LinearModel {
  const weights = new Int8Array(slots * labels.length);
  let slot = -1;
  for (const byte of Buffer.from(data, "base64")) {
    slot += (byte >> 4) + 1;
    weights[slot] = (byte << 28) >> 28;
  }
  return { labels, weights, scale, temperature };
}

/** Scores before softmax, one per label. */
export function scoreLabels(model: LinearModel, features: Features): number[] {
  const size = model.labels.length;
  const slots = model.weights.length / size;
  const scores = new Array<number>(size).fill(0);
  for (let at = 0; at < features.count; at++) {
    const base = ((features.hash[at] ?? 0) % slots) * size;
    const value = features.value[at] ?? 0;
    for (let label = 0; label < size; label++)
      scores[label] = (scores[label] ?? 0) + (model.weights[base + label] ?? 0) * value;
  }
  return scores.map((score) => (score * model.scale) / model.temperature);
}

export function softmax(scores: readonly number[]): number[] {
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - top));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
