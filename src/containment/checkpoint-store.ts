// Where checkpoints lie: one small file and one journal for each, and the bytes of files by their digest. What is
// needed for the way back is on the disk before anything is changed. Knows nothing of undoing.

import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  type BigIntStats,
} from "node:fs";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemErrorCode } from "../util/errors.ts";
import { LARGE_BYTES } from "./objects.ts";
import { temporaryFileIn } from "../util/own-temporaries.ts";
import { systemPath } from "../util/raw-path.ts";

/** What lies at a path. `id` is the digest of a file's bytes or of a link's target. */
export type State =
  | { kind: "absent" }
  /** Journals of earlier versions know no bits of folders. */
  | { kind: "folder"; mode?: number }
  | { kind: "other" }
  /** A file that is not read, because it is closed or large; the stamp tells whether it is still the same. */
  | { kind: "closed"; stamp: string }
  | { kind: "file"; id: string; mode: number }
  | { kind: "link"; id: string; mode: number };

export type JournalLine =
  /** The path was `before` until now; `anchor` is the deepest folder above it that existed. */
  | { type: "before"; path: string; state: State; anchor: string }
  /** After bmo's own change the path was `state`. */
  | { type: "after"; path: string; state: State }
  /** These paths are about to be put back: what is missing among them later was taken by bmo. */
  | { type: "undoing"; paths: string[] }
  /** These paths are as they were before all of this. */
  | { type: "restored"; paths: string[] }
  | { type: "undone" };

export interface Checkpoint {
  id: string;
  session: string;
  label: string;
  ticket: string | null;
  at: string;
}

export interface CheckpointEntry {
  checkpoint: Checkpoint;
  lines: JournalLine[];
}

export interface CheckpointStore {
  create(checkpoint: Omit<Checkpoint, "id">): string;
  /** By age, with those of other sessions. */
  readAll(): CheckpointEntry[];
  /** @param safely waits until the lines are on the disk. */
  append(id: string, lines: readonly JournalLine[], safely: boolean): void;
  /** What lies at a path now. `keep` stores its bytes, safely on the disk, for `placeOf`. */
  look(path: string, keep: boolean): State;
  /** Stores what `write` puts into an open descriptor, however much, safely on the disk. */
  keepWritten(write: (descriptor: number) => Promise<void>): Promise<string>;
  /** Stores a file that `write` makes, too large to be named by its bytes. */
  keepLarge(write: (path: string) => Promise<void>): Promise<string>;
  /** All bytes of a file, also of an own one that is closed. @throws system errors. */
  read(path: string): Buffer;
  /** File with the kept bytes. */
  placeOf(id: string): string;
}

/** Above this a file is copied and read in pieces. */
const WHOLE_BYTES = 8 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;
const flush = promisify(fsync);

function digestOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function digestOfDescriptor(descriptor: number): string {
  const hash = createHash("sha256");
  const piece = Buffer.alloc(PIECE_BYTES);
  let position = 0;
  for (
    let count = readSync(descriptor, piece, 0, PIECE_BYTES, position);
    count > 0;
    count = readSync(descriptor, piece, 0, PIECE_BYTES, position)
  ) {
    hash.update(piece.subarray(0, count));
    position += count;
  }
  return hash.digest("hex");
}

