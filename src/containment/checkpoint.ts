// What bmo changed since a point in time, and the way back: a journal of pre-images per checkpoint in the data directory.
// Costs nothing until something changes. Never overwrites what the user changed since.

import { appendFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { createHash, randomBytes } from "node:crypto";
import { dirname, join, relative } from "node:path";
import type { FileAction } from "../types/tool.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { isInside } from "../util/paths.ts";
import { restoreChanges, restoreCommandFor } from "./restore.ts";
import type { EffectChange, PreImage } from "./snapshot.ts";

type State =
  | { kind: "absent" }
  /** Journals of earlier versions know no bits of folders. */
  | { kind: "folder"; mode?: number }
  | { kind: "other" }
  | { kind: "file"; id: string; mode: number }
  | { kind: "link"; id: string; mode: number };

type JournalLine =
  /** The path was `before` until now; `anchor` is the deepest folder above it that existed. */
  | { type: "before"; path: string; state: State; anchor: string }
  /** After bmo's own change the path was `state`. */
  | { type: "after"; path: string; state: State }
  | { type: "undone" };

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
  /** Notes how the files written since now look; to be called when a tool has ended, so that later edits of the user are told apart. */
  settle(): void;
  list(): CheckpointSummary[];
  /** Net changes since the checkpoint (default: the session's first), by path. @throws BmoError usage for an unknown id. */
  diff(id: string | null): CheckpointChange[];
  /** Back to how it was at the checkpoint. @throws BmoError usage for an unknown id. */
  restore(id: string): Promise<UndoResult>;
  /** Back by the last ticket that changed something, or everything of the session. @throws BmoError usage when there is nothing. */
  undo(what: "last" | "all"): Promise<UndoResult>;
}

interface Checkpoint {
  id: string;
  session: string;
  label: string;
  ticket: string | null;
  at: string;
}

interface PathHistory {
  first: State;
  anchor: string;
  last: State | null;
}

function digestOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function sameState(left: State, right: State): boolean {
  if (left.kind !== right.kind) return false;
  if (left.kind === "folder" && right.kind === "folder") return left.mode === undefined || right.mode === undefined || left.mode === right.mode;
  return !("id" in left) || !("id" in right) || (left.id === right.id && left.mode === right.mode);
}

