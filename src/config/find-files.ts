// Finds the configuration files that take part. Only looks at names and sizes: starts no process, reads no content.

import { realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { locateProjectFile } from "../util/project-file.ts";
import { preferencesPath } from "./paths.ts";
import { CONFIG_SIZE_LIMIT } from "./read-text.ts";

/** Highest first. Nothing here may be a file that executes. */
export const SEARCH_PLACES = [".bmorc.toml", ".bmorc", ".bmorc.json", ".bmorc.yaml", "bmo.toml", ".bmo.toml"] as const;

/** What a file looked like; null = there is none. Compared to notice an edit. */
export type FileStamp = string | null;

export function stampOf(path: string): FileStamp {
  try {
    const stat = statSync(path);
    return `${stat.mtimeMs}:${stat.ctimeMs}:${stat.size}:${stat.ino}`;
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return null;
  }
}

/** @throws BmoError configuration when the file is missing, no regular file, or larger than 1 MiB. */
export function checkConfigFile(path: string): void {
  let size: number;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new BmoError("configuration", `${path}: not a regular file`, null);
    size = stat.size;
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === undefined || thrown instanceof BmoError) throw thrown;
    throw new BmoError(
      "configuration",
      code === "ENOENT" ? `${path}: no such file` : `${path}: cannot be read (${code})`,
      null,
      { cause: thrown },
    );
  }
  if (size > CONFIG_SIZE_LIMIT)
    throw new BmoError(
      "configuration",
      `${path}: ${size} bytes; a configuration file may hold at most ${CONFIG_SIZE_LIMIT}`,
      "Is this the right file?",
    );
}

/** The workspace and its parents up to the repository root; without a repository the workspace alone. Nearest first. */
export function projectDirectories(workspace: string): string[] {
  const directories: string[] = [];
  for (let directory = workspace; ; directory = dirname(directory)) {
    directories.push(directory);
    if (stampOf(join(directory, ".git")) !== null) return directories;
    if (dirname(directory) === directory) return [workspace];
  }
}

export interface ProjectFiles {
  /** Configuration files, nearest first: at most one for each directory. */
  files: string[];
  /** The workspace's tier bindings in JSON, or null. */
  preferences: string | null;
  /** Every place that was looked at, also those where nothing is. */
  candidates: string[];
  notices: string[];
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return path;
  }
}

/**
 * `userFiles` are no project files, wherever the workspace lies. Links that lead out of `root` and what is no regular
 * file do not count, with a notice.
 */
export function findProjectFiles(
  workspace: string,
  directories: readonly string[],
  userFiles: readonly string[],
  root: string,
): ProjectFiles {
  const own = new Set(userFiles.map(realPath));
  const found: ProjectFiles = { files: [], preferences: null, candidates: [], notices: [] };
  const present = (path: string): boolean => {
    found.candidates.push(path);
    // Settings are not shown to a model: what is closed to it may be linked to.
    const located = locateProjectFile(path, { root, isClosed: () => false });
    // Most places are empty, and to ask for the real path of what is not there is dear.
    if (located.kind === "absent" || own.has(realPath(path))) return false;
    if (located.kind === "found" && statSync(located.realPath).isFile()) return true;
    found.notices.push(`${path} is not read: ${located.kind === "refused" ? located.reason : "not a regular file"}`);
    return false;
  };
  for (const directory of directories) {
    const [first, ...others] = SEARCH_PLACES.map((name) => join(directory, name)).filter(present);
    if (first === undefined) continue;
    found.files.push(first);
    if (others.length > 0)
      found.notices.push(
        `several configuration files in one folder: ${first} counts, ${others.join(", ")} ${others.length === 1 ? "does" : "do"} not`,
      );
  }
  const preferences = preferencesPath(workspace);
  if (present(preferences)) found.preferences = preferences;
  return found;
}
