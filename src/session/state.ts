// What the records of a session come to. `reduceSession` is the only place that says what a record means: a running
// session, a resumed one, lists and readers all use it. Pure: no state is changed, each record gives another.

import { initialWorkflow, reduceWorkflow } from "../plan/workflow.ts";
import { canonicalJson, sha256 } from "../util/canonical-json.ts";
import { Sequence } from "../util/sequence.ts";
import { addToSummary, EMPTY_SUMMARY, type SummaryFacts } from "./summary.ts";
import type { TouchedFile } from "../types/agent.ts";
import type { LedgerEntry } from "../types/ledger.ts";
import type { Message } from "../types/message.ts";
import type { Denial, Grant } from "../types/permission.ts";
import type { Approval, PlanProgress, Stage, WorkflowEvent, WorkflowState } from "../types/plan.ts";
import type { ActiveSkill, Overrides, Route } from "../types/route.ts";
import type { SessionHeader, SessionRecord } from "../types/session.ts";

/** Offset of a record's line in the session file. */
export type Place = number;

/** What a record holds, where it is found again, or both: a resumed session leaves in the file what no turn needs. */
export interface Kept<Value> {
  value: Value | null;
  /** null = not of a file. */
  place: Place | null;
}

/** First and last of a run of calls, with their numbers in the order of all calls. */
export interface CallRange {
  first: { number: number; entry: LedgerEntry };
  last: { number: number; entry: LedgerEntry };
}

/** A conversation begins, with what it is seeded with. */
export interface Opened {
  conversation: number;
  seed: readonly Message[];
}

export interface Said extends Kept<Message> {
  conversation: number;
}

export interface SessionState {
  /** An approval counts only in the session and workspace that it was given in. */
  readonly origin: Pick<SessionHeader, "id" | "workspace" | "forked_from">;
  /** What was said in all conversations, in the order of the records. */
  readonly talk: Sequence<Opened | Said>;
  /** Highest number of a conversation. */
  readonly lastConversation: number;
  /** The conversation that each stage continues. */
  readonly conversationOf: Readonly<Partial<Record<Stage, number>>>;
  readonly gateConversations: readonly number[];
  readonly workflow: WorkflowState;
  /** Whether the user last switched the staged workflow on or off; null = the configuration decides. */
  readonly switched: boolean | null;
  /** Choices that outlive their run. */
  readonly overrides: Overrides;
  readonly skill: ActiveSkill | null;
  readonly grants: readonly Grant[];
  /** Every record of a route; the last one of an id counts. */
  readonly routes: Sequence<Kept<Route> & { id: string }>;
  /** Turns that a route other than a gate's served. */
  readonly routedTurns: Sequence<number>;
  readonly ledger: Sequence<Kept<LedgerEntry>>;
  /** The turns' own calls, by conversation and stage. */
  readonly calls: Readonly<Record<string, CallRange>>;
  /** Every touch of a file, in the order of the records. */
  readonly files: Sequence<TouchedFile>;
  /** What was done for the present plan. */
  readonly progress: PlanProgress & { files: Sequence<TouchedFile> };
  readonly denials: readonly Denial[];
  /** Number of the last turn. */
  readonly turns: number;
  /** Model of the last call of a turn's own. */
  readonly lastModel: string | null;
  readonly lastText: string;
  /** The turn that has begun and not ended. */
  readonly openTurn: { turn: number; stage: Stage; ticket: string | null } | null;
  /** Calls that began to run and have no result yet, by id. */
  readonly intents: Readonly<Record<string, { turn: number; what: string }>>;
  readonly approvals: readonly Approval[];
  /** What the user should know: approvals and plans that do not count. */
  readonly notices: readonly string[];
  readonly summary: SummaryFacts;
}

function noProgress(since: number): SessionState["progress"] {
  return {
    since,
    files: Sequence.of(),
    reports: {},
    unplannedCommands: [],
    unsettled: [],
    changedBetween: [],
    ignoredWritten: [],
  };
}

export function initialSession({ id, workspace, forked_from }: SessionState["origin"]): SessionState {
  return {
    origin: { id, workspace, forked_from },
    talk: Sequence.of(),
    lastConversation: 0,
    conversationOf: {},
    gateConversations: [],
    workflow: initialWorkflow(true),
    switched: null,
    overrides: { model: null, tier: null },
    skill: null,
    grants: [],
    routes: Sequence.of(),
    routedTurns: Sequence.of(),
    ledger: Sequence.of(),
    calls: {},
    files: Sequence.of(),
    progress: noProgress(0),
    denials: [],
    turns: 0,
    lastModel: null,
    lastText: "",
    openTurn: null,
    intents: {},
    approvals: [],
    notices: [],
    summary: EMPTY_SUMMARY,
  };
}

