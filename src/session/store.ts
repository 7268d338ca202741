// Creates, opens, copies and removes session files. Finding them is in list.ts, what their records mean in state.ts.

import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { encodeLine } from "../util/jsonl.ts";
import { heldError, startLog, storageError, type LogOptions, type SessionLog } from "./log.ts";
import { readHolder, releaseHolder, takeHolder } from "./holder.ts";
import { holderPath, sessionId, sessionPath, workspaceDirectory } from "./location.ts";
import { removeIndex } from "./index-file.ts";
import { readSession, readSessionHeader } from "./reader.ts";
import { noticesOf, replay } from "./replay.ts";
import { createIndexKeeper, lastingNotices, resumeFromIndex, resumeFromRecords } from "./resume.ts";
import { initialSession } from "./state.ts";
import { transcriptOf } from "./transcript.ts";
import type { AgentEvent } from "../types/event.ts";
import type { SessionHeader, StoredRecord } from "../types/session.ts";

export interface CreateSessionInput extends LogOptions {
  dataDirectory: string;
  /** Real path. */
  workspace: string;
  forkedFrom?: string | null;
}

/** The folder of a workspace's sessions, made where missing. @throws BmoError usage when it cannot be written. */
function prepareDirectory(dataDirectory: string, workspace: string): string {
  const directory = workspaceDirectory(dataDirectory, workspace);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (thrown) {
    throw storageError(thrown, directory);
  }
  return directory;
}

function newHeader(input: CreateSessionInput): SessionHeader {
  const now = input.now();
  return {
    type: "session",
    version: 1,
    id: sessionId(now, randomBytes(3).toString("hex")),
    workspace: input.workspace,
    created_at: now.toISOString(),
    forked_from: input.forkedFrom ?? null,
  };
}

/**
 * A new session. Its file appears with the first record.
 * @throws BmoError usage (exit 2) when the data directory cannot be written.
 */
export function createSession(input: CreateSessionInput): SessionLog {
  const directory = prepareDirectory(input.dataDirectory, input.workspace);
  const header = newHeader(input);
  const path = sessionPath(directory, header.id);
  const state = initialSession(header);
  const onRest = createIndexKeeper(path, header, []);
  return startLog({ path, id: header.id, header, length: 0, nextSeq: 1, state, onRest }, input);
}

export interface OpenedSession {
  log: SessionLog;
  header: SessionHeader;
  records: StoredRecord[];
  notices: string[];
}

