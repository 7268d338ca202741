// Remembers the bytes of the files that are watched whatever .gitignore says, and tells which of them a command
// changed: small ones in memory, large ones in the data directory. Writes nothing into the workspace.

import { closeSync, existsSync, lstatSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { createHash } from "node:crypto";
import { basename, join, relative } from "node:path";
import { BmoError } from "../util/errors.ts";
import { pathExists } from "../util/paths.ts";
import { openRegularNow, readHead } from "../util/regular-file.ts";
import { systemPath } from "../util/raw-path.ts";
import { readGitIndex } from "./git-index.ts";
import { permits } from "./git-permission.ts";
import { guardedPlaces, type GuardedPlace, type RepositoryAccess } from "./guarded-places.ts";
import { reasonOf, timeTrustOf, tryLook } from "./node-facts.ts";
import { createObjects, type Objects } from "./objects.ts";
import type { EffectChange, PreImage } from "./snapshot-shapes.ts";
import type { Survey } from "./survey.ts";

export interface GuardedFile extends GuardedPlace {
  kind: "file" | "link";
  /** Permission bits. */
  mode: number;
  /** SHA-256 of the bytes, or of the link's target. */
  id: string;
  /** The bytes themselves; null where they are so many that they lie in the folder, under their id. */
  bytes: Buffer | null;
  /** Of git's index: what it says, whatever times it has noted. */
  meaning?: string;
}

export interface GuardedFiles {
  files: Map<string, GuardedFile>;
  /**
   * Paths whose bytes could not be remembered. The stamp tells whether they are as they were; null where nothing does.
   */
  problems: Map<string, { reason: string; stamp: string | null }>;
  gitDirectories: string[];
}

export interface Guard {
  read(survey: Survey, access: RepositoryAccess): Promise<GuardedFiles>;
  /** What differs, as changes; those that `access` permits are marked as git's. */
  changes(before: GuardedFiles, after: GuardedFiles, access: RepositoryAccess): EffectChange[];
}

/** Up to here bytes are kept in memory. */
const SMALL_BYTES = 64 * 1024;
/** Large pre-images that nothing refers to any more are kept a while: another process may compare with them. */
const STALE_MS = 24 * 3_600_000;

interface Known {
  stamp: string;
  file: GuardedFile;
}

/** As far as it can be told without reading: the system may forbid even that. */
function stampAt(path: string): string | null {
  return tryLook(path).facts?.stamp ?? null;
}

function digestOfBytes(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function isIndex(path: string, { role }: GuardedPlace): boolean {
  return role === "history" && basename(path) === "index";
}

function meaningOf(path: string): string | null {
  return readGitIndex(path, true)?.digest ?? null;
}

function imageOf({ kind, mode, id, bytes }: GuardedFile, objects: Objects): PreImage {
  const image = { kind, executable: (mode & 0o100) !== 0, mode };
  if (bytes !== null) return { ...image, read: async () => bytes };
  return {
    ...image,
    read: async () => objects.read(id),
    writeTo: async (descriptor) => objects.writeTo(id, descriptor),
    whereIs: objects.place(id),
  };
}

/** @param folder of the data directory, for this workspace alone. */
export function createGuard({
  workspace,
  folder,
  home,
}: {
  workspace: string;
  folder: string;
  home: string | null;
}): Guard {
  const objects = createObjects(folder);
  const trust = timeTrustOf(workspace);
  let known = new Map<string, Known>();

  const readOne = async (path: string, place: GuardedPlace): Promise<Known | null> => {
    const { facts, problem } = tryLook(path);
    if (problem !== null) throw new BmoError("failed", problem);
    if (facts === null || (facts.kind !== "file" && facts.kind !== "link")) return null;
    const { stamp, mode } = facts;
    const before = known.get(path);
    const isSettled = BigInt(Date.now()) * 1_000_000n - facts.changedNs > trust.compareNs;
    if (before?.stamp === stamp && isSettled) return { stamp, file: { ...before.file, ...place } };
    if (facts.kind === "link") {
      const target = readlinkSync(systemPath(path), "buffer");
      return { stamp, file: { ...place, kind: "link", mode: 0o777, bytes: target, id: digestOfBytes(target) } };
    }
    const meaning = isIndex(path, place) ? meaningOf(path) : null;
    const file = { ...place, ...(meaning === null ? {} : { meaning }), kind: "file" as const, mode };
    if (facts.size > SMALL_BYTES) return { stamp, file: { ...file, bytes: null, id: await objects.keep(path, facts) } };
    const opened = openRegularNow(path);
    try {
      const bytes = readHead(opened, SMALL_BYTES);
      return { stamp, file: { ...file, bytes, id: digestOfBytes(bytes) } };
    } finally {
      closeSync(opened.descriptor);
    }
  };

  const sweep = (): void => {
    if (!existsSync(folder)) return;
    const used = new Set([...known.values()].map(({ file }) => file.id));
    for (const name of readdirSync(folder)) {
      const facts = used.has(name) ? undefined : lstatSync(join(folder, name), { throwIfNoEntry: false });
      if (facts !== undefined && Date.now() - facts.mtimeMs > STALE_MS) rmSync(join(folder, name), { force: true });
    }
  };
  let isSwept = false;

  return {
    async read(survey, access) {
      const { places, problems, gitDirectories } = guardedPlaces(workspace, survey, home, access);
      const next = new Map<string, Known>();
      const unread: GuardedFiles["problems"] = new Map(
        problems.map(({ path, reason }) => [path, { reason, stamp: stampAt(path) }]),
      );
      let seen = 0;
      for (const [path, place] of places) {
        if (++seen % 256 === 0) await new Promise((resolve) => setImmediate(resolve));
        try {
          const one = await readOne(path, place);
          if (one !== null) next.set(path, one);
        } catch (thrown) {
          unread.set(path, { reason: `its bytes could not be kept (${reasonOf(thrown)})`, stamp: stampAt(path) });
        }
      }
      // What was read under another access is still known.
      known = new Map([...known, ...next]);
      if (!isSwept) sweep();
      isSwept = true;
      return { files: new Map([...next].map(([path, { file }]) => [path, file])), problems: unread, gitDirectories };
    },
    changes(before, after, access) {
      const changes: EffectChange[] = [];
      const add = (path: string, change: Pick<EffectChange, "before" | "guarded"> & Partial<EffectChange>): void => {
        changes.push({
          path: relative(workspace, path),
          absolute: path,
          action: change.before === null ? "create" : pathExists(path) ? "modify" : "delete",
          ...change,
        });
      };
      for (const path of new Set([...before.files.keys(), ...after.files.keys()])) {
        const old = before.files.get(path);
        const now = after.files.get(path);
        const place = old ?? now;
        // Where only one of the two is known, the other is a problem of its own below.
        if (
          place === undefined ||
          isSame(old, now) ||
          (now === undefined && after.problems.has(path)) ||
          (old === undefined && before.problems.has(path))
        )
          continue;
        const isPermitted = permits({ path, old, now }, place, access, before.gitDirectories);
        add(path, {
          before: old === undefined ? null : imageOf(old, objects),
          guarded: place.role !== "run" && place.role !== "install" && !isPermitted,
          ...(isPermitted ? { by: "git" as const } : place.role === "install" ? { by: "installer" as const } : {}),
        });
      }
      for (const path of new Set([...before.problems.keys(), ...after.problems.keys()])) {
        const old = before.problems.get(path);
        const now = after.problems.get(path);
        const stamp = now === undefined ? stampAt(path) : now.stamp;
        if (old !== undefined && old.stamp !== null && old.stamp === stamp) continue;
        add(path, { before: null, guarded: true, action: "modify", problem: (now ?? old)?.reason ?? "" });
      }
      return changes;
    },
  };
}

function isSame(old: GuardedFile | undefined, now: GuardedFile | undefined): boolean {
  if (old === undefined || now === undefined || old.kind !== now.kind) return false;
  // Git notes times of files in its index whenever it reads.
  if (old.meaning !== undefined && now.meaning !== undefined) return old.meaning === now.meaning;
  return old.mode === now.mode && old.id === now.id;
}
