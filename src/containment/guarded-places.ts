// Which files are watched even where .gitignore names them: credentials, what makes a repository what it is, and what
// editors, shells and package managers run without being asked. Reads directory entries and git's configuration;
// follows no link.

import { existsSync, lstatSync, readdirSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { isInside, realPathOf } from "../util/paths.ts";
import { findRepository, parseGitConfig, readGitText } from "./git-config.ts";
import { CLOSED_NAMES, gitDirectoriesOf, historyNamesOf, STATE_NAMES } from "./git-directories.ts";
import type { GitWork } from "./git-command.ts";
import type { Survey } from "./survey.ts";

/**
 * What the command may do to the repository: nothing, because the sandbox closes it; nothing, as will be seen
 * afterwards; or git's own work.
 */
export type RepositoryAccess = { kind: "closed" } | { kind: "watched" } | { kind: "work"; folders: readonly string[] };

export function accessOf(work: GitWork | null, sandboxed: boolean): RepositoryAccess {
  if (work !== null) return { kind: "work", folders: [...work.folders] };
  return { kind: sandboxed ? "closed" : "watched" };
}

/**
 * `credential`, `closed`: never changed for a command. `state`: unfinished work of one git subcommand. `history`:
 * branches and what is staged. `run`: ordinary files, but others run them; the plan's scope decides. `install`: the
 * same, and installers write them.
 */
export type GuardRole = "credential" | "closed" | "state" | "history" | "run" | "install";

export interface GuardedPlace {
  role: GuardRole;
  /** Of `state`: the folder below `.git`. */
  folder?: string;
}

export interface GuardedPlaces {
  places: Map<string, GuardedPlace>;
  /** Folders of git's own: object stores are below them. */
  gitDirectories: string[];
  /** What could not be looked at to the end, with the reason. */
  problems: { path: string; reason: string }[];
}

/** More than any project has; beyond it looking would cost minutes. */
const MAX_FILES = 200_000;
/** Folders whose files editors, shells, git and environment managers run or obey by themselves. */
const RUN_FOLDER = /\/(?:\.vscode|\.idea|\.fleet|\.zed|\.husky|\.githooks|\.git-hooks|\.direnv|\.devcontainer)(?:\/|$)/;
/** Of these, what installers write. */
const INSTALL_FOLDER = /\/(?:\.husky\/_|\.yarn\/(?:releases|plugins))(?:\/|$)/;
/** Files of that kind, in any folder that holds a repository or is the workspace. */
const RUN_FILES = [
  ".tool-versions",
  "mise.toml",
  ".mise.toml",
  "mise.local.toml",
  ".mise.local.toml",
  "lefthook.yml",
  "lefthook.yaml",
  "lefthook.toml",
  ".lefthook.yml",
  "lefthook-local.yml",
  ".lefthook-local.yml",
  ".pre-commit-config.yaml",
  ".huskyrc",
  ".lintstagedrc",
  ".exrc",
  ".vimrc",
  ".nvimrc",
  ".nvim.lua",
  ".lvimrc",
  ".dir-locals.el",
  ".dir-locals-2.el",
  ".gdbinit",
  ".lldbinit",
  ".autoenv.zsh",
  ".bashrc",
  ".zshrc",
  ".profile",
];
const INSTALL_FILES = [".pnp.cjs", ".pnp.loader.mjs"];
/** Programs of a virtual environment, found by its marker beside them. */
const PROGRAM_FOLDERS = new Set(["bin", "Scripts"]);

function entriesOf(
  folder: string,
  problems: GuardedPlaces["problems"],
): { name: string; isFolder: boolean; isFile: boolean }[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).map((entry) => ({
      name: entry.name,
      isFolder: entry.isDirectory(),
      isFile: entry.isFile() || entry.isSymbolicLink(),
    }));
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === undefined) throw thrown;
    if (code !== "ENOENT" && code !== "ENOTDIR")
      problems.push({ path: folder, reason: `it cannot be looked into (${code})` });
    return [];
  }
}

interface Collector {
  found: GuardedPlaces;
  add(path: string, place: GuardedPlace): void;
  /** A file, or all files of a folder. */
  addBelow(path: string, place: GuardedPlace): void;
}

