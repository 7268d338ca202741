// The route of a turn: decided once, looked at again before later steps, replaced after a failure, and booked at the
// end. Nobody else keeps the route that holds.

import { estimateTokens, holdsImage, stringifyMessageText, userMessage } from "../messages.ts";
import { bookEntry, runStep } from "./step.ts";
import { BmoError } from "../../util/errors.ts";
import { addMoney, fromMoney, savingsPercent, toMoney, type Money } from "../../util/money.ts";
import type { AgentContext } from "../context.ts";
import type { AgentPorts } from "../ports.ts";
import type { LiveSession } from "../live-session.ts";
import type { Message } from "../../types/message.ts";
import type { WorkStage } from "../../types/plan.ts";
import type { ModelInfo } from "../../types/provider.ts";
import type { AskSmallModel, Overrides, Route, RouteContext, RouteDecision } from "../../types/route.ts";

/** What is asked of the router. */
export interface RouteRequest {
  turn: number;
  stage: WorkStage;
  ticket: string | null;
  conversation: number | null;
  message: string;
  /** What this turn adds to the conversation: the model must be able to take it. */
  incoming: Message | null;
  /** Whether a plan waits or is carried out. */
  pending: boolean;
  /** True for turns that the user did not ask for, such as a summary: a choice made for the next turn waits. */
  upkeep?: boolean;
}

/** A decision, and the route as it is kept and shown. */
export interface RoutedModel {
  decision: RouteDecision;
  route: Route;
}

/** The route of one turn. */
export interface TurnRoute {
  /** What the next step is sent to. */
  readonly current: RoutedModel;
  /** Looks at this turn's messages before a later step; another model may serve it. */
  reconsider(run: Message[]): void;
  /** Takes another model after a provider failure; false where the user's policy or the candidates allow none. */
  substitute(reason: string): Promise<boolean>;
}

/** Everything the decision may depend on, from the session's state. */
export function routeContext({ ports, state }: AgentContext, request: RouteRequest): RouteContext {
  const { conversation } = request;
  const messages: Message[] = conversation === null ? [] : state.messages(conversation);
  const needed = [...messages, ...(request.incoming === null ? [] : [request.incoming])];
  return {
    settings: ports.settings.loaded().settings,
    message: request.message,
    history: ports.models.historySignals(messages),
    stage: request.stage,
    workflowEnabled: state.workflow.enabled,
    turn: routedTurn(state, request.turn),
    plan: state.workflow.plan,
    ticket: request.ticket,
    pending: request.pending,
    overrides: request.upkeep === true ? withoutOnce(state.overrides) : state.overrides,
    skill: state.skill === null ? null : { ...state.skill, turn: routedTurn(state, state.skill.turn) },
    needs: { tools: true, vision: holdsImage(needed), contextTokens: estimateTokens(needed) },
    previous: previousOf(ports, state, request),
  };
}

/**
 * Whose cache holds how much of what this turn will send: all of its own conversation, or, where that one has made no
 * request yet, what a first request of the same stage sends (system prompt and tools). Another stage's request begins
 * differently.
 */
function previousOf(
  ports: AgentPorts,
  state: LiveSession,
  { stage, conversation }: RouteRequest,
): RouteContext["previous"] {
  const calls = state.mainCalls();
  const own = calls.findLast((entry) => conversation !== null && entry.conversation === conversation);
  const last = own ?? calls.findLast((entry) => entry.stage === stage);
  if (last === undefined) return null;
  const sent = own ?? calls.find((entry) => entry.conversation === last.conversation && entry.stage === stage) ?? last;
  const { input, output, cache_read, cache_write } = sent.usage;
  return {
    model: last.model,
    prefixTokens: input + cache_read + cache_write + (own === undefined ? 0 : output),
    tier: last.tier ?? "balanced",
    warm: isWarm(ports, last.model, last.at),
  };
}

/** The number of a turn as the router counts: gate replies are not turns. */
function routedTurn(state: LiveSession, turn: number): number {
  return [...state.routedTurns].filter((one) => one < turn).length + 1;
}

function isWarm({ surroundings, models }: AgentPorts, model: string, at: string): boolean {
  const seconds = (surroundings.now().getTime() - Date.parse(at)) / 1000;
  const info = models.registry.list().find((one) => one.id === model);
  return seconds >= 0 && seconds < (info?.cacheTtlSeconds ?? 300);
}

/** Decides, stamps, logs and shows the route of a turn. @throws BmoError configuration when no model can serve. */
export async function createTurnRoute(
  context: AgentContext,
  request: RouteRequest,
  signal: AbortSignal,
): Promise<TurnRoute> {
  const { router } = context.ports.models;
  const decision = await router.decide(routeContext(context, request), smallModel(context, request), signal);
  let current = { decision, route: stampRoute(decision, request.turn) };
  showFirst(context, request, current);
  if (request.upkeep !== true) consumeOnce(context.state);
  // The message is in the conversation by the time somebody looks again.
  const later = { ...request, incoming: null };
  return {
    get current() {
      return current;
    },
    reconsider(run) {
      const next = router.reconsider(routeContext(context, later), current.decision, run);
      if (next === null) return;
      current = { decision: next, route: stampRoute(next, request.turn) };
      for (const line of next.log) context.ports.session.writeLog(line);
      show(context, current.route);
    },
    async substitute(reason) {
      const next = await substituteModel(context, later, current.decision, reason, signal);
      if (next === null) return false;
      current = next;
      return true;
    },
  };
}

function show({ state, emit }: AgentContext, route: Route): void {
  state.addRoute(route);
  emit({ type: "route_decision", route });
}

