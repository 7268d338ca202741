// Agent events to transcript blocks and the live part of a turn. Pure; text arrives merged per frame.
// What is finished goes to the outbox and is forgotten once it was printed.

import type { AgentEvent } from "../types/event.ts";
import type { AssistantMessage } from "../types/message.ts";
import { type Block, type FoldedResult, needsGap, type OutboxEntry, type RouteLine } from "./blocks.ts";
import { appendStream, EMPTY_STREAM, endStream, type StreamState } from "./stream.ts";

export interface LiveTool {
  callId: string;
  tool: string;
  summary: string;
  /** The last characters of its output. */
  output: string;
}

export interface TranscriptState {
  outbox: OutboxEntry[];
  /** How many blocks were printed before those in the outbox. */
  printed: number;
  lastKind: Block["kind"] | null;
  stream: StreamState;
  /** Whether text of the current message was streamed. */
  streamed: boolean;
  reasoning: string;
  tools: LiveTool[];
  retry: { attempt: number; maxAttempts: number; until: number; reason: string } | null;
  turn: RouteLine | null;
  model: string | null;
  /** Unfolds results and shows reasoning. */
  detail: boolean;
  folded: FoldedResult[];
  /** Draws what was said by the user too: a resumed session. */
  replaying: boolean;
}

export const EMPTY_TRANSCRIPT: TranscriptState = {
  outbox: [],
  printed: 0,
  lastKind: null,
  stream: EMPTY_STREAM,
  streamed: false,
  reasoning: "",
  tools: [],
  retry: null,
  turn: null,
  model: null,
  detail: false,
  folded: [],
  replaying: false,
};

const PLAN_TOOL = "set_plan_artifact";
const QUESTION_TOOL = "ask_question";
const LIVE_OUTPUT = 4000;
const REASONING_KEPT = 8000;
const FOLDED_KEPT = 20;
const FOLDED_CHARACTERS = 1_000_000;

export function printBlock(state: TranscriptState, block: Block): TranscriptState {
  return { ...state, outbox: [...state.outbox, { block, gap: needsGap(state.lastKind, block) }], lastKind: block.kind };
}

/** The first `count` blocks of the outbox are on the screen. */
export function markPrinted(state: TranscriptState, count: number): TranscriptState {
  return count === 0 ? state : { ...state, outbox: state.outbox.slice(count), printed: state.printed + count };
}

function appendText(state: TranscriptState, text: string): TranscriptState {
  const { state: stream, finished } = appendStream(state.stream, text);
  const next = { ...state, stream, streamed: true, retry: null };
  const [first] = finished;
  // Parts that were finished together are printed together.
  return first === undefined
    ? next
    : printBlock(next, { kind: "markdown", text: finished.map((part) => part.text).join(""), joined: first.joined });
}

/** Prints what is still live of the message. */
function closeMessage(state: TranscriptState): TranscriptState {
  const part = endStream(state.stream);
  let next: TranscriptState = { ...state, stream: EMPTY_STREAM, reasoning: "", retry: null };
  if (state.detail && state.reasoning.trim() !== "")
    next = printBlock(next, { kind: "reasoning", text: state.reasoning });
  return part === null ? next : printBlock(next, { kind: "markdown", ...part });
}

function endMessage(state: TranscriptState, message: AssistantMessage): TranscriptState {
  const text = message.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n\n");
  const whole = !state.streamed && text.trim() !== "" ? appendText(state, text) : state;
  return { ...closeMessage(whole), streamed: false };
}

function sizeOf(result: FoldedResult): number {
  return result.display.reduce(
    (sum, block) =>
      sum +
      (block.kind === "text" ? block.text.length : block.kind === "diff" ? block.patch.length : block.output.length),
    0,
  );
}

/** Keeps the newest results within both limits. */
function keepFolded(folded: FoldedResult[], result: FoldedResult): FoldedResult[] {
  const kept: FoldedResult[] = [];
  let size = 0;
  for (const one of [...folded, result].slice(-FOLDED_KEPT).reverse()) {
    size += sizeOf(one);
    if (size > FOLDED_CHARACTERS && kept.length > 0) break;
    kept.unshift(one);
  }
  return kept;
}

function endTool(state: TranscriptState, event: Extract<AgentEvent, { type: "tool_end" }>): TranscriptState {
  const live = state.tools.find((tool) => tool.callId === event.callId);
  const { output } = event;
  const text = output.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
  // The plan is drawn as its card, a question with its answer when it was answered.
  const shownElsewhere = event.tool === PLAN_TOOL || (event.tool === QUESTION_TOOL && !state.replaying);
  if (shownElsewhere && !output.isError)
    return { ...state, tools: state.tools.filter((tool) => tool.callId !== event.callId) };
  const display = output.display.length > 0 ? output.display : text === "" ? [] : [{ kind: "text" as const, text }];
  const result: FoldedResult = {
    tool: event.tool,
    summary: live?.summary ?? event.tool,
    display,
    isError: output.isError,
  };
  const next = {
    ...state,
    tools: state.tools.filter((tool) => tool.callId !== event.callId),
    folded: keepFolded(state.folded, result),
  };
  return printBlock(next, { kind: "tool", ...result, expanded: state.detail });
}

function addCost(left: number | null, right: number | null): number | null {
  return left === null || right === null ? null : left + right;
}

