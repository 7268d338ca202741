// Appends records to one session file. Each append is one write of one line; it returns when the bytes are with the
// operating system, and with it the state that the session's records come to.

import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { encodeLine } from "../util/jsonl.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { redactRecord } from "./redact-record.ts";
import { releaseHolder, takeHolder } from "./holder.ts";
import { holderPath } from "./location.ts";
import { lastRoutes, reduceSession, type Place, type SessionState } from "./state.ts";
import { loaded } from "./file-source.ts";
import type { LedgerEntry } from "../types/ledger.ts";
import type { Route } from "../types/route.ts";
import type { SessionHeader, SessionRecord, StoredRecord } from "../types/session.ts";

export interface LogOptions {
  now(): Date;
  /** Takes secrets out of a text; every string of a record passes through it. */
  redact(text: string): string;
  /** Bytes of a session file from which an index is kept beside it. */
  indexedFrom?: number;
}

/** A shorter file is read in the time that its index would take to write and to read. */
const INDEXED_FROM_BYTES = 256 * 1024;

/** How a log stands when a turn or the log has ended: what an index is made of. */
export interface RestingLog {
  state: SessionState;
  /** Bytes of the file, all of them whole lines. */
  length: number;
  nextSeq: number;
  /** Time of the last record of this run. */
  lastAt: string;
}

/** An open session file: what its records say, and the way to add one. */
export interface SessionLog {
  readonly id: string;
  readonly path: string;
  /** What the records come to, with those that wait to be written. */
  readonly state: SessionState;
  /** Returns once the bytes are with the operating system: written before shown. */
  append(record: SessionRecord): void;
  /** Counts at once and is written before the next record: a run that records nothing else leaves no trace. */
  defer(record: SessionRecord): void;
  /** Routes of a state, the last record of each; read from the file where an earlier run wrote them. */
  routes(state: SessionState): Route[];
  ledger(state: SessionState): LedgerEntry[];
  close(): void;
}

interface LogStart {
  path: string;
  id: string;
  /** Written before the first record; null when the file already has one: its holder's lock is then taken. */
  header: SessionHeader | null;
  /** Bytes of the file that are whole lines. */
  length: number;
  nextSeq: number;
  state: SessionState;
  /** Told when the session rests after something was added. */
  onRest(resting: RestingLog): void;
}

/** Turns a failure of the data directory into the user's error. */
export function storageError(thrown: unknown, path: string): BmoError {
  const code = systemErrorCode(thrown) ?? "unknown error";
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new BmoError(
      "failed",
      `the session could not be written: no space left for ${path} (${code})`,
      "Free some space and continue with -c; everything up to here is kept.",
      { cause: thrown },
    );
  }
  return new BmoError(
    "usage",
    `the data directory cannot be written: ${path} (${code})`,
    "Set BMO_HOME to a folder that you may write to.",
    { cause: thrown },
  );
}

/** Writes all of it or puts the file back to `length` and throws. */
function writeWhole(descriptor: number, bytes: Buffer, length: number): void {
  let written = 0;
  try {
    while (written < bytes.length) {
      const count = writeSync(descriptor, bytes, written, bytes.length - written);
      if (count === 0) throw Object.assign(new Error("the disk took no more bytes"), { code: "ENOSPC" });
      written += count;
    }
  } catch (thrown) {
    ftruncateSync(descriptor, length);
    throw thrown;
  }
}

/**
 * A session file open for appending. It comes into being with its first record, so that a session without any leaves
 * nothing behind.
 */
class FileSessionLog implements SessionLog {
  readonly id: string;
  readonly path: string;
  private readonly options: LogOptions;
  private header: SessionHeader | null;
  private length: number;
  private nextSeq: number;
  private descriptor: number | null = null;
  private closed = false;
  private readonly onRest: LogStart["onRest"];
  private current: SessionState;
  private deferred: SessionRecord[] = [];
  private lastAt: string | null = null;

  constructor(start: LogStart, options: LogOptions) {
    this.id = start.id;
    this.path = start.path;
    this.header = start.header;
    this.length = start.length;
    this.nextSeq = start.nextSeq;
    this.options = options;
    this.current = start.state;
    this.onRest = start.onRest;
  }

  get state(): SessionState {
    return this.current;
  }

  routes(state: SessionState): Route[] {
    return loaded(this.path, lastRoutes(state), (record) => (record.type === "route" ? record.route : null));
  }

  ledger(state: SessionState): LedgerEntry[] {
    return loaded(this.path, [...state.ledger], (record) => (record.type === "cost" ? record.entry : null));
  }

  defer(record: SessionRecord): void {
    this.deferred.push(record);
    this.current = reduceSession(this.current, record);
  }

  append(record: SessionRecord): void {
    if (this.closed) throw new BmoError("internal", `session ${this.id} is closed`);
    while (this.deferred[0] !== undefined) {
      this.write(this.deferred[0]);
      this.deferred.shift();
    }
    const { stored, place } = this.write(record);
    this.current = reduceSession(this.current, stored, place);
    if (record.type === "turn_end") this.rest();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.descriptor !== null) closeSync(this.descriptor);
    if (this.header === null) this.rest();
    releaseHolder(holderPath(this.path));
  }

  private write(record: SessionRecord): { stored: StoredRecord; place: Place } {
    const at = this.options.now().toISOString();
    const head = this.header === null ? "" : encodeLine({ seq: 0, at, ...this.header });
    const redacted = { seq: this.nextSeq, at, ...redactRecord(record, this.options.redact) };
    const bytes = Buffer.from(head + encodeLine(redacted), "utf8");
    try {
      writeWhole(this.open(), bytes, this.length);
    } catch (thrown) {
      throw thrown instanceof BmoError ? thrown : storageError(thrown, this.path);
    }
    const place = this.length + Buffer.byteLength(head);
    this.length += bytes.length;
    this.nextSeq += 1;
    this.header = null;
    this.lastAt = at;
    // What a record is made of keeps its shape: only texts inside it are redacted.
    return { stored: redacted as StoredRecord, place };
  }

  private rest(): void {
    if (this.lastAt === null || this.length < (this.options.indexedFrom ?? INDEXED_FROM_BYTES)) return;
    const { length, nextSeq, lastAt, current: state } = this;
    this.lastAt = null;
    this.onRest({ state, length, nextSeq, lastAt });
  }

  private open(): number {
    if (this.descriptor !== null) return this.descriptor;
    this.descriptor = this.header === null ? openSync(this.path, "a") : this.create();
    return this.descriptor;
  }

  private create(): number {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    const holder = takeHolder(holderPath(this.path));
    if (holder !== null) throw heldError(this.id, holder);
    try {
      return openSync(this.path, "ax", 0o600);
    } catch (thrown) {
      releaseHolder(holderPath(this.path));
      throw thrown;
    }
  }
}

export function heldError(id: string, pid: number): BmoError {
  return new BmoError(
    "usage",
    `session ${id} is in use by another bmo (process ${pid})`,
    "Add --fork-session to continue in a copy, or end that process.",
  );
}

export function startLog(start: LogStart, options: LogOptions): SessionLog {
  return new FileSessionLog(start, options);
}
