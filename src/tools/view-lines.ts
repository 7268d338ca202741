// Reads a range of lines of a file of any size: counts all lines and digests all bytes on the way, keeps only what is
// shown.

import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import { setImmediate as breathe } from "node:timers/promises";
import { LONGEST_SHOWN_LINE, numberedLine } from "../util/text-lines.ts";

const CHUNK_BYTES = 1 << 18;
/** Characters of one listing; what is beyond is read by another call. */
const LISTING_CAP = 60_000;

export interface LineRange {
  listing: string[];
  /** Number of the last line listed; 0 when none. */
  last: number;
  totalLines: number;
  /** `sha256:…` of the whole file, as the guards of edits compare it. */
  digest: string;
  bytes: number;
  /** Whether bytes were met that are not valid in the encoding. */
  invalid: boolean;
  endsWithNewline: boolean;
}

/** @param first 1-based. @throws the signal's reason when aborted. */
export async function readLines(
  descriptor: number,
  encoding: "utf-8" | "utf-16le" | "utf-16be",
  first: number,
  count: number,
  signal: AbortSignal,
): Promise<LineRange> {
  const hash = createHash("sha256");
  const decoder = new TextDecoder(encoding);
  const listing: string[] = [];
  let listed = 0;
  let last = 0;
  let line = 1;
  let current = "";
  let currentLength = 0;
  let pendingReturn = false;
  let invalid = false;
  let endsWithNewline = true;

  const wanted = (): boolean => line >= first && line < first + count && listed < LISTING_CAP;
  const endLine = (): void => {
    if (wanted() && last === (listing.length === 0 ? 0 : line - 1)) {
      const shown =
        numberedLine(line, current) +
        (currentLength > current.length ? ` [… ${currentLength - LONGEST_SHOWN_LINE} more characters]` : "");
      listing.push(shown);
      listed += shown.length + 1;
      last = line;
    }
    line += 1;
    current = "";
    currentLength = 0;
  };
  const addPiece = (piece: string): void => {
    if (wanted() && current.length < LONGEST_SHOWN_LINE) current += piece.slice(0, LONGEST_SHOWN_LINE - current.length);
    currentLength += piece.length;
  };
  const take = (text: string): void => {
    if (text === "") return;
    if (pendingReturn && text.startsWith("\n")) text = text.slice(1);
    pendingReturn = false;
    if (text === "") return;
    invalid ||= text.includes("\ufffd");
    endsWithNewline = /[\r\n]$/.test(text);
    pendingReturn = text.endsWith("\r");
    const pieces = text.split(/\r\n|\r|\n/);
    for (const [index, piece] of pieces.entries()) {
      addPiece(piece);
      if (index < pieces.length - 1) endLine();
    }
  };

  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let bytes = 0;
  for (;;) {
    signal.throwIfAborted();
    const bytesRead = readSync(descriptor, chunk, 0, CHUNK_BYTES, bytes);
    if (bytesRead === 0) break;
    // Keys and signals get their turn where a file is long.
    if (bytes > 0) await breathe();
    const part = chunk.subarray(0, bytesRead);
    hash.update(part);
    bytes += bytesRead;
    take(decoder.decode(part, { stream: true }));
  }
  take(decoder.decode());
  if (!endsWithNewline) endLine();
  return {
    listing,
    last,
    totalLines: line - 1,
    digest: `sha256:${hash.digest("hex")}`,
    bytes,
    invalid,
    endsWithNewline,
  };
}