/** Planning and chatting share one conversation; a gate reply never becomes the one that is continued. */
function withConversation(state: SessionState, stage: Stage, id: number): SessionState {
  const isGate = stage === "gate" || state.gateConversations.includes(id);
  const changed = isGate ? { gate: id } : stage === "execute" ? { execute: id } : { plan: id, chat: id };
  return { ...state, conversationOf: { ...state.conversationOf, ...changed } };
}

function openConversation(
  state: SessionState,
  { id, reason, seed }: Extract<SessionRecord, { type: "conversation" }>,
): SessionState {
  const opened = {
    ...state,
    talk: state.talk.add({ conversation: id, seed }),
    lastConversation: Math.max(state.lastConversation, id),
    gateConversations: reason === "gate" ? [...state.gateConversations, id] : state.gateConversations,
  };
  const isExecution = reason === "handoff" || reason === "ticket";
  return withConversation(opened, isExecution ? "execute" : (state.openTurn?.stage ?? state.workflow.stage), id);
}

function textOf(message: Message): string {
  if (message.role !== "assistant") return "";
  const texts = message.content.flatMap((block) => (block.type === "text" ? [block.text] : []));
  return texts.join("\n\n").trim();
}

function without<Value>(members: Readonly<Record<string, Value>>, name: string): Readonly<Record<string, Value>> {
  if (!Object.hasOwn(members, name)) return members;
  return Object.fromEntries(Object.entries(members).filter(([key]) => key !== name));
}

function addMessage(state: SessionState, conversation: number, message: Message, place: Place | null): SessionState {
  const text = textOf(message);
  const added: SessionState = {
    ...state,
    talk: state.talk.add({ conversation, value: message, place }),
    lastConversation: Math.max(state.lastConversation, conversation),
    intents: message.role === "tool" ? without(state.intents, message.callId) : state.intents,
    lastText: text === "" ? state.lastText : text,
  };
  return state.openTurn === null ? added : withConversation(added, state.openTurn.stage, conversation);
}

function addRoute(state: SessionState, route: Route, place: Place | null): SessionState {
  const isCounted = route.stage !== "gate" && state.routedTurns.at(-1) !== route.turn;
  return {
    ...state,
    routes: state.routes.add({ id: route.id, value: route, place }),
    routedTurns: isCounted ? state.routedTurns.add(route.turn) : state.routedTurns,
  };
}

function addCall(state: SessionState, entry: LedgerEntry, place: Place | null): SessionState {
  const ledger = state.ledger.add({ value: entry, place });
  if (entry.purpose !== "main") return { ...state, ledger };
  const key = `${entry.conversation ?? `ticket ${entry.ticket ?? ""}`} ${entry.stage}`;
  const call = { number: state.ledger.length, entry };
  const range: CallRange = { first: state.calls[key]?.first ?? call, last: call };
  return { ...state, ledger, lastModel: entry.model, calls: { ...state.calls, [key]: range } };
}

function isSameGrant(left: Grant, right: Grant): boolean {
  return canonicalJson(left) === canonicalJson(right);
}

function withProgress(state: SessionState, change: Partial<SessionState["progress"]>): SessionState {
  return { ...state, progress: { ...state.progress, ...change } };
}

function union(before: readonly string[], more: readonly string[]): string[] {
  return [...new Set([...before, ...more])];
}

/** An approval counts only with the record that a person's act wrote. */
function isOwnApproval({ approvals, origin }: SessionState, approval: Approval): boolean {
  const isGiven = approvals.some((one) => one.hash === approval.hash && one.plan_id === approval.plan_id);
  return isGiven && approval.session_id === origin.id && approval.workspace === origin.workspace;
}

/** The state after an event that does not count, with what the user is told; null where the event counts. */
function refused(state: SessionState, event: WorkflowEvent): SessionState | null {
  const reset = (notice: string): SessionState => ({
    ...state,
    workflow: reduceWorkflow(state.workflow, { type: "stage_reset" }),
    notices: [...state.notices, notice],
  });
  if (event.type === "plan_stored" && sha256(canonicalJson(event.plan.content)) !== event.plan.hash) {
    return reset(
      `plan ${event.plan.id} in the session file was changed after its hash was made; it cannot be approved or run`,
    );
  }
  if (event.type !== "plan_approved") return null;
  const { approval } = event;
  if (!isOwnApproval(state, approval)) {
    if (state.origin.forked_from !== null) return state;
    const notice = `the approval of plan ${approval.plan_id} in the session file was not given in this session and does not count`;
    return { ...state, notices: [...state.notices, notice] };
  }
  if (state.workflow.plan?.hash === approval.hash) return null;
  // An earlier revision must not step in for the one that was approved and cannot be read.
  return reset(
    `the plan ${approval.plan_id} that was approved is missing from the session file or was changed; it does not run`,
  );
}

