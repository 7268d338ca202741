// Finds sessions: lists, ids, the latest of a workspace. What a list says of a session is kept in its index, so that
// only what changed is read.

import { closeSync, fstatSync, openSync, readSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { decodeLine } from "../util/jsonl.ts";
import { readHolder } from "./holder.ts";
import { readIndexHead, stampOf, sweepIndex, writeIndex } from "./index-file.ts";
import { holderPath, idOfPath, matchesSessionId, sessionsDirectory, workspaceDirectory } from "./location.ts";
import { lastRecordTime, lastTimeIn, readSession } from "./reader.ts";
import { isHeader } from "./record-shape.ts";
import { foldSession } from "./replay.ts";
import { isWork, SUMMARIZED, summaryOf, type RecordSummary } from "./summary.ts";
import type { SessionSummary } from "../types/session.ts";

interface LastUse {
  id: string;
  workspace: string;
  /** Time of the last record. */
  at: string;
}

/** How much of a file's head and tail is looked at, before the whole of it. */
const PIECES = [4_096, 65_536];

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw new BmoError(
      "usage",
      `the sessions cannot be listed: ${directory} (${code ?? "unknown error"})`,
      "Set BMO_HOME to a folder that you may read.",
      { cause: thrown },
    );
  }
}

function sessionFiles(dataDirectory: string, workspace: string | undefined): string[] {
  const root = sessionsDirectory(dataDirectory);
  const folders =
    workspace === undefined
      ? entriesOf(root).map((name) => join(root, name))
      : [workspaceDirectory(dataDirectory, workspace)];
  return folders
    .flatMap((folder) => entriesOf(folder).map((name) => join(folder, name)))
    .filter((path) => idOfPath(path) !== null);
}

function readSummary(path: string): RecordSummary | null {
  try {
    const { header, bytes, state } = foldSession(path, SUMMARIZED);
    return summaryOf(state, header.created_at, lastRecordTime(bytes));
  } catch (thrown) {
    if (thrown instanceof BmoError) return null;
    throw thrown;
  }
}

/**
 * The summary that is kept for the file as it is, or a new one, kept unless somebody is writing. Null = no session of
 * ours.
 */
function keptSummary(path: string, heldBy: number | null): RecordSummary | null {
  const stamp = stampOf(path);
  const head = stamp === null ? null : readIndexHead(path, stamp);
  if (head !== null) return head.summary;
  const summary = readSummary(path);
  if (heldBy === null && stamp !== null && stamp === stampOf(path)) writeIndex(path, { stamp, summary }, null);
  return summary;
}

/** All sessions, or those of one workspace; latest first. Files that are no sessions are left out. */
export function listSessions(dataDirectory: string, filter: { workspace?: string } = {}): SessionSummary[] {
  const paths = sessionFiles(dataDirectory, filter.workspace).filter(
    (path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true,
  );
  const sessions = paths.flatMap((path): SessionSummary[] => {
    const heldBy = readHolder(holderPath(path));
    const summary = keptSummary(path, heldBy);
    return summary === null ? [] : [{ ...summary, held_by: heldBy, path }];
  });
  if (filter.workspace === undefined) sweepIndex(sessionsDirectory(dataDirectory), paths);
  return sessions.sort((left, right) => compare(right.updated_at, left.updated_at) || compare(right.id, left.id));
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The session with that id, id beginning or id ending. @throws BmoError usage when there is none, or more than one. */
export function findSession(dataDirectory: string, wanted: string): { id: string; path: string } {
  const found = sessionFiles(dataDirectory, undefined).flatMap((path) => {
    const id = idOfPath(path) ?? "";
    return wanted !== "" && matchesSessionId(id, wanted) ? [{ id, path }] : [];
  });
  const [only] = found;
  if (only === undefined) throw new BmoError("usage", `there is no session ${wanted}`, "`bmo sessions` lists them.");
  if (found.length > 1)
    throw new BmoError(
      "usage",
      `${wanted} fits ${found.length} sessions: ${found
        .map(({ id }) => id)
        .sort()
        .join(", ")}`,
      "Give more of the id.",
    );
  return only;
}

/** Reads a piece of a file as text; characters cut at its borders do no harm to whole lines inside. */
function readPiece(descriptor: number, start: number, length: number): string {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const count = readSync(descriptor, bytes, filled, length - filled, start + filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.toString("utf8", 0, filled);
}

/** The same as `lastUse`, from the whole file. */
function readUse(path: string): LastUse | null {
  try {
    const { header, records } = readSession(path);
    const at = records.at(-1)?.at;
    return at !== undefined && records.some((record) => isWork(record.type))
      ? { id: header.id, workspace: header.workspace, at }
      : null;
  } catch (thrown) {
    if (thrown instanceof BmoError) return null;
    throw thrown;
  }
}

/** Id, time of the last record, and whether it holds work; from head and tail where these suffice. */
function lastUse(path: string): LastUse | null {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return null;
  const descriptor = openSync(path, "r");
  try {
    const { size } = fstatSync(descriptor);
    for (const length of PIECES) {
      const piece = Math.min(size, length);
      const head = readPiece(descriptor, 0, piece).split("\n");
      const header = decodeLine(head[0] ?? "");
      const worked = head.slice(1).some((line) => {
        const type = decodeLine(line)?.["type"];
        return typeof type === "string" && isWork(type);
      });
      const at = lastTimeIn(readPiece(descriptor, size - piece, piece));
      if (isHeader(header) && worked && at !== null) return { id: header.id, workspace: header.workspace, at };
    }
  } finally {
    closeSync(descriptor);
  }
  return readUse(path);
}

/**
 * The session of exactly this workspace whose last record is latest, not counting those that hold commands only; null
 * when there is none. `heldBy` is the pid of a live process that has it.
 */
export function latestSession(
  dataDirectory: string,
  workspace: string,
): { id: string; path: string; heldBy: number | null } | null {
  let latest: { id: string; path: string; at: string } | null = null;
  for (const path of sessionFiles(dataDirectory, workspace)) {
    const use = lastUse(path);
    if (use === null || use.workspace !== workspace) continue;
    if (latest === null || compare(use.at, latest.at) > 0 || (use.at === latest.at && use.id > latest.id))
      latest = { id: use.id, path, at: use.at };
  }
  return latest === null ? null : { id: latest.id, path: latest.path, heldBy: readHolder(holderPath(latest.path)) };
}
