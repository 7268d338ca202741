// Puts changed files back as they were, each by itself. What lay there is kept first and the command that brings it
// back is named: nothing is ever lost. Follows no link on the way.

import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { temporaryFileIn } from "../util/own-temporaries.ts";
import { isInside } from "../util/paths.ts";
import { runToBytes } from "../util/process.ts";
import { systemPath } from "../util/raw-path.ts";
import { quoteWord } from "../util/shell-quote.ts";
import { inOpenFolder, keepNode, moveNode } from "./keep-aside.ts";
import { entriesOf, isFull, programError, reasonOf, tryLook } from "./node-facts.ts";
import { makeFile } from "./pre-image.ts";
import { droppable } from "./restore-space.ts";
import type { EffectChange, PreImage } from "./snapshot-shapes.ts";

export interface RestoreResult {
  /** Workspace-relative paths that are as before again. */
  restored: string[];
  /** Path and reason of what could not be put back. `full`: for want of space alone, so that a later try may do it. */
  failed: { path: string; reason: string; full: boolean }[];
  /** What the command had made and what could not be kept for want of space. */
  dropped: string[];
}

/** Folders that existed before the changes, with their permission bits where those are known. */
export interface FoldersBefore {
  has(path: string): boolean;
  get?(path: string): { mode: number } | undefined;
}

interface Ground {
  workspace: string;
  copyDirectory: string;
  folders: FoldersBefore;
  /** Folders that were made again on the way. */
  remade: Set<string>;
}

/** What is not put back by then is named. */
const LIMIT_MS = 15 * 60_000;
/** The first part between root and path that is no real folder, or null. */
function blockedBy(root: string, path: string): string | null {
  const parents: string[] = [];
  for (let parent = dirname(path); parent !== root && isInside(root, parent); parent = dirname(parent))
    parents.unshift(parent);
  return (
    parents.find((parent) => {
      const { facts } = tryLook(parent);
      return facts !== null && facts.kind !== "folder";
    }) ?? null
  );
}

export function restoreCommandFor(copyDirectory: string, workspace: string): string {
  return `cp -a ${quoteWord(`${copyDirectory}/.`)} ${quoteWord(`${workspace}/`)}`;
}

function rootOf({ workspace }: Ground, path: string): string {
  return isInside(workspace, path) ? workspace : dirname(path);
}

function placeInCopy({ workspace, copyDirectory }: Ground, path: string): string {
  return isInside(workspace, path)
    ? join(copyDirectory, relative(workspace, path))
    : join(`${copyDirectory}-outside`, path);
}

/** Folders before what is in them. */
function byPath(changes: readonly EffectChange[]): EffectChange[] {
  return [...changes].sort((left, right) => (left.absolute < right.absolute ? -1 : 1));
}

/** Folders of the copy have the modes of those they stand for: the command that brings it back hands them on. */
function makeCopyFolder({ workspace, copyDirectory }: Ground, folder: string): void {
  mkdirSync(systemPath(folder), { recursive: true, mode: 0o700 });
  for (let copied = folder; isInside(copyDirectory, copied); copied = dirname(copied)) {
    const original = tryLook(join(workspace, relative(copyDirectory, copied))).facts;
    if (original?.kind === "folder") chmodSync(systemPath(copied), original.mode | 0o700);
    if (copied === copyDirectory) return;
  }
}

/** A free place in the copy for what lies at a path. */
function freePlace(ground: Ground, path: string): string {
  const place = placeInCopy(ground, path);
  makeCopyFolder(ground, dirname(place));
  rmSync(systemPath(place), { recursive: true, force: true });
  return place;
}

/** Moves away what stands in the place of a folder or file that is put back. */
async function clearObstacle(ground: Ground, path: string): Promise<void> {
  const place = join(`${ground.copyDirectory}-moved`, randomBytes(4).toString("hex"));
  mkdirSync(place, { recursive: true, mode: 0o700 });
  await moveNode(path, join(place, path.split("/").at(-1) ?? "moved"));
}

/** Creates missing parents; what stands in the way is moved into the copy. */
async function clearWay(ground: Ground, path: string): Promise<void> {
  const root = rootOf(ground, path);
  for (let obstacle = blockedBy(root, path); obstacle !== null; obstacle = blockedBy(root, path))
    await clearObstacle(ground, obstacle);
  const missing: string[] = [];
  for (let parent = dirname(path); isInside(root, parent) && tryLook(parent).facts === null; parent = dirname(parent))
    missing.unshift(parent);
  for (const folder of missing) {
    await inOpenFolder(folder, () => mkdirSync(systemPath(folder)));
    ground.remade.add(folder);
  }
}

