// Keeps the state of a tree by own code, for machines without git: times and digests of every file, bytes in a folder
// of the data directory. Slower than the git store, same answers. Never writes into the tree.

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { createObjects, LARGE_BYTES } from "./objects.ts";
import {
  createLooker,
  digestOf,
  entriesOf,
  isFull,
  reasonOf,
  timeTrustOf,
  tryLook,
  type FolderEntry,
  type Looker,
  type NodeFacts,
} from "./node-facts.ts";
import type { Look, StoredFile, TreeChange, TreeStore } from "./tree-store.ts";

/** One recorded path. */
export interface Known {
  /** Null where its bytes could not be read. */
  file: StoredFile | null;
  stamp: string;
  /** True where it changed so shortly before it was read that its times may not tell of the next change. */
  unsure: boolean;
  /** Why its bytes could not be read. */
  problem?: string;
}

const MAX_FILES = 200_000;
/** Larger files are the same as long as their times are: reading them could take hours. */
const COMPARED_BYTES = 4 * 1024 ** 3;
/** Files looked at before other work of the process gets its turn. */
const BATCH = 512;

export interface PlainStoreOptions {
  tree: string;
  folder: string;
  nested: string[];
}

/** Whether a later change of what was just read might not show in its times. */
export function isUnsure(facts: NodeFacts, compareNs: bigint): boolean {
  return BigInt(Date.now()) * 1_000_000n - facts.changedNs < compareNs;
}

