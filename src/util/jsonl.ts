// One JSON object per line, each sealed with a digest of its own bytes: a torn or altered line is told from a whole one.
// Knows nothing of what the objects mean.

import { createHash } from "node:crypto";
import type { JsonObject } from "../types/json.ts";

const SEAL_LENGTH = 16;
/** `,"sum":"` + digest + `"}` */
const TAIL_LENGTH = 8 + SEAL_LENGTH + 2;
const NEWLINE = 0x0a;

function seal(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, SEAL_LENGTH);
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

export interface ReadLine {
  /** From 1. */
  number: number;
  /** Offset of the first byte of the line. */
  start: number;
  /** Offset after the last byte, line end included. */
  end: number;
  /** False for a last line whose line end is missing. */
  terminated: boolean;
  /** null = damaged or not ours; `text` is then for a closer look. */
  value: JsonObject | null;
  text: string;
}

/** Splits bytes into lines and checks each. Blank lines are left out. */
export function readLines(bytes: Buffer): ReadLine[] {
  const lines: ReadLine[] = [];
  let start = 0;
  for (let number = 1; start < bytes.length; number++) {
    const found = bytes.indexOf(NEWLINE, start);
    const terminated = found !== -1;
    const end = terminated ? found + 1 : bytes.length;
    const text = bytes.toString("utf8", start, terminated ? found : end);
    if (text.trim() !== "") lines.push({ number, start, end, terminated, value: decodeLine(text), text });
    start = end;
  }
  return lines;
}
