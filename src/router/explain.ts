// Text of a route for `/why` and `bmo route`. Draws nothing and decides nothing.

import { formatUsd } from "../util/money.ts";
import type { Route, RouteCandidate } from "../types/route.ts";

/** Several lines: the decision, then each candidate with its price and why it was not taken. */
export function explainRoute(route: Route): string {
  const lines = [
    `turn ${route.turn}${route.ticket === null ? "" : `, ticket ${route.ticket}`} (${route.stage}): ${route.model}`,
    `  why: ${route.reason} [source: ${route.source}]`,
    `  tier: ${route.tier} (${route.tier_source})   phase: ${phaseText(route)}   gate: ${route.gate ?? "off"}`,
  ];
  if (route.served_model !== null) lines.push(`  served by: ${route.served_model}, not the model asked for`);
  if (route.cost_usd !== null || route.baseline_cost_usd !== null) {
    const savings = route.savings_pct === null ? "" : `, savings ${route.savings_pct.toFixed(1)} %`;
    lines.push(
      `  cost: ${formatUsd(route.cost_usd, route.cost_is_estimate)}, baseline ${formatUsd(route.baseline_cost_usd, route.baseline_is_estimate)}${savings}`,
    );
  }
  if (route.candidates.length > 0)
    lines.push("  candidates:", ...route.candidates.map((candidate) => `    ${candidateLine(candidate)}`));
  lines.push(`  decided in ${route.decide_ms.toFixed(2)} ms (${route.id})`);
  return lines.join("\n");
}

function phaseText(route: Route): string {
  if (route.phase === null) return "none";
  const confidence = route.phase_confidence === null ? "" : ` ${route.phase_confidence.toFixed(2)}`;
  return `${route.phase}${confidence}${route.phase_layer === null ? "" : ` by ${route.phase_layer}`}`;
}

function candidateLine(candidate: RouteCandidate): string {
  const capability =
    candidate.capability === null ? "capability unknown" : `capability ${Math.round(candidate.capability * 100)}`;
  return `${candidate.model}  ${capability}, about ${formatUsd(candidate.est_cost_usd, candidate.price_is_estimate)} a step: ${candidate.rejected ?? "taken"}`;
}
