// Which parts of a repository's own folders a sandboxed command may write. Decides by place and name; runs no git.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { isInside } from "../util/paths.ts";
import { CLOSED_NAMES, gitDirectoriesOf, STATE_NAMES } from "./git-directories.ts";
import type { FencePlace, SandboxRequest } from "./fence.ts";

/** Where one of these is a file of its own, the folder around it is closed as a whole: nothing can be added to it either. */
function closedIn(folder: string, open: ReadonlySet<string>): string[] {
  const names = [...CLOSED_NAMES.map((name) => (name.startsWith("info/") ? "info" : name)), ...STATE_NAMES.filter((name) => !open.has(name))];
  return [...new Set(names)].map((name) => join(folder, name)).filter((path) => existsSync(path));
}

function places(paths: readonly string[], access: "read" | "write"): FencePlace[] {
  return paths.map((path) => ({ path, access }));
}

export function gitPlaces(request: SandboxRequest): FencePlace[] {
  const { gitWork } = request;
  const own = [...request.survey.gitEntries, ...request.gitFolders].filter((path) => existsSync(path));
  if (gitWork === null) return places(own, "read");
  const outside = request.gitFolders.filter((path) => existsSync(path) && !isInside(request.workspace, path));
  const closed = own.flatMap((path) => (statSync(path).isDirectory() ? gitDirectoriesOf(path).directories.flatMap((folder) => closedIn(folder, gitWork.folders)) : [path]));
  return [...places(outside, "write"), ...places([...new Set(closed)], "read")];
}
