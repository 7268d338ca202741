// Room in the data directory that a command cannot fill: bytes, and empty files for file systems that hold only so
// many, given up when what it did has to be put back on a full disk. Holds nothing else.

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";

const BYTES = 8 << 20;
const CHUNK = 1 << 20;
/** Files and folders that are made on the way back: a copy's folders, one file at a time beside its place. */
const NODES = 64;

export interface SpaceReserve {
  /** Takes the room, where it is not held yet and can be had. */
  hold(): void;
  /** Gives the room up where there is little of it left. */
  giveUpWhenFull(): void;
}

export function createSpaceReserve(dataDirectory: string): SpaceReserve {
  const place = join(dataDirectory, "reserve");
  const nodes = join(dataDirectory, "reserve-files");
  const giveUp = (): void => {
    rmSync(place, { force: true });
    rmSync(nodes, { recursive: true, force: true });
  };
  const holdBytes = (): void => {
    if ((statSync(place, { throwIfNoEntry: false })?.size ?? 0) >= BYTES) return;
    // Not zeros: some file systems keep those for nothing.
    const chunk = randomBytes(CHUNK);
    const descriptor = openSync(place, "w", 0o600);
    try {
      for (let written = 0; written < BYTES;) written += writeSync(descriptor, chunk);
    } finally {
      closeSync(descriptor);
    }
  };
  const holdNodes = (): void => {
    // The last is made last: where it is, all are.
    if (existsSync(join(nodes, String(NODES)))) return;
    mkdirSync(nodes, { recursive: true, mode: 0o700 });
    for (let number = 1; number <= NODES; number++) writeFileSync(join(nodes, String(number)), "", { mode: 0o600 });
  };
  return {
    hold() {
      try {
        holdBytes();
        holdNodes();
      } catch (thrown) {
        if (systemErrorCode(thrown) === undefined) throw thrown;
        giveUp();
      }
    },
    giveUpWhenFull() {
      try {
        const { bavail, bsize, files, ffree } = statfsSync(dataDirectory);
        // A quota does not show there: only a write tells.
        if (bavail * bsize < BYTES || (files > 0 && ffree < NODES) || !canWrite(`${place}.try`)) giveUp();
      } catch (thrown) {
        if (systemErrorCode(thrown) === undefined) throw thrown;
        giveUp();
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
