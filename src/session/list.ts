// Finds sessions: lists, ids, the latest of a workspace. Lists keep an index of summaries by size and time of each file,
// so that only what changed is read; the index is a cache and may vanish at any time.

import { closeSync, fstatSync, openSync, readFileSync, readSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { decodeLine, isJsonObject } from "../util/jsonl.ts";
import { readHolder } from "./holder.ts";
import { holderPath, idOfPath, matchesSessionId, sessionsDirectory, workspaceDirectory } from "./location.ts";
import { lastRecordTime, lastTimeIn, readSession, scanSession } from "./reader.ts";
import { isHeader } from "./record-shape.ts";
import { createSummarizer, isWork, SUMMARIZED, type RecordSummary } from "./summary.ts";
import type { SessionSummary } from "../types/session.ts";

interface LastUse {
  id: string;
  workspace: string;
  /** Time of the last record. */
  at: string;
}

const INDEX_VERSION = 2;
/** How much of a file's head and tail is looked at, before the whole of it. */
const PIECES = [4_096, 65_536];

interface IndexEntry {
  size: number;
  mtimeMs: number;
  /** null = the file is no readable session. */
  summary: RecordSummary | null;
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw new BmoError("usage", `the sessions cannot be listed: ${directory} (${code ?? "unknown error"})`, "Set BMO_HOME to a folder that you may read.", { cause: thrown });
  }
}

function sessionFiles(dataDirectory: string, workspace: string | undefined): string[] {
  const root = sessionsDirectory(dataDirectory);
  const folders = workspace === undefined ? entriesOf(root).map((name) => join(root, name)) : [workspaceDirectory(dataDirectory, workspace)];
  return folders.flatMap((folder) => entriesOf(folder).map((name) => join(folder, name))).filter((path) => idOfPath(path) !== null);
}

/** What was summarised before; anything unexpected in the file makes it an empty index. */
function readIndex(path: string): Map<string, IndexEntry> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (thrown) {
    if (thrown instanceof SyntaxError || systemErrorCode(thrown) !== undefined) return new Map();
    throw thrown;
  }
  if (!isJsonObject(value) || value["version"] !== INDEX_VERSION || !isJsonObject(value["files"])) return new Map();
  return new Map(Object.entries(value["files"]).flatMap(([file, entry]) => (isIndexEntry(entry) ? [[file, entry] as const] : [])));
}

function isIndexEntry(value: unknown): value is IndexEntry {
  return isJsonObject(value) && typeof value["size"] === "number" && typeof value["mtimeMs"] === "number" && (value["summary"] === null || isJsonObject(value["summary"]));
}

/** Best effort: a folder that cannot be written only costs the next list some time. */
function writeIndex(path: string, files: Map<string, IndexEntry>): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, JSON.stringify({ version: INDEX_VERSION, files: Object.fromEntries(files) }), { mode: 0o600 });
    renameSync(temporary, path);
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
    rmSync(temporary, { force: true });
  }
}

function summaryOf(path: string): RecordSummary | null {
  try {
    const summarizer = createSummarizer();
    const { header, bytes } = scanSession(path, SUMMARIZED, summarizer.add);
    return summarizer.summary(header, lastRecordTime(bytes));
  } catch (thrown) {
    if (thrown instanceof BmoError) return null;
    throw thrown;
  }
}

/** All sessions, or those of one workspace; latest first. Files that are no sessions are left out. */
export function listSessions(dataDirectory: string, filter: { workspace?: string } = {}): SessionSummary[] {
  const indexPath = join(sessionsDirectory(dataDirectory), "index.json");
  const index = readIndex(indexPath);
  let changed = false;
  const sessions: SessionSummary[] = [];
  const seen = new Set<string>();
  for (const path of sessionFiles(dataDirectory, filter.workspace)) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile()) continue;
    seen.add(path);
    let entry = index.get(path);
    if (entry === undefined || entry.size !== stat.size || entry.mtimeMs !== stat.mtimeMs) {
      entry = { size: stat.size, mtimeMs: stat.mtimeMs, summary: summaryOf(path) };
      index.set(path, entry);
      changed = true;
    }
    if (entry.summary === null) continue;
    sessions.push({ ...entry.summary, held_by: readHolder(holderPath(path)), path });
  }
  if (filter.workspace === undefined) {
    for (const path of index.keys()) {
      if (!seen.has(path)) changed = index.delete(path);
    }
  }
  if (changed) writeIndex(indexPath, index);
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
  if (found.length > 1) throw new BmoError("usage", `${wanted} fits ${found.length} sessions: ${found.map(({ id }) => id).sort().join(", ")}`, "Give more of the id.");
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
    return at !== undefined && records.some((record) => isWork(record.type)) ? { id: header.id, workspace: header.workspace, at } : null;
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
 * The session of exactly this workspace whose last record is latest, not counting those that hold commands only; null when
 * there is none. `heldBy` is the pid of a live process that has it.
 */
export function latestSession(dataDirectory: string, workspace: string): { id: string; path: string; heldBy: number | null } | null {
  let latest: { id: string; path: string; at: string } | null = null;
  for (const path of sessionFiles(dataDirectory, workspace)) {
    const use = lastUse(path);
    if (use === null || use.workspace !== workspace) continue;
    if (latest === null || compare(use.at, latest.at) > 0 || (use.at === latest.at && use.id > latest.id)) latest = { id: use.id, path, at: use.at };
  }
  return latest === null ? null : { id: latest.id, path: latest.path, heldBy: readHolder(holderPath(latest.path)) };
}
