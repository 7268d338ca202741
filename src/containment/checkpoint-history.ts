// What became of each path over the journals of checkpoints: how it was before bmo, how bmo left it, what others did
// between. Pure.

import { dirname } from "node:path";
import { isInside } from "../util/paths.ts";
import type { CheckpointEntry, State } from "./checkpoint-store.ts";

export interface PathHistory {
  /** As it was before bmo changed it, or before the last time that somebody else had changed it in between. */
  first: State;
  anchor: string;
  last: State | null;
  /** As it was before bmo's first change, where somebody else changed it in between. */
  earlier: State | null;
  /** An undo was about to take it away, or had just done so, when it was killed. */
  undoing: boolean;
}

const NOTHING_KNOWN: PathHistory = { first: { kind: "absent" }, anchor: "", last: null, earlier: null, undoing: false };
/** What became of each path, over entries in the order of their age. */
export function historyOf(entries: readonly CheckpointEntry[]): Map<string, PathHistory> {
  const history = new Map<string, PathHistory>();
  for (const line of entries.flatMap(({ lines }) => lines)) {
    if (line.type === "undone") continue;
    if (line.type === "restored") for (const path of line.paths) history.delete(path);
    if (line.type === "undoing") for (const path of line.paths) markUndoing(history.get(path));
    if (line.type !== "before" && line.type !== "after") continue;
    const known = history.get(line.path);
    if (line.type === "after") {
      if (known !== undefined) known.last = line.state;
    } else if (known === undefined)
      history.set(line.path, { ...NOTHING_KNOWN, first: line.state, anchor: line.anchor });
    else if (known.last !== null && !known.undoing && !sameContent(known.last, line.state))
      history.set(line.path, {
        ...NOTHING_KNOWN,
        first: line.state,
        anchor: line.anchor,
        earlier: known.earlier ?? known.first,
      });
  }
  return history;
}

function markUndoing(known: PathHistory | undefined): void {
  if (known !== undefined) known.undoing = true;
}

/** Folders that came with a file: not there before bmo, whatever was put into them later. */
export function foldersMade(history: ReadonlyMap<string, PathHistory>): Set<string> {
  const made = new Set<string>();
  for (const [path, { first, anchor }] of history) {
    if (first.kind !== "absent") continue;
    for (let folder = path; folder !== anchor && isInside(anchor, folder); folder = dirname(folder)) made.add(folder);
  }
  return made;
}

/** Bits aside: a snapshot does not know them as exactly as a look does. */
function sameContent(left: State, right: State): boolean {
  // A large or closed one was not read: nothing says that somebody else changed it.
  if (left.kind === "closed" || right.kind === "closed") return true;
  return left.kind === right.kind && (!("id" in left) || !("id" in right) || left.id === right.id);
}
