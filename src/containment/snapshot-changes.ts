// What the two walks and the guarded files tell of a command beside the stores: entries that are no files, folders,
// repositories. Pure over two surveys but for looking whether something lies there.

import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { isInside } from "../util/paths.ts";
import { createLooker, tryLook } from "./node-facts.ts";
import { boundSockets, type Survey } from "./survey.ts";
import type { HistoryStore } from "./history-store.ts";
import type { EffectChange, PreImage, Snapshot } from "./snapshot-shapes.ts";
import type { FileAction } from "../types/tool.ts";

export function actionOf(before: PreImage | null, present: boolean): FileAction {
  if (before === null) return "create";
  return present ? "modify" : "delete";
}

/**
 * A repository that the command made inside the workspace is one change: its folder, or its `.git` where the folder was
 * there.
 */
export function createdRepositories(
  workspace: string,
  before: Survey,
  after: Survey,
  replaced: readonly string[],
): EffectChange[] {
  const known = new Set(before.gitEntries);
  return after.gitEntries
    .filter((entry) => (!known.has(entry) && after.gitFolders[entry] !== undefined) || replaced.includes(entry))
    .map((entry): EffectChange => {
      const absolute = before.folders.has(dirname(entry)) ? entry : dirname(entry);
      return { path: `${relative(workspace, absolute)}/`, absolute, action: "create", before: null, guarded: true };
    });
}

/** Repositories in whose place another one was put, which takes moving the folder that they are in. */
export function replacedRepositories(before: Survey, after: Survey): string[] {
  return Object.entries(before.gitFolders)
    .filter(([entry, folder]) => after.gitFolders[entry] !== undefined && after.gitFolders[entry] !== folder)
    .map(([entry]) => entry);
}

/**
 * A repository whose folder was moved with it, although the sandbox closed it: its bytes are elsewhere, and only told.
 */
export function lostRepositories(workspace: string, before: Survey, replaced: readonly string[]): EffectChange[] {
  const look = createLooker(workspace);
  const isGone = (entry: string): boolean => look(entry).facts === null && look(entry).problem === null;
  // What took the place of one is a change of its own, so the lost one is told by a file that it held.
  const lost = [...before.gitEntries.filter(isGone), ...replaced.map((entry) => join(entry, "HEAD"))];
  return lost.map((absolute): EffectChange => ({
    path: relative(workspace, absolute),
    absolute,
    action: "delete",
    before: null,
    guarded: true,
    problem:
      "the command moved the folder that this repository is in; it is in the copy of what was moved away, or where the folder was moved to",
  }));
}

/** Pipes, sockets and devices that came or went, and folders that no file tells of. */
export function entryChanges(workspace: string, before: Survey, after: Survey): EffectChange[] {
  if (!before.complete || !after.complete) return [];
  const changes: EffectChange[] = [];
  const look = createLooker(workspace);
  const add = (
    absolute: string,
    action: FileAction,
    image: PreImage | null,
    more: Partial<EffectChange> = {},
  ): void => {
    const shown = relative(workspace, absolute);
    changes.push({
      path: image?.kind === "folder" || more.path === "/" ? `${shown || "."}/` : shown,
      absolute,
      action,
      before: image,
      guarded: false,
      ...(more.problem === undefined ? {} : { problem: more.problem }),
    });
  };
  const known = new Set([...before.sockets, ...before.specials]);
  const created = [...after.sockets, ...after.specials].filter((path) => !known.has(path));
  // The command's own processes have ended: what is still listened on belongs to another.
  const foreign = new Set(created.length === 0 ? [] : boundSockets());
  for (const path of created) if (!foreign.has(path)) add(path, "create", null);
  const there = new Set([...after.sockets, ...after.specials]);
  for (const path of known) {
    const mode = before.specialModes.get(path) ?? null;
    if (there.has(path) || look(path).facts?.kind === "special") {
      if (mode !== null && after.specialModes.get(path) !== mode) add(path, "modify", { kind: "pipe", mode });
    } else if (before.specials.includes(path)) add(path, "delete", { kind: "pipe", mode });
    else
      add(path, "delete", null, {
        problem: "it was a socket, which only the program that listened on it can make again",
      });
  }
  for (const [path, { empty }] of after.folders)
    if (empty && !before.folders.has(path)) add(path, "create", null, { path: "/" });
  for (const [path, { empty, mode }] of before.folders) {
    const now = after.folders.get(path);
    if (now === undefined) {
      if (empty && look(path).facts?.kind !== "folder") add(path, "delete", { kind: "folder", mode });
    } else if (now.mode !== mode) add(path, "modify", { kind: "folder", mode });
  }
  return changes;
}

/** Folders that are closed to us: what a command did in them cannot be told. */
export function closedChanges(workspace: string, before: Survey, after: Survey): EffectChange[] {
  const problem = (absolute: string, reason: string): EffectChange => ({
    path: `${relative(workspace, absolute) || "."}/`,
    absolute,
    action: "modify",
    before: null,
    guarded: false,
    problem: reason,
  });
  const changes: EffectChange[] = [];
  for (const [path, { stamp, reason }] of before.closed) {
    const now = after.closed.get(path);
    const isFolder = tryLook(path).facts?.kind === "folder";
    if (now?.stamp !== stamp && (after.folders.has(path) || !isFolder))
      changes.push(
        problem(path, `before the command it could not be looked into: ${reason}; what changed in it is not known`),
      );
  }
  for (const [path, { reason }] of after.closed) {
    if (before.closed.has(path)) continue;
    const made = outermostNew(workspace, before, path);
    changes.push(
      made === null
        ? problem(path, `it cannot be looked into: ${reason}`)
        : { path: `${relative(workspace, made)}/`, absolute: made, action: "create", before: null, guarded: false },
    );
  }
  return changes;
}

/**
 * The outermost folder at or above a path that was not there before; null when the path itself was. What is in it came
 * with it.
 */
function outermostNew(workspace: string, before: Survey, path: string): string | null {
  let made: string | null = null;
  for (
    let folder = path;
    folder !== workspace && isInside(workspace, folder) && !before.folders.has(folder);
    folder = dirname(folder)
  )
    made = folder;
  return made;
}

/** Whether something lies in a folder whose contents nobody knew before. */
export function wasClosed(before: Survey, absolute: string): boolean {
  for (const folder of before.closed.keys()) if (folder !== absolute && isInside(folder, absolute)) return true;
  return false;
}

/** Objects of history that are gone: pruned by git's own work they wait for an undo, else they are put back. */
export function lostObjects(
  workspace: string,
  history: HistoryStore,
  { access, guarded, takenMs }: Snapshot,
): EffectChange[] {
  if (access.kind !== "watched") return [];
  return history
    .missing(takenMs === undefined ? undefined : { gitDirectories: guarded.gitDirectories, takenMs })
    .map(({ path, kept }): EffectChange => {
      const change = { path: relative(workspace, path), absolute: path, action: "delete" as const, guarded: true };
      if (kept === null) return { ...change, before: null, problem: "it could not be kept before the command" };
      return {
        ...change,
        before: { kind: "file", executable: false, mode: 0o444, read: async () => readFileSync(kept), whereIs: kept },
      };
    });
}

/** Nothing is written through what took the place of the workspace. */
export function replacedWorkspace(workspace: string): EffectChange {
  const problem = "something else is in the place of the workspace itself; what changed in it could not be compared";
  return { path: ".", absolute: workspace, action: "modify", before: null, guarded: false, problem };
}
