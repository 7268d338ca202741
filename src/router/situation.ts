// One turn as the strategies see it: the context plus what is read from it lazily and once (gate, phase, tier, the
// small model's answer). Holds no state beyond the decision and asks the small model at most once.

import type { ModelInfo } from "../types/provider.ts";
import type {
  AskSmallModel,
  GateDecision,
  PhaseLayer,
  RouteCandidate,
  RouteContext,
  RouteInputs,
  RouteSource,
  Tier,
  TierSource,
} from "../types/route.ts";
import type { Phase } from "../types/provider.ts";
import { createModelBook, type ModelBook, type ModelSpec, type RouterParts } from "./models.ts";
import { hardestPhase, isPhase, PHASE_FACTS } from "./phases.ts";
import {
  CLASSIFY_MAX_TOKENS,
  GATE_MAX_TOKENS,
  parseClassification,
  parseGateWord,
  type Classification,
} from "./small-model.ts";
import { resolveTier } from "./tiers.ts";

/** Below this the small model is asked; exactly this is not below. */
const CONFIDENCE_THRESHOLD = 0.6;
/** Given to what the small model answered: it is not calibrated, so it claims no more than this. */
const SMALL_MODEL_CONFIDENCE = 0.8;
const DEFAULT_TIMEOUT_MS = 8_000;

export interface PhaseReading {
  phase: Phase;
  confidence: number;
  layer: PhaseLayer;
}

export type TierReading = NonNullable<RouteInputs["tier_reading"]>;

/** Readings taken over from an earlier decision instead of being made again. */
export interface FixedReadings {
  phase: PhaseReading | null;
  gate: GateDecision | null;
  tier: TierReading | null;
}

export interface GateReading {
  decision: GateDecision | null;
  reason: string;
}

export interface Choice {
  model: ModelInfo;
  source: RouteSource;
  reason: string;
  tier?: { tier: Tier; source: TierSource };
  /** True where the tier table bound the model: then its temperature applies. */
  bound?: boolean;
  candidates?: RouteCandidate[];
}

export interface Situation {
  readonly context: RouteContext;
  readonly book: ModelBook;
  /** What `planning_model` or `execution_model` says for this turn, and the key. */
  readonly stage: { spec: ModelSpec; key: string };
  readonly notices: string[];
  readonly log: string[];
  notice(text: string): void;
  gate(): Promise<GateReading>;
  /** Phase by stage, ticket, message and history; with `ask` also by the small model where the others are unsure. */
  phase(ask: boolean): Promise<PhaseReading>;
  /**
   * The tier that this turn is promoted to, or null: nothing asks for more than balanced, or no model above balanced is
   * bound for it.
   */
  promotion(): Promise<{ tier: Tier; reading: TierReading } | null>;
  /** The tier that the work was read to ask for; null where nothing needed to know. */
  tierRead(): TierReading | null;
  /** Whether the phase router fills the default slot of this turn. */
  phaseRouterActive(): boolean;
}

