// Finds records of a session file again by the offsets of their lines. Reads, changes nothing.

import { openLines, type FileLines } from "./file-lines.ts";
import { isStoredRecord } from "./record-shape.ts";
import type { Kept, Place } from "./state.ts";
import type { Message } from "../types/message.ts";
import type { StoredRecord } from "../types/session.ts";

/** A message's line as the log writes it: numbers and the type, the message, the seal. */
const MESSAGE_MEMBER = ',"message":';
const SEAL_MEMBER = ',"sum":"';
const MEMBERS_BEFORE = 160;

function recordAt(lines: FileLines, place: Place): StoredRecord {
  const value: unknown = JSON.parse(lines.lineAt(place));
  if (!isStoredRecord(value)) throw new SyntaxError(`there is no record at ${place}`);
  return value;
}

/** Null where more than the message is there: the line was written in another order. */
function parsedMessage(text: string): Message | null {
  try {
    return JSON.parse(text) as Message;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

/** @throws SyntaxError where there is no message. */
export function messageAt(lines: FileLines, place: Place): Message {
  const line = lines.lineAt(place);
  const begin = line.indexOf(MESSAGE_MEMBER);
  // The line was checked when its place was noted, and the file is the same: its message alone is decoded.
  const alone =
    begin === -1 || begin > MEMBERS_BEFORE
      ? null
      : parsedMessage(line.slice(begin + MESSAGE_MEMBER.length, line.lastIndexOf(SEAL_MEMBER)));
  if (alone !== null) return alone;
  const record = recordAt(lines, place);
  if (record.type !== "message") throw new SyntaxError("this record is not a message");
  return record.message;
}

/** The values, read from the file where only their place is known. They are remembered. */
export function loaded<Value>(
  path: string,
  kept: readonly Kept<Value>[],
  valueOf: (record: StoredRecord) => Value | null,
): Value[] {
  let lines: FileLines | null = null;
  const values: Value[] = [];
  try {
    for (const one of kept) {
      if (one.value === null && one.place !== null) {
        lines ??= openLines(path);
        one.value = valueOf(recordAt(lines, one.place));
      }
      if (one.value !== null) values.push(one.value);
    }
  } finally {
    lines?.close();
  }
  return values;
}
