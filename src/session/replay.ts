// From the records of a session to what an agent needs to go on with it. Pure: the same records give the same state.

import { onceOnly } from "../util/once-only.ts";
import { addToFold, emptyFold, keyCalls, type Fold, type Place, type WorkflowRules } from "./fold.ts";
import { repairConversation } from "./repair.ts";
import { transcriptOf } from "./transcript.ts";
import type { AgentEvent } from "../types/event.ts";
import type { LedgerEntry } from "../types/ledger.ts";
import type { Message } from "../types/message.ts";
import type { WorkflowState } from "../types/plan.ts";
import type { Route } from "../types/route.ts";
import type { RestoredSession, SessionHeader, StoredRecord } from "../types/session.ts";

export interface ReplayedSession extends RestoredSession {
  /** The turn that was interrupted, or null. */
  openTurn: Fold["openTurn"];
  /** What the user should know: the interruption, calls whose effects are unknown, an approval that does not count. */
  notices: string[];
  transcript: AgentEvent[];
}

/** Finds records again. `routes` and `ledger` are asked for at most once, and only where somebody looks at them. */
export interface RecordSource {
  message(place: Place): Message;
  routes(places: readonly Place[]): Route[];
  ledger(places: readonly Place[]): LedgerEntry[];
  transcript(): AgentEvent[];
}

/** What a fold means once nothing more comes: an interrupted turn is closed, every call has its result. */
export function restore(fold: Fold, source: RecordSource, reduce: WorkflowRules["reduce"]): ReplayedSession {
  const { openTurn, intents } = fold;
  const notices = [...fold.notices];
  const started = new Set(intents.keys());
  const conversations = new Map<number, Message[]>();
  for (const [id, messages] of fold.conversations)
    conversations.set(
      id,
      repairConversation(
        messages.map((one) => (typeof one === "number" ? source.message(one) : one)),
        started,
      ),
    );
  if (openTurn !== null) notices.push(`turn ${openTurn.turn} was interrupted before its end`);
  for (const { turn, what } of intents.values())
    if (turn === openTurn?.turn)
      notices.push(`${what} was running when the session was interrupted; what it did is unknown`);
  // The fold may go on while nobody has looked yet: what was there now is what is looked at.
  const [routePlaces, entryPlaces] = [[...fold.routes], [...fold.ledger]];
  const [routes, ledger, transcript] = [
    onceOnly(() => source.routes(routePlaces)),
    onceOnly(() => source.ledger(entryPlaces)),
    onceOnly(() => source.transcript()),
  ];
  return {
    conversations,
    conversationOf: { ...fold.conversationOf },
    // Nothing executes while a session is only being read.
    workflow:
      fold.workflow.stage === "execute" ? reduce(fold.workflow, { type: "execution_interrupted" }) : fold.workflow,
    overrides: fold.overrides,
    skill: fold.skill,
    grants: [...fold.grants],
    get routes() {
      return routes();
    },
    routedTurns: [...fold.routedTurns],
    get ledger() {
      return ledger();
    },
    keyCalls: keyCalls(fold),
    files: [...fold.files],
    planFiles: [...fold.planFiles],
    planSince: fold.planSince,
    denials: [...fold.denials],
    turns: fold.turns,
    lastModel: fold.lastModel,
    lastText: fold.lastText,
    reports: { ...fold.reports },
    openTurn,
    notices,
    get transcript() {
      return transcript();
    },
  };
}

/** `reduceWorkflow` and `initial` come from the agent, which owns the workflow. */
export function replay(
  header: SessionHeader,
  records: readonly StoredRecord[],
  reduceWorkflow: WorkflowRules["reduce"],
  initial: WorkflowState,
): ReplayedSession {
  const fold = emptyFold(initial);
  for (const [place, record] of records.entries()) addToFold(fold, header, record, place, reduceWorkflow);
  return restore(fold, listSource(records), reduceWorkflow);
}

function listSource(records: readonly StoredRecord[]): RecordSource {
  return {
    message(place) {
      const record = records[place];
      if (record?.type !== "message") throw new Error(`there is no message at ${place}`);
      return record.message;
    },
    routes: (places) => places.flatMap((place) => (records[place]?.type === "route" ? [records[place].route] : [])),
    ledger: (places) => places.flatMap((place) => (records[place]?.type === "cost" ? [records[place].entry] : [])),
    transcript: () => transcriptOf(records),
  };
}