async function writeWhole(
  path: string,
  before: Extract<PreImage, { kind: "file" | "link" }>,
  mode: number,
): Promise<void> {
  const temporary = temporaryFileIn(dirname(path));
  await inOpenFolder(path, async () => {
    try {
      await makeFile(before, temporary);
      chmodSync(systemPath(temporary), mode);
      renameSync(systemPath(temporary), systemPath(path));
    } catch (thrown) {
      rmSync(systemPath(temporary), { force: true });
      throw thrown;
    }
  });
}

async function makePipe(path: string, mode: number | null): Promise<void> {
  const made = await runToBytes({
    argv: ["mkfifo", "-m", (mode ?? 0o644).toString(8), "--", path],
    cwd: dirname(path),
    environment: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
    timeoutSeconds: 10,
  });
  if (made.exitCode !== 0) throw programError(made.stderr);
}

async function writeBack(ground: Ground, { absolute: path, before, sameBytes }: EffectChange): Promise<void> {
  if (before === null) return;
  await clearWay(ground, path);
  const there = tryLook(path).facts;
  if (before.kind === "folder") {
    if (there !== null && there.kind !== "folder") await clearObstacle(ground, path);
    if (there?.kind !== "folder") await inOpenFolder(path, () => mkdirSync(systemPath(path), { recursive: true }));
    if (before.mode !== null) chmodSync(systemPath(path), before.mode);
    return;
  }
  if (before.kind === "pipe") {
    if (there?.kind === "special" && before.mode !== null) return chmodSync(systemPath(path), before.mode);
    if (there !== null) await clearObstacle(ground, path);
    return makePipe(path, before.mode);
  }
  if (sameBytes === true && there?.kind === "file" && before.mode !== null)
    return chmodSync(systemPath(path), before.mode);
  if (there?.kind === "folder") await clearObstacle(ground, path);
  else if (there !== null) await keepNode(path, freePlace(ground, path));
  if (before.kind === "link") {
    const target = await before.read();
    await inOpenFolder(path, () => {
      rmSync(systemPath(path), { force: true });
      symlinkSync(target, systemPath(path));
    });
    return;
  }
  const plain = before.executable ? 0o755 : 0o644;
  const kept = there?.kind !== "file" ? plain : before.executable ? there.mode | 0o111 : there.mode & ~0o111;
  await writeWhole(path, before, before.mode ?? kept);
}

/** Folders that came with removed files go with them, as far as they are empty now. */
function removeEmptied({ workspace, folders }: Ground, path: string): void {
  for (
    let folder = dirname(path);
    folder !== workspace && isInside(workspace, folder) && !folders.has(folder);
    folder = dirname(folder)
  ) {
    // Without its empty folders, such as refs/heads, a repository is none.
    if (
      tryLook(folder).facts?.kind !== "folder" ||
      /\/\.git(\/|$)/.test(folder) ||
      readdirSync(systemPath(folder)).length > 0
    )
      return;
    rmdirSync(systemPath(folder));
  }
}

/**
 * Whether all that lies in a folder came with the changes. What cannot be listed came with the command that closed it.
 */
function isCovered(folder: string, created: ReadonlyMap<string, EffectChange>): boolean {
  let entries;
  try {
    entries = entriesOf(folder);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return true;
    throw thrown;
  }
  return entries.every(({ name, kind }) => {
    const path = join(folder, name);
    const own = created.get(path);
    // A folder that came empty may hold a file of the user's by now; a repository came with all that is in it.
    return kind === "folder" && own?.guarded !== true ? isCovered(path, created) : own !== undefined;
  });
}

/** What is moved away as one: the outermost created folder where all in it is to go, else the path itself. */
function unitsOf({ workspace, folders }: Ground, changes: readonly EffectChange[]): Map<string, EffectChange[]> {
  const created = new Map(changes.map((change) => [change.absolute, change]));
  const covered = new Map<string, boolean>();
  const units = new Map<string, EffectChange[]>();
  for (const change of changes) {
    let unit = change.absolute;
    const outer: string[] = [];
    for (
      let folder = dirname(change.absolute);
      folder !== workspace && isInside(workspace, folder) && !folders.has(folder);
      folder = dirname(folder)
    )
      outer.unshift(folder);
    for (const folder of outer) {
      if (tryLook(folder).facts?.kind !== "folder") break;
      const whole = covered.get(folder) ?? isCovered(folder, created);
      covered.set(folder, whole);
      if (!whole) continue;
      unit = folder;
      break;
    }
    units.set(unit, [...(units.get(unit) ?? []), change]);
  }
  return units;
}

/**
 * Takes away what the changes created. A folder that was created empty goes only as long as it is empty: what was put
 * there since is another's.
 */
