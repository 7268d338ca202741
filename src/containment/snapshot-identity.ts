// Snapshots that outlive their process: what one holds is written to the data directory and read back by another.
// Compares nothing.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { listFrom } from "./ignore-rules.ts";
import type { GuardedFile, GuardedFiles } from "./guarded-files.ts";
import type { RepositoryAccess } from "./guarded-places.ts";
import type { Snapshot, SnapshotIdentity } from "./snapshot-shapes.ts";
import type { Survey } from "./survey.ts";
import type { TreeStore } from "./tree-store.ts";

/** Small files with their bytes, large ones with the digest under which the guard keeps them on disk. */
interface StoredGuarded extends Omit<GuardedFile, "bytes"> {
  path: string;
  base64: string | null;
}

interface StoredSnapshot {
  version: 1;
  access: RepositoryAccess;
  survey: Omit<Survey, "folders" | "closed" | "specialModes"> & {
    specialModes: [string, number][];
    folders: [string, { empty: boolean; mode: number }][];
    closed: [string, { reason: string; stamp: string }][];
  };
  guarded: {
    files: StoredGuarded[];
    problems: [string, { reason: string; stamp: string | null }][];
    gitDirectories: string[];
  };
  modes: [string, number][];
  stores: { tree: string; record: string; rules: string; tracked: string[] }[];
}

type StoreOf = (tree: string, trees: string[]) => TreeStore;

/** Writes a file that is whole after a crash of the machine too. */
function writeDurably(path: string, bytes: string | Buffer): void {
  const temporary = `${path}.${randomBytes(4).toString("hex")}`;
  const descriptor = openSync(temporary, "wx", 0o600);
  try {
    writeFileSync(descriptor, bytes);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, path);
}

/** @param folder folder of the workspace's snapshots. */
export function writeIdentity(snapshot: Snapshot, workspace: string, folder: string): SnapshotIdentity {
  const { files, problems, gitDirectories } = snapshot.guarded;
  const stored: StoredSnapshot = {
    version: 1,
    access: snapshot.access,
    survey: {
      ...snapshot.survey,
      closed: [...snapshot.survey.closed],
      specialModes: [...snapshot.survey.specialModes],
      folders: [...snapshot.survey.folders].map(([path, { empty, mode }]) => [path, { empty, mode }]),
    },
    guarded: {
      files: [...files].map(([path, { bytes, ...file }]) => ({
        ...file,
        path,
        base64: bytes?.toString("base64") ?? null,
      })),
      problems: [...problems],
      gitDirectories,
    },
    modes: [...snapshot.modes],
    stores: snapshot.stores.map(({ tree, store, rules, tracked }) => ({
      tree,
      record: store.keepRecord(),
      rules: rules.text,
      tracked: [...tracked],
    })),
  };
  const file = join(folder, `taken-${randomBytes(8).toString("hex")}.json`);
  writeDurably(file, JSON.stringify(stored));
  return { version: 1, workspace, file };
}

/** Null where the file is gone or torn. @throws system errors of a file that is there: it may be readable later. */
function readStored(identity: SnapshotIdentity): StoredSnapshot | null {
  try {
    const stored = JSON.parse(readFileSync(identity.file, "utf8")) as StoredSnapshot;
    return stored.version === 1 ? stored : null;
  } catch (thrown) {
    if (thrown instanceof SyntaxError || systemErrorCode(thrown) === "ENOENT") return null;
    throw thrown;
  }
}

/** For what is dropped anyway. */
function readIfPossible(identity: SnapshotIdentity): StoredSnapshot | null {
  try {
    return readStored(identity);
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return null;
  }
}

function readGuarded({ guarded }: StoredSnapshot): GuardedFiles {
  return {
    files: new Map(
      guarded.files.map(({ path, base64, ...file }) => [
        path,
        { ...file, bytes: base64 === null ? null : Buffer.from(base64, "base64") },
      ]),
    ),
    problems: new Map(guarded.problems),
    gitDirectories: guarded.gitDirectories,
  };
}

export async function readIdentity(
  identity: SnapshotIdentity,
  workspace: string,
  storeOf: StoreOf,
): Promise<Snapshot | null> {
  const stored = identity.workspace === workspace ? readStored(identity) : null;
  if (stored === null) return null;
  const trees = stored.stores.map(({ tree }) => tree);
  const stores: Snapshot["stores"] = [];
  for (const { tree, record, rules, tracked } of stored.stores) {
    const store = storeOf(tree, trees).openRecord(record);
    if (store === null) return null;
    stores.push({ tree, store, rules: await listFrom(rules), tracked });
  }
  return {
    survey: {
      ...stored.survey,
      folders: new Map(stored.survey.folders),
      closed: new Map(stored.survey.closed),
      specialModes: new Map(stored.survey.specialModes),
    },
    guarded: readGuarded(stored),
    access: stored.access,
    modes: new Map(stored.modes),
    stores,
    takenMs: statSync(identity.file).mtimeMs,
  };
}

export function dropIdentity(identity: SnapshotIdentity, storeOf: StoreOf): void {
  const stored = readIfPossible(identity);
  const trees = (stored?.stores ?? []).map(({ tree }) => tree);
  for (const { tree, record } of stored?.stores ?? []) storeOf(tree, trees).dropRecord(record);
  rmSync(identity.file, { force: true, recursive: true });
}
