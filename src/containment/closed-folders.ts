// Opens, for the time of an undo, the folders that commands closed, and closes them again.

import { chmodSync, lstatSync } from "node:fs";
import { systemErrorCode } from "../util/errors.ts";
import { systemPath } from "../util/raw-path.ts";
import type { PathHistory } from "./checkpoint-history.ts";
import { sameState, type State } from "./checkpoint-store.ts";

/** Work that may fail for one path alone. */
export function attempt<Result>(work: () => Result): Result | Error {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof Error && systemErrorCode(thrown) !== undefined) return thrown;
    throw thrown;
  }
}

/**
 * Folders that a command closed hide what lies in them: they are opened for the time of an undo. Gives them as they
 * were found.
 */
export function openClosedFolders(history: ReadonlyMap<string, PathHistory>): Map<string, State> {
  const found = new Map<string, State>();
  for (const [path, { first, last }] of [...history].sort(([left], [right]) => (left < right ? -1 : 1))) {
    if (first.kind !== "folder" || last?.kind !== "folder") continue;
    attempt(() => {
      const facts = lstatSync(systemPath(path));
      const present: State = { kind: "folder", mode: facts.mode & 0o7777 };
      if (!facts.isDirectory() || (facts.mode & 0o700) === 0o700 || !isAsRecorded(present, last)) return;
      chmodSync(systemPath(path), (facts.mode & 0o7777) | 0o700);
      found.set(path, present);
    });
  }
  return found;
}

/**
 * Folders that bmo's commands made and closed are opened as well. Gives their bits, for those that a file of the user's
 * keeps.
 */
export function openMadeFolders(made: ReadonlySet<string>): Map<string, number> {
  const opened = new Map<string, number>();
  for (const path of [...made].sort()) {
    attempt(() => {
      const facts = lstatSync(systemPath(path));
      const mode = facts.mode & 0o7777;
      if (!facts.isDirectory() || (mode & 0o700) === 0o700) return;
      chmodSync(systemPath(path), mode | 0o700);
      opened.set(path, mode);
    });
  }
  return opened;
}

/** A folder that a command closed was open to its owner for the look that recorded it, and closed again afterwards. */
export function isAsRecorded(present: State, recorded: State): boolean {
  return (
    sameState(present, recorded) ||
    (present.kind === "folder" && sameState({ ...present, mode: (present.mode ?? 0) | 0o700 }, recorded))
  );
}

export function closeFolder(path: string, mode: number): void {
  attempt(() => {
    if (lstatSync(systemPath(path)).isDirectory()) chmodSync(systemPath(path), mode);
  });
}
