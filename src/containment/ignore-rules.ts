// The ignore rules of one tree as they were at a moment, in one list of patterns relative to that tree: the user's own,
// those of the repository and of folders above, and every `.gitignore`. Later ones win. Decides nothing and runs
// nothing.

import { closeSync, fstatSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Ignore, Options } from "ignore";
import { sha256 } from "../util/canonical-json.ts";
import { systemErrorCode } from "../util/errors.ts";
import { isRawName } from "../util/raw-path.ts";
import { findRepository, parseGitConfig } from "./git-config.ts";
import { openRegular } from "./node-facts.ts";

const MAX_BYTES = 1 << 20;

export interface IgnoreList {
  /** One pattern a line, for `git ls-files --exclude-from`. */
  text: string;
  /** Changes with the text. */
  key: string;
  /** Whether a path of the tree (relative, `/`-separated) is ignored, or lies in a folder that is. */
  ignores(path: string, isFolder: boolean): boolean;
}

/** @param own lists of the user may be links; one of the tree is not followed, as git does it. */
function readText(path: string, own = false): string {
  try {
    const descriptor = openRegular(own ? realpathSync(path) : path);
    try {
      return fstatSync(descriptor).size > MAX_BYTES ? "" : readFileSync(descriptor, "utf8");
    } finally {
      closeSync(descriptor);
    }
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return "";
    throw thrown;
  }
}

function patternsOf(text: string): string[] {
  return text
    .replace(/^\ufeff/, "")
    .split("\n")
    .map((line) => line.replace(/\r$/, ""))
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
}

/** Whether the pattern holds for one place only: a slash that is not its last character. */
function isAnchored(pattern: string): boolean {
  return pattern.slice(0, -1).includes("/");
}

function below(folder: string, pattern: string): string {
  const negated = pattern.startsWith("!");
  const body = negated ? pattern.slice(1) : pattern;
  const prefix = folder === "" ? "" : `/${folder.replace(/[\\*?[\]!# ]/g, "\\$&")}`;
  const place = isAnchored(body)
    ? `${prefix}/${body.replace(/^\//, "")}`
    : prefix === ""
      ? body
      : `${prefix}/**/${body}`;
  return `${negated ? "!" : ""}${place}`;
}

/** A pattern of a folder above, as seen from a folder below it; null where it cannot match there. */
function fromAbove(pattern: string, path: readonly string[], ignore: () => Ignore): string | null {
  const negated = pattern.startsWith("!");
  const body = (negated ? pattern.slice(1) : pattern).replace(/^\//, "");
  if (!isAnchored(negated ? pattern.slice(1) : pattern)) return pattern;
  const parts = body.split("/");
  for (const [index, name] of path.entries()) {
    const part = parts[index];
    if (part === "**") return `${negated ? "!" : ""}${parts.slice(index).join("/")}`;
    if (part === undefined || !ignore().add(`/${part}`).ignores(name)) return null;
  }
  const rest = parts.slice(path.length).join("/");
  return rest === "" ? null : `${negated ? "!" : ""}/${rest}`;
}

/** Where git looks for the user's own list. */
function userLists(home: string | null): string[] {
  if (home === null) return [];
  const named = [join(home, ".config/git/config"), join(home, ".gitconfig")].flatMap((path) =>
    parseGitConfig(readText(path, true))
      .filter(({ key }) => key === "core.excludesfile")
      .map(({ value }) => value.replace(/^"|"$/g, "")),
  );
  return [named.at(-1)?.replace(/^~(?=\/)/, home) ?? join(home, ".config/git/ignore")];
}

/** Loaded when the first tree is looked at, not at the start of every run. */
async function loadIgnore(): Promise<(options?: Options) => Ignore> {
  return (await import("ignore")).default;
}

export async function listFrom(text: string): Promise<IgnoreList> {
  const ignore = await loadIgnore();
  const matcher = ignore({ allowRelativePaths: true, ignorecase: process.platform !== "linux" }).add(text);
  return {
    text,
    key: sha256(text),
    ignores: (path, isFolder) => path !== "" && matcher.ignores(isFolder ? `${path}/` : path),
  };
}

/**
 * Reads the rules of a tree.
 * @param ignoreFiles every `.gitignore` of the tree, absolute.
 * @param nested folders below that have a list of their own, relative.
 */
export async function readIgnoreList(
  tree: string,
  ignoreFiles: readonly string[],
  nested: readonly string[],
  home: string | null,
): Promise<IgnoreList> {
  const ignore = await loadIgnore();
  const lines = userLists(home).flatMap((path) => patternsOf(readText(path, true)));
  const repository = findRepository(tree);
  if (repository !== null && repository.problem === null) {
    const path = relative(repository.workTree, tree)
      .split("/")
      .filter((part) => part !== "");
    const above = (text: string, from: number): string[] =>
      patternsOf(text).flatMap((pattern) => fromAbove(pattern, path.slice(from), ignore) ?? []);
    lines.push(...above(readText(join(repository.commonDirectory, "info/exclude")), 0));
    for (let depth = 0; depth < path.length; depth++)
      lines.push(...above(readText(join(repository.workTree, ...path.slice(0, depth), ".gitignore")), depth));
  }
  const own = ignoreFiles
    .map((file) => ({ file, folder: relative(tree, dirname(file)) }))
    .filter(({ folder }) => !folder.startsWith("..") && !folder.includes("\n") && !isRawName(folder));
  const depthOf = (folder: string): number => (folder === "" ? 0 : folder.split("/").length);
  const isNested = (folder: string): boolean =>
    nested.some((other) => folder === other || folder.startsWith(`${other}/`));
  const outerFirst = own
    .filter(({ folder }) => !isNested(folder))
    .sort((left, right) => depthOf(left.folder) - depthOf(right.folder) || (left.folder < right.folder ? -1 : 1));
  for (const { file, folder } of outerFirst)
    lines.push(...patternsOf(readText(file)).map((pattern) => below(folder, pattern)));
  return listFrom(lines.map((line) => `${line}\n`).join(""));
}
