// From the records of a session to what an agent needs to go on with it. Pure: the same records give the same state.

import { canonicalJson, sha256 } from "../util/canonical-json.ts";
import { repairConversation } from "./repair.ts";
import { transcriptOf } from "./transcript.ts";
import type { TouchedFile } from "../types/agent.ts";
import type { AgentEvent } from "../types/event.ts";
import type { Message } from "../types/message.ts";
import type { Approval, Stage, WorkflowEvent, WorkflowState } from "../types/plan.ts";
import type { RestoredSession, SessionHeader, StoredRecord } from "../types/session.ts";

export interface ReplayedSession extends RestoredSession {
  /** The turn that was interrupted, or null. */
  openTurn: { turn: number; stage: Stage; ticket: string | null } | null;
  /** What the user should know: the interruption, calls whose effects are unknown, an approval that does not count. */
  notices: string[];
  transcript: AgentEvent[];
}

/** The state as far as it is built, and what is needed only while building it. */
interface Fold {
  state: Omit<ReplayedSession, "transcript">;
  gateConversations: Set<number>;
  /** Where each route stands in `state.routes`, by id. */
  routeIndexes: Map<string, number>;
  /** Calls that began to run and have no result yet, by id. */
  intents: Map<string, { turn: number; what: string }>;
  approvals: Approval[];
  /** Ticket and last assistant text of the last turn. */
  turnTicket: string | null;
  turnText: string;
}

type ReduceWorkflow = (state: WorkflowState, event: WorkflowEvent) => WorkflowState;

function messagesOf(fold: Fold, id: number): Message[] {
  const messages = fold.state.conversations.get(id) ?? [];
  fold.state.conversations.set(id, messages);
  return messages;
}

/** Planning and chatting share one conversation; a gate reply never becomes the one to go on with. */
function useConversation(fold: Fold, stage: Stage, id: number): void {
  if (fold.gateConversations.has(id) || stage === "gate") fold.state.conversationOf.gate = id;
  else if (stage === "execute") fold.state.conversationOf.execute = id;
  else {
    fold.state.conversationOf.plan = id;
    fold.state.conversationOf.chat = id;
  }
}

function addMessage(fold: Fold, conversation: number, message: Message): void {
  messagesOf(fold, conversation).push(message);
  if (fold.state.openTurn !== null) useConversation(fold, fold.state.openTurn.stage, conversation);
  if (message.role === "tool") fold.intents.delete(message.callId);
  if (message.role !== "assistant") return;
  const text = message.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n\n").trim();
  if (text === "") return;
  fold.state.lastText = text;
  fold.turnText = text;
}

/** A file created and then changed was created; what was put back says so. */
function addFile(files: TouchedFile[], file: TouchedFile): void {
  const index = files.findIndex((one) => one.path === file.path);
  const before = files[index];
  if (before === undefined) files.push(file);
  else files[index] = before.action === "create" && file.action === "modify" ? { ...file, action: "create" } : file;
}

/** An approval counts in the session and workspace it was given in, and only with the record that a person's act wrote. */
function isOwnApproval(fold: Fold, header: SessionHeader, approval: Approval): boolean {
  const given = fold.approvals.some((one) => one.hash === approval.hash && one.plan_id === approval.plan_id);
  return given && approval.session_id === header.id && approval.workspace === header.workspace;
}

/** What was done for an earlier plan does not count for a new one. */
function beginPlan({ state }: Fold): void {
  state.reports = {};
  state.planFiles = [];
  state.planSince = state.turns;
}

function applyWorkflow(fold: Fold, header: SessionHeader, event: WorkflowEvent, reduceWorkflow: ReduceWorkflow): void {
  if (event.type === "plan_approved" && !isOwnApproval(fold, header, event.approval)) {
    if (header.forked_from === null) fold.state.notices.push(`the approval of plan ${event.approval.plan_id} in the session file was not given in this session and does not count`);
    return;
  }
  if (event.type === "plan_stored" && sha256(canonicalJson(event.plan.content)) !== event.plan.hash) {
    fold.state.notices.push(`plan ${event.plan.id} in the session file was changed after its hash was made; it cannot be approved or run`);
    fold.state.workflow = reduceWorkflow(fold.state.workflow, { type: "stage_reset" });
    return;
  }
  if (event.type === "plan_approved" && fold.state.workflow.plan?.hash !== event.approval.hash) {
    // An earlier revision must not step in for the one that was approved and cannot be read.
    fold.state.notices.push(`the plan ${event.approval.plan_id} that was approved is missing from the session file or was changed; it does not run`);
    fold.state.workflow = reduceWorkflow(fold.state.workflow, { type: "stage_reset" });
    return;
  }
  if (event.type === "plan_stored" && event.plan.id !== fold.state.workflow.plan?.id) beginPlan(fold);
  if (event.type === "ticket_changed" && event.state === "done" && event.ticket === fold.turnTicket) fold.state.reports[event.ticket] = fold.turnText;
  fold.state.workflow = reduceWorkflow(fold.state.workflow, event);
}

