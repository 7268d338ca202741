// Replaces or creates a file as a whole: old content or new content, never a mixture, also on a full disk. Published
// helpers reported success there and left a truncated file (measured), hence this one. Decides nothing about who may
// write what.

import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsync,
  ftruncateSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { BmoError, systemErrorCode } from "./errors.ts";
import { temporaryFileIn } from "./own-temporaries.ts";
import { identityOf, sameFile, type FileIdentity } from "./regular-file.ts";

export interface AtomicWrite {
  /** Real absolute path; its folder exists. */
  path: string;
  bytes: Uint8Array;
  /** The file as it was read, or null when there must be none yet. */
  expected: FileIdentity | null;
  /** Permission bits of a new file before the umask; an existing file keeps its own. Default 0o666. */
  mode?: number;
}

// All but flushing to the disk takes microseconds and is done at once: nothing of bmo's own gets between a look and
// what follows it, and no step waits for another thread.
const flush = promisify(fsync);

/** A folder held open: what happens to names above it cannot redirect what is written into it. */
interface HeldFolder {
  /** Prefix for paths of entries. */
  path: string;
  close(): void;
}

function holdFolder(folder: string): HeldFolder {
  const moved = new BmoError("failed", "the folder was moved or replaced by a link meanwhile; nothing was written");
  const descriptor = openFolder(folder, moved);
  const held = `/proc/self/fd/${descriptor}`;
  const pinned = readLink(held);
  // Without /proc the folder cannot be pinned; its path is then looked at as late as possible.
  const real = pinned ?? realpathSync(folder);
  if (real !== folder) {
    closeSync(descriptor);
    throw moved;
  }
  return { path: pinned === null ? folder : held, close: () => closeSync(descriptor) };
}

function openFolder(folder: string, moved: BmoError): number {
  try {
    return openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (thrown) {
    throw systemErrorCode(thrown) === "ELOOP" || systemErrorCode(thrown) === "ENOTDIR" ? moved : thrown;
  }
}

function readLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null; // No /proc here.
  }
}

function identityAt(path: string): FileIdentity | null {
  try {
    const stat = lstatSync(path);
    if (!stat.isFile())
      throw new BmoError(
        "failed",
        "the file was replaced by something that is not a regular file meanwhile; nothing was written",
      );
    return identityOf(stat);
  } catch (thrown) {
    if (systemErrorCode(thrown) === "ENOENT") return null;
    throw thrown;
  }
}

function checkUnchanged(path: string, expected: FileIdentity | null): void {
  const now = identityAt(path);
  if (expected === null && now !== null)
    throw new BmoError("failed", "the file was created by somebody else meanwhile; nothing was written");
  if (expected !== null && (now === null || !sameFile(now, expected)))
    throw new BmoError("failed", "the file was changed on disk meanwhile; nothing was written");
}

/** Writes all bytes; a short write goes on, so that a full disk shows as the error it is. */
async function writeAll(descriptor: number, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const count = writeSync(descriptor, bytes, written, bytes.byteLength - written, written);
    if (count === 0) throw new BmoError("failed", "the disk took no more bytes; nothing was changed");
    written += count;
  }
  await flush(descriptor);
}

/** Keeps the owner of a file that belongs to somebody else. False where the system does not allow it. */
function keepOwner(descriptor: number, expected: FileIdentity): boolean {
  const stat = fstatSync(descriptor);
  if (stat.uid === expected.owner && stat.gid === expected.group) return true;
  try {
    fchownSync(descriptor, expected.owner, expected.group);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === "EPERM") return false;
    throw thrown;
  }
}

/**
 * For a file whose owner a new one could not have: the same inode gets new content, after the new content is safe in
 * `temporary`.
 */
async function writeInPlace(path: string, bytes: Uint8Array, expected: FileIdentity): Promise<void> {
  const descriptor = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    if (!sameFile(identityOf(fstatSync(descriptor)), expected))
      throw new BmoError("failed", "the file was changed on disk meanwhile; nothing was written");
    const before = readFileSync(descriptor);
    try {
      await writeAll(descriptor, bytes);
      ftruncateSync(descriptor, bytes.byteLength);
    } catch (thrown) {
      await writeAll(descriptor, before);
      ftruncateSync(descriptor, before.byteLength);
      throw thrown;
    }
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Writes the file and gives its new identity.
 * @throws BmoError failed when the file or its folder is not what was expected; system errors (ENOSPC, EACCES, EROFS …)
 * as they are. In both cases the old content stands and no temporary file is left.
 */
export async function writeFileAtomic(write: AtomicWrite): Promise<FileIdentity> {
  const folder = holdFolder(dirname(write.path));
  const target = join(folder.path, basename(write.path));
  const temporary = join(folder.path, basename(temporaryFileIn(dirname(write.path))));
  const { expected } = write;
  let temporaryExists = false;
  try {
    checkUnchanged(target, expected);
    const descriptor = openSync(
      temporary,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o600,
    );
    temporaryExists = true;
    let ownerKept = true;
    try {
      await writeAll(descriptor, write.bytes);
      if (expected !== null) ownerKept = keepOwner(descriptor, expected);
      fchmodSync(descriptor, expected?.mode ?? (write.mode ?? 0o666) & ~process.umask());
    } finally {
      closeSync(descriptor);
    }
    checkUnchanged(target, expected);
    if (!ownerKept && expected !== null) {
      await writeInPlace(target, write.bytes, expected);
    } else if (expected !== null) {
      renameSync(temporary, target);
      temporaryExists = false;
    } else {
      createExclusively(temporary, target);
    }
    const now = identityAt(target);
    if (now === null) throw new BmoError("failed", "the file was removed right after it was written");
    return now;
  } finally {
    if (temporaryExists) removeQuietly(temporary);
    folder.close();
  }
}

/** A link fails where the name is taken; a rename would not. File systems without hard links get the rename. */
function createExclusively(temporary: string, target: string): void {
  try {
    linkSync(temporary, target);
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === "EEXIST")
      throw new BmoError("failed", "the file was created by somebody else meanwhile; nothing was written", null, {
        cause: thrown,
      });
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP" && code !== "ENOSYS") throw thrown;
    renameSync(temporary, target);
  }
}

/** A temporary file that cannot be removed must not hide why the write failed. */
function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    return; // Gone already, or as unwritable as the folder is by now.
  }
}
