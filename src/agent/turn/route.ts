// Asks the router once per turn, keeps the decision, and books a turn's cost on its route. What a gate reply is, and
// what happens when a provider fails, is decided here too.

import { stayPrompt, type GateFacts } from "../../prompts/gate.ts";
import { runStep, type StepOutcome } from "./step.ts";
import { estimateTokens, holdsImage, stringifyMessageText, userMessage } from "../messages.ts";
import { BmoError } from "../../util/errors.ts";
import { addMoney, fromMoney, savingsPercent, toMoney, type Money } from "../../util/money.ts";
import type { AgentParts } from "../parts.ts";
import type { SessionState } from "../session-state.ts";
import type { LedgerEntry } from "../../types/ledger.ts";
import type { Message } from "../../types/message.ts";
import type { ModelInfo } from "../../types/provider.ts";
import type { AskSmallModel, Overrides, Route, RouteContext, RouteDecision } from "../../types/route.ts";
import type { WorkStage } from "../../types/plan.ts";

export interface RoutingInput {
  parts: AgentParts;
  state: SessionState;
  turn: number;
  stage: WorkStage;
  ticket: string | null;
  conversation: number | null;
  message: string;
  /**
   * What this turn adds to the conversation and the conversation does not hold yet: the model must be able to take it.
   */
  incoming?: Message | null;
  pending: boolean;
  /** No turn of the user's own, such as a summary: a choice made for the next turn waits. */
  upkeep?: boolean;
  signal: AbortSignal;
}

/** Everything the decision may depend on, from the session's state. */
export function routeContext(input: Omit<RoutingInput, "signal">): RouteContext {
  const { parts, state } = input;
  const messages: Message[] = input.conversation === null ? [] : (state.conversations.get(input.conversation) ?? []);
  const needed = [...messages, ...(input.incoming == null ? [] : [input.incoming])];
  const settings = parts.settings().settings;
  return {
    settings,
    message: input.message,
    history: parts.historySignals(messages),
    stage: input.stage,
    workflowEnabled: state.workflow.enabled,
    turn: routedTurn(state, input.turn),
    plan: state.workflow.plan,
    ticket: input.ticket,
    pending: input.pending,
    overrides: input.upkeep === true ? withoutOnce(state.overrides) : state.overrides,
    skill: state.skill === null ? null : { ...state.skill, turn: routedTurn(state, state.skill.turn) },
    needs: { tools: true, vision: holdsImage(needed), contextTokens: estimateTokens(needed) },
    previous: previousOf(input),
  };
}

/**
 * Whose cache holds how much of what this turn will send: all of its own conversation, or, where that one has made no
 * request yet, what a first request of the same stage sends (system prompt and tools). Another stage's request begins
 * differently.
 */
function previousOf({ parts, state, stage, conversation }: Omit<RoutingInput, "signal">): RouteContext["previous"] {
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
    warm: isWarm(parts, last.model, last.at),
  };
}

/** The number of a turn as the router counts: gate replies are no turns. */
function routedTurn(state: SessionState, turn: number): number {
  return [...state.routedTurns].filter((one) => one < turn).length + 1;
}

function isWarm(parts: AgentParts, model: string, at: string): boolean {
  const seconds = (parts.now().getTime() - Date.parse(at)) / 1000;
  const info = parts.registry.list().find((one) => one.id === model);
  return seconds >= 0 && seconds < (info?.cacheTtlSeconds ?? 300);
}

/** Decides, stamps, logs and shows the route of a turn. @throws BmoError configuration when no model can serve. */
export async function decideRoute(input: RoutingInput): Promise<{ decision: RouteDecision; route: Route }> {
  const { parts, state } = input;
  const context = routeContext(input);
  const decision = await parts.router.decide(context, smallModel(input), input.signal);
  for (const notice of decision.notices) {
    if (!state.warnings.includes(notice)) parts.emit({ type: "notice", level: "warning", text: notice });
    state.warn(notice);
  }
  for (const line of decision.log) parts.writeLog(line);
  const route = stampRoute(decision, input.turn);
  parts.emit({
    type: "gate_decision",
    turn: input.turn,
    decision: route.gate,
    reason: route.gate === null ? "the gate is off or was skipped" : (decision.gateReason ?? route.reason),
    preview: [...parts.redact(input.message)].slice(0, 80).join(""),
  });
  state.addRoute(route);
  parts.emit({ type: "route_decision", route });
  if (input.upkeep !== true) consumeOnce(state);
  return { decision, route };
}

