// One bounded walk of the workspace: credentials, sockets, repositories, folders. Reads directory entries only, follows no link.

import { lstatSync, readdirSync, readFileSync, type Dirent } from "node:fs";
import { isAbsolute, join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { isCredentialFolder, isCredentialName } from "./protected.ts";

export interface Survey {
  /** Credential files and folders, absolute. */
  credentials: string[];
  sockets: string[];
  /** Every `.gitignore`, absolute. */
  ignoreFiles: string[];
  /** Every `.git` (folder or file) of the tree, absolute; the workspace's own first. */
  gitEntries: string[];
  /** Folders, absolute, links and skipped ones left out. Tells which were empty. */
  folders: Map<string, { empty: boolean }>;
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

export async function surveyWorkspace(workspace: string): Promise<Survey> {
  const survey: Survey = { credentials: [], sockets: [], ignoreFiles: [], gitEntries: [], folders: new Map(), complete: true };
  const waiting = [workspace];
  let read = 0;
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (++read > MAX_FOLDERS) {
      survey.complete = false;
      break;
    }
    if (read % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
    const entries = readEntries(folder);
    survey.folders.set(folder, { empty: entries.length === 0 });
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.name === ".git") survey.gitEntries.push(path);
      else if (entry.isDirectory()) {
        if (isCredentialFolder(entry.name)) survey.credentials.push(path);
        else if (!SKIPPED.has(entry.name)) waiting.push(path);
      } else if (entry.name === ".gitignore") survey.ignoreFiles.push(path);
      else if (entry.isSocket()) survey.sockets.push(path);
      else if (isCredentialName(entry.name)) survey.credentials.push(path);
    }
  }
  return survey;
}

/** Permission bits of files that have other ones than a fresh file would get. */
export async function unusualModes(survey: Survey): Promise<Map<string, number>> {
  const modes = new Map<string, number>();
  let read = 0;
  for (const folder of survey.folders.keys()) {
    if (++read % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
    for (const entry of readEntries(folder)) {
      if (!entry.isFile()) continue;
      const path = join(folder, entry.name);
      const mode = lstatSync(path, { throwIfNoEntry: false })?.mode ?? 0;
      const bits = mode & 0o7777;
      if (mode !== 0 && bits !== 0o644 && bits !== 0o755) modes.set(path, bits);
    }
  }
  return modes;
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

/** The first credential in the tree that a recursive reader would meet, or null. `visible` readers skip dot files. */
export async function credentialInTree(root: string, how: "visible" | "all"): Promise<string | null> {
  const { credentials } = await surveyWorkspace(root);
  const met = how === "all" ? credentials : credentials.filter((path) => !path.slice(root.length + 1).split("/").some((part) => part.startsWith(".")));
  return met[0] ?? null;
}
