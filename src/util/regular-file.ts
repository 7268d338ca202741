// Opens and reads regular files only: links are not followed at the last step, and a fifo or device is never opened.
// Calls that take microseconds are made at once: each that is awaited waits for another thread, and a tool step makes a
// dozen.

import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { BmoError, systemErrorCode } from "./errors.ts";

/** What makes a file the same file; compared right before it is replaced. */
export interface FileIdentity {
  device: number;
  inode: number;
  size: number;
  modified: number;
  /** Permission bits. */
  mode: number;
  owner: number;
  group: number;
  links: number;
}

interface Stat {
  dev: number;
  ino: number;
  size: number;
  mtimeMs: number;
  mode: number;
  uid: number;
  gid: number;
  nlink: number;
}

export function identityOf(stat: Stat): FileIdentity {
  return {
    device: stat.dev,
    inode: stat.ino,
    size: stat.size,
    modified: stat.mtimeMs,
    mode: stat.mode & 0o7777,
    owner: stat.uid,
    group: stat.gid,
    links: stat.nlink,
  };
}

export function sameFile(left: FileIdentity, right: FileIdentity): boolean {
  return (
    left.device === right.device &&
    left.inode === right.inode &&
    left.size === right.size &&
    left.modified === right.modified
  );
}

export type PathKind = "file" | "directory" | "missing" | "link" | "fifo" | "socket" | "device";

function kindAt(path: string): PathKind {
  try {
    const stat = lstatSync(path);
    if (stat.isFile()) return "file";
    if (stat.isDirectory()) return "directory";
    if (stat.isSymbolicLink()) return "link";
    if (stat.isFIFO()) return "fifo";
    return stat.isSocket() ? "socket" : "device";
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG") return "missing";
    throw thrown;
  }
}

/** What stands at a path, without opening it. @throws system errors other than "there is nothing". */
export async function kindOf(path: string): Promise<PathKind> {
  return kindAt(path);
}

// Not blocking: something else may take the file's place between the look and the open.
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export interface OpenedFile {
  descriptor: number;
  identity: FileIdentity;
}

/**
 * Opens a regular file for reading; the caller closes it. @throws BmoError failed when it is none (any more); system
 * errors as they are.
 */
export function openRegularNow(path: string): OpenedFile {
  const kind = kindAt(path);
  if (kind !== "file" && kind !== "missing") throw new BmoError("failed", `not a regular file but a ${kind}`);
  const descriptor = openSync(path, READ_FLAGS);
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) {
    closeSync(descriptor);
    throw new BmoError("failed", "not a regular file (any more)");
  }
  return { descriptor, identity: identityOf(stat) };
}

/** As `openRegularNow`. */
export async function openRegular(path: string): Promise<OpenedFile> {
  return openRegularNow(path);
}

/** The first `capBytes` of an opened file, or all of it where it is shorter. */
export function readHead({ descriptor, identity }: OpenedFile, capBytes: number): Buffer {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < capBytes) {
    const chunk = Buffer.allocUnsafe(Math.min(Math.max(4_096, identity.size - length + 1), 1 << 20, capBytes - length));
    const bytesRead = readSync(descriptor, chunk, 0, chunk.length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
    chunks.push(chunk.subarray(0, bytesRead));
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

/**
 * Reads a whole regular file of at most `capBytes`, some megabytes; `null` when it is larger. @throws as
 * openRegularNow.
 */
export function readRegularNow(path: string, capBytes: number): { bytes: Buffer; identity: FileIdentity } | null {
  const opened = openRegularNow(path);
  try {
    if (opened.identity.size > capBytes) return null;
    const bytes = readHead(opened, capBytes + 1);
    return bytes.length > capBytes ? null : { bytes, identity: opened.identity };
  } finally {
    closeSync(opened.descriptor);
  }
}

/** As `readRegularNow`. */
export async function readRegular(
  path: string,
  capBytes: number,
): Promise<{ bytes: Buffer; identity: FileIdentity } | null> {
  return readRegularNow(path, capBytes);
}
