// Keeps the state of a tree in a git store of its own, outside the user's repository: private index, private objects,
// no hook, filter, attribute, ignore file or configuration of the repository is obeyed. Never writes into the tree or
// the user's repository.

import { accessSync, constants, existsSync, linkSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { nameFromBytes, systemPath } from "../util/raw-path.ts";
import { createLooker, digestOf, isFull, reasonOf, timeTrustOf, type Looker, type NodeFacts } from "./node-facts.ts";
import { prepareFolder } from "./git-store-folder.ts";
import { createStoreGit } from "./git-store-run.ts";
import { createObjects, LARGE_BYTES } from "./objects.ts";
import { fieldsOf, GITLINK, inputOf, parseRaw, storedBy } from "./git-raw.ts";
import { createClockWatch, readBeside, writeBeside, type Beside } from "./git-beside.ts";
import { compareKnown, goneFrom, isUnsure } from "./plain-store.ts";
import type { Look, StoredFile, TreeChange, TreeStore } from "./tree-store.ts";

/** Version 2 with no entry; a sum of zeros counts as none. */
const EMPTY_INDEX = Buffer.concat([Buffer.from("DIRC\0\0\0\u0002\0\0\0\0", "latin1"), Buffer.alloc(20)]);

export interface GitStoreOptions {
  /** Real path of the tree. */
  tree: string;
  /** Own folder of this tree in the data directory. */
  folder: string;
  /** Absolute path of git. */
  git: string;
  home: string | null;
  /** Repositories inside the tree that are kept apart, relative. */
  nested: string[];
}

interface IndexEntry {
  mode: string;
  id: string;
}

export function createGitStore(options: GitStoreOptions): TreeStore {
  const { gitFolder, adopted } = prepareFolder(options);
  const beside = readBeside(join(options.folder, "beside.json"));
  return storeOn(
    options,
    gitFolder,
    "index",
    beside ?? { exceptions: new Map(), watched: new Map(), tracked: new Set() },
    adopted || beside === null,
  );
}

/** @param record name of the index file that says how the tree was; all but `index` are never written. */
function storeOn(
  options: GitStoreOptions,
  gitFolder: string,
  record: string,
  { exceptions, watched, tracked }: Beside,
  unverified: boolean,
  openedByName = false,
): TreeStore {
  const { tree, folder } = options;
  const index = join(gitFolder, record);
  const besideFile = record === "index" ? join(folder, "beside.json") : `${index}.json`;
  const objects = createObjects(join(folder, "objects"));
  const trust = timeTrustOf(tree);
  const isRoot = process.getuid?.() === 0;
  const wentBack = createClockWatch(besideFile);
  let mustVerify = unverified;
  let isKept = openedByName;

  const run = createStoreGit({ git: options.git, gitFolder, tree, index });
  const dirty = async (): Promise<TreeChange[]> =>
    parseRaw((await run(["diff-files", "--raw", "-z", "--no-abbrev", "--ignore-submodules=all"])).stdout);
  const others = async ({ rules }: Look): Promise<string[]> => {
    const list = join(folder, `rules-${rules.key.slice(-16)}`);
    if (!existsSync(list)) writeFileSync(list, rules.text, { mode: 0o600 });
    const found = fieldsOf((await run(["ls-files", "-o", "-z", `--exclude-from=${list}`])).stdout);
    return found.filter((path) => !path.endsWith("/") && !options.nested.some((other) => path.startsWith(`${other}/`)));
  };
  /** What the index holds; asked for only where an entry is in doubt. */
  const entries = async (): Promise<Map<string, IndexEntry>> => {
    const found = new Map<string, IndexEntry>();
    for (const field of fieldsOf((await run(["ls-files", "-s", "-z"])).stdout)) {
      const match = /^(\d{6}) ([0-9a-f]+) 0\t/.exec(field);
      if (match !== null) found.set(field.slice(match[0].length), { mode: match[1] ?? "", id: match[2] ?? "" });
    }
    return found;
  };
  const absolute = (path: string): string => join(tree, path);
  let looker = createLooker(tree);
  const lookAtPath = (path: string): ReturnType<Looker> => looker(absolute(path));

  /** Remembers what git records, where git could miss its next change. */
  const watch = (path: string, facts: NodeFacts | null): void => {
    if (facts === null || BigInt(Date.now()) * 1_000_000n - facts.changedNs >= trust.rememberNs) return;
    watched.set(path, {
      stamp: facts.stamp,
      changedNs: String(facts.changedNs),
      unsure: isUnsure(facts, trust.compareNs),
    });
  };

  /** Entries whose change git may have missed, because it fell into the second in which they were recorded. */
  const missed = async (found: ReadonlySet<string>): Promise<TreeChange[]> => {
    const doubtful = new Map<string, NodeFacts | null>();
    for (const [path, { stamp, unsure }] of watched) {
      if (found.has(path)) continue;
      const { facts } = lookAtPath(path);
      if (unsure || facts?.stamp !== stamp) doubtful.set(path, facts);
    }
    // A second may then come twice.
    if (wentBack())
      for (const path of await unproven()) if (!found.has(path)) doubtful.set(path, lookAtPath(path).facts);
    if (doubtful.size === 0) return [];
    const known = await entries();
    const changes: TreeChange[] = [];
    for (const [path, facts] of doubtful) {
      const entry = known.get(path);
      if (entry === undefined) continue;
      const before = storedBy(entry.mode, entry.id);
      const same = facts !== null && (await hasBytes(path, facts, before));
      // An unsure entry whose bytes are the same and whose times are, is the same.
      if (same && facts.stamp === watched.get(path)?.stamp) continue;
      changes.push({ path, before, exists: facts !== null, ...(same ? { sameBytes: true } : {}) });
    }
    return changes;
  };

  /** Whether a path holds just the recorded bytes. What cannot be read does not count as the same. */
  const hasBytes = async (path: string, facts: NodeFacts, before: StoredFile): Promise<boolean> => {
    if (facts.kind !== before.kind) return false;
    try {
      if (
        facts.size >= LARGE_BYTES &&
        Number((await run(["cat-file", "-s", before.id])).stdout.toString("latin1")) !== facts.size
      )
        return false;
      return (await digestOf(absolute(path), facts, "git")) === before.id;
    } catch (thrown) {
      if (!(thrown instanceof BmoError) && systemErrorCode(thrown) === undefined) throw thrown;
      return false;
    }
  };

  /**
   * An index taken over from the user: entries whose times are not theirs to the nanosecond, or whose bytes are not in
   * the store, are recorded again.
   */
  const unproven = async (): Promise<string[]> => {
    const text = (await run(["ls-files", "-s", "--debug", "-z"])).stdout;
    const debug =
      /(\d{6}) ([0-9a-f]+) (\d)\t([^\0]*)\0 {2}ctime: (\d+):(\d+)\n {2}mtime: (\d+):(\d+)\n {2}dev: \d+\tino: \d+\n {2}uid: \d+\tgid: \d+\n {2}size: \d+\tflags: [0-9a-f]+\n/g;
    const wanted = [...text.toString("latin1").matchAll(debug)].map((match) => ({
      id: match[2] ?? "",
      path: nameFromBytes(Buffer.from(match[4] ?? "", "latin1")),
      times: [match[5], match[6], match[7], match[8]].map((part) => BigInt(part ?? 0)),
    }));
    const answers = (
      await run(["cat-file", "--batch-check=%(objecttype)"], {
        input: Buffer.from(wanted.map(({ id }) => `${id}\n`).join("")),
      })
    ).stdout
      .toString("latin1")
      .split("\n");
    const doubtful: string[] = [];
    for (const [
      position,
      {
        path,
        times: [changed = 0n, changedNs = 0n, modified = 0n, modifiedNs = 0n],
      },
    ] of wanted.entries()) {
      const { facts } = lookAtPath(path);
      const [, mtime, ctime] = facts?.stamp.split(" ") ?? [];
      if (
        answers[position] !== "blob" ||
        ctime !== String(changed * 1_000_000_000n + changedNs) ||
        mtime !== String(modified * 1_000_000_000n + modifiedNs)
      )
        doubtful.push(path);
      else watch(path, facts);
    }
    return doubtful;
  };

  /**
   * Hands paths to git; where that fails, halves them until the one is found that git does not take. @returns those.
   */
  const update = async (paths: readonly string[], words: string[]): Promise<string[]> => {
    if (paths.length === 0) return [];
    const result = await run(["update-index", ...words, "-z", "--stdin"], { input: inputOf(paths), anyExit: true });
    if (result.exitCode === 0) {
      if (!result.stderr.includes("Ignoring path")) return [];
      const known = await entries();
      return paths.filter((path) => !known.has(path) && lookAtPath(path).facts !== null);
    }
    if (/No space left|quota exceeded/i.test(result.stderr))
      throw new BmoError(
        "failed",
        `the snapshot of ${tree} failed (${result.stderr.trim().split("\n")[0] ?? ""})`,
        "Free disk space and check that the data directory can be written.",
      );
    if (paths.length === 1) return [...paths];
    const middle = Math.ceil(paths.length / 2);
    return [...(await update(paths.slice(0, middle), words)), ...(await update(paths.slice(middle), words))];
  };

  const canBeRead = (path: string, facts: NodeFacts): boolean => {
    if (facts.kind === "link" || isRoot) return true;
    try {
      accessSync(systemPath(path), constants.R_OK);
      return true;
    } catch (thrown) {
      if (systemErrorCode(thrown) !== undefined) return false;
      throw thrown;
    }
  };

  const keepByOwnCode = async (path: string, facts: NodeFacts): Promise<void> => {
    const unsure = isUnsure(facts, trust.compareNs);
    try {
      const id = await objects.keep(absolute(path), facts);
      exceptions.set(path, {
        file: { kind: facts.kind === "link" ? "link" : "file", executable: (facts.mode & 0o100) !== 0, id, own: true },
        stamp: facts.stamp,
        unsure,
      });
    } catch (thrown) {
      // A large one that has no room costs only itself.
      if (isFull(thrown) && facts.size < LARGE_BYTES) throw thrown;
      exceptions.set(path, { file: null, stamp: facts.stamp, unsure, problem: reasonOf(thrown) });
    }
  };

  /** Paths that are ignored and watched all the same, and that the index does not hold yet. */
  const newlyTracked = (look: Look): string[] => {
    const fresh: string[] = [];
    for (const path of look.tracked) {
      const { facts } = lookAtPath(path);
      const isThere = facts !== null && (facts.kind === "file" || facts.kind === "link");
      if (!isThere) tracked.delete(path);
      else if (!tracked.has(path)) fresh.push(path);
    }
    return fresh;
  };
  /** What was compared when its times could no longer come twice need not be remembered. */
  const settleWatched = (began: bigint, changed: ReadonlySet<string>): void => {
    for (const [path, one] of watched) {
      if (changed.has(path)) continue;
      const age = began - BigInt(one.changedNs);
      if (age >= trust.rememberNs) watched.delete(path);
      else if (age >= trust.compareNs) watched.set(path, { ...one, unsure: false });
    }
  };

  const isKnownException = (path: string): boolean => {
    const known = exceptions.get(path);
    return known !== undefined && !known.unsure && known.file !== null && lookAtPath(path).facts?.stamp === known.stamp;
  };

  return {
    async record(look) {
      const began = BigInt(Date.now()) * 1_000_000n;
      looker = createLooker(tree);
      const [changed, created] = await Promise.all([dirty(), look.sameEntries ? [] : others(look)]);
      const found = new Set([...changed.map(({ path }) => path), ...created, ...newlyTracked(look)]);
      const late = await missed(found);
      settleWatched(began, new Set([...found, ...late.map(({ path }) => path)]));
      const again = new Set(late.map(({ path }) => path));
      if (mustVerify) for (const path of await unproven()) again.add(path);
      mustVerify = false;
      const candidates = [...new Set([...found, ...again, ...exceptions.keys()])].filter(
        (path) => !isKnownException(path),
      );
      if (candidates.length === 0) return [];
      const add: [string, NodeFacts][] = [];
      const drop: string[] = [];
      for (const path of candidates) {
        const { facts, problem } = lookAtPath(path);
        watched.delete(path);
        exceptions.delete(path);
        if (facts === null || (facts.kind !== "file" && facts.kind !== "link")) {
          if (problem === null) drop.push(path);
        } else if (facts.size >= LARGE_BYTES || !canBeRead(absolute(path), facts)) {
          drop.push(path);
          await keepByOwnCode(path, facts);
        } else add.push([path, facts]);
      }
      // Where the times are the same to the second git would not look at the bytes.
      const forced = [...drop, ...add.map(([path]) => path).filter((path) => again.has(path))];
      await update(forced, ["--force-remove"]);
      const refused = new Set(
        await update(
          add.map(([path]) => path),
          ["--add", "--remove", "--replace", "--ignore-skip-worktree-entries"],
        ),
      );
      for (const [path, facts] of add) {
        if (refused.has(path)) await keepByOwnCode(path, facts);
        else if (look.tracked.includes(path)) tracked.add(path);
        if (!refused.has(path)) watch(path, facts);
      }
      writeBeside(besideFile, { exceptions, watched, tracked });
      return candidates;
    },
    async changes(look) {
      looker = createLooker(tree);
      const [changed, created] = await Promise.all([dirty(), look.sameEntries ? [] : others(look)]);
      const late = await missed(new Set(changed.map(({ path }) => path)));
      const changes: TreeChange[] = [...late];
      for (const change of changed) {
        if (exceptions.has(change.path)) continue;
        const { facts, problem } = lookAtPath(change.path);
        if (problem !== null) changes.push({ ...change, exists: true, problem });
        else if (
          facts !== null &&
          change.before?.kind === "file" &&
          (await hasBytes(change.path, facts, change.before))
        )
          changes.push({ ...change, sameBytes: true });
        else changes.push({ ...change, exists: facts !== null });
      }
      for (const [path, known] of exceptions) {
        const change = await compareKnown(known, absolute(path), objects.place, looker);
        if (change !== null) changes.push({ path, ...change });
      }
      for (const path of [...created, ...newlyTracked(look)])
        if (!exceptions.has(path)) changes.push({ path, before: null, exists: true });
      return changes;
    },
    async gone() {
      const recorded = [...(await entries())].filter(([, { mode }]) => mode !== GITLINK);
      return [
        ...recorded.map(([path, { mode, id }]) => ({ path, before: storedBy(mode, id), exists: false })),
        ...[...exceptions].map(([path, known]) => goneFrom(path, known)),
      ];
    },
    async writeTo(file, descriptor) {
      if (file.own) objects.writeTo(file.id, descriptor);
      else await run(["cat-file", "blob", file.id], { outputDescriptor: descriptor });
    },
    read: async (file) => (file.own ? objects.read(file.id) : (await run(["cat-file", "blob", file.id])).stdout),
    whereIs: (file) => (file.own ? objects.place(file.id) : `git --git-dir=${gitFolder} cat-file blob ${file.id}`),
    pin() {
      const name = `record-${randomBytes(8).toString("hex")}`;
      // Git replaces its index by renaming, never in place: the link keeps what it is now.
      if (existsSync(index)) linkSync(index, join(gitFolder, name));
      else writeFileSync(join(gitFolder, name), EMPTY_INDEX, { mode: 0o600 });
      return storeOn(
        options,
        gitFolder,
        name,
        { exceptions: new Map(exceptions), watched: new Map(watched), tracked: new Set(tracked) },
        false,
      );
    },
    unpin() {
      if (!isKept) rmSync(index, { force: true });
    },
    keepRecord() {
      isKept = true;
      writeBeside(besideFile, { exceptions, watched, tracked });
      return record;
    },
    openRecord(name) {
      const beside = readBeside(join(gitFolder, `${name}.json`));
      return beside !== null && existsSync(join(gitFolder, name))
        ? storeOn(options, gitFolder, name, beside, false, true)
        : null;
    },
    dropRecord(name) {
      for (const part of [name, `${name}.json`]) rmSync(join(gitFolder, part), { force: true });
    },
  };
}
