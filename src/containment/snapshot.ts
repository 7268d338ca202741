// The state of a workspace before a command, and what differs after it. Looks at what changed, never at what was
// intended. Keeps its own copies in the data directory; writes nothing into the workspace (restore.ts does), but opens
// folders of the command's own that it closed, to look into them.

import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { dirname, join, relative, sep } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { realPathOf, isInside } from "../util/paths.ts";
import { systemPath } from "../util/raw-path.ts";
import { createGitStore } from "./git-store.ts";
import { createGuard } from "./guarded-files.ts";
import { createHistoryStore } from "./history-store.ts";
import { listFrom, readIgnoreList, type IgnoreList } from "./ignore-rules.ts";
import { createLooker, reasonOf, tryLook } from "./node-facts.ts";
import { createPlainStore } from "./plain-store.ts";
import {
  actionOf,
  closedChanges,
  createdRepositories,
  entryChanges,
  lostObjects,
  lostRepositories,
  replacedRepositories,
  replacedWorkspace,
  wasClosed,
} from "./snapshot-changes.ts";
import { dropIdentity, readIdentity, writeIdentity } from "./snapshot-identity.ts";
import type { EffectChange, PreImage, Snapshot, SnapshotOptions, Snapshots, TreeSnapshot } from "./snapshot-shapes.ts";
import { createSpaceReserve } from "./space-reserve.ts";
import { createSurveyor, readModes, type Survey } from "./survey.ts";
import { createTrackedIgnored } from "./tracked-ignored.ts";
import type { Look, StoredFile, TreeChange, TreeStore } from "./tree-store.ts";

/** How the name of what outlives the process begins. */
const LASTING = "plan ";
const STALE_RECORD_MS = 14 * 24 * 3_600_000;

function keyOf(path: string): string {
  return createHash("sha256").update(path).digest("hex").slice(0, 24);
}

/** Trees of the workspace that need a store each: the workspace and every repository inside. */
function treesOf(workspace: string, survey: Survey): string[] {
  const nested = survey.gitEntries.map((entry) => dirname(entry)).filter((tree) => tree !== workspace);
  return [workspace, ...nested.sort()];
}

/** The innermost tree that holds a path. */
function ownerOf(stores: readonly TreeSnapshot[], path: string): TreeSnapshot | undefined {
  let owner: TreeSnapshot | undefined;
  for (const one of stores)
    if (isInside(one.tree, path) && (owner === undefined || one.tree.length > owner.tree.length)) owner = one;
  return owner;
}

function isIgnored(stores: readonly TreeSnapshot[], absolute: string, isFolder: boolean): boolean {
  const owner = ownerOf(stores, absolute);
  return (
    owner !== undefined && owner.tree !== absolute && owner.rules.ignores(relative(owner.tree, absolute), isFolder)
  );
}

/** Records of sessions that ended without dropping them. */
function sweep(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!/(^|\/)(record|taken|rules|new)-[^/]*$/.test(name) || name.includes("objects/")) continue;
    const facts = statSync(join(folder, name), { throwIfNoEntry: false });
    if (facts !== undefined && Date.now() - facts.ctimeMs > STALE_RECORD_MS)
      rmSync(join(folder, name), { force: true });
  }
}

