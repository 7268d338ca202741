// Keeps a second name for every object of the workspace's repositories in the data directory, so that history which git
// prunes, or another program removes, can be brought back. Adds objects to a repository; changes and removes none.

import {
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { createLooker, type Looker } from "./node-facts.ts";
import { namesIn, objectsIn, objectsOf } from "./pack-index.ts";

export interface HistoryStore {
  /** Keeps what the object stores of these folders hold now. Folders that did not change since are not read again. */
  keep(gitDirectories: readonly string[]): void;
  /**
   * Files that the last `keep` saw, are gone, and held what no other file of their repository holds. `kept` is where
   * their bytes are, or null.
   * @param earlier of another process: what its snapshot knew. Then files that went since.
   */
  missing(earlier?: { gitDirectories: readonly string[]; takenMs: number }): { path: string; kept: string | null }[];
}

const OBJECT_FOLDER = /^(?:[0-9a-f]{2}|pack)$/;
/**
 * Copied where a link cannot be had, because the data directory lies on another file system: bytes of one repository.
 */
const MAX_COPIED = 256 * 1024 * 1024;
/** What its repository has lost is kept this long. */
const KEPT_MS = 30 * 24 * 3_600_000;
const ORIGIN = "origin";
/** Clocks of file systems run in steps. */
const CLOCK_STEP_MS = 1_000;

function keyOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 24);
}

function placeOf(dataDirectory: string, workspace: string): string {
  return join(dataDirectory, "history", keyOf(workspace));
}

function stampOf(path: string, look: Looker): string | null {
  const { facts } = look(path);
  return facts?.kind === "folder" ? facts.stamp : null;
}

/** False where it could be neither linked nor copied. */
function keepFile(from: string, to: string, budget: { bytes: number }): boolean {
  if (existsSync(to)) return true;
  try {
    linkSync(from, to);
    return true;
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === undefined) throw thrown;
    if (code === "EEXIST") return true;
    if (code === "ENOENT") return false;
  }
  try {
    budget.bytes += statSync(from).size;
    if (budget.bytes > MAX_COPIED) return false;
    copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
}

/** What a repository has lost long ago has only our name left; losing the other one was its last change. */
function sweep(store: string): void {
  for (const folder of namesIn(store)) {
    for (const name of namesIn(join(store, folder))) {
      const facts = lstatSync(join(store, folder, name), { throwIfNoEntry: false });
      if (facts?.isFile() === true && facts.nlink === 1 && Date.now() - facts.ctimeMs > KEPT_MS)
        rmSync(join(store, folder, name), { force: true });
    }
  }
}

export function createHistoryStore({
  dataDirectory,
  workspace,
}: {
  dataDirectory: string;
  workspace: string;
}): HistoryStore {
  const place = placeOf(dataDirectory, workspace);
  /** By folder of an object store. */
  let seen = new Map<string, { stamp: string | null; names: string[] }>();
  const swept = new Set<string>();

  return {
    keep(gitDirectories) {
      const next: typeof seen = new Map();
      const look = createLooker(workspace);
      for (const gitDirectory of gitDirectories) {
        const objects = join(gitDirectory, "objects");
        const own = join(place, keyOf(objects));
        const budget = { bytes: 0 };
        for (const folder of namesIn(objects).filter((name) => OBJECT_FOLDER.test(name))) {
          const path = join(objects, folder);
          const stamp = stampOf(path, look);
          const before = seen.get(path);
          if (before !== undefined && before.stamp === stamp) {
            next.set(path, before);
            continue;
          }
          mkdirSync(join(own, folder), { recursive: true, mode: 0o700 });
          writeFileSync(join(own, ORIGIN), objects, { mode: 0o600 });
          const names = namesIn(path).filter(
            (name) => !name.startsWith("tmp_") && !name.startsWith(".") && !name.endsWith(".lock"),
          );
          for (const name of names) keepFile(join(path, name), join(own, folder, name), budget);
          next.set(path, { stamp, names });
        }
        if (!swept.has(own)) sweep(own);
        swept.add(own);
      }
      seen = next;
    },
    missing(earlier) {
      const look = createLooker(workspace);
      const gone =
        earlier === undefined
          ? goneOf(seen, look)
          : new Map(
              earlier.gitDirectories.map((folder) => [
                join(folder, "objects"),
                goneSince(join(folder, "objects"), earlier.takenMs, look),
              ]),
            );
      return [...gone].flatMap(([store, files]) => {
        const kept = join(place, keyOf(store));
        const there = look(store).facts?.kind === "folder" ? objectsIn(store) : new Set<string>();
        return needed(kept, there, files).map((file) => ({
          path: join(store, file),
          kept: existsSync(join(kept, file)) ? join(kept, file) : null,
        }));
      });
    },
  };

  /**
   * Kept files of an object store that it has lost since: that took away their other name, which is a change of ours.
   */
  function goneSince(store: string, takenMs: number, look: Looker): string[] {
    const kept = join(place, keyOf(store));
    const isLinked = lstatSync(place, { throwIfNoEntry: false })?.dev === lstatSync(workspace).dev;
    return filesOf(kept).filter((file) => {
      if (look(join(store, file)).facts !== null) return false;
      const facts = lstatSync(join(kept, file));
      return !isLinked || facts.nlink > 1 || facts.ctimeMs > takenMs - CLOCK_STEP_MS;
    });
  }
}

/** Files below the folders of an object store. */
function filesOf(store: string): string[] {
  return namesIn(store)
    .filter((folder) => OBJECT_FOLDER.test(folder))
    .flatMap((folder) => namesIn(join(store, folder)).map((name) => `${folder}/${name}`));
}

/** What the folders held and hold no longer, by object store. */
function goneOf(
  seen: ReadonlyMap<string, { stamp: string | null; names: string[] }>,
  look: Looker,
): Map<string, string[]> {
  const gone = new Map<string, string[]>();
  for (const [path, { stamp, names }] of seen) {
    const present = stampOf(path, look);
    if (present === stamp) continue;
    const now = new Set(present === null ? [] : namesIn(path));
    const store = dirname(path);
    for (const name of names)
      if (!now.has(name)) gone.set(store, [...(gone.get(store) ?? []), `${basename(path)}/${name}`]);
  }
  return gone;
}

/** Of the files of an object store that are gone, those that held what is no longer there, and what belongs to them. */
function needed(kept: string, there: ReadonlySet<string>, files: readonly string[]): string[] {
  const wanted = files.filter((file) => objectsOf(kept, file)?.some((object) => !there.has(object)) ?? true);
  const packs = new Set(wanted.filter((file) => file.endsWith(".pack")).map((file) => file.replace(/\.pack$/, "")));
  return files.filter((file) => wanted.includes(file) || packs.has(file.replace(/\.[a-z]+$/, "")));
}

/**
 * Adds to the workspace's repositories every kept object that they lack. Objects that nothing names do no harm: git
 * removes them in time.
 */
export function bringBackObjects(dataDirectory: string, workspace: string): void {
  const place = placeOf(dataDirectory, workspace);
  for (const key of namesIn(place)) {
    const kept = join(place, key);
    const origin = join(kept, ORIGIN);
    if (!existsSync(origin)) continue;
    const store = readFileSync(origin, "utf8");
    if (!existsSync(dirname(store))) continue;
    for (const file of needed(
      kept,
      objectsIn(store),
      filesOf(kept).filter((one) => !existsSync(join(store, one))),
    )) {
      mkdirSync(dirname(join(store, file)), { recursive: true });
      keepFile(join(kept, file), join(store, file), { bytes: 0 });
    }
  }
}
