// Which parts of a repository's own folders a sandboxed command may write. Decides by place and name; runs no git.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { isInside } from "../util/paths.ts";
import { CLOSED_NAMES, gitDirectoriesOf, STATE_NAMES } from "./git-directories.ts";
import type { FencePlace, SandboxRequest } from "./fence.ts";

/**
 * What is there and starts programs. Configuration is left out: git renames a new file over it, and what it wrote is
 * judged by its keys afterwards, like all that came into being.
 */
function closedIn(folder: string, open: readonly string[]): string[] {
  const names = [
    ...CLOSED_NAMES.filter((name) => name !== "config"),
    ...STATE_NAMES.filter((name) => !open.includes(name)),
  ];
  return names.map((name) => join(folder, name)).filter((path) => existsSync(path));
}

function places(paths: readonly string[], access: "read" | "write"): FencePlace[] {
  return paths.map((path) => ({ path, access }));
}

export function gitPlaces(request: SandboxRequest): FencePlace[] {
  const { gitWork } = request;
  const own = [...request.survey.gitEntries, ...request.gitFolders].filter((path) => existsSync(path));
  if (gitWork === null) return places(own, "read");
  const outside = request.gitFolders.filter((path) => existsSync(path) && !isInside(request.workspace, path));
  const closed = own.flatMap((path) =>
    statSync(path).isDirectory()
      ? gitDirectoriesOf(path).directories.flatMap((folder) => closedIn(folder, gitWork.folders))
      : [path],
  );
  return [...places(outside, "write"), ...places([...new Set(closed)], "read")];
}