export function stampRoute(decision: RouteDecision, turn: number): Route {
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
function consumeOnce(state: SessionState): void {
  const { model, tier } = state.overrides;
  if (model?.once === true || tier?.once === true) state.setOverrides(withoutOnce(state.overrides));
}

function withoutOnce({ model, tier }: Overrides): Overrides {
  return { model: model?.once === true ? null : model, tier: tier?.once === true ? null : tier };
}

/** The one small-model call that a turn may make; booked like any other. */
function smallModel(input: RoutingInput): AskSmallModel {
  const { parts, state } = input;
  return async (model, prompt, maxTokens, signal) => {
    const outcome = await runStep(
      parts,
      {
        call: {
          turn: input.turn,
          step: 0,
          route: null,
          purpose: "classify",
          stage: input.stage,
          phase: null,
          tier: null,
          ticket: input.ticket,
          model,
        },
        system: prompt.system,
        messages: [userMessage([prompt.user])],
        tools: [],
        reasoning: model.reasoningCanBeOff ? "off" : null,
        temperature: 0,
        cacheKey: `${state.log.id}-classify`,
        visible: false,
        maxTokens,
      },
      signal,
    );
    bookEntry(parts, state, outcome.entry);
    if (outcome.kind === "error") throw new BmoError(outcome.error.code, outcome.error.message, outcome.error.hint);
    return stringifyMessageText(outcome.message);
  };
}

/** One reply without tools and without history; a turn of stage gate that later requests do not carry. */
export async function runGateReply(
  input: RoutingInput,
  decision: RouteDecision,
  route: Route,
  facts: GateFacts,
): Promise<StepOutcome> {
  const { parts, state } = input;
  const conversation = state.openConversation("gate", "gate");
  state.addMessage(conversation, userMessage([input.message]));
  const outcome = await runStep(
    parts,
    {
      call: {
        turn: input.turn,
        step: 1,
        route,
        purpose: "gate",
        stage: "gate",
        phase: route.phase,
        tier: route.tier,
        ticket: null,
        model: decision.model,
      },
      system: stayPrompt(facts),
      messages: state.messages(conversation),
      tools: [],
      reasoning: decision.reasoning,
      temperature: decision.temperature,
      cacheKey: `${state.log.id}-gate`,
      visible: true,
      maxTokens: 1_024,
    },
    input.signal,
  );
  if (outcome.kind === "message") {
    if (outcome.message.content.length > 0) state.addMessage(conversation, outcome.message);
    parts.emit({ type: "message_end", message: outcome.message });
  }
  bookEntry(parts, state, outcome.entry);
  return outcome;
}

/** Keeps what a call cost, also a failed one; null where nothing is known to have been billed. */
export function bookEntry(parts: AgentParts, state: SessionState, entry: LedgerEntry | null): void {
  if (entry === null) return;
  state.addCost(entry);
  parts.emit({ type: "cost_entry", entry });
}

/** Books the turn's cost on the route that caused it. */
export function settleRoute(state: SessionState, route: Route): void {
  const entries = state.ownEntries.filter((entry) => entry.route === route.id);
  if (entries.length === 0) return;
  const sum = (figure: "cost_usd" | "baseline_cost_usd"): Money | null =>
    addMoney(entries.map(({ [figure]: usd }) => (usd === null ? null : toMoney(usd))));
  const [cost, baseline] = [sum("cost_usd"), sum("baseline_cost_usd")];
  route.cost_usd = cost === null ? null : fromMoney(cost);
  route.baseline_cost_usd = baseline === null ? null : fromMoney(baseline);
  route.savings_pct = savingsPercent(cost, baseline);
  if (entries.some((entry) => entry.estimate)) route.cost_is_estimate = true;
  if (entries.some((entry) => entry.baseline_estimate === true)) route.baseline_is_estimate = true;
  state.addRoute(route);
}

/** The best of the other candidates that can serve this request; one that failed before has no price any more. */
function nextBest(input: RoutingInput, failed: RouteDecision): ModelInfo | null {
  const { needs } = routeContext(input);
  const others = failed.route.candidates
    .filter((candidate) => candidate.model !== failed.model.id && candidate.est_cost_usd !== null)
    .sort((left, right) => (right.score ?? -1) - (left.score ?? -1));
  const models = others.map((candidate) => input.parts.registry.resolve(candidate.model, "options.fallback").model);
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
export async function substituteModel(
  input: RoutingInput,
  failed: RouteDecision,
  reason: string,
): Promise<{ decision: RouteDecision; route: Route } | null> {
  const { parts, state } = input;
  const { policy } = parts.settings().settings.options.fallback;
  if (policy === "fail" || (policy === "ask" && parts.headless)) return null;
  const model = nextBest(input, failed);
  if (model === null) return null;
  if (policy === "ask") {
    const reply = await parts.ask({ kind: "fallback", from: failed.model.id, to: model.id, reason }, input.signal);
    if (reply.answer !== "allow_once" && reply.answer !== "allow_session") return null;
  }
  const text = `${failed.model.id} failed (${reason}); going on with ${model.id}.`;
  const decision: RouteDecision = {
    ...failed,
    model,
    notices: [text],
    log: [],
    route: {
      ...failed.route,
      id: parts.newId("r"),
      model: model.id,
      source: "fallback",
      reason: text,
      candidates: failed.route.candidates.map((one) =>
        one.model === failed.model.id ? { ...one, est_cost_usd: null, rejected: reason } : one,
      ),
    },
  };
  const route = stampRoute(decision, input.turn);
  state.addRoute(route);
  parts.emit({ type: "notice", level: "warning", text });
  parts.emit({ type: "route_decision", route });
  return { decision, route };
}
