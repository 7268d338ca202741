// One turn from its text to its end: route, gate reply or loop, books, events. Submitting, executing a ticket and
// planning again all come through here.

import { toErrorInfo } from "../../util/errors.ts";
import { textBlock } from "../messages.ts";
import { gateReply } from "./gate-reply.ts";
import { runTurn, type TurnOutcome } from "./loop.ts";
import { createTurnRoute, settleRoute, type TurnRoute } from "./route.ts";
import { createTurnTools, type TurnTools } from "./turn-tools.ts";
import type { AgentContext } from "../context.ts";
import type { LiveSession } from "../live-session.ts";
import type { TurnEndReason } from "../../types/event.ts";
import type { ImageBlock, UserMessage } from "../../types/message.ts";
import type { WorkStage } from "../../types/plan.ts";

/** One turn while it runs. */
export interface Turn {
  number: number;
  stage: WorkStage;
  ticket: string | null;
  conversation: number;
  route: TurnRoute;
  tools: TurnTools;
  signal: AbortSignal;
}

export interface TurnRequest {
  stage: WorkStage;
  ticket: string | null;
  /** Opened by the caller where a turn needs a fresh one; null = the stage's current one, or a first one. */
  conversation: number | null;
  /** What is shown and routed on. */
  text: string;
  /** What is added to the history; defaults to the text. Empty = nothing is added. */
  messageParts?: string[];
  images?: ImageBlock[];
  signal: AbortSignal;
}

export interface TurnEnd extends TurnOutcome {
  conversation: number;
}

/** Runs one turn. Never rejects for what models, tools or configuration do: that is in the result. */
export async function runStageTurn(context: AgentContext, request: TurnRequest): Promise<TurnEnd> {
  const { state, signals, emit } = context;
  const { stage, ticket, text, signal } = request;
  const number = state.startTurn(stage, ticket, text);
  emit({ type: "turn_start", turn: number, stage, ticket, text: context.ports.redaction.redact(text) });
  signals.planStored = false;
  signals.replanReason = null;
  let conversation = request.conversation ?? 0;
  let outcome: TurnOutcome;
  try {
    await checkSkills(context);
    const talk = await openTalk(context, request);
    conversation = talk.id;
    const incoming = incomingMessage(context, request, talk.preface);
    const pending = isPendingFor(state, stage);
    const route = await createTurnRoute(
      context,
      { turn: number, stage, ticket, conversation, message: text, incoming, pending },
      signal,
    );
    if (route.current.route.gate === "stay") outcome = await gateReply(context, number, text, route, signal);
    else {
      if (incoming !== null) state.addMessage(conversation, incoming);
      const tools = await createTurnTools(context, { number, stage, signal });
      outcome = await runTurn(context, { number, stage, ticket, conversation, route, tools, signal }).finally(
        tools.release,
      );
    }
  } catch (thrown) {
    outcome = { reason: "error", text: "", error: toErrorInfo(thrown) };
  }
  for (const route of state.routesOf(number)) settleRoute(state, route);
  if (signal.aborted && outcome.reason !== "limit") outcome = { ...outcome, reason: "aborted" };
  const reason: TurnEndReason = outcome.reason === "replan" || outcome.reason === "revise" ? "done" : outcome.reason;
  state.append({ type: "turn_end", turn: number, reason, error: outcome.error });
  emit({ type: "turn_end", turn: number, reason, error: outcome.error });
  return { ...outcome, conversation };
}

/** A skill stays active until it is cleared or gone. */
async function checkSkills({ ports, state, emit }: AgentContext): Promise<void> {
  const { skills } = ports.toolbox;
  for (const text of await skills.diagnostics()) emit({ type: "notice", level: "warning", text });
  if (state.skill === null) return;
  const gone = await skills.gone(state.skill.name);
  if (gone === null) return;
  state.setSkill(null);
  emit({ type: "notice", level: "warning", text: gone });
}

/** Plan and chat share one conversation; a first message carries what is known of the workspace. */
async function openTalk(
  { ports, state, emit }: AgentContext,
  { stage, conversation }: TurnRequest,
): Promise<{ id: number; preface: string[] }> {
  const existing =
    conversation ??
    (stage === "execute" ? state.conversationOf.execute : (state.conversationOf.plan ?? state.conversationOf.chat));
  const id = existing ?? state.openConversation("start");
  if (state.messages(id).length > 0) return { id, preface: [] };
  const { text, notices } = await ports.surroundings.projectContext();
  for (const notice of notices) {
    if (!state.warnings.includes(notice)) emit({ type: "notice", level: "warning", text: notice });
    state.warn(notice);
  }
  return { id, preface: [text] };
}

/** The turn's own message, with what a conversation begins with; null where the turn adds none. */
function incomingMessage({ ports }: AgentContext, request: TurnRequest, preface: string[]): UserMessage | null {
  const added = (request.messageParts ?? [request.text]).filter((part) => part !== "");
  const images = request.images ?? [];
  if (added.length === 0 && images.length === 0) return null;
  const text = ports.redaction.redact([...preface, ...added].filter((part) => part !== "").join("\n\n"));
  return { role: "user", content: text === "" ? images : [textBlock(text), ...images] };
}

function isPendingFor(state: LiveSession, stage: WorkStage): boolean {
  const { plan } = state.workflow;
  return (
    stage === "execute" ||
    (plan !== null && (plan.state === "awaiting_approval" || plan.state === "approved" || plan.state === "executing"))
  );
}