function createCollector(): Collector {
  const found: GuardedPlaces = { places: new Map(), gitDirectories: [], problems: [] };
  let isFull = false;
  const add = (path: string, place: GuardedPlace): void => {
    // Locks come and go with every command of the user's; what one holds is not in force.
    if (path.endsWith(".lock") && (place.role === "closed" || place.role === "state" || place.role === "history"))
      return;
    if (found.places.size < MAX_FILES) {
      // The stricter role wins: it is asked for first.
      if (!found.places.has(path)) found.places.set(path, place);
    } else if (!isFull) {
      isFull = true;
      found.problems.push({
        path,
        reason: `more than ${MAX_FILES} files are watched even where .gitignore names them`,
      });
    }
  };
  const addBelow = (path: string, place: GuardedPlace): void => {
    const facts = lookAt(path);
    if (facts === null) return;
    if (facts !== "folder") {
      add(path, place);
      return;
    }
    const waiting = [path];
    for (let folder = waiting.pop(); folder !== undefined && !isFull; folder = waiting.pop()) {
      for (const { name, isFolder } of entriesOf(folder, found.problems)) {
        if (isFolder) waiting.push(join(folder, name));
        else add(join(folder, name), place);
      }
    }
  };
  return { found, add, addBelow };
}

function lookAt(path: string): "folder" | "other" | null {
  try {
    const facts = lstatSync(path, { throwIfNoEntry: false });
    if (facts === undefined) return null;
    return facts.isDirectory() ? "folder" : "other";
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}

function addRepository(entry: string, { found, add, addBelow }: Collector): void {
  if (lookAt(entry) === "other") {
    add(entry, { role: "closed" });
    return;
  }
  const { directories, complete } = gitDirectoriesOf(entry);
  if (!complete) found.problems.push({ path: entry, reason: "it holds more folders than can be looked at" });
  for (const folder of directories) {
    found.gitDirectories.push(folder);
    for (const name of CLOSED_NAMES) addBelow(join(folder, name), { role: "closed" });
    for (const name of STATE_NAMES) addBelow(join(folder, name), { role: "state", folder: name });
    for (const name of historyNamesOf(folder)) addBelow(join(folder, name), { role: "history" });
  }
}

/** Folders and files of the tree that git's configuration names: hooks and includes. */
function namedByGit(workTree: string, configurations: readonly string[]): string[] {
  return configurations.flatMap((path) =>
    parseGitConfig(readGitText(path) ?? "").flatMap(({ key, value }) => {
      const named = value.trim().replace(/^"(.*)"$/, "$1");
      if (key === "core.hookspath" || key === "core.fsmonitor")
        return [isAbsolute(named) ? named : join(workTree, named)];
      return /^include(if\..*)?\.path$/.test(key) ? [isAbsolute(named) ? named : join(dirname(path), named)] : [];
    }),
  );
}

function addRun(workspace: string, survey: Survey, home: string | null, { addBelow, add, found }: Collector): void {
  const run: GuardedPlace = { role: "run" };
  const install: GuardedPlace = { role: "install" };
  const users = home === null ? [] : [join(home, ".gitconfig"), join(home, ".config/git/config")].map(realPathOf);
  for (const folder of survey.folders.keys()) {
    const shown = folder.slice(workspace.length);
    const isInstalled =
      INSTALL_FOLDER.test(shown) ||
      (PROGRAM_FOLDERS.has(basename(folder)) && existsSync(join(dirname(folder), "pyvenv.cfg")));
    if (!isInstalled && !RUN_FOLDER.test(shown)) continue;
    for (const { name, isFile } of entriesOf(folder, found.problems))
      if (isFile) add(join(folder, name), isInstalled ? install : run);
  }
  for (const folder of survey.skipped) if (basename(folder) === "node_modules") addBelow(join(folder, ".bin"), install);
  const tops = new Set([workspace, ...survey.gitEntries.map((entry) => dirname(entry))]);
  for (const top of tops) {
    for (const name of RUN_FILES) addBelow(join(top, name), run);
    for (const name of INSTALL_FILES) addBelow(join(top, name), install);
    const repository = findRepository(top);
    const own =
      repository === null
        ? []
        : [join(repository.commonDirectory, "config"), join(repository.gitDirectory, "config.worktree")];
    for (const path of namedByGit(repository?.workTree ?? top, [...own, ...users]))
      if (path !== workspace && isInside(workspace, path)) addBelow(path, run);
  }
}

/** @param access with `closed` nothing below a `.git` that was there can have been written: it is not looked at. */
export function guardedPlaces(
  workspace: string,
  survey: Survey,
  home: string | null,
  access: RepositoryAccess,
): GuardedPlaces {
  const collector = createCollector();
  for (const credential of survey.credentials) collector.addBelow(credential, { role: "credential" });
  // A pointer that a command makes is no part of what the sandbox closes: git obeys it all the same.
  for (const entry of survey.gitEntries) if (lookAt(entry) === "other") addRepository(entry, collector);
  if (access.kind !== "closed") {
    const own = findRepository(workspace);
    const repositories = [...survey.gitEntries, ...(own === null ? [] : [own.commonDirectory, own.gitDirectory])];
    for (const entry of new Set(repositories)) addRepository(entry, collector);
  }
  addRun(workspace, survey, home, collector);
  return collector.found;
}
