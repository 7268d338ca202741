// What all file tools share: from a path in an argument to a real path that may be read or written, and the guarded
// write itself. Policy asks the user before; this is the part that holds whatever policy said.

import { accessSync, constants } from "node:fs";
import { mkdir, readdir, rmdir } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { writeFileAtomic } from "../util/atomic-write.ts";
import { sha256 } from "../util/canonical-json.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import { displayPath, isInside, resolveInside } from "../util/paths.ts";
import { kindOf, readRegular, type FileIdentity } from "../util/regular-file.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { walkFiles } from "../util/walk.ts";
import type { FileAction, ToolContext, ToolOutput } from "../types/tool.ts";
import { errorOutput } from "../util/tool-output.ts";

/** Largest file that an edit or a write replaces. */
export const EDIT_CAP_BYTES = 16 * 1024 * 1024;

const SYSTEM_REASONS: Record<string, string> = {
  EACCES: "permission denied",
  EPERM: "the operation is not permitted (protected or immutable file)",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on the disk",
  EDQUOT: "the disk quota is used up",
  EIO: "the disk reported an error",
  EMFILE: "too many open files",
  ENFILE: "too many open files",
  ENAMETOOLONG: "a name in the path is too long (file systems take 255 bytes)",
  ELOOP: "there is a link where a file or folder is expected",
  ENOTDIR: "a part of the path is a file, not a folder",
  ENOENT: "it does not exist (any more)",
  ETXTBSY: "the file is a program that is running",
};

/**
 * Runs a file operation; what the system or a guard refuses becomes a result for the model. Bugs go on as exceptions.
 */
export async function withFileErrors(shown: string, work: () => Promise<ToolOutput>): Promise<ToolOutput> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof BmoError) return errorOutput(`${shown}: ${thrown.message}`);
    if (thrown instanceof Error && thrown.name === "AbortError") return errorOutput(`${shown}: stopped by the user`);
    const code = systemErrorCode(thrown);
    if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) throw thrown;
    return errorOutput(`${shown}: ${SYSTEM_REASONS[code] ?? code}`);
  }
}

export interface Target {
  realPath: string;
  /** Workspace-relative when inside, safe to print. */
  shown: string;
  /** As `shown`, but the very characters of the names. */
  relativePath: string;
  inside: boolean;
}

/** @throws BmoError usage for a link loop or a NUL byte. */
export function resolveTarget(path: string, context: ToolContext): Target {
  const { realPath, inside } = resolveInside(context.workspace, path);
  return {
    realPath,
    inside,
    shown: displayPath(context.workspace, realPath),
    relativePath: inside ? relative(context.workspace, realPath) || "." : realPath,
  };
}

/** Refuses what may not be read. @throws BmoError denied. */
export function checkReadable(target: Target, context: ToolContext): void {
  if (context.isProtected(target.realPath))
    throw new BmoError("denied", "credential files are not read; ask the user if its content is needed");
}

/** Names in the way of a wrong path: entries of its folder that look alike, and files of the same name elsewhere. */
async function nearPaths(target: Target, context: ToolContext): Promise<string[]> {
  const name = basename(target.realPath);
  const folder = dirname(target.realPath);
  const siblings = nearestNames(name, await readdir(folder).catch(() => []), 3).map((one) => join(folder, one));
  const namesakes: string[] = [];
  if (siblings.length === 0 && target.inside) {
    const { files } = await walkFiles({ root: context.workspace, maxEntries: 5_000, signal: context.signal });
    namesakes.push(...files.filter((path) => basename(path) === name).slice(0, 3));
  }
  return [...siblings, ...namesakes]
    .filter((path) => !context.isProtected(path))
    .map((path) => displayPath(context.workspace, path));
}

export async function missingMessage(target: Target, context: ToolContext): Promise<string> {
  const near = await nearPaths(target, context);
  return `${target.shown}: no such file${near.length > 0 ? `. Did you mean ${near.join(" or ")}?` : ""}`;
}

/** A file as an edit finds it. */
export interface LoadedFile extends Target {
  bytes: Buffer;
  identity: FileIdentity;
}

/**
 * Loads an existing file that the session has read, unchanged since.
 * @throws BmoError with what to do: read it first, read it again, or why it cannot be edited.
 */
export async function loadForEdit(target: Target, context: ToolContext): Promise<LoadedFile> {
  checkWritablePlace(target, context);
  const kind = await kindOf(target.realPath);
  if (kind === "missing")
    throw new BmoError("failed", `no such file${await didYouMean(target, context)} Use write to create it.`);
  if (kind !== "file") throw new BmoError("failed", `is a ${kind}, not a file`);
  const loaded = await readRegular(target.realPath, EDIT_CAP_BYTES);
  if (loaded === null)
    throw new BmoError("failed", `is larger than ${EDIT_CAP_BYTES / 1024 / 1024} MB and cannot be edited here`);
  const known = context.readFiles.get(target.realPath);
  if (known === undefined) throw new BmoError("failed", "was not read in this session. View it first");
  if (known !== sha256(loaded.bytes))
    throw new BmoError("failed", "was changed on disk since it was read. View it again");
  checkWriteBits(target.realPath, loaded.identity);
  return { ...target, ...loaded };
}