function showFirst(context: AgentContext, request: RouteRequest, { decision, route }: RoutedModel): void {
  const { ports, state, emit } = context;
  for (const notice of decision.notices) {
    if (!state.warnings.includes(notice)) emit({ type: "notice", level: "warning", text: notice });
    state.warn(notice);
  }
  for (const line of decision.log) ports.session.writeLog(line);
  emit({
    type: "gate_decision",
    turn: request.turn,
    decision: route.gate,
    reason: route.gate === null ? "the gate is off or was skipped" : (decision.gateReason ?? route.reason),
    preview: [...ports.redaction.redact(request.message)].slice(0, 80).join(""),
  });
  show(context, route);
}

function stampRoute(decision: RouteDecision, turn: number): Route {
  return {
    ...decision.route,
    id: `${decision.route.id}_${turn}`,
    turn,
    served_model: null,
    cost_usd: null,
    baseline_cost_usd: null,
    savings_pct: null,
  };
}

/** A choice made for one turn ends with the decision that used it. */
function consumeOnce(state: LiveSession): void {
  const { model, tier } = state.overrides;
  if (model?.once === true || tier?.once === true) state.setOverrides(withoutOnce(state.overrides));
}

function withoutOnce({ model, tier }: Overrides): Overrides {
  return { model: model?.once === true ? null : model, tier: tier?.once === true ? null : tier };
}

/** The one small-model call that a turn may make; booked like any other. */
function smallModel(context: AgentContext, request: RouteRequest): AskSmallModel {
  return async (model, prompt, maxTokens, signal) => {
    const outcome = await runStep(
      context,
      {
        call: {
          turn: request.turn,
          step: 0,
          route: null,
          purpose: "classify",
          stage: request.stage,
          phase: null,
          tier: null,
          ticket: request.ticket,
          model,
        },
        system: prompt.system,
        messages: [userMessage([prompt.user])],
        tools: [],
        sampling: { reasoning: model.reasoningCanBeOff ? "off" : null, temperature: 0, maxTokens },
        cacheKey: `${context.state.log.id}-classify`,
        visible: false,
      },
      signal,
    );
    bookEntry(context, outcome.entry);
    if (outcome.kind === "error") throw new BmoError(outcome.error.code, outcome.error.message, outcome.error.hint);
    return stringifyMessageText(outcome.message);
  };
}

/** Books the turn's cost on the route that caused it. */
export function settleRoute(state: LiveSession, route: Route): void {
  const entries = state.callsOf(route.id);
  if (entries.length === 0) return;
  const sum = (figure: "cost_usd" | "baseline_cost_usd"): Money | null =>
    addMoney(entries.map(({ [figure]: usd }) => (usd === null ? null : toMoney(usd))));
  const [cost, baseline] = [sum("cost_usd"), sum("baseline_cost_usd")];
  state.addRoute({
    ...route,
    cost_usd: cost === null ? null : fromMoney(cost),
    baseline_cost_usd: baseline === null ? null : fromMoney(baseline),
    savings_pct: savingsPercent(cost, baseline),
    ...(entries.some((entry) => entry.estimate) ? { cost_is_estimate: true } : {}),
    ...(entries.some((entry) => entry.baseline_estimate === true) ? { baseline_is_estimate: true } : {}),
  });
}

/** The best of the other candidates that can serve this request; one that failed before has no price any more. */
function nextBest(context: AgentContext, request: RouteRequest, failed: RouteDecision): ModelInfo | null {
  const { needs } = routeContext(context, request);
  const { registry } = context.ports.models;
  const others = failed.route.candidates
    .filter((candidate) => candidate.model !== failed.model.id && candidate.est_cost_usd !== null)
    .sort((left, right) => (right.score ?? -1) - (left.score ?? -1));
  const models = others.map((candidate) => registry.resolve(candidate.model, "options.fallback").model);
  return (
    models.find(
      (model) =>
        model.tools !== false &&
        (!needs.vision || model.vision !== false) &&
        (model.contextWindow === null || model.contextWindow > needs.contextTokens),
    ) ?? null
  );
}

/**
 * Another model after a failure: the next best candidate, if the user's policy allows it. Nothing is replaced silently.
 */
async function substituteModel(
  context: AgentContext,
  request: RouteRequest,
  failed: RouteDecision,
  reason: string,
  signal: AbortSignal,
): Promise<RoutedModel | null> {
  const { ports, state, emit } = context;
  const { policy } = ports.settings.loaded().settings.options.fallback;
  if (policy === "fail" || (policy === "ask" && ports.person.headless)) return null;
  const model = nextBest(context, request, failed);
  if (model === null) return null;
  if (policy === "ask") {
    const reply = await ports.person.ask({ kind: "fallback", from: failed.model.id, to: model.id, reason }, signal);
    if (reply.answer !== "allow_once" && reply.answer !== "allow_session") return null;
  }
  const text = `${failed.model.id} failed (${reason}); continuing with ${model.id}.`;
  const decision: RouteDecision = {
    ...failed,
    model,
    notices: [text],
    log: [],
    route: {
      ...failed.route,
      id: ports.surroundings.newId("r"),
      model: model.id,
      source: "fallback",
      reason: text,
      candidates: failed.route.candidates.map((one) =>
        one.model === failed.model.id ? { ...one, est_cost_usd: null, rejected: reason } : one,
      ),
    },
  };
  const route = stampRoute(decision, request.turn);
  state.addRoute(route);
  emit({ type: "notice", level: "warning", text });
  emit({ type: "route_decision", route });
  return { decision, route };
}
