// Remembers the bytes of the few files that are watched whatever .gitignore says: credentials, and what makes a repository
// what it is. Small and in memory.

import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { findRepository } from "./git-config.ts";
import type { Survey } from "./survey.ts";

export interface GuardedFile {
  kind: "file" | "link";
  bytes: Buffer;
  /** Permission bits. */
  mode: number;
}

export interface GuardedFiles {
  files: Map<string, GuardedFile>;
  /** Contents of every `.gitignore`. */
  ignoreRules: Map<string, Buffer>;
}

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 5_000;
/** What later starts a program, or changes what a repository means. The rest of `.git` is written by ordinary reading commands too. */
const ALWAYS = ["config", "config.worktree", "hooks", "info/attributes", "info/exclude", "info/grafts", "commondir", "gitdir", "objects/info/alternates"];
/** History and branches: only a command that was allowed to use git may change them. */
const HISTORY = ["HEAD", "packed-refs", "refs"];

function readGuarded(path: string): GuardedFile | null {
  try {
    const facts = lstatSync(path);
    if (facts.isSymbolicLink()) return { kind: "link", bytes: Buffer.from(readlinkSync(path)), mode: 0o777 };
    if (!facts.isFile() || facts.size > MAX_BYTES) return null;
    return { kind: "file", bytes: readFileSync(path), mode: facts.mode & 0o7777 };
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}

/** Files at or below a path, links not followed. */
function filesBelow(path: string, found: string[]): void {
  let entries;
  try {
    if (!lstatSync(path).isDirectory()) {
      found.push(path);
      return;
    }
    entries = readdirSync(path, { withFileTypes: true });
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return;
    throw thrown;
  }
  for (const entry of entries) {
    if (found.length > MAX_FILES) return;
    if (entry.isDirectory()) filesBelow(join(path, entry.name), found);
    else found.push(join(path, entry.name));
  }
}

/** Reads what is guarded now. `withHistory` false leaves branches to a command that was allowed to commit. */
export function readGuardedFiles(workspace: string, survey: Survey, withHistory: boolean): GuardedFiles {
  const paths: string[] = [];
  for (const credential of survey.credentials) filesBelow(credential, paths);
  const own = findRepository(workspace);
  const repositories = [...survey.gitEntries, ...(own === null ? [] : [own.gitDirectory, own.commonDirectory])];
  for (const entry of new Set(repositories)) {
    if (readGuarded(entry) !== null) paths.push(entry);
    for (const name of [...ALWAYS, ...(withHistory ? HISTORY : [])]) filesBelow(join(entry, name), paths);
    for (const name of modulesOf(entry)) for (const inner of ["config", "hooks", "info"]) filesBelow(join(name, inner), paths);
  }
  const files = new Map<string, GuardedFile>();
  for (const path of new Set(paths)) {
    const file = path.endsWith(".lock") ? null : readGuarded(path);
    if (file !== null) files.set(path, file);
  }
  const ignoreRules = new Map(survey.ignoreFiles.flatMap((path) => {
    const file = readGuarded(path);
    return file === null ? [] : [[path, file.bytes] as const];
  }));
  return { files, ignoreRules };
}

function modulesOf(gitEntry: string): string[] {
  try {
    return readdirSync(join(gitEntry, "modules")).map((name) => join(gitEntry, "modules", name));
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return [];
    throw thrown;
  }
}

export function sameRules(left: ReadonlyMap<string, Buffer>, right: ReadonlyMap<string, Buffer>): boolean {
  return left.size === right.size && [...left].every(([path, bytes]) => right.get(path)?.equals(bytes) === true);
}
