// What the commands of a stage may read, write and reach: the description that a sandbox of the operating system enforces. Starts
// nothing; `bubblewrap.ts` turns it into arguments.

import { realpathSync } from "node:fs";
import { systemErrorCode } from "../util/errors.ts";
import { isInside } from "../util/paths.ts";
import type { GitWork } from "./git-command.ts";
import type { Survey } from "./survey.ts";

export interface SandboxRequest {
  /** `plan`: nothing but the private temp can be written. Else the workspace can. */
  stage: "plan" | "execute" | "chat";
  workspace: string;
  /** Where the command starts; inside the workspace or a read root. */
  readRoots: string[];
  home: string | null;
  /** Only in the execute and chat stages; the plan stage never has a network. */
  network: boolean;
  /** An own folder that becomes /tmp; it lives as long as the session. */
  privateTemp: string;
  /** An empty file that covers masked ones. */
  emptyFile: string;
  /** Further places that hold secrets: bmo's own data and configuration. */
  hidden: string[];
  survey: Survey;
  /** Folders of the repository outside the workspace (worktrees, a repository above), which git must write to commit. */
  gitFolders: string[];
  /** Top of the repository that the workspace belongs to: with the rest of it hidden, git would take its files for deleted. */
  workTree: string | null;
  /** What of the repository this command may write, as a line of git's own work; null: nothing. Hooks and configuration stay closed. */
  gitWork: GitWork | null;
}

/** Folders that each sandbox has for itself alone. */
export const HIDDEN_ROOTS = ["/tmp", "/var/tmp", "/run"];

/** The path without links, or null where nothing is there or the way is closed. */
export function realOrNull(path: string): string | null {
  try {
    return realpathSync(path);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}

/** Existing real paths, those that hold the workspace itself left out: masking them would hide it. */
export function existing(paths: string[], workspace: string): string[] {
  const real = paths.flatMap((path) => realOrNull(path) ?? []);
  return [...new Set(real)].filter((path) => !isInside(path, workspace));
}

/** Read roots, a home and the rest of the repository, where they lie in a place that a private folder covers; outer ones first. */
export function shownAgain(request: SandboxRequest): string[] {
  const wanted = [...request.readRoots, request.home, request.workTree, ...request.gitFolders].filter((path) => path !== null && !isInside(request.workspace, path));
  const roots = [...new Set(wanted.flatMap((path) => realOrNull(path ?? "") ?? []))].sort();
  return roots.filter((path) => HIDDEN_ROOTS.some((root) => root !== path && isInside(root, path)));
}
