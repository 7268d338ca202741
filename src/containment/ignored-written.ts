// Which ignored paths were written since a moment. A snapshot leaves them out, so they are neither undone nor put back:
// a person should at least be told. One bounded look by times; reads directory entries and no bytes, follows no link.

import { lstatSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { systemPath } from "../util/raw-path.ts";
import { entriesOf, type FolderEntry } from "./node-facts.ts";
import type { TreeSnapshot } from "./snapshot-shapes.ts";

/** Entries below ignored folders whose times are read. */
export const MAX_IGNORED = 20_000;
/** Entries that the rules are asked about. */
const MAX_JUDGED = 100_000;
/** Longer lists end with how many more there are. */
const SHOWN = 50;
const BATCH = 512;
/** A file's time may be that of the clock's last tick. */
const CLOCK_STEP_NS = 20_000_000n;

export type TreeRules = Pick<TreeSnapshot, "tree" | "rules" | "tracked">;

interface Waiting {
  folder: string;
  /** Relative to the tree. */
  inTree: string;
  tree: TreeRules;
  /** The outermost ignored folder it is in, relative to the workspace; null where it is not ignored. */
  within: string | null;
}

function entriesIn(folder: string): FolderEntry[] {
  try {
    return entriesOf(folder);
  } catch (thrown) {
    // Closed or gone: nothing can be said of it.
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return [];
  }
}

/** Nanoseconds since the epoch; 0 where that cannot be known. Unlike the others no program can set this time. */
function changedAt(path: string): bigint {
  try {
    return lstatSync(systemPath(path), { bigint: true }).ctimeNs;
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return 0n;
  }
}

function below(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

function toText(path: string, files: number): string {
  return `${path} (${files.toLocaleString("en")} ${files === 1 ? "file" : "files"})`;
}

/**
 * Paths relative to the workspace: files as they are, whole folders as `dist/ (12 files)`. At most 50, and a last one
 * that says what is missing.
 * @param trees the workspace first, then the repositories in it, each with the rules that count.
 * @param sinceMs since the epoch.
 */
export async function ignoredWritten(
  trees: readonly TreeRules[],
  sinceMs: number,
  leaveOut: readonly string[] = [],
): Promise<string[]> {
  const [top] = trees;
  if (top === undefined || trees.every(({ rules }) => rules.text === "")) return [];
  const since = BigInt(sinceMs) * 1_000_000n - CLOCK_STEP_NS;
  const roots = new Map(trees.map((tree) => [tree.tree, tree]));
  const tracked = new Set(trees.flatMap((tree) => tree.tracked.map((path) => join(tree.tree, path))));
  const files: string[] = [];
  const folders = new Map<string, number>();
  const next = { open: [] as Waiting[], ignored: [] as Waiting[] };
  let judged = 0;
  let looked = 0;
  const isWritten = (path: string): boolean => {
    looked++;
    return !tracked.has(path) && changedAt(path) >= since;
  };
  const pause = async (count: number): Promise<void> => {
    if (count % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
  };
  const shownOf = (path: string): string => path.slice(top.tree.length + 1);

  next.open.push({ folder: top.tree, inTree: "", tree: top, within: null });
  // Breadth first, so that a deep folder does not take the room of the others.
  for (let index = 0; index < next.open.length && judged < MAX_JUDGED; index++) {
    const { folder, inTree, tree } = next.open[index] ?? { folder: "", inTree: "", tree: top };
    for (const { name, kind } of entriesIn(folder)) {
      const path = join(folder, name);
      if (name === ".git" || leaveOut.includes(path)) continue;
      await pause(++judged);
      const root = roots.get(path);
      const relative = below(inTree, name);
      if (root !== undefined) next.open.push({ folder: path, inTree: "", tree: root, within: null });
      else if (!tree.rules.ignores(relative, kind === "folder")) {
        if (kind === "folder") next.open.push({ folder: path, inTree: relative, tree, within: null });
      } else if (kind === "folder")
        next.ignored.push({ folder: path, inTree: relative, tree, within: `${shownOf(path)}/` });
      else if (looked < MAX_IGNORED && isWritten(path)) files.push(shownOf(path));
    }
  }
  for (let index = 0; index < next.ignored.length && looked < MAX_IGNORED; index++) {
    const { folder, inTree, tree, within } = next.ignored[index] ?? { folder: "", inTree: "", tree: top, within: null };
    for (const { name, kind } of entriesIn(folder)) {
      if (looked >= MAX_IGNORED) break;
      const path = join(folder, name);
      await pause(looked + 1);
      if (kind === "folder") {
        looked++;
        if (!roots.has(path) && !leaveOut.includes(path))
          next.ignored.push({ folder: path, inTree: below(inTree, name), tree, within });
      } else if (within !== null && isWritten(path)) folders.set(within, (folders.get(within) ?? 0) + 1);
    }
  }
  const found = [...files, ...[...folders].map(([path, count]) => toText(path, count))].sort();
  const more = found.length > SHOWN ? [`and ${(found.length - SHOWN).toLocaleString("en")} more`] : [];
  const isPartial = looked >= MAX_IGNORED || judged >= MAX_JUDGED;
  return [
    ...found.slice(0, SHOWN),
    ...more,
    ...(isPartial ? ["perhaps others: there are too many ignored files to look at all of them"] : []),
  ];
}