function applyWorkflow(state: SessionState, event: WorkflowEvent): SessionState {
  const instead = refused(state, event);
  if (instead !== null) return instead;
  // What was done for an earlier plan does not count for a new one.
  const begins = event.type === "plan_stored" && event.plan.id !== state.workflow.plan?.id;
  return {
    ...state,
    workflow: reduceWorkflow(state.workflow, event),
    switched: event.type === "workflow_switched" && event.by === "user" ? event.enabled : state.switched,
    progress: begins ? noProgress(state.turns) : state.progress,
  };
}

/** @param place where the record is in its file; null = nowhere. */
export function reduceSession(before: SessionState, record: SessionRecord, place: Place | null = null): SessionState {
  const summary = addToSummary(before.summary, record, before.turns);
  const state = summary === before.summary ? before : { ...before, summary };
  switch (record.type) {
    case "turn_start": {
      const { turn, stage, ticket } = record;
      return { ...state, openTurn: { turn, stage, ticket }, turns: Math.max(state.turns, turn) };
    }
    case "turn_end":
      return { ...state, openTurn: null };
    case "conversation":
      return openConversation(state, record);
    case "message":
      return addMessage(state, record.conversation, record.message, place);
    case "tool_intent": {
      const intent = { turn: record.turn, what: `${record.tool} (${record.summary})` };
      return { ...state, intents: { ...state.intents, [record.call_id]: intent } };
    }
    case "route":
      return addRoute(state, record.route, place);
    case "workflow":
      return applyWorkflow(state, record.event);
    case "approval":
      return { ...state, approvals: [...state.approvals, record.approval] };
    case "cost":
      return addCall(state, record.entry, place);
    case "overrides":
      return { ...state, overrides: record.overrides };
    case "skill":
      return { ...state, skill: record.skill };
    case "grant":
      if (state.grants.some((grant) => isSameGrant(grant, record.grant))) return state;
      return { ...state, grants: [...state.grants, record.grant] };
    case "denial":
      return { ...state, denials: [...state.denials, record.denial] };
    case "file": {
      const { path, action, in_scope, rolled_back } = record;
      const file = { path, action, in_scope, rolled_back };
      return withProgress({ ...state, files: state.files.add(file) }, { files: state.progress.files.add(file) });
    }
    case "unplanned":
      return withProgress(state, { unplannedCommands: [...state.progress.unplannedCommands, record.command] });
    case "unsettled": {
      const { path, reason } = record;
      return withProgress(state, { unsettled: [...state.progress.unsettled, { path, reason }] });
    }
    case "changed_between":
      return withProgress(state, {
        changedBetween: union(state.progress.changedBetween, record.changed),
        ignoredWritten: union(state.progress.ignoredWritten, record.ignored),
      });
    case "ticket_report":
      return withProgress(state, { reports: { ...state.progress.reports, [record.ticket]: record.text } });
    case "command":
    case "checkpoint":
    case "shell":
    case "notice":
      return state;
  }
}

/** Messages of a conversation as they were recorded. */
export function messagesIn({ talk }: Pick<SessionState, "talk">, conversation: number): Kept<Message>[] {
  let messages: Kept<Message>[] = [];
  for (const one of talk) {
    if (one.conversation !== conversation) continue;
    if ("seed" in one) messages = one.seed.map((value) => ({ value, place: null }));
    else messages.push(one);
  }
  return messages;
}

/** First and last of the turns' own calls by conversation and stage, in their order. */
export function keyCalls({ calls }: SessionState): LedgerEntry[] {
  const byNumber = new Map(
    Object.values(calls).flatMap(({ first, last }) => [
      [first.number, first.entry] as const,
      [last.number, last.entry] as const,
    ]),
  );
  return [...byNumber].sort(([left], [right]) => left - right).map(([, entry]) => entry);
}

/** The last record of each route, in the order of the first ones. */
export function lastRoutes({ routes }: SessionState): (Kept<Route> & { id: string })[] {
  return [...new Map([...routes].map((route) => [route.id, route])).values()];
}
