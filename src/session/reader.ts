// Reads one session file as far as it can be read: a torn end, damaged lines and unknown records are left out and
// named in notices; what is no session of ours is refused. Changes nothing on disk.

import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { decodeLine, isJsonObject, isSealed, linesOf, textOf, valueOf, type Line } from "../util/jsonl.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { isHeader, isKnownType, isStoredRecord } from "./record-shape.ts";
import { createUpgrade } from "./upgrade.ts";
import type { JsonObject } from "../types/json.ts";
import type { SessionHeader, StoredRecord } from "../types/session.ts";

export interface SessionContent {
  header: SessionHeader;
  records: StoredRecord[];
  /** What was left out and why; for the user. */
  notices: string[];
  /** Bytes up to the end of the last whole line: what follows is torn. */
  wholeLength: number;
  /** True when the last whole line lacks its line end. */
  endMissing: boolean;
  nextSeq: number;
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

function unreadable(path: string, thrown: unknown): BmoError {
  return new BmoError(
    "usage",
    `session file ${path} cannot be read (${systemErrorCode(thrown) ?? "unknown error"})`,
    "`bmo sessions` lists the sessions there are.",
    { cause: thrown },
  );
}

function readHeader(bytes: Buffer, line: Line | undefined, path: string): SessionHeader {
  const hint = "`bmo sessions` lists the sessions there are; the file was not changed.";
  if (line === undefined) throw new BmoError("usage", `${path} is empty: no session`, hint);
  const sealed = valueOf(bytes, line);
  const value = sealed ?? looseHeader(textOf(bytes, line));
  if (
    value !== null &&
    isJsonObject(value) &&
    value["type"] === "session" &&
    typeof value["version"] === "number" &&
    value["version"] !== 1
  ) {
    throw new BmoError(
      "usage",
      `${path} has session version ${value["version"]}; this bmo reads version 1`,
      "Use the bmo that wrote it, or a newer one.",
    );
  }
  if (sealed === null || !isHeader(sealed))
    throw new BmoError("usage", `${path} is not a session file of bmo, or its first line is damaged`, hint);
  const { type, version, id, workspace, created_at, forked_from } = sealed;
  return { type, version, id, workspace, created_at, forked_from };
}

/** Bytes of a file's beginning that hold the first line of nearly every session. */
const HEAD_BYTES = 16_384;

/** The header alone. @throws BmoError usage as `readSession`. */
export function readSessionHeader(path: string): SessionHeader {
  const head = readHead(path);
  const first = linesOf(head).next();
  if (first.done !== true && first.value.terminated) return readHeader(head, first.value, path);
  const bytes = readBytes(path);
  const whole = linesOf(bytes).next();
  return readHeader(bytes, whole.done === true ? undefined : whole.value, path);
}

function readHead(path: string): Buffer {
  let descriptor: number | null = null;
  try {
    descriptor = openSync(path, "r");
    const bytes = Buffer.alloc(HEAD_BYTES);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, HEAD_BYTES, 0));
  } catch (thrown) {
    throw unreadable(path, thrown);
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}

