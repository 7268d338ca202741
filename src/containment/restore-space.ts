// What can be given up where a full file system keeps files from being put back: copies of what the command made.

import { lstatSync, statfsSync } from "node:fs";
import { systemPath } from "../util/raw-path.ts";
import type { EffectChange } from "./snapshot-shapes.ts";

/** Smaller files are not dropped for want of bytes: they free next to nothing. */
const DROPPABLE_BYTES = 1 << 20;
/** With fewer files left to make, the file system has no room for files, whatever their size. */
const FEW_NODES = 16;

/**
 * Files among the copies of what was created, which the command can make again, the largest first: those that make room
 * in the workspace when they go.
 */
export function droppable(
  workspace: string,
  created: readonly EffectChange[],
  placeInCopy: (path: string) => string,
): { path: string; place: string; size: number }[] {
  const { files, ffree } = statfsSync(workspace);
  const least = files > 0 && ffree < FEW_NODES ? 0 : DROPPABLE_BYTES;
  const { dev } = lstatSync(workspace);
  const found = created.flatMap(({ path, absolute }) => {
    const place = placeInCopy(absolute);
    const facts = lstatSync(systemPath(place), { throwIfNoEntry: false });
    return facts?.isFile() === true && facts.dev === dev && facts.size >= least
      ? [{ path, place, size: facts.size }]
      : [];
  });
  return found.sort((left, right) => right.size - left.size);
}
