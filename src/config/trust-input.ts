// Which files of a project change how bmo behaves, and one digest over them. Trust is keyed to that digest; it is
// stored elsewhere.

import { createHash } from "node:crypto";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { isInside } from "../util/paths.ts";
import { readRegular } from "../util/regular-file.ts";

export interface TrustFile {
  path: string;
  /** null: it is there but cannot be read. */
  bytes: Uint8Array | null;
}

/** Folders of skills in each directory from the workspace up to the repository root. */
const SKILL_FOLDERS = [".bmo/skills", ".agents/skills", ".claude/skills", ".github/skills"] as const;

const FILE_LIMIT = 5_000;
const BYTE_LIMIT = 64 * 1_048_576;

/** Digest of paths and contents; the order of `files` does not matter. Empty input gives the digest of nothing. */
export function behaviourDigest(files: readonly TrustFile[]): string {
  const hash = createHash("sha256");
  for (const file of [...files].sort((left, right) => (left.path < right.path ? -1 : left.path > right.path ? 1 : 0))) {
    const content = file.bytes === null ? "unreadable" : createHash("sha256").update(file.bytes).digest("hex");
    hash.update(`${JSON.stringify(file.path)}:${content}\n`);
  }
  return `sha256:${hash.digest("hex")}`;
}

interface Collection {
  files: TrustFile[];
  bytes: number;
  visited: Set<string>;
  root: string;
}

/** False when the limits are passed. Links inside the root are followed: what they lead to can change behaviour too. */
async function collect(path: string, into: Collection): Promise<boolean> {
  try {
    const real = await realpath(path);
    if (!isInside(into.root, real)) {
      // No skill is read through it, and what lies there is none of the project's.
      into.files.push({ path, bytes: null });
      return true;
    }
    const info = await stat(real);
    if (info.isFile()) {
      into.bytes += info.size;
      if (into.files.length >= FILE_LIMIT || into.bytes > BYTE_LIMIT) return false;
      into.files.push({ path, bytes: (await readRegular(real, BYTE_LIMIT))?.bytes ?? null });
      return true;
    }
    const identity = `${info.dev}:${info.ino}`;
    if (!info.isDirectory() || into.visited.has(identity)) return true;
    into.visited.add(identity);
    for (const name of (await readdir(path)).sort()) {
      if (!(await collect(join(path, name), into))) return false;
    }
    return true;
  } catch (thrown) {
    const code = thrown instanceof BmoError ? "not a regular file" : systemErrorCode(thrown);
    if (code === undefined) throw thrown;
    if (code !== "ENOENT" && code !== "ENOTDIR") into.files.push({ path, bytes: null });
    return true;
  }
}

/**
 * The files that count, with their content; `complete` is false when there are more than can be looked at (such a
 * project cannot be trusted for good, because a change would not be noticed).
 * @param root real path that links must not leave.
 */
export async function trustFiles(
  configFiles: readonly string[],
  directories: readonly string[],
  root: string,
): Promise<{ files: TrustFile[]; complete: boolean }> {
  const into: Collection = { files: [], bytes: 0, visited: new Set(), root };
  for (const path of [
    ...configFiles,
    ...directories.flatMap((directory) => SKILL_FOLDERS.map((folder) => join(directory, folder))),
  ]) {
    if (!(await collect(path, into))) return { files: into.files, complete: false };
  }
  return { files: into.files, complete: true };
}
