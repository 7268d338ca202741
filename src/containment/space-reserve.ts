// Room in the data directory that a command cannot fill: a file of bytes that is given up when what it did has to be
// put back on a full disk. Holds nothing else.

import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";

const BYTES = 8 << 20;
const CHUNK = 1 << 20;

export interface SpaceReserve {
  /** Takes the room, where it is not held yet and can be had. */
  hold(): void;
  /** Gives the room up where there is little of it left. */
  giveUpWhenFull(): void;
}

export function createSpaceReserve(dataDirectory: string): SpaceReserve {
  const place = join(dataDirectory, "reserve");
  return {
    hold() {
      if ((statSync(place, { throwIfNoEntry: false })?.size ?? 0) >= BYTES) return;
      // Not zeros: some file systems keep those for nothing.
      const chunk = randomBytes(CHUNK);
      try {
        const descriptor = openSync(place, "w", 0o600);
        try {
          for (let written = 0; written < BYTES;) written += writeSync(descriptor, chunk);
        } finally {
          closeSync(descriptor);
        }
      } catch (thrown) {
        if (systemErrorCode(thrown) === undefined) throw thrown;
        rmSync(place, { force: true });
      }
    },
    giveUpWhenFull() {
      try {
        const { bavail, bsize } = statfsSync(dataDirectory);
        // A quota does not show there: only a write tells.
        if (bavail * bsize < BYTES || !canWrite(`${place}.try`)) rmSync(place, { force: true });
      } catch (thrown) {
        if (systemErrorCode(thrown) === undefined) throw thrown;
        rmSync(place, { force: true });
      }
    },
  };
}

function canWrite(path: string): boolean {
  try {
    const descriptor = openSync(path, "w", 0o600);
    try {
      return writeSync(descriptor, randomBytes(CHUNK)) === CHUNK;
    } finally {
      closeSync(descriptor);
      rmSync(path, { force: true });
    }
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
}
