// One look at one path, in nanoseconds: what lies there, and a stamp that changes with every change of it. Follows no
// link, opens no pipe, writes nothing.

import { createHash, type Hash } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statfsSync,
  type Dirent,
} from "node:fs";
import { dirname } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { isInside } from "../util/paths.ts";
import { nameFromBytes, systemPath } from "../util/raw-path.ts";

export interface NodeFacts {
  kind: "file" | "link" | "folder" | "special";
  size: number;
  /** Permission bits. */
  mode: number;
  /** Time of the last change of anything about it, nanoseconds since 1970. */
  changedNs: bigint;
  /** Differs when bytes, times, mode or the file itself are others, but see `timesOf`. */
  stamp: string;
}

/** What lies at a path, or null for nothing. @throws system errors other than "there is nothing". */
export function lookAt(path: string): NodeFacts | null {
  try {
    const { size, mode, mtimeNs, ctimeNs, ino, dev, ...facts } = lstatSync(systemPath(path), { bigint: true });
    const format = Number(mode) & constants.S_IFMT;
    const kind =
      format === constants.S_IFREG
        ? "file"
        : format === constants.S_IFLNK
          ? "link"
          : format === constants.S_IFDIR
            ? "folder"
            : "special";
    return {
      kind,
      size: Number(size),
      mode: Number(mode) & 0o7777,
      changedNs: ctimeNs > mtimeNs ? ctimeNs : mtimeNs,
      stamp: [size, mtimeNs, ctimeNs, ino, dev, mode, facts.uid, facts.gid].join(" "),
    };
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw thrown;
  }
}

/** `lookAt`, with the reason in words where nothing can be said about the path. */
export function tryLook(path: string): { facts: NodeFacts | null; problem: string | null } {
  try {
    return { facts: lookAt(path), problem: null };
  } catch (thrown) {
    return { facts: null, problem: reasonOf(thrown) };
  }
}

export type Looker = (path: string) => { facts: NodeFacts | null; problem: string | null };

/**
 * `tryLook` for paths below a root: nothing is at a path whose way leads through a link, since what is seen there is
 * another place's. Looks at each folder on the way once: for one look at the whole, not for longer.
 */
export function createLooker(root: string): Looker {
  const real = new Map<string, boolean>([[root, true]]);
  const isReal = (folder: string): boolean => {
    const known = real.get(folder);
    if (known !== undefined) return known;
    // A folder that cannot be looked at tells so for what is in it.
    const answer = !isInside(root, folder) || (isReal(dirname(folder)) && tryLook(folder).facts?.kind !== "link");
    real.set(folder, answer);
    return answer;
  };
  return (path) => (isReal(dirname(path)) ? tryLook(path) : { facts: null, problem: null });
}

export interface FolderEntry {
  name: string;
  kind: "file" | "link" | "folder" | "socket" | "special";
}

/** Entries of a folder; names that are no text are told apart. @throws system errors. */
export function entriesOf(folder: string): FolderEntry[] {
  const entries = readdirSync(systemPath(folder), { withFileTypes: true });
  if (!entries.some(({ name }) => name.includes("\ufffd")))
    return entries.map((entry) => ({ name: entry.name, kind: entryKind(entry) }));
  return readdirSync(systemPath(folder), { withFileTypes: true, encoding: "buffer" }).map((entry) => ({
    name: nameFromBytes(entry.name),
    kind: entryKind(entry),
  }));
}

function entryKind(entry: Pick<Dirent, "isFile" | "isDirectory" | "isSymbolicLink" | "isSocket">): FolderEntry["kind"] {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  if (entry.isSymbolicLink()) return "link";
  return entry.isSocket() ? "socket" : "special";
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "it may not be read (EACCES)",
  EPERM: "the system does not permit it (EPERM)",
  ENOSPC: "the disk is full (ENOSPC)",
  EDQUOT: "the disk quota is used up (EDQUOT)",
  EIO: "the disk reports an error (EIO)",
  EMFILE: "too many files are open (EMFILE)",
  ENFILE: "too many files are open (ENFILE)",
  ENAMETOOLONG: "its path is too long (ENAMETOOLONG)",
  ELOOP: "it is a loop of links (ELOOP)",
  EROFS: "the disk is read-only (EROFS)",
  EBUSY: "it is in use by the system (EBUSY)",
  ENOTEMPTY: "it holds what did not come with it",
  EEXIST: "it holds what did not come with it",
  EFBIG: "it is larger than is allowed (EFBIG)",
  ETXTBSY: "it is being run (ETXTBSY)",
};

