// `bmo route`: what the router would do and why, offline. Dry run of one message, replay of a session, evaluation on
// labelled cases.

import { Argument, Option } from "commander";
import { priceUsage } from "../ledger/price.ts";
import { createRouter, type RouterParts } from "../router/index.ts";
import { explainRoute } from "../router/explain.ts";
import { detectPhase } from "../router/phase-detector.ts";
import { classifyTier } from "../router/tier-classifier.ts";
import { decideGate } from "../router/gate.ts";
import { replayRoutes, type ReplayedRoute } from "../router/replay.ts";
import { EXIT, type ExitCode } from "../types/error.ts";
import type { WorkStage } from "../types/plan.ts";
import type { ModelInfo, Usage } from "../types/provider.ts";
import type { Route, RouteContext } from "../types/route.ts";
import type { Settings } from "../types/settings.ts";
import { BmoError } from "../util/errors.ts";
import { formatUsd, fromMoney } from "../util/money.ts";
import { printedJson } from "../util/snake-keys.ts";
import { choice, modelOption, presetOption, tierOption } from "./flags.ts";
import { parseCases, parseHistory } from "./route-cases.ts";
import { evalText, kindOf, runEval, type EvalKind } from "./route-eval.ts";
import { routeServices } from "./route-services.ts";
import { printJson, type Call, type Subcommand, type SubcommandIo } from "./subcommand.ts";

/** What replay needs of a session file. */
export interface RecordedSession {
  id: string;
  routes: Route[];
  /** The text of each turn, by number. */
  texts: ReadonlyMap<number, string>;
  /** Summed main usage per route id. */
  usage: ReadonlyMap<string, Usage>;
  notices: string[];
}

export interface RouteServices {
  settings: Settings;
  parts: RouterParts;
  /** What `--model` and `--tier` ask for; absent: nothing. */
  overrides?: RouteContext["overrides"];
  /** @throws BmoError usage when there is no such session or it is none. */
  readSession(idOrPath: string): Promise<RecordedSession>;
  /** Paths are resolved by the caller against the directory it was started in. @throws BmoError usage. */
  readText(path: string): Promise<string>;
  writeText(path: string, text: string): Promise<void>;
}

/** What the options of a dry run ask for. */
interface DryRunOptions {
  history?: string;
  stage?: WorkStage;
}

async function dryRun(
  message: string,
  options: DryRunOptions,
  io: SubcommandIo,
  services: RouteServices,
): Promise<ExitCode> {
  if (message.trim() === "") throw new BmoError("usage", "bmo route needs a message", 'bmo route "<message>"');
  const { settings, parts } = services;
  const stage = options.stage ?? (settings.options.staged_workflow.enabled ? "plan" : "chat");
  const history =
    options.history === undefined ? [] : parseHistory(await services.readText(options.history), options.history);
  const context: RouteContext = {
    settings,
    message,
    history,
    stage,
    workflowEnabled: settings.options.staged_workflow.enabled,
    turn: history.some((signal) => signal.role === "user") ? 2 : 1,
    plan: null,
    ticket: null,
    pending: false,
    overrides: services.overrides ?? { model: null, tier: null },
    skill: null,
    needs: { tools: true, vision: false, contextTokens: Math.ceil(message.length / 4) },
    previous: null,
  };
  const notices: string[] = [];
  const decision = await createRouter(withoutCredentials(parts, notices)).decide(
    context,
    null,
    new AbortController().signal,
  );
  const route: Route = {
    ...decision.route,
    turn: context.turn,
    served_model: null,
    cost_usd: null,
    baseline_cost_usd: null,
    savings_pct: null,
  };
  const phase = detectPhase({ message, history });
  const tier = classifyTier(message);
  const gate = decideGate(message);
  notices.push(...decision.notices);
  if (io.json) {
    printJson(io, {
      route: printedJson(route),
      message: {
        phase: phase.label,
        phase_confidence: round(phase.confidence),
        phase_layer: phase.layer,
        tier: tier.tier,
        tier_confidence: round(tier.confidence),
        gate: gate.decision,
        gate_reason: gate.reason,
      },
      notices,
      log: decision.log,
    });
    return EXIT.done;
  }
  io.stdout(
    `${explainRoute(route)}\n\nthe message itself: phase ${phase.label} ${phase.confidence.toFixed(2)} (${phase.layer}), tier ${tier.tier} ${tier.confidence.toFixed(2)}, gate ${gate.decision} (${gate.reason})\n`,
  );
  for (const notice of notices) io.stderr(`bmo: ${notice}\n`);
  return EXIT.done;
}

/** A dry run sends nothing, so a missing key is worth a notice and no more. */
function withoutCredentials(parts: RouterParts, notices: string[]): RouterParts {
  return {
    ...parts,
    defaultModel: (providers) => {
      const chosen = parts.defaultModel(providers);
      if (chosen !== null || providers.length > 0 || parts.registry.providers().some((one) => one.configured))
        return chosen;
      const supposed = parts.defaultModel([...new Set(parts.registry.list().map((model) => model.provider))]);
      const text =
        "No provider has credentials and no model is configured; this is what would be chosen if all ready-made providers had keys.";
      if (supposed !== null && !notices.includes(text)) notices.push(text);
      return supposed;
    },
  };
}