export function createSituation(
  context: RouteContext,
  parts: RouterParts,
  ask: AskSmallModel | null,
  signal: AbortSignal,
  fixed: FixedReadings | null = null,
): Situation {
  const { settings, overrides } = context;
  const notices: string[] = [];
  const log: string[] = [];
  const notice = (text: string): void => {
    if (!notices.includes(text)) notices.push(text);
  };
  const book = createModelBook(settings, parts, notice);
  const stage = stageModel(context, book, notice);
  const router = settings.options.model_router;
  let asked = false;
  let tierRead: TierReading | null = null;

  /**
   * One short question with its own time limit; any failure is a log line, never an error, unless the turn itself was
   * aborted.
   */
  const askOnce = async (
    purpose: "gate" | "classify",
    prompt: { system: string; user: string },
    maxTokens: number,
  ): Promise<string | null> => {
    const model = asked || ask === null ? null : book.small(purpose);
    if (model === null || ask === null) return null;
    asked = true;
    const limit = new AbortController();
    const timer = setTimeout(
      () => limit.abort(new Error("the small model took too long")),
      parts.smallModelTimeoutMs ?? DEFAULT_TIMEOUT_MS,
    );
    const stop = (): void => limit.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    try {
      const expired = new Promise<never>((_resolve, reject) => {
        limit.signal.addEventListener(
          "abort",
          () => reject(limit.signal.reason instanceof Error ? limit.signal.reason : new Error("aborted")),
          { once: true },
        );
      });
      return await Promise.race([ask(model, prompt, maxTokens, limit.signal), expired]);
    } catch (thrown) {
      signal.throwIfAborted();
      log.push(
        `Small model ${model.id} failed (${thrown instanceof Error ? thrown.message : String(thrown)}); the turn continues without it`,
      );
      return null;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  };

  /** `tried`: the question was put, whatever came of it. */
  const classification = once(async (): Promise<Classification & { tried: boolean }> => {
    const before = asked;
    const answer = await askOnce("classify", parts.prompts.classify(context.message), CLASSIFY_MAX_TOKENS);
    const tried = asked && !before;
    if (answer === null) return { phase: null, tier: null, tried };
    const parsed = parseClassification(answer);
    if (parsed.phase === null && parsed.tier === null)
      log.push("Small model gave no usable answer; rules decide the phase");
    return { ...parsed, tried };
  });

  const gate = once(async (): Promise<GateReading> => {
    if (!settings.options.gate.enabled) return { decision: null, reason: "the gate is off" };
    if (overrides.model !== null || overrides.tier !== null)
      return { decision: null, reason: "skipped: the user chose a model or tier" };
    if (context.pending)
      return { decision: null, reason: "skipped: a plan or a question is pending, or a plan executes" };
    if (fixed?.gate != null) return { decision: fixed.gate, reason: "as decided before" };
    const { decideGate } = await loadGate();
    const reading = decideGate(context.message);
    if (reading.decision !== "unsure") return { decision: reading.decision, reason: reading.reason };
    const answer = await askOnce("gate", parts.prompts.gate(context.message), GATE_MAX_TOKENS);
    if (answer === null) return { decision: "escalate", reason: reading.reason };
    const word = parseGateWord(answer);
    return word === "stay" && reading.mayStay
      ? { decision: "stay", reason: "the gate's model said stay" }
      : {
          decision: "escalate",
          reason:
            word === null
              ? "the gate's model gave no clear answer"
              : "the gate's model said escalate, or rules forbid staying",
        };
  });

  const phaseByRules = once(async (): Promise<PhaseReading> => {
    if (fixed?.phase != null) return fixed.phase;
    const known = await phaseOfStage(context);
    if (known !== null) return known;
    const { detectPhase } = await loadDetector();
    return detectPhase({ message: context.message, history: context.history });
  });

  const phase = async (mayAsk: boolean): Promise<PhaseReading> => {
    const reading = await phaseByRules();
    if (!mayAsk || fixed?.phase != null || reading.confidence >= CONFIDENCE_THRESHOLD) return reading;
    const answer = (await classification()).phase;
    return answer === null ? reading : { phase: answer, confidence: SMALL_MODEL_CONFIDENCE, layer: "model" };
  };

  const tierReading = async (): Promise<TierReading> => {
    if (fixed?.tier != null) return fixed.tier;
    if (context.stage === "execute") {
      const reading = await phaseByRules();
      return { tier: PHASE_FACTS[reading.phase].tier, confidence: reading.confidence, by: "phase" };
    }
    const { classifyTier } = await loadTierClassifier();
    const reading = classifyTier(context.message);
    if (reading.confidence >= CONFIDENCE_THRESHOLD) return { ...reading, by: "rules" };
    const answer = await classification();
    if (answer.tier !== null) return { tier: answer.tier, confidence: SMALL_MODEL_CONFIDENCE, by: "model" };
    if (!answer.tried) return { ...reading, by: "rules" };
    // Unsure rules alone do not promote a turn about which somebody was to be asked.
    log.push("No usable tier from the small model; the turn stays balanced");
    return { tier: "balanced", confidence: reading.confidence, by: "model" };
  };

  const promotion = once(async (): Promise<{ tier: Tier; reading: TierReading } | null> => {
    const higher = [router.smart_model, router.coding_model, router.deep_model];
    if (!router.dynamic_tier_enabled || higher.every((value) => (value?.trim() ?? "") === "")) return null;
    const reading = await tierReading();
    tierRead = reading;
    if (reading.tier === "balanced") return null;
    const { landed, hops } = resolveTier(reading.tier, book);
    if (landed !== null && landed !== "balanced") return { tier: reading.tier, reading };
    log.push(
      ...hops,
      `Dynamic tier upgrade: balanced -> ${reading.tier} has no effect, nothing above balanced is bound for it`,
    );
    return null;
  });

  const phaseRouterActive = (): boolean =>
    overrides.model?.value.trim().toLowerCase() === "auto" ||
    stage.spec.kind === "auto" ||
    (stage.spec.kind === "unset" &&
      (settings.options.phase_router.enabled || settings.model?.trim().toLowerCase() === "auto"));

  return {
    context,
    book,
    stage,
    notices,
    log,
    notice,
    gate,
    phase,
    promotion,
    tierRead: () => tierRead,
    phaseRouterActive,
  };
}

/**
 * `planning_model` unset makes `execution_model` count as unset too; with the workflow off the first turn plans and
 * later ones execute.
 */
function stageModel(context: RouteContext, book: ModelBook, notice: (text: string) => void): Situation["stage"] {
  const { planning_model: planning, execution_model: execution } = context.settings.options.phase_model;
  const isSet = (value: string | null): boolean => (value?.trim() ?? "") !== "";
  if (!isSet(planning)) {
    if (isSet(execution))
      notice(
        "options.phase_model.execution_model is set but planning_model is not: both count as unset. Set planning_model too.",
      );
    return { spec: { kind: "unset" }, key: "options.phase_model.planning_model" };
  }
  const plans = context.stage === "plan" || (context.stage === "chat" && context.turn <= 1);
  const key = plans ? "planning_model" : "execution_model";
  return { spec: book.spec(plans ? planning : execution, `options.phase_model.${key}`), key };
}

/** What the workflow knows without guessing; null in chat. */
async function phaseOfStage(context: RouteContext): Promise<PhaseReading | null> {
  if (context.stage === "plan") return { phase: "plan", confidence: 0.95, layer: "stage" };
  if (context.stage !== "execute" || context.plan === null) return null;
  const { content, tickets: states } = context.plan;
  const wanted =
    context.ticket === null
      ? content.tickets.filter((ticket) => states[ticket.id] !== "done" && states[ticket.id] !== "skipped")
      : content.tickets.filter((ticket) => ticket.id === context.ticket);
  const tickets = wanted.length > 0 ? wanted : content.tickets;
  if (tickets.length === 0) return null;
  const readings = await Promise.all(
    tickets.map(async (ticket): Promise<PhaseReading> => {
      if (ticket.phase !== null && ticket.phase !== "plan" && isPhase(ticket.phase))
        return { phase: ticket.phase, confidence: 0.95, layer: "stage" };
      const { detectTicketPhase } = await loadDetector();
      return detectTicketPhase(ticket);
    }),
  );
  const hardest = hardestPhase(readings.map((reading) => reading.phase));
  return readings.find((reading) => reading.phase === hardest) ?? null;
}

/**
 * Loaded when first needed, since a run with pinned models needs none of them; remembered, since each `import()` has
 * its price.
 */
const loadGate = once(() => import("./gate.ts"));
const loadDetector = once(() => import("./phase-detector.ts"));
const loadTierClassifier = once(() => import("./tier-classifier.ts"));

function once<Value>(compute: () => Promise<Value>): () => Promise<Value> {
  let result: Promise<Value> | null = null;
  return () => (result ??= compute());
}
