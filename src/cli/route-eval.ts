// `bmo route eval`: predictions over labelled cases, their score, and what routing by them would cost. No model call.

import { createRouter, type RouterParts } from "../router/index.ts";
import { evaluate, gateErrors, type Evaluation, type Prediction } from "../router/evaluate.ts";
import { decideGate } from "../router/gate.ts";
import { detectPhase } from "../router/phase-detector.ts";
import { classifyTier } from "../router/tier-classifier.ts";
import type { RouteContext } from "../types/route.ts";
import type { Settings } from "../types/settings.ts";
import { BmoError } from "../util/errors.ts";
import type { RouteCase } from "./route-cases.ts";

export type EvalKind = "phase" | "gate" | "tier";

export interface RoutedCost {
  /** USD for one step per case, estimated; null where no price is known. */
  routed: number;
  always_dearest: number;
  always_cheapest: number;
  cases: number;
}

export interface EvalReport {
  what: EvalKind;
  evaluation: Evaluation;
  gate: ReturnType<typeof gateErrors> | null;
  cost: RoutedCost | null;
  predictions: Prediction[];
}

/** What the labels show the cases to be about. @throws BmoError usage when they show nothing. */
export function kindOf(cases: readonly RouteCase[]): EvalKind {
  const labels = new Set(cases.map((one) => one.label));
  const within = (...allowed: string[]): boolean =>
    labels.size > 0 && [...labels].every((label) => allowed.includes(label));
  if (within("stay", "escalate")) return "gate";
  if (within("balanced", "coding", "smart", "deep")) return "tier";
  if (within("plan", "implement", "debug", "test", "refactor", "document", "small_edit", "review")) return "phase";
  throw new BmoError("usage", "The labels of the cases are of no single kind.", "Give --what phase, gate or tier.");
}

export async function runEval(
  cases: readonly RouteCase[],
  what: EvalKind,
  settings: Settings,
  parts: RouterParts,
): Promise<EvalReport> {
  const predictions = cases.map((one): Prediction => {
    const started = performance.now();
    const { label, confidence, layer } = predict(one, what);
    return {
      id: one.id,
      label,
      confidence: Math.round(confidence * 10_000) / 10_000,
      layer,
      ms: Math.round((performance.now() - started) * 1000) / 1000,
    };
  });
  return {
    what,
    evaluation: evaluate(cases, predictions),
    gate: what === "gate" ? gateErrors(cases, predictions) : null,
    cost: what === "phase" ? await costOf(cases, settings, parts) : null,
    predictions,
  };
}

function predict(one: RouteCase, what: EvalKind): { label: string; confidence: number; layer: string } {
  switch (what) {
    case "phase":
      return detectPhase({
        message: one.message,
        history: one.history,
        ...(one.agent === null ? {} : { agent: one.agent }),
      });
    case "gate": {
      const { decision, chance } = decideGate(one.message);
      return decision === "stay"
        ? { label: "stay", confidence: chance, layer: "rules" }
        : { label: "escalate", confidence: Math.max(chance, 1 - chance), layer: "rules" };
    }
    case "tier": {
      if (one.current !== null) return { label: one.current, confidence: 1, layer: "context" };
      const reading = classifyTier(one.message);
      return { label: reading.tier, confidence: reading.confidence, layer: "rules" };
    }
  }
}

/**
 * One step per case, routed by `auto`, against always the dearest and always the cheapest candidate that could serve.
 */
async function costOf(cases: readonly RouteCase[], settings: Settings, parts: RouterParts): Promise<RoutedCost | null> {
  const router = createRouter(parts);
  const cost: RoutedCost = { routed: 0, always_dearest: 0, always_cheapest: 0, cases: 0 };
  for (const one of cases) {
    const context: RouteContext = {
      settings,
      message: one.message,
      history: one.history,
      stage: "chat",
      workflowEnabled: false,
      turn: 2,
      plan: null,
      ticket: null,
      pending: true,
      overrides: { model: { value: "auto", once: false, from: "flag" }, tier: null },
      skill: null,
      needs: { tools: true, vision: false, contextTokens: 0 },
      previous: null,
    };
    let candidates;
    try {
      candidates = (await router.decide(context, null, new AbortController().signal)).route.candidates;
    } catch (thrown) {
      if (thrown instanceof BmoError) return null;
      throw thrown;
    }
    const taken = candidates.find((candidate) => candidate.rejected === null)?.est_cost_usd ?? null;
    const prices = candidates.flatMap((candidate) =>
      candidate.score === null || candidate.est_cost_usd === null ? [] : [candidate.est_cost_usd],
    );
    if (taken === null || prices.length === 0) continue;
    cost.routed += taken;
    cost.always_dearest += Math.max(...prices);
    cost.always_cheapest += Math.min(...prices);
    cost.cases++;
  }
  return cost.cases === 0 ? null : cost;
}

export function evalText(report: EvalReport): string {
  const { evaluation } = report;
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const lines = [
    `${report.what}: ${evaluation.cases} cases`,
    `accuracy            ${percent(evaluation.accuracy)}`,
    `macro-F1            ${percent(evaluation.macro_f1)}`,
    `calibration error   ${evaluation.calibration_error.toFixed(3)}`,
    `decision            p50 ${evaluation.ms.p50.toFixed(2)} ms, p99 ${evaluation.ms.p99.toFixed(2)} ms`,
  ];
  if (report.gate !== null) {
    const { wrongly_kept: kept, wrongly_escalated: escalated } = report.gate;
    lines.push(
      `wrongly kept        ${kept[0]} of ${kept[1]}`,
      `wrongly escalated   ${escalated[0]} of ${escalated[1]}`,
    );
  }
  lines.push(
    "",
    "confidence   share     right",
    ...evaluation.coverage.map(
      (row) =>
        `>= ${row.at_least.toFixed(2)}      ${percent(row.share).padEnd(8)}  ${row.accuracy === null ? "-" : percent(row.accuracy)}`,
    ),
  );
  lines.push(
    "",
    "by kind",
    ...Object.entries(evaluation.per_kind).map(
      ([kind, row]) => `  ${kind.padEnd(14)} ${percent(row.accuracy)} of ${row.cases}`,
    ),
  );
  lines.push(
    "",
    "confusion (label: predicted × count)",
    ...Object.entries(evaluation.confusion).map(
      ([gold, row]) =>
        `  ${gold.padEnd(12)} ${Object.entries(row)
          .sort((left, right) => right[1] - left[1])
          .map(([got, count]) => `${got} ${count}`)
          .join(", ")}`,
    ),
  );
  if (report.cost !== null) {
    const { routed, always_dearest: dearest, always_cheapest: cheapest, cases } = report.cost;
    lines.push(
      "",
      `estimated cost of one step per case (${cases} cases): routed $${routed.toFixed(4)}, always the dearest $${dearest.toFixed(4)}, always the cheapest $${cheapest.toFixed(4)}`,
    );
  }
  return `${lines.join("\n")}\n`;
}
