// The loop of one turn: a model call, its tool calls, and again, until the model is done or something ends it. It never
// talks to the person but through `ask`, and writes each message to the session before it shows it.

import { createLoopDetector } from "./loop-detector.ts";
import { cutOldToolOutput, fitMessages } from "./compaction.ts";
import { stringifyMessageText, textBlock, toolCalls, toolResult, userMessage } from "../messages.ts";
import { bookEntry, runStep, type StepOutcome } from "./step.ts";
import { runToolCall } from "./tool-call.ts";
import { errorOutput } from "../../util/tool-output.ts";
import { stagePrompt } from "../../prompts/index.ts";
import type { AgentContext } from "../context.ts";
import type { Turn } from "./turn.ts";
import type { ErrorInfo } from "../../types/error.ts";
import type { TurnEndReason } from "../../types/event.ts";
import type { ModelCall } from "../../types/ledger.ts";
import type { AssistantMessage, ToolCallBlock } from "../../types/message.ts";
import type { ProviderErrorKind } from "../../types/provider.ts";
import type { Route } from "../../types/route.ts";
import type { ToolOutput } from "../../types/tool.ts";

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
const NUDGE = "Your last reply was empty. Continue with the task, or say in a sentence why you cannot.";

export async function runTurn(context: AgentContext, turn: Turn): Promise<TurnOutcome> {
  const { state, signals, emit } = context;
  const { conversation, route, signal } = turn;
  const system = await systemPrompt(context, turn);
  const loops = createLoopDetector();
  const startLength = state.messages(conversation).length;
  let text = "";
  let nudged = false;
  let overflowed = false;
  let refusedInRow = 0;

  for (let step = 1; ; step++) {
    if (signal.aborted) return { reason: "aborted", text, error: null };
    if (step > 1) route.reconsider(state.messages(conversation).slice(startLength));
    const outcome = await callModel(context, turn, system, step, overflowed);
    if (outcome.kind === "error") {
      bookEntry(context, outcome.entry);
      if (signal.aborted) return { reason: "aborted", text, error: null };
      if (outcome.providerErrorKind === "context_overflow" && !overflowed) {
        overflowed = true;
        emit({
          type: "notice",
          level: "warning",
          text: "The request did not fit the model's window; older tool output is left out and the step is tried again.",
        });
        continue;
      }
      const isSubstitutable = outcome.providerErrorKind !== null && SUBSTITUTABLE.includes(outcome.providerErrorKind);
      if (isSubstitutable && (await route.substitute(outcome.error.message))) continue;
      return { reason: outcome.error.code === "limit" ? "limit" : "error", text, error: outcome.error };
    }

    const { message } = outcome;
    state.addCost(outcome.entry);
    const said = stringifyMessageText(message);
    if (said !== "") text = said;
    if (message.content.length > 0) state.addMessage(conversation, message);
    emit({ type: "message_end", message });
    emit({ type: "cost_entry", entry: outcome.entry });
    noteServedModel(context, route.current.route, outcome.servedModel);
    if (outcome.error !== null)
      return closeCalls(context, turn, message, { reason: "limit", text, error: outcome.error });

    const calls = toolCalls(message);
    if (calls.length === 0) {
      if (outcome.stopReason === "refusal")
        return {
          reason: "error",
          text,
          error: {
            code: "failed",
            message: `${route.current.decision.model.id} refused to answer`,
            hint: "Rephrase the request or choose another model with /model.",
          },
        };
      if (outcome.stopReason === "max_tokens")
        emit({ type: "notice", level: "warning", text: "The reply was cut off at the model's output limit." });
      if (said !== "") return { reason: "done", text, error: null };
      if (nudged)
        return {
          reason: "error",
          text,
          error: {
            code: "failed",
            message: `${route.current.decision.model.id} gave no answer, also when asked again`,
            hint: null,
          },
        };
      nudged = true;
      state.addMessage(conversation, userMessage([NUDGE]));
      continue;
    }

    for (const [index, call] of calls.entries()) {
      if (signal.aborted) return closeCalls(context, turn, message, { reason: "aborted", text, error: null }, index);
      const { output, refused, stop } = await runToolCall(context, turn, call);
      refusedInRow = refused ? refusedInRow + 1 : 0;
      const verdict = loops.observe(call, output);
      finishCall(
        context,
        conversation,
        call,
        verdict === "warn"
          ? withHint(
              output,
              "This is the same call with the same result again. Do something else, or end with what you know.",
            )
          : output,
      );
      if (stop !== undefined)
        return closeCalls(context, turn, message, { reason: "error", text, error: stop }, index + 1);
      if (turn.stage === "execute" && refused && refusedInRow === 2)
        emit({
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
          context,
          turn,
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
      if (signals.replanReason !== null)
        return closeCalls(context, turn, message, { reason: "replan", text, error: null }, index + 1);
      if (signals.revision !== null)
        return closeCalls(context, turn, message, { reason: "revise", text, error: null }, index + 1);
    }
    if (signals.planStored) return { reason: "awaiting_approval", text, error: null };
    if (signal.aborted) return { reason: "aborted", text, error: null };
  }
}

function callModel(
  context: AgentContext,
  turn: Turn,
  system: string,
  step: number,
  overflowed: boolean,
): Promise<StepOutcome> {
  const { state } = context;
  const { conversation, stage, ticket, signal } = turn;
  const { decision, route } = turn.route.current;
  const call: ModelCall = {
    turn: turn.number,
    step,
    route,
    purpose: "main",
    stage,
    phase: route.phase,
    tier: route.tier,
    ticket,
    model: decision.model,
    conversation,
  };
  const history = state.messages(conversation);
  const messages = overflowed ? cutOldToolOutput(history) : fitMessages(history, decision.model.contextWindow, 4_000);
  return runStep(
    context,
    {
      call,
      system,
      messages,
      tools: turn.tools.offered.map((tool) => tool.spec),
      sampling: { reasoning: decision.reasoning, temperature: decision.temperature, maxTokens: null },
      cacheKey: `${state.log.id}-${conversation}`,
      visible: true,
    },
    signal,
  );
}

async function systemPrompt({ ports, state, date }: AgentContext, { stage, tools }: Turn): Promise<string> {
  const { workspace, platform } = ports.surroundings;
  return stagePrompt(stage, {
    workspace,
    platform,
    date,
    headless: ports.person.headless,
    shell: tools.boundary.shell,
    skills: await ports.toolbox.skills.prompt(state.skill?.name ?? null),
  });
}

/** The result goes to disk before it is shown. */
function finishCall(
  { state, emit }: AgentContext,
  conversation: number,
  call: ToolCallBlock,
  output: ToolOutput,
): void {
  state.addMessage(conversation, toolResult(call, output));
  emit({ type: "tool_end", callId: call.id, tool: call.name, output });
}

/** Every call of a message gets exactly one result, also when the turn ends before it ran. */
function closeCalls(
  { state }: AgentContext,
  { conversation }: Turn,
  message: AssistantMessage,
  outcome: TurnOutcome,
  from = 0,
): TurnOutcome {
  for (const call of toolCalls(message).slice(from))
    state.addMessage(conversation, toolResult(call, errorOutput("Not run: the turn ended before this call.")));
  return outcome;
}

function withHint(output: ToolOutput, hint: string): ToolOutput {
  return { ...output, content: [...output.content, textBlock(hint)] };
}

function noteServedModel({ state, emit }: AgentContext, route: Route, served: string | null): void {
  if (served === null || route.served_model === served) return;
  route.served_model = served;
  state.addRoute(route);
  emit({
    type: "notice",
    level: "warning",
    text: `${route.model} was asked for, but the provider answered with ${served}.`,
  });
}
