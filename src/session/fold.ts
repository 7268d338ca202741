// From the records of a session to its state, one record at a time. Pure. What is large is kept as places of records
// and not as records, so that the state of a long session stays small enough to be written down beside it.

import { canonicalJson, sha256 } from "../util/canonical-json.ts";
import type { TouchedFile } from "../types/agent.ts";
import type { LedgerEntry } from "../types/ledger.ts";
import type { Message } from "../types/message.ts";
import type { Denial } from "../types/permission.ts";
import type { Approval, Stage, WorkflowEvent, WorkflowState } from "../types/plan.ts";
import type { ActiveSkill, Overrides } from "../types/route.ts";
import type { SessionHeader, StoredRecord } from "../types/session.ts";

/** Where a record is found again: an offset in the file, or an index in a list of records. */
export type Place = number;

/** The agent's rules for the workflow, and the state that a session begins in. */
export interface WorkflowRules {
  reduce(state: WorkflowState, event: WorkflowEvent): WorkflowState;
  initial: WorkflowState;
}

/** First and last of a run of calls, with their numbers in the order of all calls. */
interface CallRange {
  first: { number: number; entry: LedgerEntry };
  last: { number: number; entry: LedgerEntry };
}

/** The state so far. Everything in it survives `JSON` but the maps and sets, which `freeze` turns into lists. */
export interface Fold {
  /** Messages by conversation: seeds as they are, the others by their place. */
  conversations: Map<number, (Message | Place)[]>;
  conversationOf: Partial<Record<Stage, number>>;
  workflow: WorkflowState;
  overrides: Overrides;
  skill: ActiveSkill | null;
  grants: string[];
  /** The last record of each route, in the order of the first ones. */
  routes: Place[];
  /** Turns that a route other than a gate's served. */
  routedTurns: Set<number>;
  ledger: Place[];
  /** The turns' own calls, by conversation and stage. */
  calls: Map<string, CallRange>;
  files: TouchedFile[];
  planFiles: TouchedFile[];
  planSince: number;
  denials: Denial[];
  turns: number;
  lastModel: string | null;
  lastText: string;
  reports: Record<string, string>;
  openTurn: { turn: number; stage: Stage; ticket: string | null } | null;
  notices: string[];
  gateConversations: Set<number>;
  /** Calls that began to run and have no result yet, by id. */
  intents: Map<string, { turn: number; what: string }>;
  approvals: Approval[];
  /** Ticket and last assistant text of the last turn. */
  turnTicket: string | null;
  turnText: string;
  /** Index in `routes` by id. */
  routeIndexes: Map<string, number>;
}

export function emptyFold(initial: WorkflowState): Fold {
  return {
    conversations: new Map(),
    conversationOf: {},
    workflow: initial,
    overrides: { model: null, tier: null },
    skill: null,
    grants: [],
    routes: [],
    routedTurns: new Set(),
    ledger: [],
    calls: new Map(),
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
    gateConversations: new Set(),
    intents: new Map(),
    approvals: [],
    turnTicket: null,
    turnText: "",
    routeIndexes: new Map(),
  };
}

/** Planning and chatting share one conversation; a gate reply never becomes the one to go on with. */
function useConversation(fold: Fold, stage: Stage, id: number): void {
  if (fold.gateConversations.has(id) || stage === "gate") fold.conversationOf.gate = id;
  else if (stage === "execute") fold.conversationOf.execute = id;
  else {
    fold.conversationOf.plan = id;
    fold.conversationOf.chat = id;
  }
}

function addMessage(fold: Fold, conversation: number, message: Message, place: Place): void {
  const messages = fold.conversations.get(conversation);
  if (messages === undefined) fold.conversations.set(conversation, [place]);
  else messages.push(place);
  if (fold.openTurn !== null) useConversation(fold, fold.openTurn.stage, conversation);
  if (message.role === "tool") fold.intents.delete(message.callId);
  if (message.role !== "assistant") return;
  const text = message.content
    .flatMap((block) => (block.type === "text" ? [block.text] : []))
    .join("\n\n")
    .trim();
  if (text === "") return;
  fold.lastText = text;
  fold.turnText = text;
}

/** A file created and then changed was created; what was put back says so. */
function addFile(files: TouchedFile[], file: TouchedFile): void {
  const index = files.findIndex((one) => one.path === file.path);
  const before = files[index];
  if (before === undefined) files.push(file);
  else files[index] = before.action === "create" && file.action === "modify" ? { ...file, action: "create" } : file;
}

function addCall(fold: Fold, entry: LedgerEntry): void {
  if (entry.purpose !== "main") return;
  fold.lastModel = entry.model;
  const key = `${entry.conversation ?? `ticket ${entry.ticket ?? ""}`} ${entry.stage}`;
  const call = { number: fold.ledger.length, entry };
  const known = fold.calls.get(key);
  if (known === undefined) fold.calls.set(key, { first: call, last: call });
  else known.last = call;
}

/**
 * An approval counts in the session and workspace it was given in, and only with the record that a person's act wrote.
 */
function isOwnApproval(fold: Fold, header: SessionHeader, approval: Approval): boolean {
  const given = fold.approvals.some((one) => one.hash === approval.hash && one.plan_id === approval.plan_id);
  return given && approval.session_id === header.id && approval.workspace === header.workspace;
}

/** What was done for an earlier plan does not count for a new one. */
function beginPlan(fold: Fold): void {
  fold.reports = {};
  fold.planFiles = [];
  fold.planSince = fold.turns;
}

