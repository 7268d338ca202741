// Files that were touched, path by path, out of what was recorded of them one after the other.

import type { TouchedFile } from "../types/agent.ts";

const merged = new WeakMap<Iterable<TouchedFile>, readonly TouchedFile[]>();

/**
 * One entry for each path, in the order of their first touch. A file that was created and then changed was created;
 * what was put back says so. The same list is merged once.
 */
export function touchedFiles(touches: Iterable<TouchedFile>): readonly TouchedFile[] {
  const known = merged.get(touches);
  if (known !== undefined) return known;
  const files = new Map<string, TouchedFile>();
  for (const touch of touches) {
    const before = files.get(touch.path);
    const isStillNew = before?.action === "create" && touch.action === "modify";
    files.set(touch.path, isStillNew ? { ...touch, action: "create" } : touch);
  }
  const list = [...files.values()];
  merged.set(touches, list);
  return list;
}
