// The state at the end of a session file: from its index where that one holds, else from its records; and the index
// kept up to date while the session goes on.

import { isDeepStrictEqual } from "node:util";
import { addToFold, emptyFold, freeze, thaw, type Fold, type Place, type WorkflowRules } from "./fold.ts";
import { openLines, type FileLines } from "./file-lines.ts";
import { readIndexBody, stampOf, writeIndex } from "./index-file.ts";
import { isOfTornEnd, readSession, scanSession } from "./reader.ts";
import { isStoredRecord } from "./record-shape.ts";
import { restore, type RecordSource, type ReplayedSession } from "./replay.ts";
import { createSummarizer, type Summarizer } from "./summary.ts";
import { transcriptOf } from "./transcript.ts";
import type { LogFollower } from "./log.ts";
import type { Message } from "../types/message.ts";
import type { SessionHeader, StoredRecord } from "../types/session.ts";

export interface Resumed {
  header: SessionHeader;
  /** Bytes of the file, all of them whole lines. */
  length: number;
  nextSeq: number;
  restored: ReplayedSession;
  notices: string[];
  keeper: LogFollower;
}

const NEWLINE = 0x0a;
/** A message's line as the log writes it: numbers and the type, the message, the seal. */
const MESSAGE_MEMBER = ',"message":';
const SEAL_MEMBER = ',"sum":"';
const MEMBERS_BEFORE = 160;

/** Records of a file by the offsets of their lines. @param given its bytes, where they were read already */
function fileSource(path: string, given: Buffer | null): RecordSource & { release(): void } {
  let bytes = given;
  let lines: FileLines | null = null;
  const lineAt = (place: Place): string => {
    if (bytes !== null) return bytes.toString("utf8", place, bytes.indexOf(NEWLINE, place));
    lines ??= openLines(path);
    return lines.lineAt(place);
  };
  const release = (): void => {
    bytes = null;
    lines?.close();
    lines = null;
  };
  const recordAt = (place: Place): StoredRecord => {
    const value: unknown = JSON.parse(lineAt(place));
    if (!isStoredRecord(value)) throw new SyntaxError(`there is no record at ${place}`);
    return value;
  };
  const all = (places: readonly Place[]): StoredRecord[] => {
    try {
      return places.map(recordAt);
    } finally {
      release();
    }
  };
  return {
    message(place) {
      const line = lineAt(place);
      const begin = line.indexOf(MESSAGE_MEMBER);
      const end = line.lastIndexOf(SEAL_MEMBER);
      // The line was checked when its place was noted, and the file is the same: its message alone is decoded.
      const alone =
        begin === -1 || begin > MEMBERS_BEFORE ? null : parsedMessage(line.slice(begin + MESSAGE_MEMBER.length, end));
      return alone ?? messageOf(recordAt(place));
    },
    routes: (places) => all(places).flatMap((record) => (record.type === "route" ? [record.route] : [])),
    ledger: (places) => all(places).flatMap((record) => (record.type === "cost" ? [record.entry] : [])),
    transcript: () => transcriptOf(readSession(path).records),
    release,
  };
}

/** Null where more than the message stands there: the line was written in another order. */
function parsedMessage(text: string): Message | null {
  try {
    return JSON.parse(text) as Message;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

function messageOf(record: StoredRecord): Message {
  if (record.type !== "message") throw new SyntaxError("this record is no message");
  return record.message;
}

interface Kept {
  header: SessionHeader;
  notices: string[];
  rules: WorkflowRules;
  fold: Fold;
  summarizer: Summarizer;
  lastAt: string | null;
}

function keeperOf(path: string, kept: Kept): LogFollower {
  let changed = false;
  return {
    add(record, place) {
      changed = true;
      kept.lastAt = record.at;
      kept.summarizer.add(record);
      addToFold(kept.fold, kept.header, record, place, kept.rules.reduce);
    },
    rest(length, nextSeq) {
      const stamp = changed ? stampOf(path) : null;
      if (stamp === null) return;
      changed = false;
      writeIndex(
        path,
        { stamp, summary: kept.summarizer.summary(kept.header, kept.lastAt) },
        {
          stamp,
          header: kept.header,
          notices: kept.notices,
          length,
          nextSeq,
          initial: kept.rules.initial,
          fold: freeze(kept.fold),
          summarizer: kept.summarizer.freeze(),
        },
      );
    },
  };
}

/** Keeps the index of a session that begins. */
export function createIndexKeeper(path: string, header: SessionHeader, rules: WorkflowRules): LogFollower {
  return keeperOf(path, {
    header,
    notices: [],
    rules,
    fold: emptyFold(rules.initial),
    summarizer: createSummarizer(),
    lastAt: null,
  });
}

/** Null where there is no index that holds for the file as it is. */
export function resumeFromIndex(path: string, rules: WorkflowRules): Resumed | null {
  const stamp = stampOf(path);
  const body = stamp === null ? null : readIndexBody(path, stamp);
  if (body === null || !isDeepStrictEqual(body.initial, rules.initial)) return null;
  const { header, length, nextSeq, notices } = body;
  const fold = thaw(body.fold);
  const source = fileSource(path, null);
  let restored: ReplayedSession;
  try {
    restored = restore(fold, source, rules.reduce);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    throw thrown;
  } finally {
    source.release();
  }
  return {
    header,
    length,
    nextSeq,
    notices,
    restored,
    keeper: keeperOf(path, {
      header,
      notices,
      rules,
      fold,
      summarizer: createSummarizer(body.summarizer),
      lastAt: null,
    }),
  };
}

/** @param mendEnd makes the file end with a whole line; the new length */
export function resumeFromRecords(
  path: string,
  rules: WorkflowRules,
  mendEnd: (path: string, wholeLength: number, endMissing: boolean) => number,
): Resumed {
  const fold = emptyFold(rules.initial);
  const summarizer = createSummarizer();
  let lastAt: string | null = null;
  const { header, notices, wholeLength, endMissing, nextSeq, bytes } = scanSession(path, null, (record, place, own) => {
    lastAt = record.at;
    summarizer.add(record);
    addToFold(fold, own, record, place, rules.reduce);
  });
  const length = mendEnd(path, wholeLength, endMissing);
  const source = fileSource(path, bytes);
  const restored = restore(fold, source, rules.reduce);
  source.release();
  const lasting = notices.filter((notice) => !isOfTornEnd(notice));
  return {
    header,
    length,
    nextSeq,
    notices,
    restored,
    keeper: keeperOf(path, { header, notices: lasting, rules, fold, summarizer, lastAt }),
  };
}