async function removeCreated(
  ground: Ground,
  changes: readonly EffectChange[],
  fail: (change: EffectChange, thrown: unknown) => void,
): Promise<EffectChange[]> {
  const gone: EffectChange[] = [];
  const sizeOf = (path: string): number => tryLook(path).facts?.size ?? 0;
  // Small ones first: where the copies have little room, that is for as many as can be. What lies in a folder goes
  // before the folder.
  const units = [...unitsOf(ground, changes)].sort(([left], [right]) =>
    isInside(left, right) ? 1 : isInside(right, left) ? -1 : sizeOf(left) - sizeOf(right),
  );
  for (const [path, members] of units) {
    try {
      const { facts } = tryLook(path);
      const own = members.find(({ absolute }) => absolute === path);
      if (blockedBy(rootOf(ground, path), path) === null && facts !== null) {
        if (facts.kind === "special") await inOpenFolder(path, () => rmSync(systemPath(path), { force: true }));
        else if (
          facts.kind === "folder" &&
          own?.guarded === false &&
          !isCovered(path, new Map(members.map((member) => [member.absolute, member])))
        )
          await inOpenFolder(path, () => rmdirSync(systemPath(path)));
        else await moveNode(path, freePlace(ground, path));
        removeEmptied(ground, path);
      }
      gone.push(...members);
    } catch (thrown) {
      for (const member of members) fail(member, thrown);
    }
  }
  return gone;
}

function whereIsImage(before: PreImage | null): string {
  return before !== null && "whereIs" in before && before.whereIs !== undefined ? `; as it was: ${before.whereIs}` : "";
}

/**
 * Puts every change back: first what was created is taken away, which frees its space, then the rest is written. What
 * lies there is kept at that moment, so that what an editor saved meanwhile is in the copy. Rejects for nothing that
 * one path does.
 */
export async function restoreChanges(
  changes: readonly EffectChange[],
  workspace: string,
  copyDirectory: string,
  foldersBefore: FoldersBefore,
  onProgress: (done: number, of: number) => void = () => undefined,
): Promise<RestoreResult> {
  const limit = performance.now() + LIMIT_MS;
  const result: RestoreResult = { restored: [], failed: [], dropped: [] };
  const ground: Ground = { workspace, copyDirectory, folders: foldersBefore, remade: new Set() };
  const fail = (change: EffectChange, reason: string, full = false): void =>
    void result.failed.push({ path: change.path, reason: `${reason}${whereIsImage(change.before)}`, full });
  const failBy = (change: EffectChange, thrown: unknown): void => fail(change, reasonOf(thrown), isFull(thrown));
  const sound = byPath(changes).filter((change) => {
    if (change.problem !== undefined) fail(change, change.problem);
    return change.problem === undefined;
  });
  try {
    makeCopyFolder(ground, copyDirectory);
  } catch (thrown) {
    for (const change of sound) fail(change, `there is no place for a copy: ${reasonOf(thrown)}`, isFull(thrown));
    return result;
  }
  const gone = await removeCreated(
    ground,
    sound.filter(({ before }) => before === null),
    failBy,
  );
  result.restored.push(...gone.map(({ path }) => path));
  const attempt = async (change: EffectChange): Promise<unknown> => {
    if (performance.now() > limit)
      return Object.assign(new Error("no time left"), {
        code: `nothing, but ${LIMIT_MS / 60_000} minutes were not enough`,
      });
    onProgress(result.restored.length, sound.length);
    try {
      await writeBack(ground, change);
      result.restored.push(change.path);
      return null;
    } catch (thrown) {
      return thrown;
    }
  };
  const full: EffectChange[] = [];
  const again: EffectChange[] = [];
  for (const change of sound.filter(({ before }) => before !== null)) {
    const thrown = await attempt(change);
    if (thrown === null) continue;
    if (isFull(thrown)) full.push(change);
    else again.push(change);
  }
  // What stood in one's way may be gone now.
  for (const change of again) {
    const thrown = await attempt(change);
    if (thrown !== null) failBy(change, thrown);
  }
  const spare = full.length === 0 ? [] : droppable(ground.workspace, gone, (path) => placeInCopy(ground, path));
  for (const change of full) {
    let thrown = await attempt(change);
    for (let one = spare.shift(); thrown !== null && one !== undefined; one = spare.shift()) {
      rmSync(systemPath(one.place), { force: true });
      result.dropped.push(one.path);
      thrown = await attempt(change);
    }
    if (thrown !== null) failBy(change, thrown);
  }
  for (const folder of [...ground.remade].sort().reverse()) {
    const mode = foldersBefore.get?.(folder)?.mode;
    if (mode !== undefined && tryLook(folder).facts?.kind === "folder") chmodSync(systemPath(folder), mode);
  }
  // A folder whose bits were put back may have been opened again for what is in it.
  for (const { absolute, before } of [...sound].reverse())
    if (before?.kind === "folder" && before.mode !== null && tryLook(absolute).facts?.kind === "folder")
      chmodSync(systemPath(absolute), before.mode);
  return result;
}