export function createPlainStore(
  options: PlainStoreOptions,
  recorded: ReadonlyMap<string, Known> = new Map(),
): TreeStore {
  const objects = createObjects(join(options.folder, "objects"));
  const nested = new Set(options.nested);
  const trust = timeTrustOf(options.tree);
  let known = new Map(recorded);

  const keep = async (path: string, facts: NodeFacts): Promise<Known> => {
    const unsure = isUnsure(facts, trust.compareNs);
    try {
      const id = await objects.keep(path, facts);
      return {
        file: { kind: facts.kind === "link" ? "link" : "file", executable: (facts.mode & 0o100) !== 0, id, own: true },
        stamp: facts.stamp,
        unsure,
      };
    } catch (thrown) {
      // A large one that has no room costs only itself.
      if (isFull(thrown) && facts.size < LARGE_BYTES) throw thrown;
      return { file: null, stamp: facts.stamp, unsure, problem: reasonOf(thrown) };
    }
  };

  /** Files of the tree that are watched, relative. Folders that cannot be listed are the survey's to name. */
  const list = ({ rules, tracked }: Look): Set<string> => {
    const found = new Set([...known.keys(), ...tracked]);
    const waiting = [""];
    for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
      for (const entry of tryEntries(join(options.tree, folder))) {
        const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
        if (entry.name === ".git" || nested.has(name) || rules.ignores(name, entry.kind === "folder")) continue;
        if (entry.kind === "folder") waiting.push(name);
        else if (entry.kind === "file" || entry.kind === "link") found.add(name);
      }
      if (found.size > MAX_FILES)
        throw new BmoError(
          "failed",
          `${options.tree} holds more than ${MAX_FILES} files`,
          "Install git, or start bmo in a smaller folder.",
        );
    }
    return found;
  };

  return {
    async record(look) {
      const next = new Map<string, Known>();
      const anew: string[] = [];
      const lookAtPath = createLooker(options.tree);
      let seen = 0;
      for (const name of list(look)) {
        if (++seen % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
        const path = join(options.tree, name);
        const { facts } = lookAtPath(path);
        if (facts === null || (facts.kind !== "file" && facts.kind !== "link")) continue;
        const before = known.get(name);
        if (before?.stamp === facts.stamp && !before.unsure && before.file !== null) {
          next.set(name, before);
          continue;
        }
        next.set(name, await keep(path, facts));
        if (before?.stamp !== facts.stamp) anew.push(name);
      }
      known = next;
      return anew;
    },
    async changes(look) {
      const changes: TreeChange[] = [];
      const lookAtPath = createLooker(options.tree);
      let seen = 0;
      for (const name of list(look)) {
        if (++seen % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
        const change = await compareKnown(known.get(name), join(options.tree, name), objects.place, lookAtPath);
        if (change !== null) changes.push({ path: name, ...change });
      }
      return changes;
    },
    gone: async () => [...known].map(([path, one]) => goneFrom(path, one)),
    writeTo: async (file, descriptor) => objects.writeTo(file.id, descriptor),
    read: async (file) => objects.read(file.id),
    whereIs: (file) => objects.place(file.id),
    pin: () => createPlainStore(options, known),
    unpin: () => undefined,
    keepRecord() {
      const name = `record-${randomBytes(8).toString("hex")}`;
      writeKnown(join(options.folder, name), known);
      return name;
    },
    openRecord(name) {
      const entries = readKnown(join(options.folder, name));
      return entries === null ? null : createPlainStore(options, entries);
    },
    dropRecord: (name) => rmSync(join(options.folder, name), { force: true }),
  };
}

function tryEntries(folder: string): FolderEntry[] {
  try {
    return entriesOf(folder);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return [];
    throw thrown;
  }
}

export function writeKnown(path: string, known: ReadonlyMap<string, Known>): void {
  const temporary = `${path}.${randomBytes(4).toString("hex")}`;
  writeFileSync(temporary, JSON.stringify([...known]), { mode: 0o600 });
  renameSync(temporary, path);
}

export function readKnown(path: string): Map<string, Known> | null {
  if (!existsSync(path)) return null;
  try {
    return new Map(JSON.parse(readFileSync(path, "utf8")) as [string, Known][]);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

/** A recorded path as deleted. */
export function goneFrom(path: string, { file, problem }: Known): TreeChange {
  if (file !== null) return { path, before: file, exists: false };
  return { path, before: null, exists: false, problem: unkeptReason(problem) };
}

function unkeptReason(problem: string | undefined): string {
  return `its bytes could not be kept before the command: ${problem ?? "it could not be read"}`;
}

/** How a path differs from what is known of it; null when it does not. @param place where own bytes lie. */
export async function compareKnown(
  before: Known | undefined,
  path: string,
  place: (id: string) => string,
  lookAtPath: Looker,
): Promise<Omit<TreeChange, "path"> | null> {
  const { facts, problem } = lookAtPath(path);
  if (problem !== null) return { before: before?.file ?? null, exists: true, problem };
  const isThere = facts !== null && (facts.kind === "file" || facts.kind === "link");
  if (before === undefined) return isThere ? { before: null, exists: true } : null;
  if (isThere && facts.stamp === before.stamp && (!before.unsure || facts.size > COMPARED_BYTES)) return null;
  if (before.file === null)
    return isThere && facts.stamp === before.stamp
      ? null
      : {
          before: null,
          exists: facts !== null,
          problem: unkeptReason(before.problem),
        };
  if (!isThere) return { before: before.file, exists: facts !== null };
  if (facts.kind !== before.file.kind) return { before: before.file, exists: true };
  if (await hasBytes(path, facts, before.file, place))
    return facts.kind === "link" || facts.stamp === before.stamp
      ? null
      : { before: before.file, exists: true, sameBytes: true };
  return { before: before.file, exists: true };
}

/** Whether a path holds just the bytes that are kept. What cannot be read does not count as the same. */
async function hasBytes(
  path: string,
  facts: NodeFacts,
  file: StoredFile,
  place: (id: string) => string,
): Promise<boolean> {
  const kept = tryLook(place(file.id)).facts;
  if (kept === null || (facts.kind === "file" && (kept.size !== facts.size || kept.size > COMPARED_BYTES)))
    return false;
  try {
    if (!file.id.startsWith("large-")) return (await digestOf(path, facts, "sha256")) === file.id;
    return (await digestOf(path, facts, "sha256")) === (await digestOf(place(file.id), kept, "sha256"));
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
}
