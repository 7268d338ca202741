// The state of a workspace before a command, and what differs after it. Looks at what changed, never at what was intended.
// Keeps its own copies in the data directory; writes nothing into the workspace (restore.ts does).

import { lstatSync, mkdirSync, readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { dirname, join, relative, sep } from "node:path";
import type { FileAction, FileChange } from "../types/tool.ts";
import { pathExists, realPathOf, isInside } from "../util/paths.ts";
import { createGitStore } from "./git-store.ts";
import { dropIdentity, readIdentity, writeIdentity } from "./snapshot-identity.ts";
import { readGuardedFiles, sameRules, type GuardedFiles } from "./guarded-files.ts";
import { createPlainStore } from "./plain-store.ts";
import { boundSockets, createSurveyor, readModes, type Survey } from "./survey.ts";
import type { TreeChange, TreeStore } from "./tree-store.ts";

/** Something as it was before: bytes of a file, target of a link, or a folder. */
export type PreImage =
  | { kind: "file" | "link"; executable: boolean; mode: number | null; read(): Promise<Buffer> }
  | { kind: "folder"; mode: number | null };

/** One change that happened. `path` is relative to the workspace; a folder's ends with `/`. */
export interface EffectChange extends FileChange {
  absolute: string;
  before: PreImage | null;
  /** True when it is a credential or part of a repository's own files, watched whatever .gitignore says. */
  guarded: boolean;
}

export interface Snapshot {
  survey: Survey;
  guarded: GuardedFiles;
  withHistory: boolean;
  stores: { tree: string; store: TreeStore }[];
  /** Permission bits of files that have other ones than a fresh file would get. */
  modes: ReadonlyMap<string, number>;
  /** True for one of another process. */
  opened?: boolean;
}

/** A snapshot as plain JSON. Its parts are kept in the data directory, so that another process can compare with it. */
export interface SnapshotIdentity {
  version: 1;
  workspace: string;
  /** Absolute path of the file that describes it. */
  file: string;
}

export interface SnapshotOptions {
  /** Real path. */
  workspace: string;
  dataDirectory: string;
  /** Absolute path of git, or null: then own code does it, slower. */
  git: string | null;
  home: string | null;
}

export interface Snapshots {
  /** False: without git. */
  readonly usesGit: boolean;
  /** @param allowHistory true for a command that may commit: branches and HEAD are then its own. */
  take(allowHistory?: boolean): Promise<Snapshot>;
  compare(before: Snapshot): Promise<EffectChange[]>;
  /** Keeps a snapshot for another process: to be called right after `take`, before the command starts. Written to disk when it returns. */
  identityOf(snapshot: Snapshot): SnapshotIdentity;
  /** The snapshot that another process took of this workspace; null when it is of another one or its parts are gone. */
  open(identity: SnapshotIdentity): Snapshot | null;
  /** Drops what `identityOf` kept, once the command's effects are settled. */
  forget(identity: SnapshotIdentity): void;
  /** The walk alone, for commands that need a sandbox and no snapshot. */
  survey(): Promise<Survey>;
  /** The next `take` also notes unusual permission bits, which the stores do not keep. Called at every checkpoint. */
  renewModes(): void;
}

function actionOf(before: PreImage | null, present: boolean): FileAction {
  if (before === null) return "create";
  return present ? "modify" : "delete";
}

function keyOf(path: string): string {
  return createHash("sha256").update(path).digest("hex").slice(0, 24);
}

/** Trees of the workspace that need a store each: the workspace and every repository inside. */
function treesOf(workspace: string, survey: Survey): string[] {
  const nested = survey.gitEntries.map((entry) => dirname(entry)).filter((tree) => tree !== workspace);
  return [workspace, ...nested.sort()];
}

/** The innermost tree that holds a path. */
function ownerOf(stores: Snapshot["stores"], path: string): Snapshot["stores"][number] | undefined {
  return stores.filter(({ tree }) => isInside(tree, path)).sort((left, right) => right.tree.length - left.tree.length)[0];
}

export function createSnapshots(options: SnapshotOptions): Snapshots {
  const { workspace } = options;
  const folder = join(options.dataDirectory, "snapshots", keyOf(workspace));
  // A home directory that is the workspace holds bmo's own data: what bmo writes there is no effect of a command.
  const ownData = realPathOf(options.dataDirectory);
  const leaveOut = ownData.startsWith(workspace + sep) ? [ownData] : [];
  const stores = new Map<string, TreeStore>();
  let modes = new Map<string, number>();
  let modesAreOld = true;
  /** Files whose status changed in the second of the last record, with their bits: the store may not see a further change of bits in it. */
  let recent = new Map<string, number>();

  const storeOf = (tree: string, trees: string[]): TreeStore => {
    const nested = [...trees, ...leaveOut].filter((other) => other !== tree && other.startsWith(tree + sep)).map((other) => relative(tree, other));
    const key = `${tree}\n${nested.join("\n")}`;
    const known = stores.get(key);
    if (known !== undefined) return known;
    const place = join(folder, keyOf(tree));
    mkdirSync(place, { recursive: true, mode: 0o700 });
    const store = options.git === null ? createPlainStore({ tree, folder: place, nested }) : createGitStore({ tree, folder: place, git: options.git, home: options.home, nested });
    stores.set(key, store);
    return store;
  };

  const toEffect = (tree: string, store: TreeStore, change: TreeChange, recordedModes: ReadonlyMap<string, number>): EffectChange => {
    const absolute = join(tree, change.path);
    const { before } = change;
    const image: PreImage | null = before === null ? null : { kind: before.kind, executable: before.executable, mode: change.sameBytes === true ? recordedMode(absolute, before.executable, recordedModes) : (recordedModes.get(absolute) ?? null), read: () => store.bytesOf(before) };
    return { path: relative(workspace, absolute), absolute, action: actionOf(image, change.exists), before: image, guarded: false };
  };

  /** Permission bits as the last record found them; the stores only know of executable or not. */
  const recordedMode = (absolute: string, executable: boolean, recordedModes: ReadonlyMap<string, number>): number => recordedModes.get(absolute) ?? (executable ? 0o755 : 0o644);
  /** True for a difference that is only one of times. */
  const isOnlyTouched = (tree: string, { path, before, sameBytes }: TreeChange, recordedModes: ReadonlyMap<string, number>): boolean => {
    if (sameBytes !== true || before === null) return false;
    const absolute = join(tree, path);
    const facts = lstatSync(absolute, { throwIfNoEntry: false });
    return facts !== undefined && (facts.mode & 0o7777) === recordedMode(absolute, before.executable, recordedModes);
  };
  const noteModes = (paths: readonly string[], recentMs: number): void => {
    for (const path of paths) {
      const facts = lstatSync(path, { throwIfNoEntry: false });
      if (facts?.isFile() === true && facts.ctimeMs >= recentMs) recent.set(path, facts.mode & 0o7777);
      const bits = facts?.isFile() === true ? facts.mode & 0o7777 : 0o644;
      if (bits === 0o644 || bits === 0o755) modes.delete(path);
      else modes.set(path, bits);
    }
  };

  /** Bits of recent files that changed within the second in which the store recorded them; ignored output is left alone. */
  const missedModes = async (stores: Snapshot["stores"], found: ReadonlySet<string>): Promise<EffectChange[]> => {
    const missed: EffectChange[] = [];
    // The plain store compares times in nanoseconds and bits: it misses none.
    if (options.git === null) return missed;
    for (const [absolute, bits] of recent) {
      const facts = found.has(absolute) ? undefined : lstatSync(absolute, { throwIfNoEntry: false });
      if (facts === undefined || !facts.isFile() || (facts.mode & 0o7777) === bits) continue;
      const owner = ownerOf(stores, absolute);
      if (owner === undefined || (await owner.store.ignores([absolute]))) continue;
      const bytes = readFileSync(absolute);
      missed.push({ path: relative(workspace, absolute), absolute, action: "modify", before: { kind: "file", executable: (bits & 0o100) !== 0, mode: bits, read: () => Promise.resolve(bytes) }, guarded: false });
    }
    return missed;
  };

  const guardedChanges = (before: GuardedFiles, after: GuardedFiles): EffectChange[] => {
    const changes: EffectChange[] = [];
    for (const path of new Set([...before.files.keys(), ...after.files.keys()])) {
      const old = before.files.get(path);
      const now = after.files.get(path);
      if (old !== undefined && now !== undefined && old.kind === now.kind && old.mode === now.mode && old.bytes.equals(now.bytes)) continue;
      const image: PreImage | null = old === undefined ? null : { kind: old.kind, executable: (old.mode & 0o100) !== 0, mode: old.mode, read: async () => old.bytes };
      changes.push({ path: relative(workspace, path), absolute: path, action: actionOf(image, pathExists(path)), before: image, guarded: true });
    }
    return changes;
  };

  /** Changes that no store tells of: pipes, sockets and devices that came, and empty folders that came or went; other folders are told by their files. */
  const entryChanges = (before: Survey, after: Survey): EffectChange[] => {
    if (!before.complete || !after.complete) return [];
    const changes: EffectChange[] = [];
    const known = new Set([...before.sockets, ...before.specials]);
    const created = [...after.sockets, ...after.specials].filter((path) => !known.has(path));
    // The command's own processes have ended: what is still listened on belongs to another.
    const foreign = new Set(created.length === 0 ? [] : boundSockets());
    for (const path of created) if (!foreign.has(path)) changes.push({ path: relative(workspace, path), absolute: path, action: "create", before: null, guarded: false });
    for (const [path, { empty }] of after.folders) {
      if (empty && !before.folders.has(path)) changes.push({ path: `${relative(workspace, path)}/`, absolute: path, action: "create", before: null, guarded: false });
    }
    for (const [path, { empty, mode }] of before.folders) {
      if (empty && !after.folders.has(path) && !pathExists(path)) changes.push({ path: `${relative(workspace, path)}/`, absolute: path, action: "delete", before: { kind: "folder", mode }, guarded: false });
    }
    for (const [path, { mode }] of after.folders) {
      const old = before.folders.get(path);
      if (old !== undefined && old.mode !== mode) changes.push({ path: `${relative(workspace, path) || "."}/`, absolute: path, action: "modify", before: { kind: "folder", mode: old.mode }, guarded: false });
    }
    return changes;
  };

  const unignored = async (stores: Snapshot["stores"], changes: EffectChange[]): Promise<EffectChange[]> => {
    const kept: EffectChange[] = [];
    for (const owner of stores) {
      const own = changes.filter(({ absolute }) => ownerOf(stores, absolute) === owner);
      const areIgnored = async (some: readonly EffectChange[]): Promise<boolean> => some.every(({ absolute }) => absolute !== owner.tree) && owner.store.ignores(some.map(({ absolute }) => absolute));
      // Build output comes by the hundred: it is asked about at once first.
      if (own.length === 0 || (await areIgnored(own))) continue;
      for (const change of own) if (own.length === 1 || !(await areIgnored([change]))) kept.push(change);
    }
    return kept;
  };

  const surveyor = createSurveyor(workspace, leaveOut);
  // One of its own: what the other has seen is what the stores have recorded.
  const lookout = createSurveyor(workspace, leaveOut);
  let lastTrees: string[] = [];
  let skippedAnswer: { key: string; ignored: boolean } | null = null;

  /** Folders that the walk leaves out must be ignored, or the stores have to look for themselves. */
  const skippedAreIgnored = async (survey: Survey, store: TreeStore): Promise<boolean> => {
    if (survey.skipped.length === 0) return true;
    const key = [...survey.skipped, ...survey.ignoreFiles].join("\n");
    if (skippedAnswer?.key !== key) skippedAnswer = { key, ignored: await store.ignores(survey.skipped) };
    return skippedAnswer.ignored;
  };

  const record = async (): Promise<{ survey: Survey; stores: Snapshot["stores"] }> => {
    const survey = await surveyor.walk();
    const trees = treesOf(workspace, survey);
    const sameTrees = trees.length === lastTrees.length && trees.every((tree, index) => tree === lastTrees[index]);
    const sameEntries = sameTrees && survey.sameEntries && (await skippedAreIgnored(survey, storeOf(workspace, trees)));
    const recorded = await Promise.all(trees.map(async (tree) => (await storeOf(tree, trees).record(sameEntries)).map((path) => join(tree, path))));
    const second = Math.floor(Date.now() / 1000) * 1000;
    for (const path of recent.keys()) if ((lstatSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0) < second) recent.delete(path);
    if (!modesAreOld) noteModes(recorded.flat(), second);
    lastTrees = trees;
    return { survey, stores: trees.map((tree) => ({ tree, store: storeOf(tree, trees) })) };
  };

  const uniqueByPath = (changes: EffectChange[]): EffectChange[] => [...new Map(changes.map((change) => [change.absolute, change])).values()];

  return {
    usesGit: options.git !== null,
    async take(allowHistory = false) {
      const recorded = await record();
      if (modesAreOld) ({ unusual: modes, recent } = await readModes(recorded.survey, Math.floor(Date.now() / 1000) * 1000));
      modesAreOld = false;
      return { ...recorded, guarded: readGuardedFiles(workspace, recorded.survey, !allowHistory), withHistory: !allowHistory, modes };
    },
    async compare(before) {
      const survey = await surveyor.walk();
      const guarded = readGuardedFiles(workspace, survey, before.withHistory);
      const rules = sameRules(before.guarded.ignoreRules, guarded.ignoreRules) ? null : before.guarded.ignoreRules;
      const sameEntries = survey.sameEntries && before.opened !== true && (skippedAnswer?.ignored ?? survey.skipped.length === 0);
      if (!sameEntries) lastTrees = [];
      const found = await Promise.all(before.stores.map(async ({ tree, store }) => (pathExists(tree) ? (await store.changes(rules, sameEntries)).filter((change) => !isOnlyTouched(tree, change, before.modes)).map((change) => toEffect(tree, store, change, before.modes)) : [])));
      const trees = found.flat();
      trees.push(...(await missedModes(before.stores, new Set(trees.map(({ absolute }) => absolute)))));
      // A repository that the command made inside the workspace is one change: its folder, or its `.git` where the folder was there.
      const known = new Set(before.survey.gitEntries);
      const created = survey.gitEntries.filter((entry) => !known.has(entry) && lstatSync(entry, { throwIfNoEntry: false })?.isDirectory() === true).map((entry): EffectChange => {
        const absolute = before.survey.folders.has(dirname(entry)) ? entry : dirname(entry);
        return { path: `${relative(workspace, absolute)}/`, absolute, action: "create", before: null, guarded: true };
      });
      const guardedElsewhere = guardedChanges(before.guarded, guarded).filter(({ absolute }) => !created.some((one) => isInside(one.absolute, absolute)));
      return uniqueByPath([...trees, ...(await unignored(before.stores, entryChanges(before.survey, survey))), ...created, ...guardedElsewhere]);
    },
    identityOf: (snapshot) => writeIdentity(snapshot, workspace, folder),
    open: (identity) => readIdentity(identity, workspace, storeOf),
    forget: (identity) => dropIdentity(identity, storeOf),
    survey: () => lookout.walk(),
    renewModes() {
      modesAreOld = true;
    },
  };
}