/** Cuts off a torn end and closes the last line, so that the next record begins on its own line. */
function mendEnd(path: string, wholeLength: number, endMissing: boolean): number {
  const descriptor = openSync(path, "r+");
  try {
    ftruncateSync(descriptor, wholeLength);
    if (!endMissing) return wholeLength;
    writeSync(descriptor, "\n", wholeLength);
    return wholeLength + 1;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Runs `open` while no other process can have the session; the lock stays unless it throws. @throws BmoError usage when
 * a live process has it.
 */
function underLock<Opened>(path: string, open: () => Opened): Opened {
  const holder = holderPath(path);
  const { id } = readSessionHeader(path);
  let held: number | null;
  try {
    held = takeHolder(holder);
  } catch (thrown) {
    throw storageError(thrown, path);
  }
  if (held !== null) throw heldError(id, held);
  try {
    // Read under the lock: a process that has just ended may have written until now.
    return open();
  } catch (thrown) {
    releaseHolder(holder);
    throw thrown instanceof Error && "syscall" in thrown ? storageError(thrown, path) : thrown;
  }
}

/** Only where they differ: a change of bits is one of the file, after which nothing that is known of it counts. */
function closeToOthers(path: string): void {
  if ((statSync(path).mode & 0o7777) !== 0o600) chmodSync(path, 0o600);
}

/**
 * Opens a session to go on with it; until `log.close()` no other process can.
 * @throws BmoError usage when a live process holds it, when it is no session, or when it cannot be written.
 */
export function openSession(path: string, options: LogOptions): OpenedSession {
  return underLock(path, () => {
    const { header, records, notices, wholeLength, endMissing, nextSeq } = readSession(path);
    const length = mendEnd(path, wholeLength, endMissing);
    closeToOthers(path);
    const { state } = replay(header, records);
    const onRest = (): void => undefined;
    return {
      log: startLog({ path, id: header.id, header: null, length, nextSeq, state, onRest }, options),
      header,
      records,
      notices,
    };
  });
}

export interface ResumedSession {
  log: SessionLog;
  header: SessionHeader;
  /** What was left out of the file, and what the user should know of its end. */
  notices: string[];
  /** The events that show the session as it was. */
  transcript(): AgentEvent[];
}

/**
 * As `openSession`, with the state at the session's end. What its index knows is not read again.
 * @throws BmoError as `openSession`.
 */
export function resumeSession(path: string, options: LogOptions): ResumedSession {
  return underLock(path, () => {
    accessSync(path, constants.R_OK | constants.W_OK);
    closeToOthers(path);
    const { header, length, nextSeq, state, notices } = resumeFromIndex(path) ?? resumeFromRecords(path, mendEnd);
    const onRest = createIndexKeeper(path, header, lastingNotices(notices));
    return {
      log: startLog({ path, id: header.id, header: null, length, nextSeq, state, onRest }, options),
      header,
      notices: [...notices, ...noticesOf(state)],
      transcript: () => transcriptOf(readSession(path).records),
    };
  });
}

/** What a copy does not take over: consent was given to the session it was given in. */
function isConsent(record: StoredRecord): boolean {
  return record.type === "approval" || record.type === "grant";
}

/**
 * Copies a session, held or not, and opens the copy. The copy carries no consent: an approved plan awaits approval
 * again.
 * @throws BmoError usage as `readSession`, or when the data directory cannot be written.
 */
export function forkSession(path: string, input: Omit<CreateSessionInput, "workspace" | "forkedFrom">): OpenedSession {
  const copy = copySession(path, input);
  const opened = openSession(copy.path, input);
  return { ...opened, notices: [...copy.notices, ...opened.notices] };
}

/** As `forkSession`, without opening the copy. */
export function copySession(
  path: string,
  input: Omit<CreateSessionInput, "workspace" | "forkedFrom">,
): { path: string; notices: string[] } {
  const original = readSession(path);
  const { workspace } = original.header;
  const directory = prepareDirectory(input.dataDirectory, workspace);
  const header = newHeader({ ...input, workspace, forkedFrom: original.header.id });
  const kept = original.records.filter((record) => !isConsent(record));
  const lines = [
    encodeLine({ seq: 0, at: header.created_at, ...header }),
    ...kept.map((record, index) => encodeLine({ ...record, seq: index + 1 })),
  ];
  if (replay(original.header, original.records).state.workflow.approval !== null) {
    lines.push(
      encodeLine({
        seq: kept.length + 1,
        at: header.created_at,
        type: "workflow",
        event: { type: "revision_requested", by: "user" },
      }),
    );
  }
  const copy = sessionPath(directory, header.id);
  try {
    writeFileSync(copy, lines.join(""), { flag: "wx", mode: 0o600 });
  } catch (thrown) {
    rmSync(copy, { force: true });
    throw storageError(thrown, copy);
  }
  return { path: copy, notices: original.notices };
}

/**
 * Removes a session and what lies beside it under its id (log, lock, pre-images, index). @throws BmoError usage while a
 * live process holds it.
 */
export function removeSession(path: string): void {
  const id = basename(path, ".jsonl");
  const held = readHolder(holderPath(path));
  if (held !== null) throw heldError(id, held);
  const directory = dirname(path);
  removeIndex(path);
  try {
    for (const name of readdirSync(directory))
      if (name === id || name.startsWith(`${id}.`)) rmSync(join(directory, name), { recursive: true, force: true });
  } catch (thrown) {
    throw storageError(thrown, path);
  }
}