function digestOfFile(path: string): string {
  const descriptor = openSync(systemPath(path), "r");
  try {
    return digestOfDescriptor(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Opens an own file that is closed to its owner while it is read. */
function whileReadable<Result>(path: string, facts: BigIntStats, read: () => Result): Result {
  const user = process.getuid?.() ?? 0;
  const mode = Number(facts.mode & 0o7777n);
  if (user === 0 || facts.uid !== BigInt(user) || (mode & 0o400) !== 0) return read();
  chmodSync(systemPath(path), mode | 0o400);
  try {
    return read();
  } finally {
    chmodSync(systemPath(path), mode);
  }
}

function flushFile(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function statOf(path: string): BigIntStats | null {
  try {
    return lstatSync(systemPath(path), { bigint: true });
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw thrown;
  }
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

export function sameState(left: State, right: State): boolean {
  if (left.kind !== right.kind) return false;
  if (left.kind === "folder" && right.kind === "folder")
    return left.mode === undefined || right.mode === undefined || left.mode === right.mode;
  if (left.kind === "closed" && right.kind === "closed") return left.stamp === right.stamp;
  return !("id" in left) || !("id" in right) || (left.id === right.id && left.mode === right.mode);
}

/** @param folder of one workspace in the data directory; made when it is needed. */
export function createCheckpointStore(folder: string): CheckpointStore {
  const objects = join(folder, "objects");
  const journalOf = (id: string): string => join(folder, `${id}.jsonl`);
  const placeOf = (id: string): string => join(objects, id);
  const draft = (): string => {
    mkdirSync(objects, { recursive: true, mode: 0o700 });
    return temporaryFileIn(folder);
  };

  const keepNow = (bytes: Buffer): string => {
    const id = digestOf(bytes);
    if (existsSync(placeOf(id))) return id;
    const path = draft();
    writeFileSync(path, bytes, { mode: 0o600, flush: true });
    renameSync(path, placeOf(id));
    return id;
  };
  /** The copy is what is read: the file itself may change meanwhile. */
  const keepFile = (source: string): string => {
    const path = draft();
    try {
      copyFileSync(systemPath(source), path, constants.COPYFILE_FICLONE);
      const id = digestOfFile(path);
      if (existsSync(placeOf(id))) return id;
      flushFile(path);
      renameSync(path, placeOf(id));
      return id;
    } finally {
      rmSync(path, { force: true });
    }
  };
  const fileState = (path: string, facts: BigIntStats, keep: boolean): State => {
    const mode = Number(facts.mode & 0o7777n);
    const unread: State = { kind: "closed", stamp: [facts.size, facts.mtimeNs, facts.ino, facts.mode].join(" ") };
    // Reading it would keep everything else waiting, for hours where it is sparse.
    if (!keep && facts.size >= BigInt(LARGE_BYTES)) return unread;
    try {
      return whileReadable(path, facts, () => {
        if (facts.size > BigInt(WHOLE_BYTES))
          return { kind: "file", id: keep ? keepFile(path) : digestOfFile(path), mode };
        const bytes = readFileSync(systemPath(path));
        return { kind: "file", id: keep ? keepNow(bytes) : digestOf(bytes), mode };
      });
    } catch (thrown) {
      const code = systemErrorCode(thrown);
      if (keep || (code !== "EACCES" && code !== "EPERM")) throw thrown;
      return unread;
    }
  };

  return {
    create(given) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const last = readdirSync(folder)
        .filter((name) => name.endsWith(".json"))
        .sort()
        .at(-1);
      const number = Number(/^c_(\d+)_/.exec(last ?? "")?.[1] ?? 0) + 1;
      // Numbered, not dated: clocks jump.
      const id = `c_${String(number).padStart(6, "0")}_${randomBytes(3).toString("hex")}`;
      const path = draft();
      writeFileSync(path, JSON.stringify({ id, ...given } satisfies Checkpoint), { mode: 0o600, flush: true });
      renameSync(path, join(folder, `${id}.json`));
      return id;
    },
    readAll() {
      if (!existsSync(folder)) return [];
      const names = readdirSync(folder)
        .filter((name) => /^c_.*\.json$/.test(name))
        .sort();
      return names.flatMap((name) => {
        const checkpoint = parseJson<Checkpoint>(readFileSync(join(folder, name), "utf8"));
        if (checkpoint === null) return [];
        const journal = journalOf(checkpoint.id);
        const lines = existsSync(journal)
          ? readFileSync(journal, "utf8")
              .split("\n")
              .flatMap((line) => parseJson<JournalLine>(line) ?? [])
          : [];
        return [{ checkpoint, lines }];
      });
    },
    append(id, lines, safely) {
      if (lines.length === 0) return;
      // A line that a crash tore must not swallow the one that follows it.
      writeFileSync(journalOf(id), `\n${lines.map((line) => JSON.stringify(line)).join("\n")}\n`, {
        mode: 0o600,
        flag: "a",
        flush: safely,
      });
    },
    look(path, keep) {
      const facts = statOf(path);
      if (facts === null) return { kind: "absent" };
      const mode = Number(facts.mode & 0o7777n);
      if (facts.isDirectory()) return { kind: "folder", mode };
      if (facts.isFile()) return fileState(path, facts, keep);
      if (!facts.isSymbolicLink()) return { kind: "other" };
      const target = readlinkSync(systemPath(path), { encoding: "buffer" });
      return { kind: "link", id: keep ? keepNow(target) : digestOf(target), mode };
    },
    async keepWritten(write) {
      const path = draft();
      try {
        const descriptor = openSync(path, "wx+", 0o600);
        let id: string;
        try {
          await write(descriptor);
          id = digestOfDescriptor(descriptor);
          if (!existsSync(placeOf(id))) await flush(descriptor);
        } finally {
          closeSync(descriptor);
        }
        if (!existsSync(placeOf(id))) renameSync(path, placeOf(id));
        return id;
      } finally {
        rmSync(path, { force: true });
      }
    },
    async keepLarge(write) {
      const path = draft();
      const id = `large-${randomBytes(16).toString("hex")}`;
      try {
        await write(path);
        flushFile(path);
        renameSync(path, placeOf(id));
        return id;
      } finally {
        rmSync(path, { force: true });
      }
    },
    read(path) {
      const facts = lstatSync(systemPath(path), { bigint: true });
      return whileReadable(path, facts, () => readFileSync(systemPath(path)));
    },
    placeOf,
  };
}
