// Reads by own code which repository git would find in a directory and what its configuration would make git start.
// Never runs git: asking git about a hostile repository is what this is there to prevent.

import { lstatSync, statSync, type Stats } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { GitConfigFacts } from "../types/containment.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { pathExists } from "../util/paths.ts";
import { readRegularNow } from "../util/regular-file.ts";
import { readGitIndex } from "./git-index.ts";

const MAX_CONFIG_BYTES = 1 << 20;
/** No key and no path: whoever reads it as either finds a problem. */
const UNREADABLE = "unreadable configuration";

/** Local keys that start nothing, point nowhere and change no meaning. Lower case; `*` is one name. */
const HARMLESS = [
  /^core\.(repositoryformatversion|filemode|logallrefupdates|ignorecase|precomposeunicode|symlinks|autocrlf|safecrlf|eol|quotepath|abbrev|untrackedcache|preloadindex|compression|loosecompression|bigfilethreshold|commentchar|whitespace|longpaths|hidedotfiles|protectntfs|protecthfs|sharedrepository|splitindex|trustctime|checkstat|sparsecheckout|sparsecheckoutcone|commitgraph|multipackindex|packedgitlimit)$/,
  /^extensions\.(worktreeconfig|noop|relativeworktrees)$/,
  /^(user|author|committer)\.(name|email|signingkey|useconfigonly)$/,
  /^remote\.[^\n]+\.(url|pushurl|fetch|push|tagopt|prune|prunetags|mirror|skipdefaultupdate|skipfetchall|followremotehead|gh-resolved)$/,
  /^branch\.[^\n]+\.(remote|merge|rebase|pushremote|description|mergeoptions|vscode-merge-base|gh-merge-base|github-pr-owner-number|gk-merge-base|gk-last-accessed|gk-last-modified)$/,
  /^submodule\.[^\n]+\.(url|active|branch|shallow|fetchrecursesubmodules|ignore)$/,
  /^submodule\.(active|recurse|fetchjobs|propagatebranches)$/,
  /^(color|advice|column|gc|maintenance|pack|repack|index|feature|rerere|status|push|pull|fetch|init|checkout|rebase|commitgraph|versionsort|i18n|apply|transfer|receive)\.([^\n]+\.)?(?!.*(program|command|exec|editor|hook|cmd|helper|template|uploadpack|receivepack|proc))[a-z]+$/,
  /^commit\.(gpgsign|cleanup|status|verbose)$/,
  /^tag\.(sort|gpgsign|forcesignannotated)$/,
  /^merge\.(conflictstyle|ff|renames|renamelimit|stat|log|autostash|defaulttoupstream|branchdesc|directoryrenames)$/,
  /^diff\.(renames|renamelimit|algorithm|colormoved|colormovedws|mnemonicprefix|noprefix|context|interhunkcontext|ignoresubmodules|submodule|wordregex|indentheuristic|statgraphwidth|suppressblankempty|wserrorhighlight|relative|orderfile|autorefreshindex)$/,
  /^log\.(date|decorate|abbrevcommit|follow|graphcolors|mailmap|diffmerges|showroot|excludedecoration|initialdecorationset)$/,
  /^lfs\.([^\n]+\.)?(repositoryformatversion|access|locksverify|url)$/,
  /^(gui|gitk|github|vscode|hub|branchless|gitflow)\.([^\n]+\.)?[a-z-]+$/,
];

/** Whether a key as people write it starts nothing, points nowhere and changes no meaning. */
export function isHarmlessGitKey(key: string): boolean {
  const parts = key.split(".");
  const lower = parts
    .map((part, index) => (index === 0 || index === parts.length - 1 ? part.toLowerCase() : part))
    .join(".");
  return HARMLESS.some((pattern) => pattern.test(lower));
}

export interface ConfigEntry {
  /** Lower case, sub-section as written. */
  key: string;
  value: string;
}

