// Opens and reads regular files only: links are not followed at the last step, and a fifo or device is never opened. Calls that
// take microseconds are made at once: each that is awaited waits for another thread, and a tool step makes a dozen.

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
  return { device: stat.dev, inode: stat.ino, size: stat.size, modified: stat.mtimeMs, mode: stat.mode & 0o7777, owner: stat.uid, group: stat.gid, links: stat.nlink };
}

export function sameFile(left: FileIdentity, right: FileIdentity): boolean {
  return left.device === right.device && left.inode === right.inode && left.size === right.size && left.modified === right.modified;
}

export type PathKind = "file" | "directory" | "missing" | "link" | "fifo" | "socket" | "device";

/** What stands at a path, without opening it. @throws system errors other than "there is nothing". */
export async function kindOf(path: string): Promise<PathKind> {
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

// Not blocking: something else may take the file's place between the look and the open.
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens a regular file for reading; the caller closes it. @throws BmoError failed when it is none (any more); system errors as they are. */
export async function openRegular(path: string): Promise<{ descriptor: number; identity: FileIdentity }> {
  const kind = await kindOf(path);
  if (kind !== "file" && kind !== "missing") throw new BmoError("failed", `not a regular file but a ${kind}`);
  const descriptor = openSync(path, READ_FLAGS);
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) {
    closeSync(descriptor);
    throw new BmoError("failed", "not a regular file (any more)");
  }
  return { descriptor, identity: identityOf(stat) };
}

/** Reads a whole regular file of at most `capBytes`, some megabytes; `null` when it is larger. @throws as openRegular. */
export async function readRegular(path: string, capBytes: number): Promise<{ bytes: Buffer; identity: FileIdentity } | null> {
  const { descriptor, identity } = await openRegular(path);
  try {
    if (identity.size > capBytes) return null;
    const chunks: Buffer[] = [];
    let length = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(Math.max(4_096, Math.min(identity.size - length + 1, 1 << 20)));
      const bytesRead = readSync(descriptor, chunk, 0, chunk.length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
      if (length > capBytes) return null;
      chunks.push(chunk.subarray(0, bytesRead));
    }
    return { bytes: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks), identity };
  } finally {
    closeSync(descriptor);
  }
}
