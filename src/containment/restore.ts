// Puts changed files back as they were. What lay there is copied first and the command that brings it back is named: nothing
// is ever lost. Follows no link on the way.

import { randomBytes } from "node:crypto";
import { chmodSync, closeSync, cpSync, fsyncSync, lstatSync, mkdirSync, openSync, readdirSync, renameSync, rmdirSync, rmSync, symlinkSync, writeSync, type Stats } from "node:fs";
import { dirname, join, relative } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { temporaryFileIn } from "../util/own-temporaries.ts";
import { isInside } from "../util/paths.ts";
import type { EffectChange, PreImage } from "./snapshot.ts";

export interface RestoreResult {
  /** Workspace-relative paths that are as before again. */
  restored: string[];
  /** Path and reason of what could not be put back. */
  failed: { path: string; reason: string }[];
}

function statOf(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw thrown;
  }
}

/** The first part between root and path that is no real folder, or null. */
function blockedBy(root: string, path: string): string | null {
  const parents: string[] = [];
  for (let parent = dirname(path); parent !== root && isInside(root, parent); parent = dirname(parent)) parents.unshift(parent);
  return parents.find((parent) => statOf(parent)?.isDirectory() === false) ?? null;
}

function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

export function restoreCommandFor(copyDirectory: string, workspace: string): string {
  return `cp -a ${shellQuote(`${copyDirectory}/.`)} ${shellQuote(`${workspace}/`)}`;
}

function placeInCopy(change: EffectChange, workspace: string, copyDirectory: string): string {
  return isInside(workspace, change.absolute) ? join(copyDirectory, change.path) : join(`${copyDirectory}-outside`, change.absolute);
}

/** Folders before what is in them. */
function byPath(changes: readonly EffectChange[]): EffectChange[] {
  return [...changes].sort((left, right) => (left.absolute < right.absolute ? -1 : 1));
}

/** Pipes, sockets and devices hold nothing that could be kept. */
function isCopied(path: string): boolean {
  const facts = statOf(path);
  return facts !== null && (facts.isFile() || facts.isDirectory() || facts.isSymbolicLink());
}

/** Folders of the copy have the modes of those they stand for: the command that brings it back hands them on. */
function makeCopyFolder(folder: string, copyDirectory: string, workspace: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (let copied = folder; isInside(copyDirectory, copied); copied = dirname(copied)) {
    const original = statOf(join(workspace, relative(copyDirectory, copied)));
    if (original?.isDirectory() === true) chmodSync(copied, (original.mode & 0o7777) | 0o700);
    if (copied === copyDirectory) return;
  }
}

/** Copies what lies at the changed paths now, links as links. May be called again when it changed meanwhile. */
export function copyChanged(changes: readonly EffectChange[], workspace: string, copyDirectory: string): void {
  makeCopyFolder(copyDirectory, copyDirectory, workspace);
  for (const change of byPath(changes)) {
    const root = isInside(workspace, change.absolute) ? workspace : dirname(change.absolute);
    const facts = statOf(change.absolute);
    if (facts === null || blockedBy(root, change.absolute) !== null) continue;
    if (!isCopied(change.absolute)) continue;
    const place = placeInCopy(change, workspace, copyDirectory);
    makeCopyFolder(dirname(place), copyDirectory, workspace);
    rmSync(place, { recursive: true, force: true });
    // A folder is only copied whole when it came with the command; the files of others have changes of their own.
    if (facts.isDirectory() && change.before !== null) makeCopyFolder(place, copyDirectory, workspace);
    else cpSync(change.absolute, place, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true, filter: isCopied });
  }
}

function writeWhole(path: string, bytes: Buffer, mode: number): void {
  const temporary = temporaryFileIn(dirname(path));
  const descriptor = openSync(temporary, "wx", 0o600);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    fsyncSync(descriptor);
  } catch (thrown) {
    closeSync(descriptor);
    rmSync(temporary, { force: true });
    throw thrown;
  }
  closeSync(descriptor);
  chmodSync(temporary, mode);
  renameSync(temporary, path);
}

/** Creates missing parents; what stands in the way is moved into the copy. */
function clearWay(path: string, root: string, aside: string): void {
  for (let obstacle = blockedBy(root, path); obstacle !== null; obstacle = blockedBy(root, path)) moveAside(obstacle, aside);
  mkdirSync(dirname(path), { recursive: true });
}

