// Which parts of a repository's own folders a sandboxed command may write. Decides by place and name; runs no git.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { isInside } from "../util/paths.ts";
import type { SandboxRequest } from "./fence.ts";

/** Below `.git`, what later runs a program or changes what runs. */
const GIT_CLOSED = ["config", "config.worktree", "hooks", "info"];

/** Mounts for bubblewrap: later ones win. */
export function gitArguments(request: SandboxRequest): string[] {
  const own = [...request.survey.gitEntries, ...request.gitFolders].filter((path) => existsSync(path));
  if (!request.gitWritable) return own.flatMap((path) => ["--ro-bind", path, path]);
  const outside = request.gitFolders.filter((path) => existsSync(path) && !isInside(request.workspace, path)).flatMap((path) => ["--bind", path, path]);
  const closed = own.flatMap((path) => (statSync(path).isDirectory() ? GIT_CLOSED.map((name) => join(path, name)) : [path])).filter((path) => existsSync(path));
  return [...outside, ...closed.flatMap((path) => ["--ro-bind", path, path])];
}