/** @param name id or path of a session. */
async function replaySession(name: string, io: SubcommandIo, services: RouteServices): Promise<ExitCode> {
  const session = await services.readSession(name);
  const { replayed, skipped } = await replayRoutes(session.routes, session.texts, services.settings, services.parts);
  const rows = replayed.map((one) => comparison(one, session.usage.get(one.recorded.id) ?? null));
  const different = rows.filter((row) => row.before !== row.after);
  for (const notice of session.notices) io.stderr(`bmo: ${notice}\n`);
  if (skipped > 0)
    io.stderr(`bmo: ${skipped} route${skipped === 1 ? "" : "s"} without recorded inputs cannot be decided again\n`);
  if (io.json) {
    printJson(io, { session: session.id, routes: rows.length, skipped, differences: different });
    return EXIT.done;
  }
  io.stdout(
    `${session.id}: ${rows.length} decision${rows.length === 1 ? "" : "s"}, ${different.length === 0 ? "no difference" : `${different.length} different`}\n`,
  );
  for (const row of different) {
    io.stdout(
      `  turn ${row.turn}${row.ticket === null ? "" : ` ticket ${row.ticket}`}: ${row.before} -> ${row.after ?? "none"} (${row.reason}); cost ${formatUsd(row.cost_before, row.estimate_before)} -> ${formatUsd(row.cost_after, row.estimate_after)}\n`,
    );
  }
  return EXIT.done;
}

interface Comparison {
  turn: number;
  ticket: string | null;
  route: string;
  before: string;
  after: string | null;
  reason: string;
  cost_before: number | null;
  cost_after: number | null;
  /** Whether a price behind the figure is an estimate. */
  estimate_before: boolean;
  estimate_after: boolean;
}

function comparison({ recorded, model, info, reason, estimatedCost }: ReplayedRoute, usage: Usage | null): Comparison {
  const taken = recorded.candidates.find((candidate) => candidate.rejected === null);
  return {
    turn: recorded.turn,
    ticket: recorded.ticket,
    route: recorded.id,
    before: recorded.model,
    after: model,
    reason,
    cost_before: recorded.cost_usd ?? taken?.est_cost_usd ?? null,
    cost_after: usage === null || info === null ? estimatedCost : priced(usage, info),
    estimate_before: recorded.cost_is_estimate ?? taken?.price_is_estimate ?? false,
    estimate_after: info?.priceEstimate ?? false,
  };
}

/** The same tokens at the other model's price, as the ledger would book them; unknown prices stay unknown. */
function priced(usage: Usage, info: ModelInfo): number | null {
  const { costUsd } = priceUsage(usage, info);
  return costUsd === null ? null : fromMoney(costUsd);
}

interface EvalOptions {
  what?: EvalKind;
  /** A file to write. */
  predictions?: string;
}

async function evaluateCases(
  path: string,
  { what, predictions }: EvalOptions,
  io: SubcommandIo,
  services: RouteServices,
): Promise<ExitCode> {
  const cases = parseCases(await services.readText(path), path);
  if (cases.length === 0) throw new BmoError("usage", `${path} holds no cases`, "One JSON object for each line.");
  const report = await runEval(cases, what ?? kindOf(cases), services.settings, services.parts);
  const lines = report.predictions.map((one) => `${JSON.stringify(one)}\n`);
  if (predictions !== undefined) await services.writeText(predictions, lines.join(""));
  if (io.json) printJson(io, { what: report.what, ...report.evaluation, gate: report.gate, cost: report.cost });
  else io.stdout(evalText(report));
  return EXIT.done;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

const STAGES: readonly WorkStage[] = ["plan", "execute", "chat"];
const KINDS: readonly EvalKind[] = ["phase", "gate", "tier"];

/** @param servicesOf what the command reads and writes besides its output. */
export function createRouteCommand(servicesOf: (call: Call) => Promise<RouteServices>): Subcommand<DryRunOptions> {
  return {
    name: "route",
    summary: "say which model a message would go to, and why; offline",
    details: "No network, no key.",
    arguments: [new Argument("<message...>", "a message, as one word or several")],
    options: [
      new Option("--history <file>", "what happened before it: JSON lines or an array"),
      choice("--stage <stage>", "the stage it is sent in", STAGES),
      modelOption(),
      tierOption(),
      presetOption(),
    ],
    run: async (call) => dryRun(call.words.join(" "), call.options, call.io(), await servicesOf(call)),
    actions: [
      {
        name: "replay",
        summary: "decide the routes of a session again",
        arguments: [new Argument("<session>", "one session: its id or its file")],
        options: [presetOption()],
        run: async (call) => replaySession(call.words[0] ?? "", call.io(), await servicesOf(call)),
      },
      {
        name: "eval",
        summary: "score the detectors on labelled cases",
        arguments: [new Argument("<cases.jsonl>", "one file of cases")],
        options: [
          choice("--what <kind>", "which detector; by default what the labels show", KINDS),
          new Option("--predictions <file>", "write each prediction to that file"),
        ],
        run: async (call: Call<EvalOptions>) =>
          evaluateCases(call.words[0] ?? "", call.options, call.io(), await servicesOf(call)),
      },
    ],
  };
}

export const routeCommand = createRouteCommand(async ({ app }) => {
  const opened = await app();
  return { ...routeServices(opened), overrides: opened.flagOverrides() };
});