export function createSnapshots(options: SnapshotOptions): Snapshots {
  const { workspace } = options;
  const folder = join(options.dataDirectory, "snapshots", keyOf(workspace));
  // A home directory that is the workspace holds bmo's own data: what bmo writes there is no effect of a command.
  const ownData = realPathOf(options.dataDirectory);
  const leaveOut = ownData.startsWith(workspace + sep) ? [ownData] : [];
  const stores = new Map<string, TreeStore>();
  const reserve = createSpaceReserve(options.dataDirectory);
  const trackedIgnored = createTrackedIgnored(options.git);
  let modes: Map<string, number> | null = null;
  /** Folders that were opened to look into them, with the bits the command gave them. */
  const reopened = new Map<string, number>();
  let rules = new Map<string, IgnoreList>();
  let rulesBelongTo: string | undefined;

  const nestedOf = (tree: string, trees: readonly string[]): string[] =>
    [...trees, ...leaveOut]
      .filter((other) => other !== tree && other.startsWith(tree + sep))
      .map((other) => relative(tree, other));
  const storeOf = (tree: string, trees: string[]): TreeStore => {
    const nested = nestedOf(tree, trees);
    const key = `${tree}\n${nested.join("\n")}`;
    const known = stores.get(key);
    if (known !== undefined) return known;
    if (stores.size === 0 && existsSync(folder)) sweep(folder);
    const place = join(folder, keyOf(tree));
    mkdirSync(place, { recursive: true, mode: 0o700 });
    const store =
      options.git === null
        ? createPlainStore({ tree, folder: place, nested })
        : createGitStore({ tree, folder: place, git: options.git, home: options.home, nested });
    stores.set(key, store);
    return store;
  };

  const rulesFile = (owner: string): string => join(folder, `rules-of-${keyOf(owner)}.json`);
  /** The rules of every tree: kept while they belong to the same plan, also by the process that goes on with it. */
  const rulesFor = async (
    trees: readonly string[],
    survey: Survey,
    belongTo: string | undefined,
  ): Promise<ReadonlyMap<string, IgnoreList>> => {
    if (belongTo === undefined || belongTo !== rulesBelongTo)
      rules = belongTo?.startsWith(LASTING) === true ? await readRules(rulesFile(belongTo)) : new Map();
    rulesBelongTo = belongTo;
    const missing = trees.filter((tree) => !rules.has(tree));
    for (const tree of missing) {
      const nested = nestedOf(tree, trees);
      rules.set(
        tree,
        await readIgnoreList(
          tree,
          survey.ignoreFiles.filter((file) => isInside(tree, file)),
          nested,
          options.home,
        ),
      );
    }
    if (belongTo?.startsWith(LASTING) !== true || missing.length === 0) return rules;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(rulesFile(belongTo), JSON.stringify([...rules].map(([tree, { text }]) => [tree, text])), {
      mode: 0o600,
    });
    return rules;
  };

  const toEffect = (
    store: TreeStore,
    absolute: string,
    change: TreeChange,
    recorded: ReadonlyMap<string, number>,
  ): EffectChange => {
    const { before } = change;
    const image = before === null ? null : imageOf(store, before, recordedMode(absolute, before, recorded));
    // A file whose place a folder took is gone: to modify it was not to make a folder of it.
    const isThere = change.exists && (image === null || tryLook(absolute).facts?.kind !== "folder");
    const action = change.problem !== undefined && image === null ? "modify" : actionOf(image, isThere);
    return {
      path: relative(workspace, absolute),
      absolute,
      action,
      before: image,
      guarded: false,
      ...(change.sameBytes === true ? { sameBytes: true } : {}),
      ...(change.problem === undefined ? {} : { problem: change.problem }),
    };
  };
  /** True for a difference that is only one of times. */
  const isOnlyTouched = (
    absolute: string,
    { before, sameBytes }: TreeChange,
    recorded: ReadonlyMap<string, number>,
  ): boolean =>
    sameBytes === true && before !== null && tryLook(absolute).facts?.mode === recordedMode(absolute, before, recorded);

  const noteModes = (known: Map<string, number>, paths: readonly string[]): void => {
    for (const path of paths) {
      const { facts } = tryLook(path);
      if (facts?.kind !== "file" || facts.mode === 0o644 || facts.mode === 0o755) known.delete(path);
      else known.set(path, facts.mode);
    }
  };

  const guard = createGuard({ workspace, folder: join(folder, "guarded"), home: options.home });
  const history = createHistoryStore({ dataDirectory: options.dataDirectory, workspace });
  const surveyor = createSurveyor(workspace, leaveOut);
  // One of its own: what the other has seen is what the stores have recorded.
  const lookout = createSurveyor(workspace, leaveOut);
  let lastTrees: string[] = [];
  let lastRules: string[] = [];

  /** Folders that the walk leaves out must be ignored, or the stores have to look for themselves. */
  const knowsEntries = (survey: Survey & { sameEntries: boolean }, snapshots: readonly TreeSnapshot[]): boolean =>
    survey.sameEntries && survey.closed.size === 0 && survey.skipped.every((path) => isIgnored(snapshots, path, true));

  const record = async (
    belongTo: string | undefined,
  ): Promise<{ survey: Survey; stores: TreeSnapshot[]; recorded: string[] }> => {
    const survey = await surveyor.walk();
    const trees = treesOf(workspace, survey);
    const lists = await rulesFor(trees, survey, belongTo);
    const found: TreeSnapshot[] = [];
    for (const tree of trees) {
      const list = lists.get(tree) ?? (await listFrom(""));
      found.push({ tree, store: storeOf(tree, trees), rules: list, tracked: await trackedIgnored.of(tree, list) });
    }
    const keys = found.map(({ tree, rules: list }) => `${tree} ${list.key}`);
    const sameRules = keys.length === lastRules.length && keys.every((key, index) => key === lastRules[index]);
    const sameTrees = trees.length === lastTrees.length && trees.every((tree, index) => tree === lastTrees[index]);
    const sameEntries = sameTrees && sameRules && knowsEntries(survey, found);
    const recorded = await Promise.all(
      found.map(async ({ tree, store, ...look }) =>
        (await store.record({ ...look, sameEntries })).map((path) => join(tree, path)),
      ),
    );
    lastTrees = trees;
    lastRules = keys;
    return { survey, stores: found, recorded: recorded.flat() };
  };

  /** Opens a folder that a command closed. What was closed before stays closed. */
  const openFolder =
    (before: Survey) =>
    (path: string, mode: number): boolean => {
      if (before.closed.has(path) || leaveOut.some((own) => isInside(own, path))) return false;
      try {
        chmodSync(systemPath(path), mode | 0o700);
      } catch (thrown) {
        if (systemErrorCode(thrown) === undefined) throw thrown;
        return false;
      }
      reopened.set(path, mode);
      return true;
    };

  const changesOf = async (snapshot: TreeSnapshot, look: Look, before: Snapshot): Promise<EffectChange[]> => {
    const { tree, store } = snapshot;
    try {
      const { facts, problem } = createLooker(workspace)(tree);
      if (problem !== null) throw new BmoError("failed", problem);
      const isThere = facts?.kind === "folder";
      const found: EffectChange[] = [];
      for (const change of await (isThere ? store.changes(look) : store.gone())) {
        const absolute = join(tree, change.path);
        // A file that came to light with the folder it is in was not made by the command.
        if (
          isOnlyTouched(absolute, change, before.modes) ||
          (change.before === null && wasClosed(before.survey, absolute))
        )
          continue;
        found.push(toEffect(store, absolute, change, before.modes));
      }
      return found;
    } catch (thrown) {
      return [
        {
          path: relative(workspace, tree) || ".",
          absolute: tree,
          action: "modify",
          before: null,
          guarded: false,
          problem: `what changed in it could not be compared: ${reasonOf(thrown)}`,
        },
      ];
    }
  };

  const uniqueByPath = (changes: EffectChange[]): EffectChange[] => {
    const unique = new Map<string, EffectChange>();
    for (const change of changes) {
      const known = unique.get(change.absolute);
      // A problem is always told. What is known to have been there before is put back; what a walk alone tells is not.
      if (known?.problem !== undefined) continue;
      if (known === undefined || change.problem !== undefined || change.before !== null || known.before === null)
        unique.set(change.absolute, change);
    }
    return [...unique.values()];
  };

  return {
    usesGit: options.git !== null,
    async take(access = { kind: "watched" }, rulesOf) {
      const { survey, stores: found, recorded } = await record(rulesOf);
      reserve.hold();
      if (modes === null) modes = await readModes(survey);
      else if (recorded.length > 0) noteModes((modes = new Map(modes)), recorded);
      const guarded = await guard.read(survey, access);
      history.keep(guarded.gitDirectories);
      return { survey, stores: found.map((one) => ({ ...one, store: one.store.pin() })), guarded, access, modes };
    },
    async compare(before) {
      reserve.giveUpWhenFull();
      const inPlace = tryLook(workspace).facts;
      if (inPlace !== null && inPlace.kind !== "folder") return [replacedWorkspace(workspace)];
      const survey = await surveyor.walk(openFolder(before.survey));
      const guarded = await guard.read(survey, before.access);
      const sameEntries = before.takenMs === undefined && knowsEntries(survey, before.stores);
      if (!sameEntries) lastTrees = [];
      const found = await Promise.all(
        before.stores.map((snapshot) =>
          changesOf(snapshot, { rules: snapshot.rules, tracked: snapshot.tracked, sameEntries }, before),
        ),
      );
      const entries = [
        ...entryChanges(workspace, before.survey, survey),
        ...closedChanges(workspace, before.survey, survey),
      ].filter(
        ({ absolute, path }) => absolute === workspace || !isIgnored(before.stores, absolute, path.endsWith("/")),
      );
      // What another process saw may have had other numbers of devices.
      const isClosed = before.access.kind === "closed";
      const replaced = isClosed && before.takenMs === undefined ? replacedRepositories(before.survey, survey) : [];
      const created = createdRepositories(workspace, before.survey, survey, replaced);
      const guardedElsewhere = guard
        .changes(before.guarded, guarded, before.access)
        .filter(({ absolute }) => !created.some((one) => isInside(one.absolute, absolute)));
      return uniqueByPath([
        ...found.flat(),
        ...entries.filter(({ absolute }) => !wasClosed(before.survey, absolute)),
        ...created,
        ...(isClosed ? lostRepositories(workspace, before.survey, replaced) : []),
        ...guardedElsewhere,
        ...lostObjects(workspace, history, before),
      ]);
    },
    release(before, putBack = new Set()) {
      for (const { store } of before.stores) store.unpin();
      const leftOpen: string[] = [];
      for (const [path, mode] of reopened) {
        if (putBack.has(path) || tryLook(path).facts?.kind !== "folder") continue;
        try {
          chmodSync(systemPath(path), mode);
        } catch (thrown) {
          if (systemErrorCode(thrown) === undefined) throw thrown;
          leftOpen.push(path);
        }
      }
      reopened.clear();
      return leftOpen;
    },
    identityOf: (snapshot) => writeIdentity(snapshot, workspace, folder),
    open: (identity) => readIdentity(identity, workspace, storeOf),
    forget: (identity) => dropIdentity(identity, storeOf),
    survey: () => lookout.walk(),
  };
}

/** Permission bits as the record found them; the stores only know of executable or not. */
function recordedMode(absolute: string, { executable }: StoredFile, recorded: ReadonlyMap<string, number>): number {
  return recorded.get(absolute) ?? (executable ? 0o755 : 0o644);
}

function imageOf(store: TreeStore, file: StoredFile, mode: number): PreImage {
  return {
    kind: file.kind,
    executable: file.executable,
    mode,
    read: () => store.read(file),
    writeTo: (descriptor) => store.writeTo(file, descriptor),
    ...(file.own ? { place: store.whereIs(file) } : {}),
    whereIs: store.whereIs(file),
  };
}

async function readRules(file: string): Promise<Map<string, IgnoreList>> {
  const rules = new Map<string, IgnoreList>();
  try {
    for (const [tree, text] of JSON.parse(readFileSync(file, "utf8")) as [string, string][])
      rules.set(tree, await listFrom(text));
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError) && systemErrorCode(thrown) === undefined) throw thrown;
  }
  return rules;
}
