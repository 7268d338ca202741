// `/compact`: one model call that summarises the conversation; a fresh one goes on from the summary. Plan, approval and
// scope live outside the history and are not touched.

import { COMPACT_PROMPT } from "./compaction.ts";
import { stringifyMessageText, userMessage } from "../messages.ts";
import { createTurnRoute, settleRoute } from "./route.ts";
import { bookEntry, runStep } from "./step.ts";
import { offeredTools } from "./turn-tools.ts";
import type { AgentContext } from "../context.ts";
import type { TurnResult } from "../../types/agent.ts";
import type { ErrorInfo } from "../../types/error.ts";

const SUMMARY_TOKENS = 4_096;

/** Going on from nothing would lose the conversation: it stays as it is. */
const EMPTY_SUMMARY: ErrorInfo = {
  code: "failed",
  message: "the model gave no summary; nothing was compacted",
  hint: "Try again, or choose another model with /model.",
};

export async function compactConversation(context: AgentContext, signal: AbortSignal): Promise<TurnResult> {
  const { state } = context;
  const { stage } = state.workflow;
  const conversation = state.conversationOf[stage];
  const messages = conversation === undefined ? [] : state.messages(conversation);
  if (conversation === undefined || messages.length < 3)
    return { reason: "done", text: "There is nothing to compact yet.", error: null };
  const turn = state.startTurn(stage, null, "/compact");
  const message = "summarise the conversation";
  const request = { turn, stage, ticket: null, conversation, message, incoming: null, pending: true, upkeep: true };
  const { decision, route } = (await createTurnRoute(context, request, signal)).current;
  const outcome = await runStep(
    context,
    {
      call: {
        turn,
        step: 1,
        route,
        purpose: "compact",
        stage,
        phase: route.phase,
        tier: route.tier,
        ticket: null,
        model: decision.model,
      },
      system: COMPACT_PROMPT,
      messages: [...messages, userMessage([COMPACT_PROMPT])],
      // A vendor refuses a history with tool calls where no tools are defined; the prompt asks for text alone.
      tools: (await offeredTools(context.ports.toolbox, stage)).map((tool) => tool.spec),
      sampling: { reasoning: null, temperature: null, maxTokens: SUMMARY_TOKENS },
      cacheKey: `${state.log.id}-${conversation}`,
      visible: false,
    },
    signal,
  );
  bookEntry(context, outcome.entry);
  settleRoute(state, route);
  const told = outcome.kind === "message" ? stringifyMessageText(outcome.message) : "";
  const error = outcome.kind === "error" ? outcome.error : told === "" ? EMPTY_SUMMARY : null;
  if (error !== null) {
    const reason = signal.aborted ? "aborted" : error.code === "limit" ? "limit" : "error";
    state.append({ type: "turn_end", turn, reason, error });
    return { reason, text: "", error };
  }
  const first = messages[0];
  const summary = userMessage([`What happened so far, in short:\n${told}`]);
  const seed = first === undefined || first.role !== "user" ? [summary] : [first, summary];
  state.openConversation("compact", seed);
  state.append({ type: "turn_end", turn, reason: "done", error: null });
  return {
    reason: "done",
    text: `${messages.length} messages were compacted into a summary; the session file keeps them all.`,
    error: null,
  };
}