function apply(fold: Fold, header: SessionHeader, record: StoredRecord, reduceWorkflow: ReduceWorkflow): void {
  switch (record.type) {
    case "turn_start":
      fold.state.openTurn = { turn: record.turn, stage: record.stage, ticket: record.ticket };
      fold.state.turns = Math.max(fold.state.turns, record.turn);
      fold.turnTicket = record.ticket;
      fold.turnText = "";
      break;
    case "turn_end":
      fold.state.openTurn = null;
      break;
    case "conversation":
      fold.state.conversations.set(record.id, [...record.seed]);
      if (record.reason === "gate") fold.gateConversations.add(record.id);
      if (record.reason === "handoff" || record.reason === "ticket") useConversation(fold, "execute", record.id);
      else useConversation(fold, fold.state.openTurn?.stage ?? fold.state.workflow.stage, record.id);
      break;
    case "message":
      addMessage(fold, record.conversation, record.message);
      break;
    case "tool_intent":
      fold.intents.set(record.call_id, { turn: record.turn, what: `${record.tool} (${record.summary})` });
      break;
    case "route": {
      const index = fold.routeIndexes.get(record.route.id);
      if (index === undefined) fold.routeIndexes.set(record.route.id, fold.state.routes.push(record.route) - 1);
      else fold.state.routes[index] = record.route;
      break;
    }
    case "workflow":
      applyWorkflow(fold, header, record.event, reduceWorkflow);
      break;
    case "approval":
      fold.approvals.push(record.approval);
      break;
    case "cost":
      fold.state.ledger.push(record.entry);
      if (record.entry.purpose === "main") fold.state.lastModel = record.entry.model;
      break;
    case "overrides": {
      const { model, tier } = record.overrides;
      fold.state.overrides = { model: model?.from === "flag" ? null : model, tier: tier?.from === "flag" ? null : tier };
      break;
    }
    case "skill":
      fold.state.skill = record.skill;
      break;
    case "grant":
      if (!fold.state.grants.includes(record.rule)) fold.state.grants.push(record.rule);
      break;
    case "denial":
      fold.state.denials.push(record.denial);
      break;
    case "file": {
      const file = { path: record.path, action: record.action, in_scope: record.in_scope, rolled_back: record.rolled_back };
      for (const files of [fold.state.files, fold.state.planFiles]) addFile(files, file);
      break;
    }
    case "command":
    case "plan":
    case "checkpoint":
    case "shell":
    case "notice":
      break;
  }
}

/** `reduceWorkflow` and `initial` come from the agent, which owns the workflow. */
export function replay(header: SessionHeader, records: readonly StoredRecord[], reduceWorkflow: ReduceWorkflow, initial: WorkflowState): ReplayedSession {
  const fold: Fold = {
    state: {
      conversations: new Map(),
      conversationOf: {},
      workflow: initial,
      overrides: { model: null, tier: null },
      skill: null,
      grants: [],
      routes: [],
      ledger: [],
      files: [],
      planFiles: [],
      planSince: 0,
      denials: [],
      turns: 0,
      lastModel: null,
      lastText: "",
      reports: {},
      openTurn: null,
      notices: [],
    },
    gateConversations: new Set(),
    routeIndexes: new Map(),
    intents: new Map(),
    approvals: [],
    turnTicket: null,
    turnText: "",
  };
  for (const record of records) apply(fold, header, record, reduceWorkflow);

  const { state, intents } = fold;
  const started = new Set(intents.keys());
  for (const [id, messages] of state.conversations) state.conversations.set(id, repairConversation(messages, started));
  if (state.openTurn !== null) state.notices.push(`turn ${state.openTurn.turn} was interrupted before its end`);
  for (const { turn, what } of intents.values()) if (turn === state.openTurn?.turn) state.notices.push(`${what} was running when the session was interrupted; what it did is unknown`);
  // Nothing executes while a session is only being read.
  const workflow = state.workflow.stage === "execute" ? reduceWorkflow(state.workflow, { type: "execution_interrupted" }) : state.workflow;
  return { ...state, workflow, transcript: transcriptOf(records) };
}
