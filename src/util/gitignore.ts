// Which paths git would ignore, read from .gitignore files by ourselves: no git process, nested files, repository borders.

import { lstat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { Ignore } from "ignore";
import { readRegular } from "./regular-file.ts";

const MAX_IGNORE_FILE_BYTES = 1 << 20;

/** The rules that hold in one folder: its own file and, through `above`, those of the folders over it. */
export interface IgnoreRules {
  folder: string;
  own: Ignore | null;
  above: IgnoreRules | null;
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(() => true, () => false);
}

async function readRules(path: string): Promise<Ignore | null> {
  // What cannot be read holds no rules, for git as for us.
  const text = (await readRegular(path, MAX_IGNORE_FILE_BYTES).catch(() => null))?.bytes.toString("utf8") ?? "";
  if (text.trim() === "") return null;
  const { default: ignore } = await import("ignore");
  return ignore({ allowRelativePaths: true, ignorecase: process.platform !== "linux" }).add(text);
}

/** The root of the repository that holds the folder, found by its `.git`; null outside of one. */
export async function repositoryRoot(folder: string): Promise<string | null> {
  for (let current = folder; ; current = dirname(current)) {
    if (await exists(join(current, ".git"))) return current;
    if (dirname(current) === current) return null;
  }
}

/** Rules for a folder met on the way down. A repository inside a repository starts anew, as in git. */
export async function enterFolder(folder: string, above: IgnoreRules | null): Promise<IgnoreRules> {
  const nested = above !== null && (await exists(join(folder, ".git")));
  return { folder, own: await readRules(join(folder, ".gitignore")), above: nested ? null : above };
}

/** Whether the nearest rule that says something about the entry says that it is ignored. Its parents are taken as not ignored. */
export function isIgnored(rules: IgnoreRules | null, path: string, isDirectory: boolean): boolean {
  for (let level = rules; level !== null; level = level.above) {
    if (level.own === null) continue;
    const name = relative(level.folder, path).split(sep).join("/") + (isDirectory ? "/" : "");
    const verdict = level.own.test(name);
    if (verdict.ignored) return true;
    if (verdict.unignored) return false;
  }
  return false;
}

/** Rules that hold for a walk that starts in `folder`: those of all folders up to the repository's root. An ignored start counts as wanted. */
export async function rulesFor(folder: string): Promise<IgnoreRules> {
  const root = await repositoryRoot(folder);
  if (root === null || root === folder) return enterFolder(folder, null);
  const between: string[] = [];
  for (let current = dirname(folder); ; current = dirname(current)) {
    between.unshift(current);
    if (current === root) break;
  }
  let rules: IgnoreRules | null = null;
  for (const one of between) {
    if (isIgnored(rules, one, true)) return enterFolder(folder, null);
    const own: Ignore | null = await readRules(join(one, ".gitignore"));
    rules = { folder: one, own, above: rules };
  }
  return enterFolder(folder, isIgnored(rules, folder, true) ? null : rules);
}