export function createCheckpoints(options: { workspace: string; dataDirectory: string; sessionId: string; onCreate?: () => void; now?: () => Date }): Checkpoints {
  const { workspace } = options;
  const now = options.now ?? ((): Date => new Date());
  const folder = join(options.dataDirectory, "checkpoints", createHash("sha256").update(workspace).digest("hex").slice(0, 24));
  const objects = join(folder, "objects");
  let current: string | null = null;
  const pending = new Set<string>();

  const keep = (bytes: Buffer): string => {
    const id = digestOf(bytes);
    mkdirSync(objects, { recursive: true, mode: 0o700 });
    const place = join(objects, id);
    if (!existsSync(place)) writeFileSync(place, bytes, { mode: 0o600 });
    return id;
  };
  /** What lies at a path now; its bytes are kept only when asked for. */
  const look = (path: string, store: boolean): State => {
    try {
      const facts = lstatSync(path);
      const mode = facts.mode & 0o7777;
      if (facts.isDirectory()) return { kind: "folder", mode };
      if (!facts.isFile() && !facts.isSymbolicLink()) return { kind: "other" };
      const bytes = facts.isFile() ? readFileSync(path) : Buffer.from(readlinkSync(path));
      return { kind: facts.isFile() ? "file" : "link", id: store ? keep(bytes) : digestOf(bytes), mode };
    } catch (thrown) {
      const code = systemErrorCode(thrown);
      if (code === "ENOENT" || code === "ENOTDIR") return { kind: "absent" };
      throw thrown;
    }
  };
  const bytesOf = (state: State): Buffer | null => ("id" in state ? readFileSync(join(objects, state.id)) : null);
  const journalOf = (id: string): string => join(folder, `${id}.jsonl`);
  const append = (line: JournalLine): void => appendFileSync(journalOf(current ?? start("start of the session", null)), `${JSON.stringify(line)}\n`, { mode: 0o600 });
  const start = (label: string, ticket: string | null): string => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const at = now();
    const last = readdirSync(folder).filter((name) => name.endsWith(".json")).sort().at(-1);
    const number = Number(/^c_(\d+)_/.exec(last ?? "")?.[1] ?? 0) + 1;
    // Numbered, not dated: clocks jump.
    const id = `c_${String(number).padStart(6, "0")}_${randomBytes(3).toString("hex")}`;
    const checkpoint: Checkpoint = { id, session: options.sessionId, label, ticket, at: at.toISOString() };
    writeFileSync(join(folder, `${id}.json`), JSON.stringify(checkpoint), { mode: 0o600 });
    current = id;
    options.onCreate?.();
    return id;
  };
  const settle = (): void => {
    for (const path of pending) append({ type: "after", path, state: look(path, true) });
    pending.clear();
  };
  const anchorOf = (path: string, exists: (folderPath: string) => boolean): string => {
    let anchor = dirname(path);
    while (anchor !== workspace && isInside(workspace, anchor) && !exists(anchor)) anchor = dirname(anchor);
    return anchor;
  };

  const readAll = (): { checkpoint: Checkpoint; lines: JournalLine[] }[] => {
    if (!existsSync(folder)) return [];
    const names = readdirSync(folder).filter((name) => name.endsWith(".json")).sort();
    return names.flatMap((name) => {
      const checkpoint = parseJson<Checkpoint>(readFileSync(join(folder, name), "utf8"));
      if (checkpoint === null) return [];
      const journal = journalOf(checkpoint.id);
      const lines = existsSync(journal) ? readFileSync(journal, "utf8").split("\n").flatMap((line) => parseJson<JournalLine>(line) ?? []) : [];
      return [{ checkpoint, lines }];
    });
  };
  const since = (id: string): { checkpoint: Checkpoint; lines: JournalLine[] }[] => {
    const all = readAll();
    const matching = all.filter(({ checkpoint }) => checkpoint.id === id || checkpoint.id.startsWith(id));
    const [found] = matching;
    if (found === undefined || matching.length > 1) throw new BmoError("usage", `${matching.length > 1 ? "several checkpoints begin with" : "there is no checkpoint"} ${id}`, "bmo checkpoint list shows them.");
    return all.slice(all.indexOf(found)).filter(({ lines }) => !lines.some(({ type }) => type === "undone"));
  };
  const historyOf = (entries: { lines: JournalLine[] }[]): Map<string, PathHistory> => {
    const history = new Map<string, PathHistory>();
    for (const line of entries.flatMap(({ lines }) => lines)) {
      if (line.type === "undone") continue;
      const known = history.get(line.path);
      if (line.type === "before" && known === undefined) history.set(line.path, { first: line.state, anchor: line.anchor, last: null });
      if (line.type === "after" && known !== undefined) known.last = line.state;
    }
    return history;
  };
  const ownCheckpoints = (): { checkpoint: Checkpoint; lines: JournalLine[] }[] =>
    readAll().filter(({ checkpoint, lines }) => checkpoint.session === options.sessionId && !lines.some(({ type }) => type === "undone"));

  const restore = async (id: string): Promise<UndoResult> => {
    settle();
    const entries = since(id);
    const history = historyOf(entries);
    const copy = join(options.dataDirectory, "copies", `undo-${now().toISOString().replace(/[:.]/g, "-")}-${randomBytes(3).toString("hex")}`);
    const changes: EffectChange[] = [];
    const refused: UndoResult["refused"] = [];
    const kept = new Set<string>();
    for (const [path, { first, anchor, last }] of history) {
      const present = look(path, false);
      if (sameState(present, first)) continue;
      const shown = relative(workspace, path);
      for (let above = anchor; isInside(workspace, above) && !kept.has(above); above = dirname(above)) kept.add(above);
      if (last !== null && !sameState(present, last)) {
        const bytes = bytesOf(first);
        const place = bytes === null ? null : join(`${copy}-before`, shown);
        if (bytes !== null && place !== null) {
          mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
          writeFileSync(place, bytes, { mode: 0o600 });
        }
        refused.push({ path: shown, reason: "it was changed since, by you or another program", copy: place });
        continue;
      }
      changes.push({ path: shown, absolute: path, action: actionFrom(first, present), before: imageOf(first, bytesOf), guarded: false });
    }
    const { restored, failed } = await restoreChanges(changes, workspace, copy, { has: (path: string) => kept.has(path) } as ReadonlyMap<string, unknown>);
    for (const { checkpoint } of entries) if (refused.length === 0 && failed.length === 0) appendFileSync(journalOf(checkpoint.id), `${JSON.stringify({ type: "undone" } satisfies JournalLine)}\n`, { mode: 0o600 });
    current = null;
    return { restored, refused: [...refused, ...failed.map((one) => ({ ...one, copy: null }))], copy, restoreCommand: restoreCommandFor(copy, workspace) };
  };

  return {
    async create(label, ticket) {
      settle();
      return start(label, ticket);
    },
    async recordPreImage(realPath) {
      settle();
      append({ type: "before", path: realPath, state: look(realPath, true), anchor: anchorOf(realPath, existsSync) });
      pending.add(realPath);
    },
    async recordEffects(changes, foldersBefore) {
      settle();
      for (const change of changes) {
        const state = await stateBefore(change.before, keep);
        append({ type: "before", path: change.absolute, state, anchor: anchorOf(change.absolute, (path) => foldersBefore.has(path)) });
        append({ type: "after", path: change.absolute, state: look(change.absolute, true) });
      }
    },
    settle,
    list() {
      return readAll().map(({ checkpoint, lines }) => ({ ...checkpoint, files: historyOf([{ lines }]).size, undone: lines.some(({ type }) => type === "undone") }));
    },
    diff(id) {
      settle();
      const from = id ?? ownCheckpoints()[0]?.checkpoint.id;
      if (from === undefined) return [];
      return [...historyOf(since(from))].flatMap(([path, { first }]) => {
        const present = look(path, true);
        if (sameState(present, first)) return [];
        return [{ path: relative(workspace, path), action: actionFrom(first, present), before: bytesOf(first), after: bytesOf(present) }];
      });
    },
    restore,
    async undo(what) {
      settle();
      const own = ownCheckpoints().filter(({ lines }) => lines.length > 0);
      const target = what === "all" ? own[0] : own.at(-1);
      if (target === undefined) throw new BmoError("usage", "there is nothing to undo in this session", "bmo checkpoint list shows what other sessions changed.");
      return restore(target.checkpoint.id);
    },
  };
}

function parseJson<Value>(text: string): Value | null {
  if (text === "") return null;
  try {
    return JSON.parse(text) as Value;
  } catch (thrown) {
    // A line torn by a crash; the lines before it stand.
    if (thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

function actionFrom(before: State, now: State): FileAction {
  if (before.kind === "absent") return "create";
  return now.kind === "absent" ? "delete" : "modify";
}

function imageOf(state: State, bytesOf: (state: State) => Buffer | null): PreImage | null {
  if (state.kind === "absent" || state.kind === "other") return null;
  if (state.kind === "folder") return { kind: "folder", mode: state.mode ?? null };
  return { kind: state.kind, executable: (state.mode & 0o100) !== 0, mode: state.mode, read: async () => bytesOf(state) ?? Buffer.alloc(0) };
}

async function stateBefore(before: PreImage | null, keep: (bytes: Buffer) => string): Promise<State> {
  if (before === null) return { kind: "absent" };
  if (before.kind === "folder") return before.mode === null ? { kind: "folder" } : { kind: "folder", mode: before.mode };
  const mode = before.kind === "link" ? 0o777 : (before.mode ?? (before.executable ? 0o755 : 0o644));
  return { kind: before.kind, id: keep(await before.read()), mode };
}
