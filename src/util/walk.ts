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
}

export interface WalkResult {
  /** Real absolute paths of regular files, in path order. */
  files: string[];
  /** False when a bound was reached or the walk was aborted. */
  complete: boolean;
}

/** Lists regular files below `root`. Folders that cannot be read are left out. */
export async function walkFiles(options: WalkOptions): Promise<WalkResult> {
  const files: string[] = [];
  let seen = 0;
  let complete = true;
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
  };
  await visit(options.root, await rulesFor(options.root));
  return { files, complete };
}
