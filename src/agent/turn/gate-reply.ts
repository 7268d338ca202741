// The short reply to a message that needs no work: one model call without tools and without history, in a conversation
// that later requests never carry.

import { stayPrompt } from "../../prompts/gate.ts";
import { stringifyMessageText, userMessage } from "../messages.ts";
import { bookEntry, runStep } from "./step.ts";
import type { AgentContext } from "../context.ts";
import type { TurnOutcome } from "./loop.ts";
import type { TurnRoute } from "./route.ts";

const REPLY_TOKENS = 1_024;

export async function gateReply(
  context: AgentContext,
  turn: number,
  message: string,
  { current: { decision, route } }: TurnRoute,
  signal: AbortSignal,
): Promise<TurnOutcome> {
  const { state, emit } = context;
  const conversation = state.openConversation("gate");
  state.addMessage(conversation, userMessage([message]));
  const outcome = await runStep(
    context,
    {
      call: {
        turn,
        step: 1,
        route,
        purpose: "gate",
        stage: "gate",
        phase: route.phase,
        tier: route.tier,
        ticket: null,
        model: decision.model,
      },
      system: gatePrompt(context, decision.model.id),
      messages: state.messages(conversation),
      tools: [],
      sampling: { reasoning: decision.reasoning, temperature: decision.temperature, maxTokens: REPLY_TOKENS },
      cacheKey: `${state.log.id}-gate`,
      visible: true,
    },
    signal,
  );
  if (outcome.kind === "message") {
    if (outcome.message.content.length > 0) state.addMessage(conversation, outcome.message);
    emit({ type: "message_end", message: outcome.message });
  }
  bookEntry(context, outcome.entry);
  if (outcome.kind === "error")
    return { reason: outcome.error.code === "limit" ? "limit" : "error", text: "", error: outcome.error };
  return {
    reason: outcome.error === null ? "done" : "limit",
    text: stringifyMessageText(outcome.message),
    error: outcome.error,
  };
}

function gatePrompt({ ports, state }: AgentContext, model: string): string {
  const { dataDirectory, workspace } = ports.surroundings;
  const workflow = state.workflow.enabled
    ? "staged workflow on: a plan is made and waits for /approve before anything is changed"
    : "staged workflow off";
  return stayPrompt({
    mode: `${state.permissionMode}, ${workflow}`,
    tools: ports.toolbox.tools.map((tool) => tool.spec.name),
    dataDirectory,
    workspace,
    model,
  });
}
