// The router's own figures: npx tsx bench/router/run.mts
// 1. time of one decision with a history of 200 messages, beside a JSON.parse of that history as the machine's
// yardstick;
// 2. cost of the published workload (its shares of calls per phase) routed, against always the dearest and always the
// cheapest capable model.
import { createRouter } from "../../src/router/index.ts";
import { historySignals } from "../../src/router/history.ts";
import { PHASE_FACTS } from "../../src/router/phases.ts";
import { rankCandidates, REPAIR_STEPS, stepCost } from "../../src/router/rank.ts";
import { catalogModels } from "../../src/providers/catalog.ts";
import { readCorpus } from "../../scripts/router-training.mts";
import { context, model, partsOf, settings } from "../../test/router/support.ts";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const quantile = (values: number[], at: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(at * values.length))] ?? 0;

const messages = [];
for (let at = 0; at < 100; at++) {
  messages.push({
    role: "assistant",
    model: "a/b",
    content: [
      { type: "text", text: `Step ${at}: next I'll look at part ${at}.` },
      { type: "tool_call", id: `c${at}`, name: "bash", input: { command: `npm test -- part${at}` } },
    ],
  });
  messages.push({
    role: "tool",
    callId: `c${at}`,
    toolName: "bash",
    content: [{ type: "text", text: `ok part ${at}\n`.repeat(150) }],
    isError: at % 9 === 0,
  });
}
const text = JSON.stringify(messages);
const value = settings((one) =>
  Object.assign(one.options.model_router, { balanced_model: "house/default", coding_model: "house/strong" }),
);
const router = createRouter(
  partsOf([model("house/default", { all: 60 }), model("house/strong", { price: [4, 20], all: 92 })]),
);
const corpus = readCorpus(`${root}scripts/router-cases/phase`);
const signal = new AbortController().signal;
const times: number[] = [];
const yard: number[] = [];
for (let round = 0; round < 3; round++) {
  for (const { message } of corpus) {
    const started = performance.now();
    await router.decide(
      context({ settings: value, message, history: historySignals(messages as never) }),
      null,
      signal,
    );
    times.push(performance.now() - started);
    const parsed = performance.now();
    JSON.parse(text);
    yard.push(performance.now() - parsed);
  }
}
console.log(
  `decision, history of ${messages.length} messages, ${times.length} decisions: first ${times[0]?.toFixed(1)} ms, p50 ${quantile(times, 0.5).toFixed(2)}, p99 ${quantile(times, 0.99).toFixed(2)} ms; JSON.parse of that history (${(text.length / 1024).toFixed(0)} KB): p50 ${quantile(yard, 0.5).toFixed(2)}, p99 ${quantile(yard, 0.99).toFixed(2)} ms`,
);

const SHARES = { plan: 5, implement: 55, debug: 10, test: 15, refactor: 8, document: 5, small_edit: 2 } as const;
const CALLS = 1000;
const PREFIX = 20_000;
const vendors = ["anthropic", "openai", "google", "deepseek"];
const known = catalogModels().filter((one) => vendors.includes(one.provider) && one.status === "current");
const needs = { tools: true, vision: false, contextTokens: PREFIX };
// One order of calls that switches phases as sessions do: runs of five calls of one phase.
const order = (Object.entries(SHARES) as [keyof typeof SHARES, number][]).flatMap(([phase, share]) =>
  Array.from({ length: Math.round((share * CALLS) / 500) }, () => phase),
);
let state = 42;
for (let at = order.length - 1; at > 0; at--) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  const other = state % (at + 1);
  [order[at], order[other]] = [order[other]!, order[at]!];
}
/** Three steps of the most capable model: the prefix is written by the first and read by the others. */
const repair = (phase: keyof typeof SHARES): number => {
  const strongest = known.reduce((best, one) =>
    (one.scores[phase]?.value ?? 0) > (best.scores[phase]?.value ?? 0) ? one : best,
  );
  const warm =
    stepCost(strongest, phase, needs, { model: strongest.id, prefixTokens: PREFIX, tier: "balanced", warm: true }) ?? 0;
  return (stepCost(strongest, phase, needs, null) ?? 0) + (REPAIR_STEPS - 1) * warm;
};
function total(choose: (phase: keyof typeof SHARES, previous: string | null) => string): {
  usd: number;
  repairs: number;
  switches: number;
} {
  let usd = 0,
    repairs = 0,
    switches = 0,
    previous: string | null = null;
  for (const phase of order)
    for (let call = 0; call < 5; call++) {
      const id = choose(phase, previous);
      const chosen = known.find((one) => one.id === id)!;
      const cost =
        stepCost(
          chosen,
          phase,
          needs,
          previous === null ? null : { model: previous, prefixTokens: PREFIX, tier: "balanced", warm: true },
        ) ?? 0;
      usd += cost;
      repairs += (1 - (chosen.scores[phase]?.value ?? 50) / 100) * repair(phase);
      if (previous !== null && previous !== id) switches++;
      previous = id;
    }
  return { usd, repairs, switches };
}
const fit = (phase: keyof typeof SHARES): typeof known =>
  known.filter(
    (one) =>
      one.tools !== false &&
      (one.scores[phase]?.value ?? 0) >= PHASE_FACTS[phase].floor &&
      stepCost(one, phase, needs, null) !== null,
  );
const extreme = (phase: keyof typeof SHARES, sign: number): string =>
  fit(phase).reduce((best, one) =>
    sign * (stepCost(one, phase, needs, null) ?? 0) > sign * (stepCost(best, phase, needs, null) ?? 0) ? one : best,
  ).id;
const dearest = known.reduce((best, one) =>
  (stepCost(one, "plan", needs, null) ?? 0) > (stepCost(best, "plan", needs, null) ?? 0) ? one : best,
).id;
const routed =
  (rank: "expected-cost" | "ratio") =>
  (phase: keyof typeof SHARES, previous: string | null): string =>
    rankCandidates({
      phase,
      models: PHASE_FACTS[phase].preferences.flatMap((id) => known.filter((one) => one.id === id)),
      rank,
      capability: (one) => one.scores[phase]?.value ?? null,
      floor: PHASE_FACTS[phase].floor,
      needs,
      previous: previous === null ? null : { model: previous, prefixTokens: PREFIX, tier: "balanced", warm: true },
    }).winner?.id ?? dearest;
console.log(
  `\nworkload of ${order.length * 5} calls, prefix ${PREFIX} tokens, vendors ${vendors.join(", ")}; catalogue prices, estimates included`,
);
for (const [name, choose] of [
  ["always the dearest", () => dearest],
  ["always the cheapest capable", (phase: keyof typeof SHARES) => extreme(phase, -1)],
  ["routed, expected cost", routed("expected-cost")],
  ["routed, ratio", routed("ratio")],
] as const) {
  const { usd, repairs, switches } = total(choose as never);
  console.log(
    `${name.padEnd(28)} $${usd.toFixed(2)} for the calls, $${(usd + repairs).toFixed(2)} with expected repairs, ${switches} switches`,
  );
}
