// Trains the router's classifiers and writes their weights: npx tsx scripts/train-router.mts [--dev <folder with
// phase.dev.jsonl, tier.dev.jsonl>] Without --dev only the cases in scripts/router-cases are used. Deterministic.
// --report prints cross-validated figures and writes nothing.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { extractFeatures } from "../src/router/features.ts";
import { gateFigures, gateWeights } from "./gate-training.mts";
import { fit, readCorpus, readJsonLines, score, softmax, type LabelledCase, type Model } from "./router-training.mts";

const root = fileURLToPath(new URL("..", import.meta.url));
const cases = `${root}scripts/router-cases/`;
const devFolder = process.argv.includes("--dev") ? process.argv[process.argv.indexOf("--dev") + 1] : undefined;
const report = process.argv.includes("--report");
const OPTIONS = { slots: 8192, epochs: 15, rate: 0.08, decay: 1e-3, smoothing: 0.01, seed: 1 };
export const PHASE_LABELS = ["plan", "implement", "debug", "test", "refactor", "document", "small_edit", "review"];
const TIER_LABELS = ["balanced", "coding", "smart", "deep"];
/**
 * Shares of the classes that the weights are fitted for: what requests to a coding agent look like, not how many cases
 * somebody wrote.
 */
const PHASE_PRIOR: Record<string, number> = {
  plan: 0.12,
  implement: 0.27,
  debug: 0.19,
  test: 0.11,
  refactor: 0.1,
  document: 0.08,
  small_edit: 0.08,
  review: 0.05,
};
const TIER_PRIOR: Record<string, number> = { balanced: 0.26, coding: 0.34, smart: 0.24, deep: 0.16 };
const TIER_OF_PHASE: Record<string, string> = {
  implement: "coding",
  debug: "coding",
  test: "coding",
  refactor: "coding",
  small_edit: "balanced",
  plan: "smart",
  review: "smart",
};

function toPrior(list: LabelledCase[], prior: Record<string, number>): LabelledCase[] {
  const mass: Record<string, number> = {};
  let total = 0;
  for (const one of list) {
    mass[one.targets[0]] = (mass[one.targets[0]] ?? 0) + one.weight;
    total += one.weight;
  }
  return list.map((one) => ({ ...one, weight: (one.weight * prior[one.targets[0]]) / (mass[one.targets[0]] / total) }));
}

function dev(
  name: string,
): { message: string; label: string; also_ok: string[]; history?: unknown; agent?: unknown; current?: unknown }[] {
  return devFolder === undefined ? [] : (readJsonLines(`${devFolder}/${name}.dev.jsonl`) as never);
}

function phaseCases(): LabelledCase[] {
  const own = readCorpus(`${cases}phase`).map(({ label, message }) => ({
    message,
    targets: label === "review" ? ["review"] : [label],
    weight: 1,
  }));
  const shared = dev("phase")
    .filter((one) => one.history === undefined && one.agent === undefined)
    .map((one) => ({ message: one.message, targets: [one.label, ...one.also_ok], weight: 1.5 }));
  return [...toPrior(own, PHASE_PRIOR), ...shared];
}

function tierCases(): LabelledCase[] {
  const own = [
    ...readCorpus(`${cases}phase`).flatMap(({ label, message }) =>
      TIER_OF_PHASE[label] === undefined
        ? []
        : [{ message, targets: [TIER_OF_PHASE[label]], weight: label === "small_edit" ? 0.7 : 0.35 }],
    ),
    ...readCorpus(`${cases}tier`).map(({ label, message }) => ({ message, targets: [label], weight: 2 })),
    ...readCorpus(`${cases}gate`)
      .filter(({ label }) => label === "stay")
      .map(({ message }) => ({ message, targets: ["balanced"], weight: 0.5 })),
  ];
  const shared = dev("tier")
    .filter((one) => one.current === undefined)
    .map((one) => ({ message: one.message, targets: [one.label, ...one.also_ok], weight: 1.5 }));
  return [...toPrior(own, TIER_PRIOR), ...shared];
}

/** The temperature under which held-out chances match held-out frequencies best (negative log likelihood). */
function temperature(
  list: LabelledCase[],
  labels: string[],
  grouped: (chances: number[], targets: string[]) => number,
): number {
  const rows: { logits: number[]; targets: string[]; weight: number }[] = [];
  for (let fold = 0; fold < 5; fold++) {
    const model = fit(
      list.filter((_, at) => (at * 7919) % 5 !== fold),
      labels,
      OPTIONS,
    );
    list.forEach((one, at) => {
      if ((at * 7919) % 5 !== fold) return;
      const logits = new Float64Array(labels.length);
      score(extractFeatures(one.message), model.weights, labels.length, logits);
      rows.push({ logits: [...logits], targets: one.targets, weight: one.weight });
    });
  }
  let best = { value: 1, loss: Infinity };
  for (let value = 0.5; value <= 2.5; value += 0.05) {
    let loss = 0;
    for (const row of rows) {
      const chances = Float64Array.from(row.logits);
      softmax(chances, value);
      loss -= row.weight * Math.log(Math.max(1e-6, grouped([...chances], row.targets)));
    }
    if (loss < best.loss) best = { value, loss };
  }
  return Math.round(best.value * 100) / 100;
}

