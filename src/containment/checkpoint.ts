// What bmo changed since a point in time, and the way back: a journal of pre-images per checkpoint in the data
// directory. Costs nothing until something changes. Never overwrites what the user changed since.

import { copyFileSync, existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync } from "node:fs";
import { createHash, randomBytes } from "node:crypto";
import { dirname, join, relative, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { FileAction } from "../types/tool.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { isInside } from "../util/paths.ts";
import { systemPath } from "../util/raw-path.ts";
import { foldersMade, historyOf } from "./checkpoint-history.ts";
import { attempt, closeFolder, isAsRecorded, openClosedFolders, openMadeFolders } from "./closed-folders.ts";
import {
  createCheckpointStore,
  sameState,
  type CheckpointEntry,
  type CheckpointStore,
  type JournalLine,
  type State,
} from "./checkpoint-store.ts";
import { bringBackObjects } from "./history-store.ts";
import { createLooker, type Looker } from "./node-facts.ts";
import { writeFileTo } from "./objects.ts";
import { largePlace, makeFile, writeImage } from "./pre-image.ts";
import { restoreChanges, restoreCommandFor } from "./restore.ts";
import type { EffectChange, PreImage } from "./snapshot-shapes.ts";

export interface CheckpointSummary {
  id: string;
  session: string;
  label: string;
  ticket: string | null;
  at: string;
  /** Paths changed since, up to the next checkpoint. */
  files: number;
  undone: boolean;
}

export interface CheckpointChange {
  path: string;
  action: FileAction;
  before: Buffer | null;
  after: Buffer | null;
  /** Too large to be compared line by line; bytes are left out then. */
  tooLarge: boolean;
}

export interface UndoResult {
  restored: string[];
  /** What the user changed since, or what could not be written; `copy` holds it as bmo would have restored it. */
  refused: { path: string; reason: string; copy: string | null }[];
  /** Folder with what was there before the undo, and the command that brings it back. */
  copy: string;
  restoreCommand: string;
}

export interface Checkpoints {
  /** Before execution and before each ticket. Writes one small file. */
  create(label: string, ticket: string | null): Promise<string>;
  /** Keeps a file as it is, before a file tool writes it. */
  recordPreImage(realPath: string): Promise<void>;
  /** Keeps what a command changed. `foldersBefore` are the folders that existed before it. */
  recordEffects(changes: readonly EffectChange[], foldersBefore: ReadonlyMap<string, unknown>): Promise<void>;
  /**
   * Notes how the files written since now look; to be called when a tool has ended, so that later edits of the user are
   * told apart.
   */
  settle(): void;
  /** Tells of a path whether it is as a tool or a command of this session left it. */
  ownLook(): (path: string) => boolean;
  /** The checkpoint that changes belong to now; created where there is none yet. */
  currentId(): string;
  list(): CheckpointSummary[];
  /**
   * Net changes since the checkpoint (default: the session's first), by path. @throws BmoError usage for an unknown id.
   */
  diff(id: string | null): CheckpointChange[];
  /** Back to how it was at the checkpoint. @throws BmoError usage for an unknown id. */
  restore(id: string): Promise<UndoResult>;
  /**
   * Back by the last ticket that changed something, or everything of the session. @throws BmoError usage when there is
   * nothing.
   */
  undo(what: "last" | "all"): Promise<UndoResult>;
}

/** Larger files are not shown as a diff. */
const SHOWN_BYTES = 8 * 1024 * 1024;
/** Changes whose bytes are kept at the same time. */
const AT_ONCE = 16;

export interface CheckpointOptions {
  /** Real path. */
  workspace: string;
  dataDirectory: string;
  sessionId: string;
  /** The checkpoint that changes belong to until another is created. */
  current?: string;
  onCreate?(): void;
  now?(): Date;
}

export function createCheckpoints(options: CheckpointOptions): Checkpoints {
  const { workspace } = options;
  const now = options.now ?? ((): Date => new Date());
  const store = createCheckpointStore(
    join(options.dataDirectory, "checkpoints", createHash("sha256").update(workspace).digest("hex").slice(0, 24)),
  );
  let current: string | null = options.current ?? null;
  const pending = new Set<string>();

  /** What is at a path now; nothing where its way leads through a link, since that is another place's. */
  const lookNow = (path: string, lookAtPath: Looker = createLooker(workspace)): State => {
    const { facts, problem } = lookAtPath(path);
    return facts === null && problem === null ? { kind: "absent" } : store.look(path, false);
  };
  const bytesOf = (state: State): Buffer | null => ("id" in state ? readFileSync(store.placeOf(state.id)) : null);
  const start = (label: string, ticket: string | null): string => {
    current = store.create({ session: options.sessionId, label, ticket, at: now().toISOString() });
    options.onCreate?.();
    return current;
  };
  const currentId = (): string => current ?? start("start of the session", null);
  const append = (lines: readonly JournalLine[], safely: boolean): void => store.append(currentId(), lines, safely);
  const settle = (): void => {
    if (pending.size > 0)
      append(
        [...pending].map((path) => ({ type: "after", path, state: lookNow(path) })),
        false,
      );
    pending.clear();
  };
  const anchorOf = (path: string, exists: (folderPath: string) => boolean): string => {
    let anchor = dirname(path);
    while (anchor !== workspace && isInside(workspace, anchor) && !exists(anchor)) anchor = dirname(anchor);
    return anchor;
  };

  const isOpen = ({ lines }: CheckpointEntry): boolean => !lines.some(({ type }) => type === "undone");
  const since = (id: string): CheckpointEntry[] => {
    const all = store.readAll();
    const matching = all.filter(({ checkpoint }) => checkpoint.id === id || checkpoint.id.startsWith(id));
    const [found] = matching;
    if (found === undefined || matching.length > 1)
      throw new BmoError(
        "usage",
        `${matching.length > 1 ? "several checkpoints begin with" : "there is no checkpoint"} ${id}`,
        "bmo checkpoint list shows them.",
      );
    return all.slice(all.indexOf(found)).filter(isOpen);
  };
  const ownEntries = (): CheckpointEntry[] =>
    store.readAll().filter((entry) => entry.checkpoint.session === options.sessionId && isOpen(entry));

  /** Writes the earlier version of a path beside the copy; null where there was none. */
  const offer = (state: State, copy: string, shown: string): string | null => {
    if (!("id" in state)) return null;
    const place = join(`${copy}-before`, shown);
    mkdirSync(systemPath(dirname(place)), { recursive: true, mode: 0o700 });
    copyFileSync(store.placeOf(state.id), systemPath(place));
    return place;
  };

  const putBack = async (entries: readonly CheckpointEntry[]): Promise<UndoResult> => {
    const copy = join(
      options.dataDirectory,
      "copies",
      `undo-${now().toISOString().replace(/[:.]/g, "-")}-${randomBytes(3).toString("hex")}`,
    );
    const changes: EffectChange[] = [];
    const refused: UndoResult["refused"] = [];
    const kept = new Set<string>();
    const history = historyOf(entries);
    const made = foldersMade(history);
    const closed = openClosedFolders(history);
    const opened = openMadeFolders(made);
    const lookAtPath = createLooker(workspace);
    for (const [path, { first, anchor, last, earlier, undoing }] of history) {
      const shown = isInside(workspace, path) ? relative(workspace, path) || "." : path;
      const present = closed.get(path) ?? attempt(() => lookNow(path, lookAtPath));
      if (present instanceof Error) {
        refused.push({
          path: shown,
          reason: `it cannot be looked at (${systemErrorCode(present) ?? present.message})`,
          copy: offer(first, copy, shown),
        });
        continue;
      }
      if (earlier !== null && !sameState(earlier, first))
        refused.push({
          path: shown,
          reason:
            "you or another program changed it between two changes of bmo's, so it goes back to that version only",
          copy: offer(earlier, copy, shown),
        });
      if (sameState(present, first)) continue;
      for (let above = anchor; isInside(workspace, above); above = dirname(above))
        if (!made.has(above)) kept.add(above);
      const isOwn = last === null || isAsRecorded(present, last) || (undoing && present.kind === "absent");
      if (!isOwn) {
        refused.push({
          path: shown,
          reason: "it was changed since, by you or another program",
          copy: offer(first, copy, shown),
        });
        continue;
      }
      changes.push({
        path: shown,
        absolute: path,
        action: actionFrom(first, present),
        before: imageOf(first, store.placeOf),
        guarded: false,
      });
    }
    const newest = entries.at(-1)?.checkpoint.id ?? null;
    if (newest !== null && changes.length > 0)
      store.append(newest, [{ type: "undoing", paths: changes.map(({ absolute }) => absolute) }], true);
    // Branches lead to objects that git may have pruned since.
    if (changes.some(({ absolute }) => absolute.includes("/.git/"))) bringBackObjects(options.dataDirectory, workspace);
    const { restored, failed } = await restoreChanges(changes, workspace, copy, {
      has: (path: string) => kept.has(path),
    });
    // What lies in a folder was put back first: its own bits may forbid that.
    const deepestFirst = [...changes].sort((left, right) => (left.absolute < right.absolute ? 1 : -1));
    for (const { absolute, before } of deepestFirst)
      if (before?.kind === "folder" && before.mode !== null) closeFolder(absolute, before.mode);
    for (const [path, mode] of opened) closeFolder(path, mode);
    const complete = refused.length === 0 && failed.length === 0;
    const whole = new Set(restored);
    if (complete) for (const { checkpoint } of entries) store.append(checkpoint.id, [{ type: "undone" }], true);
    else if (newest !== null)
      store.append(
        newest,
        [{ type: "restored", paths: changes.filter(({ path }) => whole.has(path)).map(({ absolute }) => absolute) }],
        true,
      );
    current = null;
    const offered = failed.map(({ full, ...one }) => ({
      ...one,
      reason: full ? `${one.reason}; run it again once there is room` : one.reason,
      copy: offer(history.get(resolve(workspace, one.path))?.first ?? { kind: "absent" }, copy, one.path),
    }));
    return { restored, refused: [...refused, ...offered], copy, restoreCommand: restoreCommandFor(copy, workspace) };
  };

  return {
    async create(label, ticket) {
      settle();
      return start(label, ticket);
    },
    async recordPreImage(realPath) {
      settle();
      append(
        [{ type: "before", path: realPath, state: store.look(realPath, true), anchor: anchorOf(realPath, existsSync) }],
        true,
      );
      pending.add(realPath);
    },
    async recordEffects(changes, foldersBefore) {
      settle();
      const lines: JournalLine[] = [];
      const lookAtPath = createLooker(workspace);
      for (let index = 0; index < changes.length; index += AT_ONCE) {
        const recorded = await Promise.all(
          changes.slice(index, index + AT_ONCE).map(async (change): Promise<JournalLine[]> => {
            const state = await stateBefore(change.before, store);
            const anchor = anchorOf(change.absolute, (path) => foldersBefore.has(path));
            return [
              { type: "before", path: change.absolute, state, anchor },
              { type: "after", path: change.absolute, state: lookNow(change.absolute, lookAtPath) },
            ];
          }),
        );
        lines.push(...recorded.flat());
        // Signals and timers are heard between the pieces, however many there are.
        await setImmediate();
      }
      if (lines.length > 0) append(lines, true);
    },
    settle,
    currentId,
    ownLook() {
      const history = historyOf(ownEntries());
      return (path) => {
        const last = history.get(path)?.last ?? null;
        return last !== null && isAsRecorded(lookNow(path), last);
      };
    },
    list() {
      return store
        .readAll()
        .map((entry) => ({ ...entry.checkpoint, files: historyOf([entry]).size, undone: !isOpen(entry) }));
    },
    diff(id) {
      settle();
      const entries = id === null ? ownEntries() : since(id);
      return [...historyOf(entries)].flatMap(([path, { first }]): CheckpointChange[] => {
        const present = lookNow(path);
        if (sameState(present, first)) return [];
        const change = { path: relative(workspace, path) || ".", action: actionFrom(first, present) };
        const sizes = [...("id" in first ? [store.placeOf(first.id)] : []), path].map(
          (one) => lstatSync(systemPath(one), { throwIfNoEntry: false })?.size ?? 0,
        );
        if (Math.max(...sizes) > SHOWN_BYTES) return [{ ...change, before: null, after: null, tooLarge: true }];
        const after =
          present.kind === "file"
            ? store.read(path)
            : present.kind === "link"
              ? readlinkSync(systemPath(path), "buffer")
              : null;
        return [{ ...change, before: bytesOf(first), after, tooLarge: false }];
      });
    },
    async restore(id) {
      settle();
      return putBack(since(id));
    },
    async undo(what) {
      settle();
      const own = ownEntries().filter(({ lines }) => lines.length > 0);
      const [newest] = own.slice(-1);
      if (newest === undefined)
        throw new BmoError(
          "usage",
          "there is nothing to undo in this session",
          "bmo checkpoint list shows what other sessions changed.",
        );
      return putBack(what === "all" ? own : [newest]);
    },
  };
}

function actionFrom(before: State, now: State): FileAction {
  if (before.kind === "absent") return "create";
  return now.kind === "absent" ? "delete" : "modify";
}

function imageOf(state: State, placeOf: (id: string) => string): PreImage | null {
  if (state.kind === "folder") return { kind: "folder", mode: state.mode ?? null };
  if (!("id" in state)) return null;
  const place = placeOf(state.id);
  return {
    kind: state.kind,
    executable: (state.mode & 0o100) !== 0,
    mode: state.mode,
    read: async () => readFileSync(place),
    writeTo: async (descriptor) => writeFileTo(place, descriptor),
    place,
    whereIs: place,
  };
}

async function stateBefore(before: PreImage | null, store: CheckpointStore): Promise<State> {
  if (before === null) return { kind: "absent" };
  if (before.kind === "pipe") return { kind: "other" };
  if (before.kind === "folder")
    return before.mode === null ? { kind: "folder" } : { kind: "folder", mode: before.mode };
  const mode = before.kind === "link" ? 0o777 : (before.mode ?? (before.executable ? 0o755 : 0o644));
  const id =
    largePlace(before) === null
      ? await store.keepWritten((descriptor) => writeImage(before, descriptor))
      : await store.keepLarge((path) => makeFile(before, path));
  return { kind: before.kind, id, mode };
}
