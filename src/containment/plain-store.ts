// Keeps the state of a tree by own code, for machines without git: times and digests of every file, bytes in a folder of the
// data directory. Slower than the git store, same answers. Never writes into the tree.

import { randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync, existsSync, type BigIntStats } from "node:fs";
import { dirname, join, relative } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { sha256 } from "../util/canonical-json.ts";
import { enterFolder, isIgnored, rulesFor, type IgnoreRules } from "../util/gitignore.ts";
import type { StoredFile, TreeChange, TreeStore } from "./tree-store.ts";

interface Known {
  file: StoredFile;
  stamp: string;
}

const MAX_FILES = 200_000;

function statOf(path: string): BigIntStats | null {
  try {
    return lstatSync(path, { bigint: true });
  } catch (thrown) {
    if (systemErrorCode(thrown) === "ENOENT" || systemErrorCode(thrown) === "ENOTDIR") return null;
    throw thrown;
  }
}

function stampOf(facts: BigIntStats): string {
  return [facts.size, facts.mtimeNs, facts.ctimeNs, facts.ino, facts.mode].join(" ");
}

/** A folder that holds nothing but ignore files as they were, for stores that read rules from disk. */
export function mirrorRules(place: { tree: string; folder: string }, ignoreBefore: ReadonlyMap<string, Buffer>): string {
  const mirror = mkdtempSync(join(place.folder, "rules-"));
  for (const [path, bytes] of ignoreBefore) {
    const copy = join(mirror, relative(place.tree, path));
    if (relative(place.tree, path).startsWith("..")) continue;
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, bytes);
  }
  return mirror;
}

export interface PlainStoreOptions {
  tree: string;
  folder: string;
  nested: string[];
}

export function createPlainStore(options: PlainStoreOptions, recorded: ReadonlyMap<string, Known> = new Map()): TreeStore {
  const objects = join(options.folder, "objects");
  mkdirSync(objects, { recursive: true, mode: 0o700 });
  const nested = new Set(options.nested.map((path) => join(options.tree, path)));
  let known = new Map(recorded);

  const keep = (path: string, facts: BigIntStats): StoredFile => {
    const link = facts.isSymbolicLink();
    const bytes = link ? Buffer.from(readlinkSync(path)) : readFileSync(path);
    const id = sha256(bytes).slice("sha256:".length);
    const place = join(objects, id);
    if (!existsSync(place)) writeFileSync(place, bytes, { mode: 0o600 });
    return { kind: link ? "link" : "file", executable: (facts.mode & 0o100n) !== 0n, id };
  };

  /** Files of the tree. `mirror` is where ignore rules are read: the tree itself, or a folder that holds them as they were. */
  const list = async (mirror: string): Promise<string[]> => {
    const found: string[] = [];
    const visit = async (folder: string, rules: IgnoreRules): Promise<void> => {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name);
        if (entry.name === ".git" || nested.has(path)) continue;
        const isDirectory = entry.isDirectory();
        if (!isDirectory && !entry.isFile() && !entry.isSymbolicLink()) continue;
        const name = relative(options.tree, path);
        if (!known.has(name) && isIgnored(rules, join(mirror, name), isDirectory)) continue;
        if (isDirectory) await visit(path, await enterFolder(join(mirror, name), rules));
        else found.push(path);
        if (found.length > MAX_FILES) throw new BmoError("failed", `${options.tree} holds more than ${MAX_FILES} files`, "Install git, or start bmo in a smaller folder.");
      }
    };
    await visit(options.tree, await rulesFor(mirror));
    return found;
  };

  const look = async (mirror = options.tree): Promise<Map<string, Known>> => {
    const now = new Map<string, Known>();
    for (const path of await list(mirror)) {
      const facts = statOf(path);
      if (facts === null) continue;
      const name = relative(options.tree, path);
      const stamp = stampOf(facts);
      const before = known.get(name);
      now.set(name, before?.stamp === stamp ? before : { file: keep(path, facts), stamp });
    }
    return now;
  };

  const compare = (from: ReadonlyMap<string, Known>, to: ReadonlyMap<string, Known>): TreeChange[] => {
    const changes: TreeChange[] = [];
    for (const [path, { file: before, stamp }] of from) {
      const now = to.get(path);
      if (now === undefined) changes.push({ path, before, exists: false });
      else if (now.file.id !== before.id || now.file.kind !== before.kind || now.file.executable !== before.executable) changes.push({ path, before, exists: true });
      else if (now.stamp !== stamp && before.kind === "file") changes.push({ path, before, exists: true, sameBytes: true });
    }
    for (const path of to.keys()) if (!from.has(path)) changes.push({ path, before: null, exists: true });
    return changes;
  };

  return {
    async record() {
      const before = known;
      known = await look();
      return [...known].filter(([path, { stamp }]) => before.get(path)?.stamp !== stamp).map(([path]) => path);
    },
    async changes(ignoreBefore) {
      if (ignoreBefore === null) return compare(known, await look());
      const mirror = mirrorRules(options, ignoreBefore);
      try {
        return compare(known, await look(mirror));
      } finally {
        rmSync(mirror, { recursive: true, force: true });
      }
    },
    // Own code looks into every folder anyway.
    ignores: async () => false,
    bytesOf: async (file) => readFileSync(join(objects, file.id)),
    keepRecord() {
      const name = `record-${randomBytes(8).toString("hex")}`;
      writeFileSync(join(options.folder, name), JSON.stringify([...known]), { mode: 0o600 });
      return name;
    },
    openRecord(name) {
      const place = join(options.folder, name);
      return existsSync(place) ? createPlainStore(options, new Map(JSON.parse(readFileSync(place, "utf8")) as [string, Known][])) : null;
    },
    dropRecord: (name) => rmSync(join(options.folder, name), { force: true }),
  };
}
