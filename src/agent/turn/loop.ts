// The loop of one turn: a model call, its tool calls, and again, until the model is done or something ends it. It never
// talks to the person but through `ask`, and writes each message to the session before it shows it.

import { createLoopDetector } from "./loop-detector.ts";
import { cutOldToolOutput, fitMessages } from "./compaction.ts";
import { stringifyMessageText, textBlock, toolCalls, toolResult, userMessage } from "../messages.ts";
import { bookEntry } from "./route.ts";
import { runStep, type StepOutcome } from "./step.ts";
import { runToolCall } from "./tool-call.ts";
import { errorOutput } from "../../util/tool-output.ts";
import type { AgentParts, Boundary } from "../parts.ts";
import type { SessionState } from "../session-state.ts";
import type { HostSignals } from "./tool-host.ts";
import type { ErrorInfo } from "../../types/error.ts";
import type { TurnEndReason } from "../../types/event.ts";
import type { ModelCall } from "../../types/ledger.ts";
import type { AssistantMessage, Message, ToolCallBlock } from "../../types/message.ts";
import type { ProviderErrorKind } from "../../types/provider.ts";
import type { Route, RouteDecision } from "../../types/route.ts";
import type { ToolContext, ToolDefinition, ToolOutput } from "../../types/tool.ts";
import type { WorkStage } from "../../types/plan.ts";

export interface TurnInput {
  parts: AgentParts;
  state: SessionState;
  turn: number;
  stage: WorkStage;
  ticket: string | null;
  conversation: number;
  system: string;
  offered: readonly ToolDefinition[];
  boundary: Boundary;
  toolContext: ToolContext;
  host: HostSignals;
  decision: RouteDecision;
  route: Route;
  /** Looks at this run's results before a later step; the decision and route to go on with. */
  reroute(run: Message[]): { decision: RouteDecision; route: Route } | null;
  /** Another model after a provider failure, where the user's policy allows one. */
  substitute(failed: RouteDecision, reason: string): Promise<{ decision: RouteDecision; route: Route } | null>;
  /** Keeps other runs from writing in the workspace until the turn ends. @throws BmoError locked. */
  holdWorkspace(): Promise<void>;
  signal: AbortSignal;
}

export interface TurnOutcome {
  /** `replan` and `revise` lead back to the plan stage. */
  reason: TurnEndReason | "replan" | "revise";
  text: string;
  error: ErrorInfo | null;
}

/** Refused calls in a row after which going on makes no sense. */
const REFUSALS_LIMIT = 50;
const SUBSTITUTABLE: readonly ProviderErrorKind[] = [
  "rate_limit",
  "overloaded",
  "network",
  "model_not_found",
  "protocol",
];
const NUDGE = "Your last reply was empty. Go on with the task, or say in a sentence why you cannot.";