function moveAside(path: string, aside: string): void {
  const place = join(`${aside}-moved`, randomBytes(4).toString("hex"));
  mkdirSync(place, { recursive: true, mode: 0o700 });
  const target = join(place, path.split("/").at(-1) ?? "moved");
  try {
    renameSync(path, target);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== "EXDEV") throw thrown;
    cpSync(path, target, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    rmSync(path, { recursive: true, force: true });
  }
}

async function writeBack(path: string, before: PreImage, current: number | null, root: string, aside: string): Promise<void> {
  clearWay(path, root, aside);
  const there = statOf(path);
  if (before.kind === "folder") {
    if (there !== null && !there.isDirectory()) moveAside(path, aside);
    mkdirSync(path, { recursive: true });
    if (before.mode !== null) chmodSync(path, before.mode);
    return;
  }
  const bytes = await before.read();
  if (there?.isDirectory() === true) moveAside(path, aside);
  if (before.kind === "link") {
    rmSync(path, { force: true });
    symlinkSync(bytes.toString("utf8"), path);
    return;
  }
  const plain = before.executable ? 0o755 : 0o644;
  const kept = current === null ? plain : before.executable ? current | 0o111 : current & ~0o111;
  writeWhole(path, bytes, before.mode ?? kept);
}

/** A folder that was created empty is only removed empty: what was put there since is another's. A repository that was created goes whole. */
function remove({ absolute, guarded }: EffectChange, isDirectory: boolean): void {
  if (isDirectory && !guarded) rmdirSync(absolute);
  else rmSync(absolute, { recursive: true, force: true });
}

/** A name whose bytes are no text cannot be told apart from others; nothing is written under a name that only looks like it. */
function isUnnameable({ path, absolute }: EffectChange): boolean {
  return path.includes("\ufffd") && statOf(absolute) === null;
}

/** Folders that came with removed files go with them, as far as they are empty now. */
function removeEmptied(path: string, workspace: string, foldersBefore: ReadonlyMap<string, unknown>): void {
  for (let folder = dirname(path); folder !== workspace && isInside(workspace, folder) && !foldersBefore.has(folder); folder = dirname(folder)) {
    const facts = statOf(folder);
    if (facts?.isDirectory() !== true || readdirSync(folder).length > 0) return;
    rmdirSync(folder);
  }
}

/**
 * Puts every change back. The copy is refreshed just before, so that what an editor saved meanwhile is in it.
 * @param foldersBefore folders that existed before the changes; others are removed once empty.
 */
export async function restoreChanges(changes: readonly EffectChange[], workspace: string, copyDirectory: string, foldersBefore: ReadonlyMap<string, unknown>): Promise<RestoreResult> {
  copyChanged(changes, workspace, copyDirectory);
  const result: RestoreResult = { restored: [], failed: [] };
  const modes = new Map<string, number>();
  const failures = new Set<string>();
  const attempt = (change: EffectChange, thrown: unknown): void => {
    const code = systemErrorCode(thrown);
    const reason = code === "ENOTEMPTY" ? "it holds what did not come with it" : code ?? (thrown instanceof Error ? thrown.message : String(thrown));
    failures.add(change.absolute);
    result.failed.push({ path: change.path, reason });
  };
  for (const change of changes) {
    if (!isUnnameable(change) || change.before === null || change.before.kind === "folder") continue;
    const place = join(`${copyDirectory}-before`, change.path);
    mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
    writeWhole(place, await change.before.read(), 0o600);
    failures.add(change.absolute);
    result.failed.push({ path: change.path, reason: `its name is no UTF-8 text; as it was it lies in ${place}` });
  }
  const ordered = byPath(changes).filter(({ absolute }) => !failures.has(absolute));
  // What lies in a folder goes before the folder.
  for (const change of [...ordered].reverse()) {
    try {
      const facts = statOf(change.absolute);
      if (facts === null || blockedBy(isInside(workspace, change.absolute) ? workspace : dirname(change.absolute), change.absolute) !== null) continue;
      if (facts.isFile()) modes.set(change.absolute, facts.mode & 0o7777);
      if (change.before !== null) continue;
      remove(change, facts.isDirectory());
      removeEmptied(change.absolute, workspace, foldersBefore);
    } catch (thrown) {
      attempt(change, thrown);
    }
  }
  for (const change of ordered) {
    if (failures.has(change.absolute)) continue;
    try {
      if (change.before !== null) {
        const root = isInside(workspace, change.absolute) ? workspace : dirname(change.absolute);
        await writeBack(change.absolute, change.before, modes.get(change.absolute) ?? null, root, copyDirectory);
      }
      result.restored.push(change.path);
    } catch (thrown) {
      attempt(change, thrown);
    }
  }
  return result;
}
