// What a git store knows beside git's index, kept on disk with it: files that git does not record, and those whose next
// change git could miss. Looks at no tree.

import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { systemErrorCode } from "../util/errors.ts";
import type { Known } from "./plain-store.ts";

/**
 * A file that git recorded within the second of its last change: git, which compares whole seconds, could miss the next
 * one.
 */
export interface Watched {
  stamp: string;
  changedNs: string;
  unsure: boolean;
}

/** What is known of the tree beside git's index. */
export interface Beside {
  /** What git does not record: too large, closed, or of a name that it refuses. */
  exceptions: Map<string, Known>;
  watched: Map<string, Watched>;
  /** Paths that are watched although they are ignored, and were there when they were recorded. */
  tracked: Set<string>;
}

export function writeBeside(path: string, { exceptions, watched, tracked }: Beside): void {
  const temporary = `${path}.${randomBytes(4).toString("hex")}`;
  writeFileSync(
    temporary,
    JSON.stringify({ exceptions: [...exceptions], watched: [...watched], tracked: [...tracked] }),
    { mode: 0o600 },
  );
  renameSync(temporary, path);
}

export function readBeside(path: string): Beside | null {
  try {
    const beside = JSON.parse(readFileSync(path, "utf8")) as {
      exceptions: [string, Known][];
      watched: [string, Watched][];
      tracked: string[];
    };
    return {
      exceptions: new Map(beside.exceptions),
      watched: new Map(beside.watched),
      tracked: new Set(beside.tracked),
    };
  } catch (thrown) {
    if (thrown instanceof SyntaxError || thrown instanceof TypeError || systemErrorCode(thrown) !== undefined)
      return null;
    throw thrown;
  }
}

const CLOCK_ROOM_MS = 500;

/**
 * Tells whether the clock was set back since the last question; the first one compares with the time of a file that was
 * written then.
 */
export function createClockWatch(file: string): () => boolean {
  let wall = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  let steady: number | null = null;
  return () => {
    const passed = steady === null ? 0 : performance.now() - steady;
    const back = Date.now() - wall < passed - CLOCK_ROOM_MS;
    wall = Date.now();
    steady = performance.now();
    return back;
  };
}
