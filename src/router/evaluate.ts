// Scores predictions against labelled cases: accuracy, macro-F1, per kind, calibration, coverage, confusion. Pure.

export interface LabelledCase {
  id: string;
  message: string;
  label: string;
  also_ok: string[];
  kind: string;
}

export interface Prediction {
  id: string;
  label: string;
  confidence: number;
  layer: string;
  /** Milliseconds that the decision took. */
  ms: number;
}

export interface Evaluation {
  cases: number;
  accuracy: number;
  macro_f1: number;
  /** Expected calibration error over ten bins. */
  calibration_error: number;
  coverage: { at_least: number; share: number; accuracy: number | null }[];
  per_kind: Record<string, { cases: number; accuracy: number }>;
  /** Right label → predicted label → count. */
  confusion: Record<string, Record<string, number>>;
  ms: { p50: number; p99: number };
}

interface Row {
  gold: string;
  got: string;
  /** An accepted alternative counts as its own right answer, so that F1 does not punish it. */
  credited: string;
  right: boolean;
  confidence: number;
  kind: string;
}

export function evaluate(cases: readonly LabelledCase[], predictions: readonly Prediction[]): Evaluation {
  const byId = new Map(predictions.map((prediction) => [prediction.id, prediction]));
  const rows = cases.map((one): Row => {
    const prediction = byId.get(one.id);
    const got = prediction?.label ?? "(none)";
    const right = got === one.label || one.also_ok.includes(got);
    return {
      gold: one.label,
      got,
      credited: right ? got : one.label,
      right,
      confidence: prediction?.confidence ?? 0,
      kind: one.kind,
    };
  });
  const times = predictions.map((prediction) => prediction.ms).sort((left, right) => left - right);
  return {
    cases: rows.length,
    accuracy: share(rows, (row) => row.right),
    macro_f1: macroF1(rows),
    calibration_error: calibrationError(rows),
    coverage: [0.5, 0.6, 0.7, 0.8, 0.9].map((limit) => {
      const sure = rows.filter((row) => row.confidence >= limit);
      return {
        at_least: limit,
        share: rows.length === 0 ? 0 : sure.length / rows.length,
        accuracy: sure.length === 0 ? null : share(sure, (row) => row.right),
      };
    }),
    per_kind: Object.fromEntries(
      [...groupBy(rows, (row) => row.kind)]
        .sort(([left], [right]) => left.localeCompare(right))
        .map(([kind, group]) => [kind, { cases: group.length, accuracy: share(group, (row) => row.right) }]),
    ),
    confusion: Object.fromEntries(
      [...groupBy(rows, (row) => row.gold)].map(([gold, group]) => [
        gold,
        Object.fromEntries([...groupBy(group, (row) => row.got)].map(([got, hits]) => [got, hits.length])),
      ]),
    ),
    ms: { p50: quantile(times, 0.5), p99: quantile(times, 0.99) },
  };
}

/**
 * Shares of the errors that matter for a gate: wrongly kept among what must go on, wrongly sent on among what may stay.
 */
export function gateErrors(
  cases: readonly LabelledCase[],
  predictions: readonly Prediction[],
): { wrongly_kept: [number, number]; wrongly_escalated: [number, number] } {
  const byId = new Map(predictions.map((prediction) => [prediction.id, prediction.label]));
  const wrong = (gold: string): [number, number] => {
    const group = cases.filter((one) => one.label === gold);
    return [
      group.filter((one) => byId.get(one.id) !== gold && !one.also_ok.includes(byId.get(one.id) ?? "")).length,
      group.length,
    ];
  };
  return { wrongly_kept: wrong("escalate"), wrongly_escalated: wrong("stay") };
}

function macroF1(rows: readonly Row[]): number {
  const labels = [...new Set(rows.map((row) => row.gold))];
  const scores = labels.map((label) => {
    const hits = rows.filter((row) => row.credited === label && row.got === label).length;
    const wanted = rows.filter((row) => row.credited === label).length;
    const named = rows.filter((row) => row.got === label).length;
    return wanted + named === 0 ? 0 : (2 * hits) / (wanted + named);
  });
  return scores.length === 0 ? 0 : scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

function calibrationError(rows: readonly Row[]): number {
  let error = 0;
  for (const [, bin] of groupBy(rows, (row) => String(Math.min(9, Math.floor(row.confidence * 10))))) {
    const confidence = bin.reduce((sum, row) => sum + row.confidence, 0) / bin.length;
    error += (bin.length / rows.length) * Math.abs(confidence - share(bin, (row) => row.right));
  }
  return error;
}

function groupBy<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

function share<Item>(items: readonly Item[], holds: (item: Item) => boolean): number {
  return items.length === 0 ? 0 : items.filter(holds).length / items.length;
}

function quantile(sorted: readonly number[], at: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(at * sorted.length))] ?? 0;
}