export async function runTurn(input: TurnInput): Promise<TurnOutcome> {
  const { parts, state, conversation, signal } = input;
  const loops = createLoopDetector();
  const startLength = state.messages(conversation).length;
  let { decision, route } = input;
  let text = "";
  let nudged = false;
  let overflowed = false;
  let refusedInRow = 0;

  for (let step = 1; ; step++) {
    if (signal.aborted) return { reason: "aborted", text, error: null };
    if (step > 1) {
      const other = input.reroute(state.messages(conversation).slice(startLength));
      if (other !== null) ({ decision, route } = other);
    }
    const outcome = await callModel(input, decision, route, step, overflowed);
    if (outcome.kind === "error") {
      bookEntry(parts, state, outcome.entry);
      if (signal.aborted) return { reason: "aborted", text, error: null };
      if (outcome.providerErrorKind === "context_overflow" && !overflowed) {
        overflowed = true;
        parts.emit({
          type: "notice",
          level: "warning",
          text: "The request did not fit the model's window; older tool output is left out and the step is tried again.",
        });
        continue;
      }
      if (outcome.providerErrorKind !== null && SUBSTITUTABLE.includes(outcome.providerErrorKind)) {
        const other = await input.substitute(decision, outcome.error.message);
        if (other !== null) {
          ({ decision, route } = other);
          continue;
        }
      }
      return { reason: outcome.error.code === "limit" ? "limit" : "error", text, error: outcome.error };
    }

    const { message } = outcome;
    state.addCost(outcome.entry);
    const said = stringifyMessageText(message);
    if (said !== "") text = said;
    if (message.content.length > 0) state.addMessage(conversation, message);
    parts.emit({ type: "message_end", message });
    parts.emit({ type: "cost_entry", entry: outcome.entry });
    noteServedModel(input, route, outcome.servedModel);
    if (outcome.error !== null) return closeCalls(input, message, { reason: "limit", text, error: outcome.error });

    const calls = toolCalls(message);
    if (calls.length === 0) {
      if (outcome.stopReason === "refusal")
        return {
          reason: "error",
          text,
          error: {
            code: "failed",
            message: `${decision.model.id} refused to answer`,
            hint: "Rephrase the request or choose another model with /model.",
          },
        };
      if (outcome.stopReason === "max_tokens")
        parts.emit({ type: "notice", level: "warning", text: "The reply was cut off at the model's output limit." });
      if (said !== "") return { reason: "done", text, error: null };
      if (nudged)
        return {
          reason: "error",
          text,
          error: { code: "failed", message: `${decision.model.id} gave no answer, also when asked again`, hint: null },
        };
      nudged = true;
      state.addMessage(conversation, userMessage([NUDGE]));
      continue;
    }

    for (const [index, call] of calls.entries()) {
      if (signal.aborted) return closeCalls(input, message, { reason: "aborted", text, error: null }, index);
      const { output, refused, stop } = await runToolCall(call, { ...input, parts, state });
      refusedInRow = refused ? refusedInRow + 1 : 0;
      const verdict = loops.observe(call, output);
      finishCall(
        input,
        call,
        verdict === "warn"
          ? withHint(
              output,
              "This is the same call with the same result again. Do something else, or end with what you know.",
            )
          : output,
      );
      if (stop !== undefined) return closeCalls(input, message, { reason: "error", text, error: stop }, index + 1);
      if (input.stage === "execute" && refused && refusedInRow === 2)
        parts.emit({
          type: "notice",
          level: "warning",
          text: "Two refusals in a row: the plan may be too narrow. /plan <what to change> goes back to planning.",
        });
      if (verdict === "stop" || refusedInRow >= REFUSALS_LIMIT) {
        const why =
          verdict === "stop"
            ? "the model repeats the same call with the same result"
            : `${REFUSALS_LIMIT} calls in a row were refused`;
        return closeCalls(
          input,
          message,
          {
            reason: "error",
            text,
            error: {
              code: "failed",
              message: why,
              hint: "Say more precisely what to do, or choose another model with /model.",
            },
          },
          index + 1,
        );
      }
      if (input.host.replanReason !== null)
        return closeCalls(input, message, { reason: "replan", text, error: null }, index + 1);
      if (input.host.revision !== null)
        return closeCalls(input, message, { reason: "revise", text, error: null }, index + 1);
    }
    if (input.host.planStored) return { reason: "awaiting_approval", text, error: null };
    if (signal.aborted) return { reason: "aborted", text, error: null };
  }
}

async function callModel(
  input: TurnInput,
  decision: RouteDecision,
  route: Route,
  step: number,
  overflowed: boolean,
): Promise<StepOutcome> {
  const { state } = input;
  const call: ModelCall = {
    turn: input.turn,
    step,
    route,
    purpose: "main",
    stage: input.stage,
    phase: route.phase,
    tier: route.tier,
    ticket: input.ticket,
    model: decision.model,
    conversation: input.conversation,
  };
  const history = state.messages(input.conversation);
  const messages = overflowed ? cutOldToolOutput(history) : fitMessages(history, decision.model.contextWindow, 4_000);
  return runStep(
    input.parts,
    {
      call,
      system: input.system,
      messages,
      tools: input.offered.map((tool) => tool.spec),
      reasoning: decision.reasoning,
      temperature: decision.temperature,
      cacheKey: `${state.log.id}-${input.conversation}`,
      visible: true,
      maxTokens: null,
    },
    input.signal,
  );
}

/** The result goes to disk before it is shown. */
function finishCall(input: TurnInput, call: ToolCallBlock, output: ToolOutput): void {
  input.state.addMessage(input.conversation, toolResult(call, output));
  input.parts.emit({ type: "tool_end", callId: call.id, tool: call.name, output });
}

/** Every call of a message gets exactly one result, also when the turn ends before it ran. */
function closeCalls(input: TurnInput, message: AssistantMessage, outcome: TurnOutcome, from = 0): TurnOutcome {
  for (const call of toolCalls(message).slice(from)) {
    input.state.addMessage(
      input.conversation,
      toolResult(call, errorOutput("Not run: the turn ended before this call.")),
    );
  }
  return outcome;
}

function withHint(output: ToolOutput, hint: string): ToolOutput {
  return { ...output, content: [...output.content, textBlock(hint)] };
}

function noteServedModel(input: TurnInput, route: Route, served: string | null): void {
  if (served === null || route.served_model === served) return;
  route.served_model = served;
  input.state.addRoute(route);
  input.parts.emit({
    type: "notice",
    level: "warning",
    text: `${route.model} was asked for, but the provider answered with ${served}.`,
  });
}