async function didYouMean(target: Target, context: ToolContext): Promise<string> {
  const near = await nearPaths(target, context);
  return near.length > 0 ? `; did you mean ${near.join(" or ")}?` : ".";
}

function isWritable(realPath: string): boolean {
  try {
    accessSync(realPath, constants.W_OK);
    return true;
  } catch {
    return false; // Whatever the reason: the caller reports a file that is not written.
  }
}

/** A file without write permission stays as it is, also for a user who could override that. */
export function checkWriteBits(realPath: string, identity: FileIdentity): void {
  const permitted = (identity.mode & 0o222) !== 0 && isWritable(realPath);
  if (!permitted)
    throw new BmoError(
      "failed",
      `is read-only (mode ${identity.mode.toString(8).padStart(3, "0")}); the user has to allow writing first`,
    );
}

/** Refuses places where no file tool writes. @throws BmoError denied. */
export function checkWritablePlace(target: Target, context: ToolContext): void {
  if (!target.inside) throw new BmoError("denied", "is outside the workspace; nothing is written there");
  const parts = relative(context.workspace, target.realPath).split(sep);
  if (parts.some((part) => /^\.git[. ]*$/i.test(part.replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, ""))))
    throw new BmoError("denied", "file tools never write into .git; use git commands");
  if (context.isProtected(target.realPath)) throw new BmoError("denied", "credential files are not written");
}

/** Refuses names that some file system would change or refuse. @throws BmoError failed. */
export async function checkNewName(target: Target, context: ToolContext): Promise<void> {
  const parts = relative(context.workspace, target.realPath).split(sep);
  for (const part of parts) {
    if (/[\x00-\x1f\x7f]/.test(part)) throw new BmoError("failed", "a name holds a control character");
    if (/[. ]$/.test(part))
      throw new BmoError("failed", "a name ends with a dot or a blank, which some file systems drop");
  }
  let folder = context.workspace;
  for (const part of parts) {
    const kind = await kindOf(folder);
    if (kind !== "directory" && kind !== "missing")
      throw new BmoError("failed", `${displayPath(context.workspace, folder)} is a ${kind}, not a folder`);
    const wanted = fold(part);
    const twin = (await readdir(folder).catch(() => [])).find((name) => name !== part && fold(name) === wanted);
    if (twin !== undefined)
      throw new BmoError(
        "failed",
        `differs from the existing ${displayPath(context.workspace, join(folder, twin))} only in case or Unicode form; use that name`,
      );
    folder = join(folder, part);
  }
}

function fold(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** One change that is ready to be written. */
export interface PendingWrite {
  target: Target;
  action: FileAction;
  bytes: Buffer;
  expected: FileIdentity | null;
}

/**
 * Asks the host about every write; nothing is written before all are allowed and their pre-images kept. @throws
 * BmoError denied.
 */
export async function permitWrites(writes: readonly PendingWrite[], context: ToolContext): Promise<void> {
  for (const { target, action } of writes) {
    const verdict = context.host.checkWrite(target.realPath, action);
    if (!verdict.allowed) throw new BmoError("denied", `${target.shown}: ${verdict.reason}`);
  }
  for (const { target } of writes) await context.host.recordPreImage(target.realPath);
}

/** Writes one permitted change and remembers what the file now holds. */
export async function commitWrite(write: PendingWrite, context: ToolContext): Promise<FileIdentity> {
  const folder = dirname(write.target.realPath);
  const created = write.expected === null ? await mkdir(folder, { recursive: true }) : undefined;
  try {
    const identity = await writeFileAtomic({
      path: write.target.realPath,
      bytes: write.bytes,
      expected: write.expected,
    });
    context.readFiles.set(write.target.realPath, sha256(write.bytes));
    return identity;
  } catch (thrown) {
    if (created !== undefined) await removeEmptyFolders(folder, created);
    throw thrown;
  }
}

/** Takes back folders made for a file that could not be written; one that is in use by now stays. */
async function removeEmptyFolders(from: string, upTo: string): Promise<void> {
  for (let folder = from; isInside(upTo, folder); folder = dirname(folder)) {
    if (
      !(await rmdir(folder).then(
        () => true,
        () => false,
      ))
    )
      return;
  }
}

/** What the user should know about a file that is replaced. */
export function writeNotes(
  requested: string,
  target: Target,
  identity: FileIdentity | null,
  context: ToolContext,
): string[] {
  const notes: string[] = [];
  if (identity !== null && identity.links > 1)
    notes.push(`the file had ${identity.links} hard links; the others keep the old content`);
  if (resolve(context.workspace, requested) !== target.realPath)
    notes.push(`${sanitizeLine(requested)} leads through a link to ${target.shown}`);
  return notes;
}
