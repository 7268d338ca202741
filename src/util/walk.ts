// Walks a tree within bounds: links are not followed, .git and ignored entries are left out, order is by name.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { enterFolder, isIgnored, rulesFor, type IgnoreRules } from "./gitignore.ts";

export interface WalkOptions {
  /** Real path of the folder to begin with. */
  root: string;
  /** Entries looked at before the walk gives up. */
  maxEntries: number;
  signal: AbortSignal;
  /** Gets the files found so far, again and again, while the walk lasts. */
  onSome?: (files: readonly string[]) => void;
}

export interface WalkResult {
  /** Real absolute paths of regular files, in path order. */
  files: string[];
  /** False when a bound was reached or the walk was aborted. */
  complete: boolean;
}

const SOME_INTERVAL_MS = 100;

/** Lists regular files below `root`. Folders that cannot be read are left out. */
export async function walkFiles(options: WalkOptions): Promise<WalkResult> {
  const files: string[] = [];
  let seen = 0;
  let complete = true;
  let toldAt = performance.now();
  const tell = (): void => {
    if (options.onSome === undefined || performance.now() - toldAt < SOME_INTERVAL_MS) return;
    toldAt = performance.now();
    options.onSome([...files]);
  };
  const visit = async (folder: string, rules: IgnoreRules): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    entries.sort((left, right) => (left.name < right.name ? -1 : 1));
    for (const entry of entries) {
      if (options.signal.aborted || seen >= options.maxEntries) {
        complete = false;
        return;
      }
      seen += 1;
      if (entry.name === ".git") continue;
      const path = join(folder, entry.name);
      const isDirectory = entry.isDirectory();
      if ((!isDirectory && !entry.isFile()) || isIgnored(rules, path, isDirectory)) continue;
      if (isDirectory) await visit(path, await enterFolder(path, rules));
      else files.push(path);
    }
    tell();
  };
  await visit(options.root, await rulesFor(options.root));
  return { files, complete };
}