function onRoute(state: TranscriptState, event: Extract<AgentEvent, { type: "route_decision" }>): TranscriptState {
  const { route } = event;
  const before = state.turn;
  const turn: RouteLine = {
    turn: route.turn,
    stage: route.stage,
    phase: route.phase,
    tier: route.tier,
    model: route.model,
    servedModel: route.served_model,
    reason: route.reason,
    cost: before?.cost ?? 0,
    estimate: before?.estimate ?? false,
    calls: before?.calls ?? 0,
  };
  const next = { ...state, turn, model: route.model };
  const changed =
    before !== null && before.model !== null && before.turn === route.turn && before.model !== route.model;
  return changed
    ? printBlock(next, {
        kind: "notice",
        level: "info",
        text: `model ${before.model} → ${route.model}: ${route.reason}`,
      })
    : next;
}

function endTurn(state: TranscriptState, event: Extract<AgentEvent, { type: "turn_end" }>): TranscriptState {
  let next = closeMessage(state);
  for (const tool of state.tools)
    next = printBlock(next, {
      kind: "tool",
      tool: tool.tool,
      summary: tool.summary,
      display: [{ kind: "text", text: "stopped" }],
      isError: true,
      expanded: false,
    });
  if (event.error !== null && event.reason !== "aborted")
    next = printBlock(next, { kind: "error", error: event.error });
  else if (event.reason === "aborted")
    next = printBlock(next, { kind: "notice", level: "warning", text: "interrupted" });
  if (state.turn !== null && state.turn.model !== null) next = printBlock(next, { kind: "route", line: state.turn });
  return { ...next, tools: [], turn: null, streamed: false };
}

/** `now` in milliseconds; used for countdowns only. */
export function reduceEvent(state: TranscriptState, event: AgentEvent, now: number): TranscriptState {
  switch (event.type) {
    case "session_start":
    case "step_start":
    case "gate_decision":
      return state;
    case "turn_start": {
      const turn: RouteLine = {
        turn: event.turn,
        stage: event.stage,
        phase: null,
        tier: null,
        model: null,
        servedModel: null,
        reason: "",
        cost: 0,
        estimate: false,
        calls: 0,
      };
      const next = { ...state, turn, stream: EMPTY_STREAM, streamed: false, reasoning: "", tools: [], retry: null };
      return state.replaying && event.text !== "" && event.ticket === null
        ? printBlock(next, { kind: "user", text: event.text })
        : next;
    }
    case "route_decision":
      return onRoute(state, event);
    case "text_delta":
      return appendText(state, event.text);
    case "reasoning_delta":
      return { ...state, retry: null, reasoning: (state.reasoning + event.text).slice(-REASONING_KEPT) };
    case "message_end":
      return endMessage(state, event.message);
    case "tool_start":
      return {
        ...closeMessage(state),
        tools: [...state.tools, { callId: event.call.id, tool: event.call.name, summary: event.summary, output: "" }],
      };
    case "tool_delta":
      return {
        ...state,
        tools: state.tools.map((tool) =>
          tool.callId === event.callId ? { ...tool, output: (tool.output + event.text).slice(-LIVE_OUTPUT) } : tool,
        ),
      };
    case "tool_end":
      return endTool(state, event);
    case "plan_ready":
      return printBlock(closeMessage(state), {
        kind: "plan",
        plan: event.plan,
        executionModel: event.executionModel,
        changes: event.changes ?? [],
        stepCost: event.stepCost ?? null,
        confined: event.confined ?? true,
      });
    case "plan_approved":
      return printBlock(closeMessage(state), { kind: "approved", plan: event.plan, approval: event.approval });
    case "ticket_start":
      return printBlock(closeMessage(state), {
        kind: "ticket",
        ticket: event.ticket,
        title: event.title,
        state: "started",
        costUsd: null,
        costEstimate: false,
      });
    case "ticket_end":
      return printBlock(closeMessage(state), {
        kind: "ticket",
        ticket: event.ticket,
        title: "",
        state: event.state,
        costUsd: event.costUsd,
        costEstimate: event.costEstimate,
      });
    case "scope_violation":
      return printBlock(state, {
        kind: "violation",
        path: event.path,
        action: event.action,
        allowed: event.allowed,
        reason: event.reason,
      });
    case "rollback":
      return printBlock(state, {
        kind: "rollback",
        paths: event.paths,
        copy: event.copy,
        restoreCommand: event.restoreCommand,
      });
    case "cost_entry": {
      if (state.turn === null) return state;
      const { entry } = event;
      return {
        ...state,
        turn: {
          ...state.turn,
          cost: addCost(state.turn.cost, entry.cost_usd),
          estimate: state.turn.estimate || entry.estimate,
          calls: state.turn.calls + 1,
          servedModel: entry.served_model ?? state.turn.servedModel,
        },
      };
    }
    case "retry": {
      // What the failed try had said is void; what was printed already cannot be taken back, so it is said.
      const voided = state.lastKind === "markdown" && state.streamed;
      const next = {
        ...state,
        stream: EMPTY_STREAM,
        reasoning: "",
        streamed: false,
        retry: {
          attempt: event.attempt,
          maxAttempts: event.maxAttempts,
          until: now + event.delayMs,
          reason: event.reason,
        },
      };
      return voided
        ? printBlock(next, {
            kind: "notice",
            level: "warning",
            text: "the answer above broke off and is asked for again",
          })
        : next;
    }
    case "notice":
      return printBlock(state, { kind: "notice", level: event.level, text: event.text });
    case "turn_end":
      return endTurn(state, event);
  }
}
