// Replaces or creates a file as a whole: old content or new content, never a mixture, also on a full disk. Published helpers
// reported success there and left a truncated file (measured), hence this one. Decides nothing about who may write what.

import { constants } from "node:fs";
import { link, lstat, open, readlink, realpath, rename, unlink, type FileHandle } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { BmoError, systemErrorCode } from "./errors.ts";
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

/** A folder held open: what happens to names above it cannot redirect what is written into it. */
interface HeldFolder {
  /** Prefix for paths of entries. */
  path: string;
  close(): Promise<void>;
}

async function holdFolder(folder: string): Promise<HeldFolder> {
  const moved = new BmoError("failed", "the folder was moved or replaced by a link meanwhile; nothing was written");
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW).catch((thrown: unknown) => {
    throw systemErrorCode(thrown) === "ELOOP" || systemErrorCode(thrown) === "ENOTDIR" ? moved : thrown;
  });
  const held = `/proc/self/fd/${handle.fd}`;
  const pinned = await readlink(held).catch(() => null);
  // Without /proc the folder cannot be pinned; its path is then looked at as late as possible.
  const real = pinned ?? (await realpath(folder));
  if (real !== folder) {
    await handle.close();
    throw moved;
  }
  return { path: pinned === null ? folder : held, close: () => handle.close() };
}

async function identityAt(path: string): Promise<FileIdentity | null> {
  try {
    const stat = await lstat(path);
    if (!stat.isFile()) throw new BmoError("failed", "the file was replaced by something that is no regular file meanwhile; nothing was written");
    return identityOf(stat);
  } catch (thrown) {
    if (systemErrorCode(thrown) === "ENOENT") return null;
    throw thrown;
  }
}

async function checkUnchanged(path: string, expected: FileIdentity | null): Promise<void> {
  const now = await identityAt(path);
  if (expected === null && now !== null) throw new BmoError("failed", "the file was created by somebody else meanwhile; nothing was written");
  if (expected !== null && (now === null || !sameFile(now, expected))) throw new BmoError("failed", "the file was changed on disk meanwhile; nothing was written");
}

/** Writes all bytes; a short write goes on, so that a full disk shows as the error it is. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.byteLength - written, written);
    if (bytesWritten === 0) throw new BmoError("failed", "the disk took no more bytes; nothing was changed");
    written += bytesWritten;
  }
  await handle.sync();
}

/** Keeps the owner of a file that belongs to somebody else. False where the system does not allow it. */
async function keepOwner(handle: FileHandle, expected: FileIdentity): Promise<boolean> {
  const stat = await handle.stat();
  if (stat.uid === expected.owner && stat.gid === expected.group) return true;
  try {
    await handle.chown(expected.owner, expected.group);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === "EPERM") return false;
    throw thrown;
  }
}

/** For a file whose owner a new one could not have: the same inode gets new content, after the new content is safe in `temporary`. */
async function writeInPlace(path: string, bytes: Uint8Array, expected: FileIdentity): Promise<void> {
  const handle = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    if (!sameFile(identityOf(await handle.stat()), expected)) throw new BmoError("failed", "the file was changed on disk meanwhile; nothing was written");
    const before = await handle.readFile();
    try {
      await writeAll(handle, bytes);
      await handle.truncate(bytes.byteLength);
    } catch (thrown) {
      await writeAll(handle, before);
      await handle.truncate(before.byteLength);
      throw thrown;
    }
  } finally {
    await handle.close();
  }
}

/**
 * Writes the file and gives its new identity.
 * @throws BmoError failed when the file or its folder is not what was expected; system errors (ENOSPC, EACCES, EROFS …) as
 * they are. In both cases the old content stands and no temporary file is left.
 */
export async function writeFileAtomic(write: AtomicWrite): Promise<FileIdentity> {
  const folder = await holdFolder(dirname(write.path));
  const target = join(folder.path, basename(write.path));
  const temporary = join(folder.path, `.bmo-${randomBytes(8).toString("hex")}.tmp`);
  const { expected } = write;
  let temporaryExists = false;
  try {
    await checkUnchanged(target, expected);
    const handle = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    temporaryExists = true;
    let ownerKept = true;
    try {
      await writeAll(handle, write.bytes);
      if (expected !== null) ownerKept = await keepOwner(handle, expected);
      await handle.chmod(expected?.mode ?? ((write.mode ?? 0o666) & ~process.umask()));
    } finally {
      await handle.close();
    }
    await checkUnchanged(target, expected);
    if (!ownerKept && expected !== null) {
      await writeInPlace(target, write.bytes, expected);
    } else if (expected !== null) {
      await rename(temporary, target);
      temporaryExists = false;
    } else {
      await createExclusively(temporary, target);
    }
    const now = await identityAt(target);
    if (now === null) throw new BmoError("failed", "the file was removed right after it was written");
    return now;
  } finally {
    if (temporaryExists) await unlink(temporary).catch(() => undefined);
    await folder.close();
  }
}

/** A link fails where the name is taken; a rename would not. File systems without hard links get the rename. */
async function createExclusively(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target);
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === "EEXIST") throw new BmoError("failed", "the file was created by somebody else meanwhile; nothing was written", null, { cause: thrown });
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP" && code !== "ENOSYS") throw thrown;
    await rename(temporary, target);
  }
}
