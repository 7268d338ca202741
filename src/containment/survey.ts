// One bounded walk of the workspace: credentials, sockets, repositories, folders. Reads directory entries only, follows
// no link. Folders that did not change since the last walk are not read again.

import { lstatSync, readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { systemPath } from "../util/raw-path.ts";
import { compileGlob } from "../util/path-glob.ts";
import { findRepository } from "./git-config.ts";
import { readGitIndex } from "./git-index.ts";
import { entriesOf, reasonOf, tryLook, type FolderEntry } from "./node-facts.ts";
import { isCredentialFolder, isCredentialName } from "./protected.ts";

export interface Survey {
  /** Credential files and folders, absolute. */
  credentials: string[];
  sockets: string[];
  /** Pipes and devices, absolute. */
  specials: string[];
  /** Permission bits of sockets, pipes and devices. */
  specialModes: Map<string, number>;
  /** Every `.gitignore`, absolute. */
  ignoreFiles: string[];
  /** Every `.git` (folder or file) of the tree, absolute; the workspace's own first. */
  gitEntries: string[];
  /** Which folder each of them is, where it is one: another in its place has another. */
  gitFolders: Record<string, string>;
  /** Folders, absolute, links and skipped ones left out. Tells which were empty, and their permission bits. */
  folders: Map<string, { empty: boolean; mode: number }>;
  /** Folders that were not looked into. */
  skipped: string[];
  /** Folders that could not be listed, and why; what is in them is not known. */
  closed: Map<string, { reason: string; stamp: string }>;
  /** False when the bound was reached: what lies beyond is not known. */
  complete: boolean;
}

/** Folders of installed packages and of repositories: too many entries, and nothing of the user's own. */
const SKIPPED = new Set(["node_modules", ".hg", ".svn", ".jj"]);
const MAX_FOLDERS = 100_000;
/** Folders read before other work of the process gets its turn. */
const BATCH = 256;

/** Entries of a folder, or why they cannot be listed. */
function readEntries(folder: string): { entries: FolderEntry[]; reason: string | null } {
  try {
    return { entries: entriesOf(folder), reason: null };
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    // Gone meanwhile.
    if (code === "ENOENT" || code === "ENOTDIR") return { entries: [], reason: null };
    return { entries: [], reason: reasonOf(thrown) };
  }
}

/** What was found in one folder, and the stamp that tells whether it still holds. */
interface FolderFacts {
  stamp: string;
  /** False where the folder changed so shortly before it was read that the stamp might not tell a further change. */
  settled: boolean;
  folders: string[];
  credentials: string[];
  sockets: string[];
  specials: string[];
  ignoreFiles: string[];
  gitEntry: string | null;
  skipped: string[];
  /** Why it could not be listed, or null. */
  closed: string | null;
  empty: boolean;
  mode: number;
}

/** Coarsest step of file times on the file systems that matter, with room to spare. */
const TIME_STEP_NS = 50_000_000n;

/** Stamp and bits of a folder; null where it is gone, a reason where nothing can be said of it. */
function stampOf(folder: string): { stamp: string; changedNs: bigint; mode: number } | { reason: string } | null {
  try {
    const { mtimeNs, ctimeNs, ino, dev, mode } = lstatSync(systemPath(folder), { bigint: true });
    return {
      stamp: `${mtimeNs} ${ctimeNs} ${ino} ${dev} ${mode}`,
      changedNs: ctimeNs > mtimeNs ? ctimeNs : mtimeNs,
      mode: Number(mode & 0o7777n),
    };
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    return code === "ENOENT" || code === "ENOTDIR" ? null : { reason: reasonOf(thrown) };
  }
}

function readFolder(folder: string, { stamp, mode }: { stamp: string; mode: number }, settled: boolean): FolderFacts {
  const { entries, reason } = readEntries(folder);
  const facts: FolderFacts = {
    stamp,
    mode,
    settled,
    folders: [],
    credentials: [],
    sockets: [],
    specials: [],
    ignoreFiles: [],
    gitEntry: null,
    skipped: [],
    closed: reason,
    empty: entries.length === 0 && reason === null,
  };
  for (const entry of entries) {
    // Nearly every entry of a tree is a file that nobody asks about.
    if (entry.kind === "file" && entry.name !== ".git" && entry.name !== ".gitignore" && !isCredentialName(entry.name))
      continue;
    const path = join(folder, entry.name);
    if (entry.name === ".git") facts.gitEntry = path;
    else if (entry.kind === "folder") {
      if (isCredentialFolder(entry.name)) facts.credentials.push(path);
      else if (SKIPPED.has(entry.name)) facts.skipped.push(path);
      else facts.folders.push(path);
    } else if (entry.name === ".gitignore") facts.ignoreFiles.push(path);
    else if (entry.kind === "socket") facts.sockets.push(path);
    else if (entry.kind === "special") facts.specials.push(path);
    else if (isCredentialName(entry.name)) facts.credentials.push(path);
  }
  return facts;
}

function folderIdentity(path: string): string | null {
  try {
    const facts = lstatSync(path, { bigint: true });
    return facts.isDirectory() ? `${facts.dev} ${facts.ino}` : null;
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}

export interface Surveyor {
  /** `sameEntries`: no entry came or went anywhere since the last walk of this surveyor. */
  walk(open?: OpenFolder): Promise<Survey & { sameEntries: boolean }>;
}

/** Asked for each folder that cannot be listed; true where it was opened and can be listed now. */
export type OpenFolder = (folder: string, mode: number) => boolean;

/** @param leaveOut folders that are none of the user's: bmo's own data, where it lies inside the workspace. */
export function createSurveyor(workspace: string, leaveOut: readonly string[] = []): Surveyor {
  let known = new Map<string, FolderFacts>();
  return {
    async walk(open = () => false) {
      const survey: Survey & { sameEntries: boolean } = {
        credentials: [],
        sockets: [],
        specials: [],
        specialModes: new Map(),
        ignoreFiles: [],
        gitEntries: [],
        gitFolders: {},
        skipped: [],
        closed: new Map(),
        folders: new Map(),
        complete: true,
        sameEntries: true,
      };
      const next = new Map<string, FolderFacts>();
      const waiting = [workspace];
      let read = 0;
      for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
        if (++read > MAX_FOLDERS) {
          survey.complete = false;
          break;
        }
        if (read % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
        const now = BigInt(Date.now()) * 1_000_000n;
        const found = stampOf(folder);
        if (found === null) continue;
        if ("reason" in found) {
          survey.closed.set(folder, { reason: found.reason, stamp: "" });
          survey.sameEntries = false;
          continue;
        }
        const before = known.get(folder);
        let facts = before;
        if (facts === undefined || !facts.settled || facts.stamp !== found.stamp) {
          facts = readFolder(folder, found, now - found.changedNs > TIME_STEP_NS);
          // Opened, it has another stamp and is read again next time.
          if (facts.closed !== null && open(folder, found.mode)) facts = readFolder(folder, found, false);
          survey.sameEntries = false;
        }
        if (facts.closed !== null) survey.closed.set(folder, { reason: facts.closed, stamp: facts.stamp });
        next.set(folder, facts);
        survey.folders.set(folder, facts);
        survey.credentials.push(...facts.credentials);
        survey.sockets.push(...facts.sockets);
        survey.specials.push(...facts.specials);
        for (const path of [...facts.sockets, ...facts.specials])
          survey.specialModes.set(path, tryLook(path).facts?.mode ?? 0);
        survey.ignoreFiles.push(...facts.ignoreFiles);
        survey.skipped.push(...facts.skipped);
        if (facts.gitEntry !== null) {
          survey.gitEntries.push(facts.gitEntry);
          const own = folderIdentity(facts.gitEntry);
          if (own !== null) survey.gitFolders[facts.gitEntry] = own;
        }
        waiting.push(...facts.folders.filter((path) => !leaveOut.includes(path)));
      }
      known = next;
      survey.sameEntries &&= survey.complete;
      return survey;
    },
  };
}

export async function surveyWorkspace(workspace: string): Promise<Survey> {
  return createSurveyor(workspace).walk();
}

/** Permission bits of files that have other ones than a fresh file would get; the stores do not keep them. */
export async function readModes(survey: Survey): Promise<Map<string, number>> {
  const unusual = new Map<string, number>();
  let read = 0;
  for (const folder of survey.folders.keys()) {
    if (++read % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
    for (const entry of readEntries(folder).entries) {
      if (entry.kind !== "file") continue;
      const path = join(folder, entry.name);
      const { facts } = tryLook(path);
      if (facts !== null && facts.mode !== 0o644 && facts.mode !== 0o755) unusual.set(path, facts.mode);
    }
  }
  return unusual;
}

/**
 * Path names of the Unix sockets that are bound on this machine, as far as the kernel tells; none where it does not.
 */
export function boundSockets(): string[] {
  let table: string;
  try {
    table = readFileSync("/proc/net/unix", "utf8");
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return [];
    throw thrown;
  }
  const paths = table.split("\n").flatMap((line) => /^(?:\S+\s+){7}(.+)$/.exec(line)?.[1] ?? []);
  return [...new Set(paths)].filter((path) => isAbsolute(path) && isSocket(path));
}

function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
}

/**
 * Whether a search tool's glob may bring a hidden path back; rather once too often, since other programs read globs
 * otherwise.
 */
function mayUnhide(glob: string, path: string): boolean {
  if (glob.startsWith("!")) return false;
  // A class or an escape may be read in many ways; braces around a single name are taken off by ripgrep.
  const plain = glob.replace(/^\.?\//, "").replace(/\/$/, "");
  if (/[[\\]/.test(plain)) return true;
  const unbraced = plain.replace(/\{([^{},]*)\}/g, "$1");
  if (/[{}]/.test(unbraced.replace(/\{[^{}]*\}/g, ""))) return true;
  const below = path.slice(1);
  try {
    const matches = compileGlob(`**/${unbraced}`, { ignoreCase: true });
    return matches(below) || matches(`${below}/any`);
  } catch (thrown) {
    if (thrown instanceof BmoError) return true;
    throw thrown;
  }
}

/**
 * The first credential that a recursive reader of the tree would meet, or null. `visible` readers skip dot files but
 * for those that `unhides` names, `tracked` ones read what git tracks.
 */
export async function credentialInTree(
  root: string,
  how: "visible" | "all" | "tracked",
  unhides: readonly string[] = [],
): Promise<string | null> {
  if (how === "tracked") {
    const found = findRepository(root);
    const index = found === null ? null : readGitIndex(join(found.gitDirectory, "index"));
    return index?.credentials[0] ?? null;
  }
  const { credentials } = await surveyWorkspace(root);
  const isHidden = (path: string): boolean =>
    path
      .slice(root.length + 1)
      .split("/")
      .some((part) => part.startsWith("."));
  const met =
    how === "all"
      ? credentials
      : credentials.filter((path) => !isHidden(path) || unhides.some((glob) => mayUnhide(glob, path)));
  return met[0] ?? null;
}
