// One JSON object per line, each sealed with a digest of its own bytes: a torn or altered line is told from a whole
// one. Knows nothing of what the objects mean.

import { hash } from "node:crypto";
import type { JsonObject } from "../types/json.ts";

const SEAL_LENGTH = 16;
/** `,"sum":"` + digest + `"}` */
const TAIL_LENGTH = 8 + SEAL_LENGTH + 2;
const NEWLINE = 0x0a;
const [OPENING, CLOSING] = [0x7b, 0x7d];

function seal(text: string | Uint8Array): string {
  // One call instead of three: a session of ten thousand messages is checked in a third of the time.
  return hash("sha256", text, "hex").slice(0, SEAL_LENGTH);
}

/** The line for an object, line end included. The object must hold at least one member and none named `sum`. */
export function encodeLine(value: object): string {
  const body = JSON.stringify(value);
  return `${body.slice(0, -1)},"sum":"${seal(body)}"}\n`;
}

/** The object of a line without its line end; null when the line is not exactly what was once written. */
export function decodeLine(line: string): JsonObject | null {
  const tail = line.slice(-TAIL_LENGTH);
  if (!tail.startsWith(',"sum":"') || !tail.endsWith('"}')) return null;
  const body = `${line.slice(0, -TAIL_LENGTH)}}`;
  if (seal(body) !== tail.slice(8, 8 + SEAL_LENGTH)) return null;
  try {
    const value: unknown = JSON.parse(body);
    return isJsonObject(value) ? value : null;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

/** True for what `JSON.parse` gives for `{…}`. */
export function isJsonObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** A line as it stands in the bytes; nothing of it is checked yet. */
export interface Line {
  /** From 1. */
  number: number;
  /** Offset of the first byte of the line. */
  start: number;
  /** Offset after the last byte, line end included. */
  end: number;
  /** False for a last line whose line end is missing. */
  terminated: boolean;
}

/** The lines of a file, blank ones left out. */
export function* linesOf(bytes: Buffer, from = 0): Generator<Line> {
  let start = from;
  for (let number = 1; start < bytes.length; number++) {
    const found = bytes.indexOf(NEWLINE, start);
    const terminated = found !== -1;
    const end = terminated ? found + 1 : bytes.length;
    const line = { number, start, end, terminated };
    if (bytes[start] === OPENING || textOf(bytes, line).trim() !== "") yield line;
    start = end;
  }
}

export function textOf(bytes: Buffer, { start, end, terminated }: Line): string {
  return bytes.toString("utf8", start, terminated ? end - 1 : end);
}

/** Whether the line is exactly what was once written; its object is not looked at. */
export function isSealed(bytes: Buffer, { start, end, terminated }: Line): boolean {
  const last = terminated ? end - 1 : end;
  const tail = last - TAIL_LENGTH;
  if (
    tail < start ||
    bytes.toString("latin1", tail, tail + 8) !== ',"sum":"' ||
    bytes.toString("latin1", last - 2, last) !== '"}'
  )
    return false;
  const comma = bytes[tail] ?? 0;
  // The body ends where the seal begins: the brace is put there for the time of the check.
  bytes[tail] = CLOSING;
  const found = seal(bytes.subarray(start, tail + 1));
  bytes[tail] = comma;
  return found === bytes.toString("latin1", tail + 8, last - 2);
}

/** The object of a line; null when it is not exactly what was once written. */
export function valueOf(bytes: Buffer, line: Line): JsonObject | null {
  return decodeLine(textOf(bytes, line));
}
