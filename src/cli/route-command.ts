// `bmo route`: what the router would do and why, offline. Dry run of one message, replay of a session, evaluation on
// labelled cases.

import { priceUsage } from "../ledger/price.ts";
import { createRouter, type RouterParts } from "../router/index.ts";
import { explainRoute } from "../router/explain.ts";
import { detectPhase } from "../router/phase-detector.ts";
import { classifyTier } from "../router/tier-classifier.ts";
import { decideGate } from "../router/gate.ts";
import { replayRoutes, type ReplayedRoute } from "../router/replay.ts";
import { EXIT, type ExitCode } from "../types/error.ts";
import type { ModelInfo, Usage } from "../types/provider.ts";
import type { Route, RouteContext } from "../types/route.ts";
import type { Settings } from "../types/settings.ts";
import { BmoError } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import { formatUsd, fromMoney } from "../util/money.ts";
import { printedJson } from "../util/snake-keys.ts";
import { parseCases, parseHistory } from "./route-cases.ts";
import { evalText, kindOf, runEval, type EvalKind } from "./route-eval.ts";
import { printJson, type SubcommandIo } from "./subcommand-io.ts";
import { SUBCOMMAND_USAGE } from "./subcommand-usage.ts";

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
  /** Settings with that file as the project's configuration. */
  settingsFrom(file: string): Promise<Settings>;
  /** Paths are resolved by the caller against the directory it was started in. @throws BmoError usage. */
  readText(path: string): Promise<string>;
  writeText(path: string, text: string): Promise<void>;
}

const HINT = SUBCOMMAND_USAGE.route;

export async function runRouteCommand(
  given: readonly string[],
  io: SubcommandIo,
  services: RouteServices,
): Promise<ExitCode> {
  const [first, ...rest] = given;
  if (first === "replay" && rest.length > 0) return replay(rest, io, services);
  if (first === "eval" && rest.length > 0) return evaluateCases(rest, io, services);
  return dryRun(given, io, services);
}

async function dryRun(given: readonly string[], io: SubcommandIo, services: RouteServices): Promise<ExitCode> {
  const { words, options } = parseOptions(given, ["--history", "--stage"]);
  const message = words.join(" ");
  if (message.trim() === "") throw new BmoError("usage", "bmo route needs a message.", HINT);
  const { settings, parts } = services;
  const stage = options.get("--stage") ?? (settings.options.staged_workflow.enabled ? "plan" : "chat");
  if (stage !== "plan" && stage !== "execute" && stage !== "chat")
    throw new BmoError("usage", `--stage ${stage}: unknown stage.`, "Allowed: plan, execute, chat.");
  const historyFile = options.get("--history");
  const history = historyFile === undefined ? [] : parseHistory(await services.readText(historyFile), historyFile);
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

async function replay(given: readonly string[], io: SubcommandIo, services: RouteServices): Promise<ExitCode> {
  const { words, options } = parseOptions(given, ["--config"]);
  const [name, ...more] = words;
  if (name === undefined || more.length > 0) throw new BmoError("usage", "bmo route replay takes one session.", HINT);
  const file = options.get("--config");
  const settings = file === undefined ? services.settings : await services.settingsFrom(file);
  const session = await services.readSession(name);
  const { replayed, skipped } = await replayRoutes(session.routes, session.texts, settings, services.parts);
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

async function evaluateCases(given: readonly string[], io: SubcommandIo, services: RouteServices): Promise<ExitCode> {
  const { words, options } = parseOptions(given, ["--what", "--predictions"]);
  const [path, ...more] = words;
  if (path === undefined || more.length > 0)
    throw new BmoError("usage", "bmo route eval takes one file of cases.", HINT);
  const cases = parseCases(await services.readText(path), path);
  if (cases.length === 0) throw new BmoError("usage", `${path} holds no cases.`, HINT);
  const wanted = options.get("--what");
  if (wanted !== undefined && !isKind(wanted))
    throw new BmoError("usage", `--what ${wanted}: unknown.`, "Allowed: phase, gate, tier.");
  const report = await runEval(cases, wanted ?? kindOf(cases), services.settings, services.parts);
  const target = options.get("--predictions");
  if (target !== undefined)
    await services.writeText(target, report.predictions.map((one) => `${JSON.stringify(one)}\n`).join(""));
  if (io.json) printJson(io, { what: report.what, ...report.evaluation, gate: report.gate, cost: report.cost });
  else io.stdout(evalText(report));
  return EXIT.done;
}

function isKind(value: string): value is EvalKind {
  return value === "phase" || value === "gate" || value === "tier";
}

/** Options take their value from the next word or after `=`; `--` ends them; a message may hold any other words. */
function parseOptions(
  given: readonly string[],
  known: readonly string[],
): { words: string[]; options: Map<string, string> } {
  const words: string[] = [];
  const options = new Map<string, string>();
  for (let at = 0; at < given.length; at++) {
    const word = given[at] ?? "";
    if (word === "--") {
      words.push(...given.slice(at + 1));
      break;
    }
    const [name = "", ...inline] = word.split("=");
    if (!/^--[a-z]+$/.test(name)) {
      words.push(word);
      continue;
    }
    if (!known.includes(name))
      throw new BmoError(
        "usage",
        `bmo route does not know ${name}.`,
        `${nearestNames(name, known, 1)[0] ?? known.join(", ")}. ${HINT}`,
      );
    const value = inline.length > 0 ? inline.join("=") : given[++at];
    if (value === undefined || value === "") throw new BmoError("usage", `${name} needs a value.`, HINT);
    options.set(name, value);
  }
  return { words, options };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
