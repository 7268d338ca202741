// Reads one session file as far as it can be read: a torn end, damaged lines and unknown records are left out and
// named in notices; what is no session of ours is refused. Changes nothing on disk.

import { readFileSync } from "node:fs";
import { decodeLine, isJsonObject, readLines, type ReadLine } from "../util/jsonl.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { isHeader, isKnownType, isStoredRecord } from "./record-shape.ts";
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
    const code = systemErrorCode(thrown) ?? "unknown error";
    throw new BmoError("usage", `session file ${path} cannot be read (${code})`, "`bmo sessions` lists the sessions there are.", { cause: thrown });
  }
}

function readHeader(line: ReadLine | undefined, path: string): SessionHeader {
  const hint = "`bmo sessions` lists the sessions there are; the file was not changed.";
  if (line === undefined) throw new BmoError("usage", `${path} is empty: no session`, hint);
  const value = line.value ?? looseHeader(line.text);
  if (value !== null && isJsonObject(value) && value["type"] === "session" && typeof value["version"] === "number" && value["version"] !== 1) {
    throw new BmoError("usage", `${path} has session version ${value["version"]}; this bmo reads version 1`, "Use the bmo that wrote it, or a newer one.");
  }
  if (line.value === null || !isHeader(line.value)) throw new BmoError("usage", `${path} is no session file of bmo, or its first line is damaged`, hint);
  const { type, version, id, workspace, created_at, forked_from } = line.value;
  return { type, version, id, workspace, created_at, forked_from };
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

/** @throws BmoError usage when the file cannot be read, is no session, or has another version. */
export function readSession(path: string): SessionContent {
  const lines = readLines(readBytes(path));
  const header = readHeader(lines[0], path);
  const records: StoredRecord[] = [];
  const notices: string[] = [];
  const unknown = new Set<string>();
  let wholeLength = lines[0]?.end ?? 0;
  let endMissing = lines[0]?.terminated === false;
  let expected = 1;
  for (const line of lines.slice(1)) {
    if (line.value === null && !line.terminated) {
      notices.push(`the last record of the session was cut off (line ${line.number}, ${line.end - line.start} bytes); everything before it is kept`);
      break;
    }
    wholeLength = line.end;
    endMissing = !line.terminated;
    if (line.value === null) {
      notices.push(`line ${line.number} of the session file is damaged and was skipped`);
      expected += 1;
      continue;
    }
    const seq = line.value["seq"];
    if (typeof seq === "number" && seq > expected) notices.push(`${seq - expected} ${seq - expected === 1 ? "record is" : "records are"} missing before line ${line.number} of the session file`);
    if (typeof seq === "number" && seq >= expected) expected = seq + 1;
    if (isStoredRecord(line.value)) records.push(line.value);
    else if (isKnownType(line.value["type"])) notices.push(`line ${line.number} of the session file does not have the form of a record and was skipped`);
    else unknown.add(String(line.value["type"]));
  }
  if (unknown.size > 0) notices.push(`records of unknown types were skipped: ${[...unknown].join(", ")}; a newer bmo may have written them`);
  return { header, records, notices, wholeLength, endMissing, nextSeq: expected };
}

/** Time of the last whole record in a chunk from a file's end; null when it holds none. */
export function lastTimeIn(tail: string): string | null {
  for (const line of tail.split("\n").reverse()) {
    const at = decodeLine(line)?.["at"];
    if (typeof at === "string") return at;
  }
  return null;
}
