// One turn from its text to its end: route, gate reply or loop, books, events. Submitting, executing a ticket and
// planning anew all go through here.

import { stagePrompt } from "../../prompts/index.ts";
import type { GateFacts } from "../../prompts/gate.ts";
import { toErrorInfo } from "../../util/errors.ts";
import { stringifyMessageText, textBlock, userMessage } from "../messages.ts";
import {
  decideRoute,
  routeContext,
  runGateReply,
  settleRoute,
  stampRoute,
  substituteModel,
  type RoutingInput,
} from "./route.ts";
import { createToolHost, type HostSignals } from "./tool-host.ts";
import { grantedScope } from "./tool-call.ts";
import { runTurn, type TurnOutcome } from "./loop.ts";
import type { AgentParts, Boundary } from "../parts.ts";
import type { SessionState } from "../session-state.ts";
import type { TurnEndReason } from "../../types/event.ts";
import type { ImageBlock, Message, UserMessage } from "../../types/message.ts";
import type { Route, RouteDecision } from "../../types/route.ts";
import type { ToolContext, ToolDefinition } from "../../types/tool.ts";
import type { WorkStage } from "../../types/plan.ts";

export interface StageTurnInput {
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

/** What lives as long as the agent and is shared by its turns. */
export interface AgentContext {
  parts: AgentParts;
  state: SessionState;
  signals: HostSignals;
  /** Digests of files seen, by real path. */
  readDigests: Map<string, string>;
  /** Day of the session's start, ISO. */
  date: string;
}

export function createBoundary(context: AgentContext, stage: WorkStage): Boundary {
  const { parts, state } = context;
  const { plan, approval } = state.workflow;
  const boundary = parts.boundary({ stage, plan, approval, grants: state.grants, mode: state.permissionMode });
  if (plan !== null)
    for (const extension of grantedScope(state.grants, plan.hash))
      boundary.extendScope(extension.path, extension.action);
  return boundary;
}

/** Tools that a stage offers: nothing that writes while planning, whatever mode or flag is set. */
export async function offeredTools(context: AgentContext, stage: WorkStage): Promise<ToolDefinition[]> {
  const hasSkills = (await context.parts.skills.names()).length > 0;
  return context.parts.tools.filter((tool) => {
    switch (tool.spec.name) {
      case "set_plan_artifact":
        return stage === "plan";
      case "request_replan":
        return stage === "execute";
      case "activate_skill":
        return hasSkills;
      default:
        return tool.access !== "write" || stage !== "plan";
    }
  });
}

async function systemPrompt(context: AgentContext, stage: WorkStage, boundary: Boundary): Promise<string> {
  const { parts, state } = context;
  return stagePrompt(stage, {
    workspace: parts.workspace,
    platform: parts.platform,
    date: context.date,
    headless: parts.headless,
    shell: boundary.shell,
    skills: await parts.skills.prompt(state.skill?.name ?? null),
  });
}

function toolContext(
  context: AgentContext,
  boundary: Boundary,
  host: ToolContext["host"],
  decision: RouteDecision,
  signal: AbortSignal,
): ToolContext {
  return {
    workspace: context.parts.workspace,
    searchPath: context.parts.searchPath,
    commandSeconds: context.parts.settings().settings.options.shell.timeout_s,
    readRoots: context.parts.readRoots,
    isProtected: (path) => boundary.isProtected(path),
    readFiles: context.readDigests,
    host,
    acceptsImages: decision.model.vision !== false,
    onOutput: () => undefined,
    signal,
  };
}

/** Plan and chat share one conversation; a first message carries what is known of the workspace. */
async function talkConversation(
  context: AgentContext,
  input: StageTurnInput,
): Promise<{ id: number; preface: string[] }> {
  const { state, parts } = context;
  const existing =
    input.conversation ??
    (input.stage === "execute"
      ? state.conversationOf.execute
      : (state.conversationOf.plan ?? state.conversationOf.chat));
  const id = existing ?? state.openConversation(input.stage, "start");
  if (input.stage !== "execute") {
    state.conversationOf.plan = id;
    state.conversationOf.chat = id;
  } else {
    state.conversationOf.execute = id;
  }
  if (state.messages(id).length > 0) return { id, preface: [] };
  const { text, notices } = await parts.projectContext();
  for (const notice of notices) {
    if (!state.warnings.includes(notice)) parts.emit({ type: "notice", level: "warning", text: notice });
    state.warn(notice);
  }
  return { id, preface: [text] };
}

export interface StageTurnResult extends TurnOutcome {
  conversation: number;
  turn: number;
}

function gateFacts(context: AgentContext, model: string): GateFacts {
  const { parts, state } = context;
  const workflow = state.workflow.enabled
    ? "staged workflow on: a plan is made and waits for /approve before anything is changed"
    : "staged workflow off";
  return {
    mode: `${state.permissionMode}, ${workflow}`,
    tools: parts.tools.map((tool) => tool.spec.name),
    dataDirectory: parts.dataDirectory,
    workspace: parts.workspace,
    model,
  };
}

/** A skill stays active until it is cleared or gone. */
async function checkSkills({ parts, state }: AgentContext): Promise<void> {
  for (const text of await parts.skills.diagnostics()) parts.emit({ type: "notice", level: "warning", text });
  if (state.skill === null) return;
  const gone = await parts.skills.gone(state.skill.name);
  if (gone === null) return;
  state.setSkill(null);
  parts.emit({ type: "notice", level: "warning", text: gone });
}

/** Runs one turn. Never rejects for what models, tools or configuration do: that is in the result. */
export async function runStageTurn(context: AgentContext, input: StageTurnInput): Promise<StageTurnResult> {
  const { parts, state, signals } = context;
  const turn = state.startTurn(input.stage, input.ticket, input.text);
  parts.emit({ type: "turn_start", turn, stage: input.stage, ticket: input.ticket, text: parts.redact(input.text) });
  signals.planStored = false;
  signals.replanReason = null;
  let conversation = input.conversation ?? 0;
  let outcome: TurnOutcome;
  try {
    await checkSkills(context);
    const talk = await talkConversation(context, input);
    conversation = talk.id;
    const incoming = incomingMessage(context, input, talk.preface);
    const routing: RoutingInput = {
      parts,
      state,
      turn,
      stage: input.stage,
      ticket: input.ticket,
      conversation,
      message: input.text,
      pending: isPendingFor(state, input.stage),
      signal: input.signal,
    };
    const decided = await decideRoute({ ...routing, incoming });
    if (decided.route.gate === "stay") outcome = await gateTurn(context, routing, decided);
    else {
      if (incoming !== null) state.addMessage(conversation, incoming);
      outcome = await loop(context, input, routing, decided, turn, conversation);
    }
  } catch (thrown) {
    outcome = { reason: "error", text: "", error: toErrorInfo(thrown) };
  }
  for (const one of state.ownRoutes.filter((each) => each.turn === turn)) settleRoute(state, one);
  if (input.signal.aborted && outcome.reason !== "limit") outcome = { ...outcome, reason: "aborted" };
  const reason: TurnEndReason = outcome.reason === "replan" || outcome.reason === "revise" ? "done" : outcome.reason;
  state.append({ type: "turn_end", turn, reason, error: outcome.error });
  parts.emit({ type: "turn_end", turn, reason, error: outcome.error });
  return { ...outcome, conversation, turn };
}

function isPendingFor(state: SessionState, stage: string): boolean {
  const { plan } = state.workflow;
  return (
    stage === "execute" ||
    (plan !== null && (plan.state === "awaiting_approval" || plan.state === "approved" || plan.state === "executing"))
  );
}

/** The turn's own message, with what a conversation begins with; null where the turn adds none. */
function incomingMessage({ parts }: AgentContext, input: StageTurnInput, preface: string[]): UserMessage | null {
  const added = (input.messageParts ?? [input.text]).filter((part) => part !== "");
  const images = input.images ?? [];
  if (added.length === 0 && images.length === 0) return null;
  const text = parts.redact([...preface, ...added].filter((part) => part !== "").join("\n\n"));
  return { role: "user", content: text === "" ? images : [textBlock(text), ...images] };
}

async function gateTurn(
  context: AgentContext,
  routing: RoutingInput,
  decided: { decision: RouteDecision; route: Route },
): Promise<TurnOutcome> {
  const reply = await runGateReply(
    routing,
    decided.decision,
    decided.route,
    gateFacts(context, decided.decision.model.id),
  );
  if (reply.kind === "error")
    return { reason: reply.error.code === "limit" ? "limit" : "error", text: "", error: reply.error };
  return {
    reason: reply.error === null ? "done" : "limit",
    text: stringifyMessageText(reply.message),
    error: reply.error,
  };
}

async function loop(
  context: AgentContext,
  input: StageTurnInput,
  routing: RoutingInput,
  decided: { decision: RouteDecision; route: Route },
  turn: number,
  conversation: number,
): Promise<TurnOutcome> {
  const { parts, state, signals } = context;
  const boundary = createBoundary(context, input.stage);
  const host = createToolHost({ parts, state, stage: input.stage, turn, boundary, signals, signal: input.signal });
  let current = decided;
  const hold = createTurnHold(parts, input.signal);
  return runTurn({
    parts,
    state,
    turn,
    stage: input.stage,
    ticket: input.ticket,
    conversation,
    system: await systemPrompt(context, input.stage, boundary),
    offered: await offeredTools(context, input.stage),
    boundary,
    toolContext: toolContext(context, boundary, host, decided.decision, input.signal),
    host: signals,
    decision: decided.decision,
    route: decided.route,
    reroute: (run: Message[]) => {
      const next = parts.router.reconsider(routeContext(routing), current.decision, run);
      if (next === null) return null;
      for (const line of next.log) parts.writeLog(line);
      const route = stampRoute(next, turn);
      state.addRoute(route);
      parts.emit({ type: "route_decision", route });
      current = { decision: next, route };
      return current;
    },
    substitute: async (failed, reason) => {
      const next = await substituteModel(routing, failed, reason);
      if (next !== null) current = next;
      return next;
    },
    holdWorkspace: hold.take,
    signal: input.signal,
  }).finally(hold.release);
}

/**
 * The workspace's lock as a turn holds it: from its first call that may write until its end. A turn that only reads
 * never waits.
 */
function createTurnHold(parts: AgentParts, signal: AbortSignal): { take(): Promise<void>; release(): void } {
  let giveBack: (() => void) | null = null;
  return {
    async take() {
      giveBack ??= await lockWorkspace(parts, signal);
    },
    release: () => giveBack?.(),
  };
}

/** Waits for other runs in this workspace and says so. @throws BmoError locked. */
export function lockWorkspace({ lockExecution, emit }: AgentParts, signal: AbortSignal): Promise<() => void> {
  return lockExecution(signal, ({ pid, session }) =>
    emit({
      type: "notice",
      level: "info",
      text: `waiting for another run in this workspace: process ${pid}, session ${session}`,
    }),
  );
}

/** Adds a note to the talk that later turns will see, without a turn of its own. */
export function addNote(state: SessionState, conversation: number, text: string): void {
  state.addMessage(conversation, userMessage([text]));
}
