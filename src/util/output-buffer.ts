// Keeps what a command printed within bounds: head and tail of the text, the number of bytes, and a digest instead of
// binary data.

import { createHash, type Hash } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import { sanitizeText } from "./sanitize.ts";

/** A line without end is cleaned and passed on in pieces of this many characters. */
const LONGEST_PENDING_LINE = 8_192;
/** Bytes that decide whether an output is text. */
const SNIFF_BYTES = 8_192;

/** Head and tail of a text that may be endless. Lengths are UTF-16 units. */
export interface HeadTail {
  add(text: string): void;
  /** The text, or head, a line that says how much is missing, and tail. */
  text(): string;
  truncated(): boolean;
}

export function createHeadTail(cap: number): HeadTail {
  const headCap = Math.floor(cap * 0.4);
  const tailCap = cap - headCap;
  let head = "";
  let tail: string[] = [];
  let tailLength = 0;
  let dropped = 0;
  const shorten = (): void => {
    const joined = tail.join("");
    const cut = Math.max(0, joined.length - tailCap);
    dropped += cut;
    tail = [joined.slice(cut)];
    tailLength = joined.length - cut;
  };
  return {
    add(text) {
      const room = headCap - head.length;
      if (room > 0 && tailLength === 0) {
        head += text.slice(0, room);
        text = text.slice(room);
      }
      if (text === "") return;
      tail.push(text);
      tailLength += text.length;
      if (tailLength > tailCap * 2) shorten();
    },
    text() {
      shorten();
      const rest = tail.join("");
      if (dropped === 0) return head + rest;
      // Whole lines on both sides where there are line ends near the cut.
      const headEnd = head.lastIndexOf("\n");
      const shownHead = headEnd > head.length / 2 ? head.slice(0, headEnd) : head;
      const tailStart = rest.indexOf("\n");
      const shownTail = tailStart >= 0 && tailStart < rest.length / 2 ? rest.slice(tailStart + 1) : rest;
      const missing = dropped + (head.length - shownHead.length) + (rest.length - shownTail.length);
      return `${shownHead}\n[… ${missing} characters left out …]\n${shownTail}`;
    },
    truncated() {
      shorten();
      return dropped > 0;
    },
  };
}

/** Turns one byte stream into clean text, line by line; chunk borders do not show. */
export interface TextStream {
  write(chunk: Uint8Array): void;
  end(): void;
}

export function createTextStream(onText: (text: string) => void): TextStream {
  const decoder = new StringDecoder("utf8");
  let pending = "";
  const take = (text: string): void => {
    pending += text;
    let end = pending.lastIndexOf("\n") + 1;
    if (end === 0 && pending.length > LONGEST_PENDING_LINE) end = pending.length;
    if (end === 0) return;
    const ready = pending.slice(0, end);
    pending = pending.slice(end);
    onText(sanitizeText(ready));
  };
  return {
    write: (chunk) => take(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))),
    end() {
      pending += decoder.end();
      if (pending !== "") onText(sanitizeText(pending));
      pending = "";
    },
  };
}

/** Watches the first bytes; once they look binary, all bytes go into a digest instead of text. */
export interface BinaryWatch {
  /** True when the chunk was swallowed as binary. */
  take(chunk: Uint8Array): boolean;
  /** `null` while the output is text. */
  summary(): string | null;
}

export function createBinaryWatch(): BinaryWatch {
  let seen = 0;
  let bytes = 0;
  let hash: Hash | null = null;
  return {
    take(chunk) {
      bytes += chunk.byteLength;
      // Only an output that begins with binary data is taken as such: text before it would be lost otherwise.
      if (hash === null && seen === 0 && chunk.subarray(0, SNIFF_BYTES).includes(0)) hash = createHash("sha256");
      seen += chunk.byteLength;
      hash?.update(chunk);
      return hash !== null;
    },
    summary: () => (hash === null ? null : `[binary output: ${bytes} bytes, sha256 ${hash.copy().digest("hex")}]`),
  };
}

/** Live output is passed on at most this often, and no more than its newest part. */
const LIVE_INTERVAL_MS = 50;
const LIVE_LENGTH = 4_000;

/** Passes text on while the command runs. */
export function createLiveOutput(onOutput: ((text: string) => void) | undefined): {
  add(text: string): void;
  end(): void;
} {
  if (onOutput === undefined) return { add: () => undefined, end: () => undefined };
  let waiting = "";
  let timer: NodeJS.Timeout | null = null;
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (waiting !== "") onOutput(waiting);
    waiting = "";
  };
  return {
    add(text) {
      waiting = (waiting + text).slice(-LIVE_LENGTH);
      timer ??= setTimeout(flush, LIVE_INTERVAL_MS);
    },
    end: flush,
  };
}
