// Keeps what a fence hides within what a sandbox can be told: where there is too much, the folders that hold most of it
// are hidden as a whole. Works on names alone.

import { dirname } from "node:path";

/** Bubblewrap takes 9,000 words; a mask is three or four, and tool chains need some. */
export const MOST_HIDDEN = 1_800;

export interface BoundedMasks {
  paths: readonly string[];
  /** Folders that are hidden as a whole because of what they hold. */
  folders: readonly string[];
}

/** Inner ones first, up to the root. */
function foldersAround(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...foldersAround(folder)];
}

/**
 * @param roots folders that must stay in sight; neither they nor what is around them is hidden as a whole.
 * @returns at most `most` paths, where folders below the roots allow it. The deepest are hidden first, the fullest of
 * them first.
 */
export function boundMasks(paths: readonly string[], roots: readonly string[], most = MOST_HIDDEN): BoundedMasks {
  const unique = [...new Set(paths)];
  if (unique.length <= most) return { paths: unique, folders: [] };
  const counts = new Map<string, number>();
  const mustShow = new Set(roots.flatMap((root) => [root, ...foldersAround(root)]));
  const around = (path: string): string[] => foldersAround(path).filter((folder) => !mustShow.has(folder));
  for (const path of unique) for (const folder of around(path)) counts.set(folder, (counts.get(folder) ?? 0) + 1);
  const depth = (path: string): number => path.split("/").length;
  const order = [...counts.keys()].sort((a, b) => depth(b) - depth(a) || (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
  const folders = new Set<string>();
  let left = unique.length;
  for (const folder of order) {
    if (left <= most) break;
    const saved = (counts.get(folder) ?? 0) - 1;
    if (saved < 1) continue;
    folders.add(folder);
    left -= saved;
    for (const one of around(folder)) counts.set(one, (counts.get(one) ?? 0) - saved);
  }
  const isCovered = (path: string): boolean => around(path).some((folder) => folders.has(folder));
  const outermost = [...folders].filter((folder) => !isCovered(folder));
  return {
    paths: [...unique.filter((path) => !isCovered(path) && !folders.has(path)), ...outermost],
    folders: outermost,
  };
}