/** A first line without our seal may still say that it is of another version. */
function looseHeader(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

/** What a line says before it is decoded, as `encodeLine` writes it; null for one that begins in another way. */
function beginningOf(bytes: Buffer, line: Line): { seq: number; type: string } | null {
  const match = BEGINNING.exec(bytes.toString("latin1", line.start, Math.min(line.end, line.start + BEGINNING_LENGTH)));
  return match === null ? null : { seq: Number(match[1]), type: match[2] ?? "" };
}

const TORN = "the last record of the session was cut off";

/** Whether a notice is about what is cut off as soon as the session goes on. */
export function isOfTornEnd(notice: string): boolean {
  return notice.startsWith(TORN);
}

const BEGINNING = /^\{"seq":(\d{1,15}),"at":"[^"\\]{0,40}","type":"([a-z_]+)"/;
const BEGINNING_LENGTH = 120;

/** What a session file holds besides its records. */
export type SessionScan = Omit<SessionContent, "records"> & { bytes: Buffer };

/** Gets each record with the offset of its line. */
export type TakeRecord = (record: StoredRecord, place: number, header: SessionHeader) => void;

/**
 * Goes through a session file once and hands out its records.
 * @param wanted types that are handed out; records of others are checked against their seals and not decoded. null =
 * all.
 * @throws BmoError usage when the file cannot be read, is no session, or has another version.
 */
export function scanSession(path: string, wanted: ReadonlySet<string> | null, take: TakeRecord): SessionScan {
  const bytes = readBytes(path);
  const lines = linesOf(bytes);
  const first = lines.next();
  const firstLine = first.done === true ? undefined : first.value;
  const header = readHeader(bytes, firstLine, path);
  const notices: string[] = [];
  const unknown = new Set<string>();
  const upgrade = createUpgrade();
  let wholeLength = firstLine?.end ?? 0;
  let endMissing = firstLine?.terminated === false;
  let expected = 1;
  for (const line of lines) {
    const beginning = wanted === null ? null : beginningOf(bytes, line);
    const passedOver =
      beginning !== null &&
      wanted?.has(beginning.type) === false &&
      isKnownType(beginning.type) &&
      isSealed(bytes, line)
        ? { seq: beginning.seq }
        : null;
    const value: JsonObject | null = passedOver ?? valueOf(bytes, line);
    if (value === null && !line.terminated) {
      notices.push(`${TORN} (line ${line.number}, ${line.end - line.start} bytes); everything before it is kept`);
      break;
    }
    wholeLength = line.end;
    endMissing = !line.terminated;
    if (value === null) {
      notices.push(`line ${line.number} of the session file is damaged and was skipped`);
      expected += 1;
      continue;
    }
    const seq = value["seq"];
    if (typeof seq === "number" && seq > expected)
      notices.push(
        `${seq - expected} ${seq - expected === 1 ? "record is" : "records are"} missing before line ${line.number} of the session file`,
      );
    if (typeof seq === "number" && seq >= expected) expected = seq + 1;
    if (passedOver !== null) continue;
    for (const record of upgrade(value)) {
      if (isStoredRecord(record)) {
        if (wanted === null || wanted.has(record.type)) take(record, line.start, header);
      } else if (isKnownType(record["type"]))
        notices.push(`line ${line.number} of the session file does not have the form of a record and was skipped`);
      else unknown.add(String(record["type"]));
    }
  }
  if (unknown.size > 0)
    notices.push(
      `records of unknown types were skipped: ${[...unknown].join(", ")}; a newer bmo may have written them`,
    );
  return { header, notices, wholeLength, endMissing, nextSeq: expected, bytes };
}

/**
 * @param wanted as for `scanSession`
 * @throws BmoError usage when the file cannot be read, is no session, or has another version.
 */
export function readSession(path: string, wanted: ReadonlySet<string> | null = null): SessionContent {
  const records: StoredRecord[] = [];
  const { header, notices, wholeLength, endMissing, nextSeq } = scanSession(path, wanted, (record) =>
    records.push(record),
  );
  return { header, records, notices, wholeLength, endMissing, nextSeq };
}

/** Time of the last record in the bytes of a session file; null when they hold none. */
export function lastRecordTime(bytes: Buffer): string | null {
  for (let end = bytes.length; end > 0;) {
    const start = bytes.lastIndexOf(0x0a, end - 2) + 1;
    const value = valueOf(bytes, { number: 0, start, end, terminated: bytes[end - 1] === 0x0a });
    const record = value === null ? undefined : createUpgrade()(value).at(-1);
    if (start > 0 && isStoredRecord(record)) return record.at;
    end = start;
  }
  return null;
}

/** Time of the last whole record in a chunk from a file's end; null when it holds none. */
export function lastTimeIn(tail: string): string | null {
  for (const line of tail.split("\n").reverse()) {
    const at = decodeLine(line)?.["at"];
    if (typeof at === "string") return at;
  }
  return null;
}