/** Why something failed, for people. @throws what is no system error and carries no message of ours. */
export function reasonOf(thrown: unknown): string {
  // Has a code too, which is not the system's.
  if (thrown instanceof BmoError) return thrown.message;
  const code = systemErrorCode(thrown);
  if (code === undefined) throw thrown;
  return REASONS[code] ?? `the system says ${code}`;
}

/** No room for bytes, or for another file. */
export function isFull(thrown: unknown): boolean {
  return ["ENOSPC", "EDQUOT", "EFBIG"].includes(systemErrorCode(thrown) ?? "");
}

const PROGRAM_WORDS: readonly [RegExp, string][] = [
  [/No space left on device/, "ENOSPC"],
  [/quota exceeded/i, "EDQUOT"],
  [/File too large/, "EFBIG"],
  [/Permission denied/, "EACCES"],
  [/Operation not permitted/, "EPERM"],
  [/Read-only file system/, "EROFS"],
  [/Input\/output error/, "EIO"],
];

/** The error of the system behind what a program of the C locale printed as it failed; else its first line. */
export function programError(printed: string): Error {
  const line = printed.trim().split("\n")[0] ?? "";
  const code = PROGRAM_WORDS.find(([words]) => words.test(line))?.[1];
  return code === undefined
    ? new BmoError("failed", line === "" ? "no reason given" : line)
    : Object.assign(new Error(line), { code });
}

/**
 * Opens a regular file for reading; the caller closes the descriptor. @throws system errors; ENXIO where it is no
 * regular file any more.
 */
export function openRegular(path: string): number {
  // Not blocking: a pipe may have taken the file's place.
  const descriptor = openSync(systemPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw Object.assign(new Error(`${path} is not a regular file any more`), { code: "ENXIO" });
}

const CHUNK = 1 << 20;
/** After this many bytes other work of the process gets its turn. */
const TURN = 16 << 20;

async function feed(descriptor: number, hash: Hash): Promise<void> {
  const buffer = Buffer.allocUnsafe(CHUNK);
  let since = 0;
  for (;;) {
    const count = readSync(descriptor, buffer, 0, CHUNK, null);
    if (count === 0) return;
    hash.update(buffer.subarray(0, count));
    since += count;
    if (since < TURN) continue;
    since = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Digest of a file's or a link's bytes. `git` is the name git gives them. */
export async function digestOf(path: string, facts: Pick<NodeFacts, "kind">, as: "git" | "sha256"): Promise<string> {
  const start = (size: number): Hash =>
    as === "git" ? createHash("sha1").update(`blob ${size}\0`) : createHash("sha256");
  if (facts.kind === "link") {
    const target = readlinkSync(systemPath(path), "buffer");
    return start(target.length).update(target).digest("hex");
  }
  const descriptor = openRegular(path);
  try {
    const hash = start(fstatSync(descriptor).size);
    await feed(descriptor, hash);
    return hash.digest("hex");
  } finally {
    closeSync(descriptor);
  }
}

/** How far the times of a file system can be trusted. */
export interface TimeTrust {
  /**
   * Git compares whole seconds: what changed this shortly before it was recorded is remembered in nanoseconds as well.
   */
  rememberNs: bigint;
  /** What changed this shortly before it was read may change again without another time: its bytes are compared. */
  compareNs: bigint;
}

const FOR_EVER = 1n << 62n;
/**
 * Bytes change there without a change of times (a mapped file of tmpfs), or times have no use: every byte is compared.
 */
const NO_TIMES = new Set([0x01021994, 0x858458f6, 0x4d44, 0x2011bab0, 0x4244, 0x482b]);
/** Times are those of another machine, whose clock may differ. */
const FOREIGN_TIMES = new Set([
  0x6969, 0xff534d42, 0xfe534d42, 0x517b, 0x01021997, 0x65735546, 0x5346414f, 0x73757245, 0xc36400,
]);

export function timeTrustOf(folder: string): TimeTrust {
  let type: number;
  try {
    type = Number(statfsSync(folder).type);
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return { rememberNs: FOR_EVER, compareNs: FOR_EVER };
  }
  if (process.platform === "linux" && NO_TIMES.has(type)) return { rememberNs: FOR_EVER, compareNs: FOR_EVER };
  if (process.platform === "linux" && FOREIGN_TIMES.has(type))
    return { rememberNs: FOR_EVER, compareNs: 600_000_000_000n };
  // Whole seconds, and the step in which the kernel counts time.
  return { rememberNs: 2_500_000_000n, compareNs: 100_000_000n };
}
