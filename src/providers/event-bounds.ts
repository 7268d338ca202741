// How large and how deep the events of an answer may be, held before a vendor's parser sees a byte of them. Knows no
// vendor.

import { setImmediate as nextTurn } from "node:timers/promises";
import { createDepthWatch, JSON_DEPTH_LIMIT } from "../util/json-bounds.ts";
import { STREAM_SIZE_LIMIT } from "./reply-bounds.ts";

/** Bytes that one event may have; a longer one is an attack or a broken server. */
export const EVENT_LIMIT = 8 * 1024 * 1024;
/** Bytes after which other work gets its turn, however fast a server sends. */
const TURN_SIZE = 256 * 1024;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Makes CRLF and CR, which server-sent events may use in any mixture, to LF. Keeps a CR at the end of a chunk for the
 * next one.
 */
function createLineEnds(): (chunk: Uint8Array) => Buffer {
  let afterReturn = false;
  return (chunk) => {
    if (!afterReturn && !chunk.includes(CARRIAGE_RETURN))
      return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const written = Buffer.alloc(chunk.length);
    let length = 0;
    for (const code of chunk) {
      // The second half of CRLF ends nothing.
      if (code !== LINE_FEED || !afterReturn) written[length++] = code === CARRIAGE_RETURN ? LINE_FEED : code;
      afterReturn = code === CARRIAGE_RETURN;
    }
    return written.subarray(0, length);
  };
}

/**
 * Events of an interface that bmo does not call. OpenAI's SDK prints those that it cannot parse with console.error, and
 * so whatever bytes a server puts into them.
 */
function arePrinted(events: Buffer): boolean {
  return events.includes("thread.") && /(^|\n)(\xef\xbb\xbf)?event: ?thread\./.test(events.toString("latin1"));
}

/** Where the last event that the chunk completes ends, or 0. */
function endOfEvents(chunk: Buffer, afterLineEnd: boolean): number {
  const blank = chunk.lastIndexOf("\n\n");
  if (blank >= 0) return blank + 2;
  return afterLineEnd && chunk[0] === LINE_FEED ? 1 : 0;
}

/**
 * Gives the bytes of a stream of events on, only whole events at a time, with LF as the only line end: the parsers of
 * the SDKs copy what they hold of an unfinished event with every chunk.
 * @throws RangeError beyond the size of a reply or of an event, where an event is nested so deep that parsing it would
 * cost the memory of the machine, and for an event that the SDK might print; what the source throws.
 */
export async function* wholeEvents(
  source: AsyncIterable<Uint8Array>,
  limit: number = EVENT_LIMIT,
): AsyncGenerator<Uint8Array, void, undefined> {
  const isShallow = createDepthWatch();
  const toLineFeeds = createLineEnds();
  let total = 0;
  let turn = 0;
  let held: Buffer[] = [];
  let heldSize = 0;
  for await (const raw of source) {
    total += raw.length;
    turn += raw.length;
    if (total > STREAM_SIZE_LIMIT) throw new RangeError(`it is larger than ${STREAM_SIZE_LIMIT / 1024 / 1024} MiB`);
    if (!isShallow(raw)) throw new RangeError(`an event is nested deeper than ${JSON_DEPTH_LIMIT} levels`);
    const chunk = toLineFeeds(raw);
    const end = endOfEvents(chunk, held.at(-1)?.at(-1) === LINE_FEED);
    if (end > 0) {
      const events = Buffer.concat([...held, chunk.subarray(0, end)]);
      if (arePrinted(events)) throw new RangeError("it has events of another interface (thread)");
      yield events;
      held = [];
      heldSize = 0;
    }
    if (end < chunk.length) held.push(chunk.subarray(end));
    heldSize += chunk.length - end;
    if (heldSize > limit) throw new RangeError(`an event is larger than ${limit} bytes`);
    if (turn < TURN_SIZE) continue;
    turn = 0;
    await nextTurn();
  }
  const rest = Buffer.concat(held);
  if (arePrinted(rest)) throw new RangeError("it has events of another interface (thread)");
  if (heldSize > 0) yield rest;
}
