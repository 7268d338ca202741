// Finds the folders of git's own that belong to one repository: itself, its submodules at any depth, its work trees.
// Follows no link.

import { lstatSync, readdirSync, type Dirent } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";

/** Folders looked into for one repository. */
const MAX_FOLDERS = 20_000;

/**
 * Names below a folder of git's own that later start a program or change what the repository means. Never written for a
 * command.
 */
export const CLOSED_NAMES = [
  "config",
  "config.worktree",
  "hooks",
  "info/attributes",
  "info/exclude",
  "info/grafts",
  "commondir",
  "gitdir",
  "objects/info/alternates",
  "objects/info/http-alternates",
  "remotes",
  "branches",
];
/** Folders in which a subcommand keeps what it has yet to do; lines in them can be programs. */
export const STATE_NAMES = ["rebase-merge", "rebase-apply", "sequencer"];
/**
 * Branches, what they were before, the stash, what is staged, and answers to conflicts that git gives again by itself.
 */
const HISTORY_NAMES = ["HEAD", "packed-refs", "refs", "logs", "shallow", "index", "rr-cache"];
/** What git itself writes over with any command, and reads for nothing. */
const PASSING_NAMES = new Set(["COMMIT_EDITMSG", "FETCH_HEAD", "ORIG_HEAD", "gc.log", "gc.pid"]);

/**
 * Names of history below a folder of git's own. Every file directly in it can be a name for a commit (`MERGE_HEAD`
 * begins a merge, a file `main` comes before the branch), so they are told apart by what they are not.
 */
export function historyNamesOf(gitDirectory: string): string[] {
  const closed = new Set([...CLOSED_NAMES, ...STATE_NAMES, ...PASSING_NAMES]);
  const files = entriesIn(gitDirectory)
    .filter((entry) => !entry.isDirectory() && !closed.has(entry.name))
    .map(({ name }) => name);
  return [...new Set([...HISTORY_NAMES, ...files])];
}

function entriesIn(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return [];
    throw thrown;
  }
}

function foldersIn(path: string): string[] {
  return entriesIn(path)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(path, name));
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
}

/** Any of these makes git, or a person, take a folder for a repository; a broken one is watched too. */
function looksOwn(folder: string): boolean {
  return ["HEAD", "objects", "config"].some((name) => isThere(join(folder, name)));
}

/**
 * @param gitDirectory absolute.
 * @returns the folder itself first; `complete` is false where there are more than can be looked at.
 */
export function gitDirectoriesOf(gitDirectory: string): { directories: string[]; complete: boolean } {
  const directories: string[] = [gitDirectory, ...foldersIn(join(gitDirectory, "worktrees"))];
  // Names of submodules hold slashes: a repository may be any number of folders down, and have submodules itself.
  const waiting = foldersIn(join(gitDirectory, "modules"));
  let seen = 0;
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (++seen > MAX_FOLDERS) return { directories, complete: false };
    if (!looksOwn(folder)) waiting.push(...foldersIn(folder));
    else {
      directories.push(folder, ...foldersIn(join(folder, "worktrees")));
      waiting.push(...foldersIn(join(folder, "modules")));
    }
  }
  return { directories, complete: true };
}
