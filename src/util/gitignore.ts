// Which paths git would ignore, read from .gitignore files by ourselves: no git process, nested files, repository
// borders. Patterns are matched in linear time: the files may be anyone's.

import { lstat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { BmoError } from "./errors.ts";
import { compileGlob } from "./path-glob.ts";
import { readRegular } from "./regular-file.ts";

const MAX_IGNORE_FILE_BYTES = 1 << 20;

interface IgnorePattern {
  /** `!`: what it matches is wanted after all. */
  wanted: boolean;
  foldersOnly: boolean;
  /** On the path relative to the file's folder. */
  matches(path: string): boolean;
}

/** One .gitignore, last line first: the last that matches decides. */
type Ignore = readonly IgnorePattern[];

/** The rules that hold in one folder: its own file and, through `above`, those of the folders over it. */
export interface IgnoreRules {
  folder: string;
  own: Ignore | null;
  above: IgnoreRules | null;
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

async function readRules(path: string): Promise<Ignore | null> {
  // What cannot be read holds no rules, for git as for us.
  const text = (await readRegular(path, MAX_IGNORE_FILE_BYTES).catch(() => null))?.bytes.toString("utf8") ?? "";
  const patterns = parseIgnoreFile(text, process.platform !== "linux");
  return patterns.length === 0 ? null : patterns;
}

/**
 * Reads the text of a .gitignore as git does. A pattern that is too long to be matched ignores nothing: what it names
 * is looked at.
 */
function parseIgnoreFile(text: string, ignoreCase: boolean): IgnorePattern[] {
  return text
    .replace(/^\ufeff/, "")
    .split("\n")
    .flatMap((line) => readPattern(withoutTrailingBlanks(line.replace(/\r$/, "")), ignoreCase) ?? [])
    .reverse();
}

/** Blanks at the end do not count, unless a backslash is before them. */
function withoutTrailingBlanks(line: string): string {
  let end = 0;
  for (let index = 0; index < line.length; index++) {
    if (line[index] === "\\") index++;
    else if (line[index] === " ") continue;
    end = index + 1;
  }
  return line.slice(0, end);
}

function readPattern(line: string, ignoreCase: boolean): IgnorePattern | null {
  if (line.startsWith("#")) return null;
  const wanted = line.startsWith("!");
  const whole = wanted ? line.slice(1) : line;
  const foldersOnly = whole.endsWith("/");
  const pattern = foldersOnly ? whole.slice(0, -1) : whole;
  if (pattern === "") return null;
  const matches = pattern.includes("/")
    ? pathTest(pattern.replace(/^\//, ""), ignoreCase)
    : nameTest(pattern, ignoreCase);
  return matches === null ? null : { wanted, foldersOnly, matches };
}

function compiled(pattern: string, ignoreCase: boolean): ((path: string) => boolean) | null {
  try {
    return compileGlob(pattern, { ignoreCase, braces: false });
  } catch (thrown) {
    if (thrown instanceof BmoError) return null;
    throw thrown;
  }
}

const WILD = /[*?[\\]/;

/** The two forms that most lines have are plain comparisons. */
function nameTest(pattern: string, ignoreCase: boolean): ((path: string) => boolean) | null {
  if (!ignoreCase && !WILD.test(pattern)) return (path) => path === pattern || path.endsWith(`/${pattern}`);
  if (!ignoreCase && pattern.startsWith("*") && !WILD.test(pattern.slice(1)))
    return (path) => path.endsWith(pattern.slice(1));
  const matches = compiled(pattern, ignoreCase);
  return matches === null ? null : (path) => matches(basename(path));
}

/**
 * What stands before the first wildcard is compared by itself, as in git, for which `a**` is therefore `a` and then
 * `**`.
 */
function pathTest(pattern: string, ignoreCase: boolean): ((path: string) => boolean) | null {
  if (ignoreCase) return compiled(pattern, true);
  const first = pattern.search(WILD);
  if (first === -1) return (path) => path === pattern;
  const matches = compiled(pattern.slice(first), false);
  return matches === null ? null : (path) => path.startsWith(pattern.slice(0, first)) && matches(path.slice(first));
}

/** The root of the repository that holds the folder, found by its `.git`; null outside of one. */
export async function repositoryRoot(folder: string): Promise<string | null> {
  for (let current = folder; ; current = dirname(current)) {
    if (await exists(join(current, ".git"))) return current;
    if (dirname(current) === current) return null;
  }
}

/** Rules for a folder met on the way down. A repository inside a repository starts again, as in git. */
export async function enterFolder(folder: string, above: IgnoreRules | null): Promise<IgnoreRules> {
  const nested = above !== null && (await exists(join(folder, ".git")));
  return { folder, own: await readRules(join(folder, ".gitignore")), above: nested ? null : above };
}

/**
 * Whether the nearest rule that says something about the entry says that it is ignored. Its parents are taken as not
 * ignored.
 */
export function isIgnored(rules: IgnoreRules | null, path: string, isDirectory: boolean): boolean {
  for (let level = rules; level !== null; level = level.above) {
    if (level.own === null) continue;
    const name = relative(level.folder, path).split(sep).join("/");
    const decisive = level.own.find((pattern) => (isDirectory || !pattern.foldersOnly) && pattern.matches(name));
    if (decisive !== undefined) return !decisive.wanted;
  }
  return false;
}

/**
 * Rules that hold for a walk that starts in `folder`: those of all folders up to the repository's root. An ignored
 * start counts as wanted.
 */
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
