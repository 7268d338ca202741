// The state at the end of a session file: from its index where that one holds, else from its records; and the index
// that a resting session writes.

import { openLines, type FileLines } from "./file-lines.ts";
import { messageAt } from "./file-source.ts";
import { readIndexBody, stampOf, writeIndex } from "./index-file.ts";
import { isOfTornEnd } from "./reader.ts";
import { foldSession } from "./replay.ts";
import { lastRoutes, type Opened, type Place, type Said, type SessionState } from "./state.ts";
import { summaryOf } from "./summary.ts";
import { Sequence } from "../util/sequence.ts";
import type { RestingLog } from "./log.ts";
import type { TouchedFile } from "../types/agent.ts";
import type { Message } from "../types/message.ts";
import type { SessionHeader } from "../types/session.ts";

export interface Resumed {
  header: SessionHeader;
  /** Bytes of the file, all of them whole lines. */
  length: number;
  nextSeq: number;
  state: SessionState;
  /** What the reader had to say. */
  notices: string[];
}

type Large = "talk" | "routes" | "routedTurns" | "ledger";

/** A state as JSON takes it: what is large stays in the session file and is named by its place. */
export type FrozenState = Omit<SessionState, Large | "files" | "progress"> & {
  files: TouchedFile[];
  progress: Omit<SessionState["progress"], "files"> & { files: TouchedFile[] };
  /** By conversation. */
  talk: [conversation: number, messages: (Message | Place)[]][];
  routes: { id: string; place: Place }[];
  routedTurns: number[];
  ledger: Place[];
};

/** All messages by conversation, of one that was opened again those after that. */
function byConversation({ talk }: SessionState): Map<number, (Message | Place)[]> {
  const conversations = new Map<number, (Message | Place)[]>();
  for (const one of talk) {
    const known = conversations.get(one.conversation);
    if ("seed" in one) conversations.set(one.conversation, [...one.seed]);
    else if (one.place !== null && known === undefined) conversations.set(one.conversation, [one.place]);
    else if (one.place !== null) known?.push(one.place);
  }
  return conversations;
}

export function freeze(state: SessionState): FrozenState {
  return {
    ...state,
    talk: [...byConversation(state)],
    routes: lastRoutes(state).flatMap(({ id, place }) => (place === null ? [] : [{ id, place }])),
    routedTurns: state.routedTurns.toArray(),
    ledger: [...state.ledger].flatMap(({ place }) => place ?? []),
    files: state.files.toArray(),
    progress: { ...state.progress, files: state.progress.files.toArray() },
  };
}

/** @throws SyntaxError where a message is not at its place. */
function thaw(frozen: FrozenState, lines: FileLines): SessionState {
  const talk = frozen.talk.flatMap(([conversation, messages]): (Opened | Said)[] => {
    const seed = messages.filter((one) => typeof one !== "number");
    const places = messages.filter((one) => typeof one === "number");
    const said = places.map((place) => ({ conversation, value: messageAt(lines, place), place }));
    return [{ conversation, seed }, ...said];
  });
  return {
    ...frozen,
    talk: Sequence.of(talk),
    routes: Sequence.of(frozen.routes.map((route) => ({ ...route, value: null }))),
    routedTurns: Sequence.of(frozen.routedTurns),
    ledger: Sequence.of(frozen.ledger.map((place) => ({ value: null, place }))),
    files: Sequence.of(frozen.files),
    progress: { ...frozen.progress, files: Sequence.of(frozen.progress.files) },
  };
}

/** Writes the index of a session each time that it rests. @param notices what the reader had to say of the file. */
export function createIndexKeeper(
  path: string,
  header: SessionHeader,
  notices: string[],
): (resting: RestingLog) => void {
  return ({ state, length, nextSeq, lastAt }) => {
    const stamp = stampOf(path);
    if (stamp === null) return;
    const summary = summaryOf(state, header.created_at, lastAt);
    writeIndex(path, { stamp, summary }, { stamp, header, notices, length, nextSeq, state: freeze(state) });
  };
}

/** Null where there is no index that holds for the file as it is. */
export function resumeFromIndex(path: string): Resumed | null {
  const stamp = stampOf(path);
  const body = stamp === null ? null : readIndexBody(path, stamp);
  if (body === null) return null;
  const { header, length, nextSeq, notices } = body;
  const lines = openLines(path);
  try {
    return { header, length, nextSeq, notices, state: thaw(body.state, lines) };
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    throw thrown;
  } finally {
    lines.close();
  }
}

/** @param mendEnd makes the file end with a whole line; the new length */
export function resumeFromRecords(
  path: string,
  mendEnd: (path: string, wholeLength: number, endMissing: boolean) => number,
): Resumed {
  const { header, notices, wholeLength, endMissing, nextSeq, state } = foldSession(path, null);
  return { header, length: mendEnd(path, wholeLength, endMissing), nextSeq, state, notices };
}

/** Of what the reader had to say, what still holds once the session is continued. */
export function lastingNotices(notices: readonly string[]): string[] {
  return notices.filter((notice) => !isOfTornEnd(notice));
}