function applyWorkflow(fold: Fold, header: SessionHeader, event: WorkflowEvent, reduce: WorkflowRules["reduce"]): void {
  if (event.type === "plan_approved" && !isOwnApproval(fold, header, event.approval)) {
    if (header.forked_from === null)
      fold.notices.push(
        `the approval of plan ${event.approval.plan_id} in the session file was not given in this session and does not count`,
      );
    return;
  }
  if (event.type === "plan_stored" && sha256(canonicalJson(event.plan.content)) !== event.plan.hash) {
    fold.notices.push(
      `plan ${event.plan.id} in the session file was changed after its hash was made; it cannot be approved or run`,
    );
    fold.workflow = reduce(fold.workflow, { type: "stage_reset" });
    return;
  }
  if (event.type === "plan_approved" && fold.workflow.plan?.hash !== event.approval.hash) {
    // An earlier revision must not step in for the one that was approved and cannot be read.
    fold.notices.push(
      `the plan ${event.approval.plan_id} that was approved is missing from the session file or was changed; it does not run`,
    );
    fold.workflow = reduce(fold.workflow, { type: "stage_reset" });
    return;
  }
  if (event.type === "plan_stored" && event.plan.id !== fold.workflow.plan?.id) beginPlan(fold);
  if (event.type === "ticket_changed" && event.state === "done" && event.ticket === fold.turnTicket)
    fold.reports[event.ticket] = fold.turnText;
  fold.workflow = reduce(fold.workflow, event);
}

/** Takes one more record into the fold. */
export function addToFold(
  fold: Fold,
  header: SessionHeader,
  record: StoredRecord,
  place: Place,
  reduce: WorkflowRules["reduce"],
): void {
  switch (record.type) {
    case "turn_start":
      fold.openTurn = { turn: record.turn, stage: record.stage, ticket: record.ticket };
      fold.turns = Math.max(fold.turns, record.turn);
      fold.turnTicket = record.ticket;
      fold.turnText = "";
      break;
    case "turn_end":
      fold.openTurn = null;
      break;
    case "conversation":
      fold.conversations.set(record.id, [...record.seed]);
      if (record.reason === "gate") fold.gateConversations.add(record.id);
      if (record.reason === "handoff" || record.reason === "ticket") useConversation(fold, "execute", record.id);
      else useConversation(fold, fold.openTurn?.stage ?? fold.workflow.stage, record.id);
      break;
    case "message":
      addMessage(fold, record.conversation, record.message, place);
      break;
    case "tool_intent":
      fold.intents.set(record.call_id, { turn: record.turn, what: `${record.tool} (${record.summary})` });
      break;
    case "route": {
      if (record.route.stage !== "gate") fold.routedTurns.add(record.route.turn);
      const index = fold.routeIndexes.get(record.route.id);
      if (index === undefined) fold.routeIndexes.set(record.route.id, fold.routes.push(place) - 1);
      else fold.routes[index] = place;
      break;
    }
    case "workflow":
      applyWorkflow(fold, header, record.event, reduce);
      break;
    case "approval":
      fold.approvals.push(record.approval);
      break;
    case "cost":
      addCall(fold, record.entry);
      fold.ledger.push(place);
      break;
    case "overrides": {
      const { model, tier } = record.overrides;
      fold.overrides = { model: model?.from === "flag" ? null : model, tier: tier?.from === "flag" ? null : tier };
      break;
    }
    case "skill":
      fold.skill = record.skill;
      break;
    case "grant":
      if (!fold.grants.includes(record.rule)) fold.grants.push(record.rule);
      break;
    case "denial":
      fold.denials.push(record.denial);
      break;
    case "file": {
      const file = {
        path: record.path,
        action: record.action,
        in_scope: record.in_scope,
        rolled_back: record.rolled_back,
      };
      for (const files of [fold.files, fold.planFiles]) addFile(files, file);
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

type MapKey = "conversations" | "calls" | "intents" | "routeIndexes";
type SetKey = "routedTurns" | "gateConversations";

/** A fold as JSON takes it. */
export type FrozenFold = Omit<Fold, MapKey | SetKey> & {
  [Key in MapKey]: Fold[Key] extends Map<infer K, infer V> ? [K, V][] : never;
} & { [Key in SetKey]: number[] };

export function freeze(fold: Fold): FrozenFold {
  return {
    ...fold,
    conversations: [...fold.conversations],
    calls: [...fold.calls],
    intents: [...fold.intents],
    routeIndexes: [...fold.routeIndexes],
    routedTurns: [...fold.routedTurns],
    gateConversations: [...fold.gateConversations],
  };
}

export function thaw(frozen: FrozenFold): Fold {
  return {
    ...frozen,
    conversations: new Map(frozen.conversations),
    calls: new Map(frozen.calls),
    intents: new Map(frozen.intents),
    routedTurns: new Set(frozen.routedTurns),
    routeIndexes: new Map(frozen.routeIndexes),
    gateConversations: new Set(frozen.gateConversations),
  };
}

/** First and last of the turns' own calls by conversation and stage, in their order. */
export function keyCalls(fold: Fold): LedgerEntry[] {
  const calls = new Map(
    [...fold.calls.values()].flatMap(({ first, last }) => [
      [first.number, first.entry] as const,
      [last.number, last.entry] as const,
    ]),
  );
  return [...calls].sort(([left], [right]) => left - right).map(([, entry]) => entry);
}
