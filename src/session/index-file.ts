// What is known of a session file without reading it: its summary, and the state at its end. A cache: it counts only
// while the file is the very one it was made from, and only where this user's bmo wrote it; else it is made again from
// the file.

import { createHmac, hash, randomBytes, timingSafeEqual } from "node:crypto";
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { isJsonObject } from "../util/jsonl.ts";
import { systemErrorCode } from "../util/errors.ts";
import type { FrozenState } from "./resume.ts";
import type { RecordSummary } from "./summary.ts";
import type { SessionHeader } from "../types/session.ts";

const VERSION = 2;
const PIECE = 4_096;
const KEY_BYTES = 32;
const KEY_NAME = "key";

/** The first line: what a list shows. `summary` null = the file is no readable session. */
export interface IndexHead {
  /** Tells the file it was made from. */
  stamp: string;
  summary: RecordSummary | null;
}

/** The second line: what it takes to go on without reading the records again. */
export interface IndexBody {
  stamp: string;
  header: SessionHeader;
  /** What the reader had to say. */
  notices: string[];
  /** Bytes of the file, all of them whole lines. */
  length: number;
  nextSeq: number;
  state: FrozenState;
}

function indexFolder(sessionPath: string): string {
  return join(dirname(dirname(sessionPath)), "index");
}

function indexPath(sessionPath: string): string {
  return join(indexFolder(sessionPath), basename(sessionPath, ".jsonl"));
}

function quietly<Value>(work: () => Value): Value | null {
  try {
    return work();
  } catch (thrown) {
    // Best effort: what cannot be read or written only costs time.
    if (systemErrorCode(thrown) !== undefined || thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

function readPiece(descriptor: number, start: number): Buffer {
  const bytes = Buffer.alloc(PIECE);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, PIECE, start));
}

/**
 * Which file stands at the path, and in which state: identity, size, times in nanoseconds, digest of head and tail.
 * Null where none can be read.
 */
export function stampOf(sessionPath: string): string | null {
  return quietly(() => {
    const descriptor = openSync(sessionPath, "r");
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = fstatSync(descriptor, { bigint: true });
      const ends = Buffer.concat([readPiece(descriptor, 0), readPiece(descriptor, Math.max(0, Number(size) - PIECE))]);
      return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs} ${hash("sha256", ends, "hex").slice(0, 32)}`;
    } finally {
      closeSync(descriptor);
    }
  });
}

const keys = new Map<string, Buffer>();

/** The key that tells an index of ours from any other; only this user can read it. */
function keyOf(folder: string, make: boolean): Buffer | null {
  const known = keys.get(folder);
  if (known !== undefined) return known;
  const path = join(folder, KEY_NAME);
  const read = (): Buffer | null => quietly(() => readFileSync(path));
  let key = read();
  if (make && key?.length !== KEY_BYTES) {
    quietly(() => mkdirSync(folder, { recursive: true, mode: 0o700 }));
    quietly(() => rmSync(path, { force: true }));
    quietly(() => writeFileSync(path, randomBytes(KEY_BYTES), { flag: "wx", mode: 0o600 }));
    key = read();
  }
  if (key === null || key.length !== KEY_BYTES) return null;
  keys.set(folder, key);
  return key;
}

function seal(key: Buffer, name: string, text: string): string {
  return createHmac("sha256", key).update(`${name}\n${text}`).digest("hex");
}

function sealedLine(key: Buffer, name: string, value: object): string {
  const text = JSON.stringify({ version: VERSION, ...value });
  return `${seal(key, name, text)} ${text}\n`;
}

function openLine(key: Buffer, name: string, line: string | undefined): object | null {
  const [, given = "", text = ""] = /^([0-9a-f]{64}) (.*)$/s.exec(line ?? "") ?? [];
  if (given === "" || !timingSafeEqual(Buffer.from(given), Buffer.from(seal(key, name, text)))) return null;
  const value: unknown = quietly((): unknown => JSON.parse(text));
  return isJsonObject(value) && value["version"] === VERSION ? value : null;
}

function readLines(sessionPath: string): { lines: string[]; key: Buffer; name: string } | null {
  const key = keyOf(indexFolder(sessionPath), false);
  const text = key === null ? null : quietly(() => readFileSync(indexPath(sessionPath), "utf8"));
  return key === null || text === null ? null : { lines: text.split("\n"), key, name: basename(sessionPath) };
}

/** The summary kept for a file in exactly this state; null where there is none. */
export function readIndexHead(sessionPath: string, stamp: string): IndexHead | null {
  const found = readLines(sessionPath);
  // Sealed by this user's own bmo: its shape is the one that was written.
  const head = found === null ? null : (openLine(found.key, `${found.name} head`, found.lines[0]) as IndexHead | null);
  return head !== null && head.stamp === stamp ? head : null;
}

/** The state kept for a file in exactly this state; null where there is none. */
export function readIndexBody(sessionPath: string, stamp: string): IndexBody | null {
  const found = readLines(sessionPath);
  const body = found === null ? null : (openLine(found.key, `${found.name} body`, found.lines[1]) as IndexBody | null);
  return body !== null && body.stamp === stamp ? body : null;
}

/**
 * Replaces what is kept for a file. A process that is killed meanwhile leaves the old index, which no longer counts.
 */
export function writeIndex(sessionPath: string, head: IndexHead, body: IndexBody | null): void {
  const key = keyOf(indexFolder(sessionPath), true);
  if (key === null) return;
  const name = basename(sessionPath);
  const path = indexPath(sessionPath);
  const temporary = `${path}.${process.pid}.tmp`;
  const text = sealedLine(key, `${name} head`, head) + (body === null ? "" : sealedLine(key, `${name} body`, body));
  const written = quietly(() => {
    rmSync(temporary, { force: true });
    writeFileSync(temporary, text, { flag: "wx", mode: 0o600 });
    renameSync(temporary, path);
    return true;
  });
  if (written === null) quietly(() => rmSync(temporary, { force: true }));
}

export function removeIndex(sessionPath: string): void {
  quietly(() => rmSync(indexPath(sessionPath), { force: true }));
}

/** Takes away what belongs to none of these session files. */
export function sweepIndex(sessionsDirectory: string, sessionPaths: readonly string[]): void {
  const folder = join(sessionsDirectory, "index");
  const kept = new Set([KEY_NAME, ...sessionPaths.map((path) => basename(path, ".jsonl"))]);
  const strange = (quietly(() => readdirSync(folder)) ?? []).filter(
    (name) => !kept.has(name) && !kept.has(name.replace(/\.\d+\.tmp$/, "")),
  );
  for (const name of strange) quietly(() => rmSync(join(folder, name), { force: true }));
}
