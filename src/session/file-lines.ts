// Lines of a file by the offsets at which they begin. The file is read in pieces that are not kept: lines that are
// asked for in their order cost one reading, and no more memory than a piece.

import { closeSync, openSync, readSync } from "node:fs";

const PIECE_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

export interface FileLines {
  /** The line that begins at an offset, without its line end. @throws system errors. */
  lineAt(place: number): string;
  close(): void;
}

/** @throws system errors. */
export function openLines(path: string, pieceBytes = PIECE_BYTES): FileLines {
  const descriptor = openSync(path, "r");
  let piece = Buffer.alloc(pieceBytes);
  /** Where in the file the piece was read, and how much of it the file filled. */
  let start = 0;
  let filled = 0;
  const endOf = (place: number): number => {
    const end = place < start || place >= start + filled ? -1 : piece.indexOf(NEWLINE, place - start);
    return end < filled ? end : -1;
  };
  const readFrom = (place: number): void => {
    start = place;
    filled = readSync(descriptor, piece, 0, piece.length, place);
  };
  return {
    lineAt(place) {
      let end = endOf(place);
      if (end === -1) {
        readFrom(place);
        end = endOf(place);
      }
      while (end === -1 && filled === piece.length) {
        piece = Buffer.alloc(piece.length * 2);
        readFrom(place);
        end = endOf(place);
      }
      return piece.toString("utf8", place - start, end === -1 ? filled : end);
    },
    close: () => closeSync(descriptor),
  };
}
