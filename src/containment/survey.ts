// One bounded walk of the workspace: credentials, sockets, repositories, folders. Reads directory entries only, follows no
// link. Folders that did not change since the last walk are not read again.

import { lstatSync, readdirSync, readFileSync, type Dirent } from "node:fs";
import { isAbsolute, join } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { compileGlob } from "../util/path-glob.ts";
import { findRepository } from "./git-config.ts";
import { readGitIndex } from "./git-index.ts";
import { isCredentialFolder, isCredentialName } from "./protected.ts";

export interface Survey {
  /** Credential files and folders, absolute. */
  credentials: string[];
  sockets: string[];
  /** Pipes and devices, absolute. */
  specials: string[];
  /** Every `.gitignore`, absolute. */
  ignoreFiles: string[];
  /** Every `.git` (folder or file) of the tree, absolute; the workspace's own first. */
  gitEntries: string[];
  /** Folders, absolute, links and skipped ones left out. Tells which were empty, and their permission bits. */
  folders: Map<string, { empty: boolean; mode: number }>;
  /** Folders that were not looked into. */
  skipped: string[];
  /** False when the bound was reached: what lies beyond is not known. */
  complete: boolean;
}

/** Folders of installed packages and of repositories: too many entries, and nothing of the user's own. */
const SKIPPED = new Set(["node_modules", ".hg", ".svn", ".jj"]);
const MAX_FOLDERS = 100_000;
/** Folders read before other work of the process gets its turn. */
const BATCH = 256;

function readEntries(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    // Gone meanwhile, or closed to us and so to every command of ours.
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EACCES" || code === "EPERM") return [];
    throw thrown;
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
  empty: boolean;
  mode: number;
}

/** Coarsest step of file times on the file systems that matter, with room to spare. */
const TIME_STEP_NS = 50_000_000n;

function stampOf(folder: string): { stamp: string; changedNs: bigint; mode: number } | null {
  try {
    const { mtimeNs, ctimeNs, ino, dev, mode } = lstatSync(folder, { bigint: true });
    return { stamp: `${mtimeNs} ${ctimeNs} ${ino} ${dev} ${mode}`, changedNs: ctimeNs > mtimeNs ? ctimeNs : mtimeNs, mode: Number(mode & 0o7777n) };
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}

function readFolder(folder: string, { stamp, mode }: { stamp: string; mode: number }, settled: boolean): FolderFacts {
  const entries = readEntries(folder);
  const facts: FolderFacts = { stamp, mode, settled, folders: [], credentials: [], sockets: [], specials: [], ignoreFiles: [], gitEntry: null, skipped: [], empty: entries.length === 0 };
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.name === ".git") facts.gitEntry = path;
    else if (entry.isDirectory()) {
      if (isCredentialFolder(entry.name)) facts.credentials.push(path);
      else if (SKIPPED.has(entry.name)) facts.skipped.push(path);
      else facts.folders.push(path);
    } else if (entry.name === ".gitignore") facts.ignoreFiles.push(path);
    else if (entry.isSocket()) facts.sockets.push(path);
    else if (entry.isFIFO() || entry.isCharacterDevice() || entry.isBlockDevice()) facts.specials.push(path);
    else if (isCredentialName(entry.name)) facts.credentials.push(path);
  }
  return facts;
}

export interface Surveyor {
  /** `sameEntries`: no entry came or went anywhere since the last walk of this surveyor. */
  walk(): Promise<Survey & { sameEntries: boolean }>;
}

/** @param leaveOut folders that are none of the user's: bmo's own data, where it lies inside the workspace. */
export function createSurveyor(workspace: string, leaveOut: readonly string[] = []): Surveyor {
  let known = new Map<string, FolderFacts>();
  return {
    async walk() {
      const survey: Survey & { sameEntries: boolean } = { credentials: [], sockets: [], specials: [], ignoreFiles: [], gitEntries: [], skipped: [], folders: new Map(), complete: true, sameEntries: true };
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
        const before = known.get(folder);
        let facts = before;
        if (facts === undefined || !facts.settled || facts.stamp !== found.stamp) {
          facts = readFolder(folder, found, now - found.changedNs > TIME_STEP_NS);
          survey.sameEntries = false;
        }
        next.set(folder, facts);
        survey.folders.set(folder, facts);
        survey.credentials.push(...facts.credentials);
        survey.sockets.push(...facts.sockets);
        survey.specials.push(...facts.specials);
        survey.ignoreFiles.push(...facts.ignoreFiles);
        survey.skipped.push(...facts.skipped);
        if (facts.gitEntry !== null) survey.gitEntries.push(facts.gitEntry);
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

export interface FileModes {
  /** Permission bits of files that have other ones than a fresh file would get. */
  unusual: Map<string, number>;
  /** Permission bits of files whose status changed since `recentMs`: git, which looks at whole seconds, could miss their next change. */
  recent: Map<string, number>;
}

export async function readModes(survey: Survey, recentMs: number): Promise<FileModes> {
  const unusual = new Map<string, number>();
  const recent = new Map<string, number>();
  let read = 0;
  for (const folder of survey.folders.keys()) {
    if (++read % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
    for (const entry of readEntries(folder)) {
      if (!entry.isFile()) continue;
      const path = join(folder, entry.name);
      const facts = lstatSync(path, { throwIfNoEntry: false });
      if (facts === undefined) continue;
      const bits = facts.mode & 0o7777;
      if (bits !== 0o644 && bits !== 0o755) unusual.set(path, bits);
      if (facts.ctimeMs >= recentMs) recent.set(path, bits);
    }
  }
  return { unusual, recent };
}

/** Path names of the Unix sockets that are bound on this machine, as far as the kernel tells; none where it does not. */
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

/** Whether a search tool's glob may bring a hidden path back; rather once too often, since other programs read globs otherwise. */
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
 * The first credential that a recursive reader of the tree would meet, or null. `visible` readers skip dot files but for those that
 * `unhides` names, `tracked` ones read what git tracks.
 */
export async function credentialInTree(root: string, how: "visible" | "all" | "tracked", unhides: readonly string[] = []): Promise<string | null> {
  if (how === "tracked") {
    const found = findRepository(root);
    const index = found === null ? null : readGitIndex(join(found.gitDirectory, "index"));
    return index?.credentials[0] ?? null;
  }
  const { credentials } = await surveyWorkspace(root);
  const isHidden = (path: string): boolean => path.slice(root.length + 1).split("/").some((part) => part.startsWith("."));
  const met = how === "all" ? credentials : credentials.filter((path) => !isHidden(path) || unhides.some((glob) => mayUnhide(glob, path)));
  return met[0] ?? null;
}