/** Reads git's configuration syntax. What it cannot read is an entry with the key `unreadable`. */
export function parseGitConfig(text: string): ConfigEntry[] {
  const entries: ConfigEntry[] = [];
  const lines = text
    .replace(/\r\n/g, "\n")
    .replace(/^\ufeff/, "")
    .split("\n");
  let section: string | null = null;
  for (let index = 0; index < lines.length; index++) {
    let line = (lines[index] ?? "").trim();
    const header = /^\[\s*([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]/.exec(line);
    if (header !== null) {
      const name = (header[1] ?? "").toLowerCase();
      section = header[2] === undefined ? name : `${name}.${header[2].replace(/\\(.)/g, "$1")}`;
      line = line.slice(header[0].length).trim();
    }
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    while (/(^|[^\\])(\\\\)*\\$/.test(line) && index + 1 < lines.length) {
      index++;
      line = line.slice(0, -1) + (lines[index] ?? "");
    }
    const pair =
      /^([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*))?$/s.exec(line) ?? /^([A-Za-z][A-Za-z0-9-]*)\s*[#;]/.exec(line);
    if (pair === null || section === null) entries.push({ key: "unreadable", value: line });
    else entries.push({ key: `${section}.${(pair[1] ?? "").toLowerCase()}`, value: pair[2] ?? "true" });
  }
  return entries;
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}

/**
 * Text of a small file of git's own, or null. A link is not followed: what git would find at its end may be any file of
 * the user's.
 */
export function readGitText(path: string): string | null {
  if (!pathExists(path)) return null;
  try {
    return readRegularNow(path, MAX_CONFIG_BYTES)?.bytes.toString("utf8") ?? UNREADABLE;
  } catch (thrown) {
    if (thrown instanceof BmoError) return UNREADABLE;
    throw thrown;
  }
}

function looksBare(directory: string): boolean {
  return (
    statOf(join(directory, "HEAD"))?.isFile() === true &&
    statOf(join(directory, "objects"))?.isDirectory() === true &&
    statOf(join(directory, "refs"))?.isDirectory() === true
  );
}

export interface FoundRepository {
  /** Where HEAD and index lie. */
  gitDirectory: string;
  /** Where config, objects and refs lie; another one for worktrees. */
  commonDirectory: string;
  /** The directory that holds `.git`. */
  workTree: string;
  /** Why the place cannot be trusted to be an ordinary repository, or null. */
  problem: string | null;
}

/** Follows `.git` the way git does, worktree and submodule pointers included. null outside a repository. */
export function findRepository(directory: string): FoundRepository | null {
  for (let current = resolve(directory); ; current = dirname(current)) {
    const entry = join(current, ".git");
    const stat = statOf(entry);
    if (stat?.isDirectory() === true && looksBare(entry)) {
      const linked = lstatSync(entry).isSymbolicLink();
      const commonDirectory = commonDirectoryOf(entry);
      return {
        gitDirectory: entry,
        commonDirectory,
        workTree: current,
        problem: linked ? "a .git that is a link" : commonProblem(commonDirectory),
      };
    }
    if (stat?.isFile() === true) {
      const pointer = /^gitdir: (.+?)\r?\n?$/s.exec(readGitText(entry) ?? "");
      const target = pointer?.[1];
      if (target === undefined)
        return {
          gitDirectory: entry,
          commonDirectory: entry,
          workTree: current,
          problem: "a .git file that cannot be read",
        };
      const gitDirectory = isAbsolute(target) ? target : join(current, target);
      const commonDirectory = commonDirectoryOf(gitDirectory);
      return {
        gitDirectory,
        commonDirectory,
        workTree: current,
        problem: pointerProblem(gitDirectory, entry) ?? commonProblem(commonDirectory),
      };
    }
    if (looksBare(current))
      return {
        gitDirectory: current,
        commonDirectory: current,
        workTree: current,
        problem: "a bare repository in the tree",
      };
    if (dirname(current) === current) return null;
  }
}

function commonDirectoryOf(gitDirectory: string): string {
  const text = readGitText(join(gitDirectory, "commondir"))?.trim();
  if (text === undefined || text === "") return gitDirectory;
  return isAbsolute(text) ? text : join(gitDirectory, text);
}

function commonProblem(commonDirectory: string): string | null {
  return looksBare(commonDirectory) ? null : "a commondir file that points to no repository";
}

/** A worktree's directory points back to its `.git` file; one that points elsewhere is somebody else's. */
function pointerProblem(gitDirectory: string, entry: string): string | null {
  const back = readGitText(join(gitDirectory, "gitdir"))?.trim();
  if (back !== undefined) {
    const absolute = isAbsolute(back) ? back : join(gitDirectory, back);
    return statOf(absolute)?.ino === statOf(entry)?.ino
      ? null
      : "a worktree pointer to a repository that does not know it";
  }
  return looksBare(gitDirectory) ? null : "a .git file that points to no repository";
}

function configProblem(path: string): string | null {
  const text = readGitText(path);
  if (text === null) return null;
  for (const { key, value } of parseGitConfig(text)) {
    if (key === "core.bare" && /^(false|no|off|0)$/i.test(value.trim())) continue;
    if (key === "core.fsmonitor" && /^(false|no|off|0)$/i.test(value.trim())) continue;
    // Written by git itself into the configuration of a submodule; where it points was checked.
    if (key === "core.worktree" && /[\\/]\.git[\\/]modules[\\/]/.test(path)) continue;
    if (!isHarmlessGitKey(key))
      return key === "unreadable" ? `a line that cannot be read in ${path}` : `the key ${key}`;
  }
  return null;
}

function repositoryProblem(found: FoundRepository, seen: Set<string>): string | null {
  if (found.problem !== null) return found.problem;
  if (seen.has(found.gitDirectory)) return null;
  seen.add(found.gitDirectory);
  for (const path of [
    join(found.commonDirectory, "config"),
    join(found.gitDirectory, "config.worktree"),
    join(found.commonDirectory, "config.worktree"),
  ]) {
    const problem = configProblem(path);
    if (problem !== null) return problem;
  }
  // Git asks submodules too, each under its own configuration.
  const index = readGitIndex(join(found.gitDirectory, "index"));
  if (index === null) return "an index that cannot be read";
  for (const path of index.gitlinks) {
    const inner = join(found.workTree, path);
    if (statOf(join(inner, ".git")) === null) continue;
    const innerFound = findRepository(inner);
    const problem = innerFound === null ? null : repositoryProblem(innerFound, seen);
    if (problem !== null) return `${problem} in the submodule ${path}`;
  }
  return null;
}

/** What git would obey in the directory. Outside of a repository nothing. */
export function readGitConfigFacts(directory: string): GitConfigFacts {
  const found = findRepository(directory);
  if (found === null) return { gitDirectory: null, workTree: null, problem: null };
  try {
    return { gitDirectory: found.gitDirectory, workTree: found.workTree, problem: repositoryProblem(found, new Set()) };
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === undefined) throw thrown;
    return {
      gitDirectory: found.gitDirectory,
      workTree: found.workTree,
      problem: `a file that cannot be read (${code})`,
    };
  }
}
