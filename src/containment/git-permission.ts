// Which changes in the folders of git's own are those of the git commands that a line consists of. Pure.

import { basename, dirname } from "node:path";
import { isHarmlessGitKey, parseGitConfig } from "./git-config.ts";
import type { GuardedFile } from "./guarded-files.ts";
import type { GuardedPlace, RepositoryAccess } from "./guarded-places.ts";

export interface GuardedChange {
  path: string;
  old: GuardedFile | undefined;
  now: GuardedFile | undefined;
}

/** Lines of a list of picks that run a program. */
const PROGRAM_LINE = /^\s*(?:exec|x)\s/m;

function textOf(file: GuardedFile | undefined): string | null {
  return file === undefined ? "" : file.kind === "file" ? (file.bytes?.toString("utf8") ?? null) : null;
}

/** Whether two configurations differ in nothing but keys that start nothing. */
function differsHarmlessly(old: GuardedFile | undefined, now: GuardedFile | undefined): boolean {
  const [before, after] = [textOf(old), textOf(now)];
  if (before === null || after === null || old === undefined || now === undefined || old.mode !== now.mode)
    return false;
  const count = (text: string): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const { key, value } of parseGitConfig(text))
      counts.set(`${key}\n${value}`, (counts.get(`${key}\n${value}`) ?? 0) + 1);
    return counts;
  };
  const [left, right] = [count(before), count(after)];
  return [...new Set([...left.keys(), ...right.keys()])].every(
    (entry) => left.get(entry) === right.get(entry) || isHarmlessGitKey(entry.split("\n")[0] ?? ""),
  );
}

/** A folder of git's own that a subcommand made or took away as a whole. */
function isOfNewFolder(
  { path, old, now }: GuardedChange,
  folders: readonly string[],
  known: readonly string[],
): boolean {
  const folder = known.find(
    (one) => path.startsWith(`${one}/`) && /\/(?:modules|worktrees)\//.test(one.slice(one.lastIndexOf("/.git/"))),
  );
  if (folders.includes("worktrees") && /\/worktrees\/[^/]+\/(?:commondir|gitdir)$/.test(path))
    return (old === undefined) !== (now === undefined);
  return folders.includes("modules") && /\/modules\//.test(path) && folder === undefined && old === undefined;
}

/**
 * Whether a line of git's own work may have made the change: branches and what is staged; the state of the subcommand
 * that it names, as long as no program stands in it; configuration in harmless keys.
 * @param known folders of git's own from before the command.
 */
export function permits(
  change: GuardedChange,
  place: GuardedPlace,
  access: RepositoryAccess,
  known: readonly string[],
): boolean {
  if (access.kind !== "work") return false;
  const { path, old, now } = change;
  if (place.role === "history") return true;
  if (place.role === "state")
    return (
      access.folders.includes(place.folder ?? "") &&
      (!PROGRAM_LINE.test(textOf(now) ?? "") || PROGRAM_LINE.test(textOf(old) ?? ""))
    );
  if (place.role !== "closed") return false;
  if (basename(path) === "config" && known.includes(dirname(path)) && differsHarmlessly(old, now)) return true;
  return isOfNewFolder(change, access.folders, known);
}