function quantise(model: Model): { data: string; scale: number } {
  const top = model.weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
  const scale = top / 127;
  const bytes = Int8Array.from(model.weights, (weight) => Math.round(weight / scale));
  return { data: Buffer.from(bytes.buffer).toString("base64"), scale };
}

function write(path: string, prefix: string, labels: string[] | null, model: Model, heat: number): void {
  writeData(
    path,
    prefix,
    labels,
    `signed bytes, ${OPTIONS.slots} slots × ${model.labels.length} labels`,
    quantise(model),
    heat,
  );
}

function writeData(
  path: string,
  prefix: string,
  labels: string[] | null,
  layout: string,
  { data, scale, slots }: { data: string; scale: number; slots?: number },
  heat: number,
): void {
  const lines = data.match(/.{1,2000}/g) ?? [];
  writeFileSync(
    `${root}src/router/${path}`,
    [
      `// Weights of the ${prefix.toLowerCase()} classifier: ${layout}. Written by scripts/train-router.mts; do not edit.`,
      "",
      ...(labels === null ? [] : [`export const ${prefix}_LABELS = ${JSON.stringify(labels)} as const;`]),
      ...(slots === undefined ? [] : [`export const ${prefix}_SLOTS = ${slots};`]),
      `export const ${prefix}_SCALE = ${scale.toPrecision(8)};`,
      `export const ${prefix}_TEMPERATURE = ${heat};`,
      `export const ${prefix}_DATA =`,
      lines.map((line, at) => `  "${line}"${at === lines.length - 1 ? ";" : " +"}`).join("\n"),
      "",
    ].join("\n"),
  );
}

function crossValidate(
  list: LabelledCase[],
  labels: string[],
  same: (label: string, targets: string[]) => boolean,
): void {
  const accuracies: number[] = [];
  for (let fold = 0; fold < 5; fold++) {
    const model = fit(
      list.filter((_, at) => (at * 7919) % 5 !== fold),
      labels,
      OPTIONS,
    );
    const held = list.filter((_, at) => (at * 7919) % 5 === fold);
    let right = 0;
    for (const one of held) {
      const chances = new Float64Array(labels.length);
      score(extractFeatures(one.message), model.weights, labels.length, chances);
      if (same(labels[chances.indexOf(Math.max(...chances))], one.targets)) right++;
    }
    accuracies.push(right / held.length);
  }
  const mean = accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length;
  const spread = Math.sqrt(accuracies.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (accuracies.length - 1));
  console.log(`  5-fold over ${list.length} cases: ${(100 * mean).toFixed(1)} % ± ${(100 * spread).toFixed(1)}`);
}

const phases = phaseCases();
const tiers = tierCases();
const planning = (label: string): string => (label === "review" ? "plan" : label);
if (report) {
  console.log("phase");
  crossValidate(phases, PHASE_LABELS, (label, targets) => targets.map(planning).includes(planning(label)));
  console.log("tier");
  crossValidate(tiers, TIER_LABELS, (label, targets) => targets.includes(label));
  console.log("gate");
  console.log(gateFigures().join("\n"));
} else {
  const merged = (chances: number[], targets: string[]): number =>
    PHASE_LABELS.reduce(
      (sum, label, at) => sum + (targets.map(planning).includes(planning(label)) ? chances[at] : 0),
      0,
    );
  const plain = (chances: number[], targets: string[]): number =>
    TIER_LABELS.reduce((sum, label, at) => sum + (targets.includes(label) ? chances[at] : 0), 0);
  write(
    "phase-weights.ts",
    "PHASE",
    PHASE_LABELS,
    fit(phases, PHASE_LABELS, OPTIONS),
    temperature(phases, PHASE_LABELS, merged),
  );
  write("tier-weights.ts", "TIER", null, fit(tiers, TIER_LABELS, OPTIONS), temperature(tiers, TIER_LABELS, plain));
  const gate = gateWeights();
  writeData("gate-weights.ts", "GATE", null, gate.layout, gate, gate.temperature);
  console.log(`trained on ${phases.length} phase cases, ${tiers.length} tier cases and ${gate.cases} gate cases`);
}
