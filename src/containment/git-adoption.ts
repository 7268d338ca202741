// What a git store takes over from the user's repository, so that a first record need not read every file: its index
// where that can be trusted, its objects as links. Never writes into the repository and runs nothing of it.

import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  realpathSync,
} from "node:fs";
import { join } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { readRegularNow } from "../util/regular-file.ts";
import { findRepository } from "./git-config.ts";
import { readGitIndex } from "./git-index.ts";

const CHANGES_BYTES = /filter|text|eol|ident|encoding|crlf/;

const RULES_LIMIT = 4 << 20;

/** Rules and configuration, which only we look at: links may be followed, but nothing may make us wait. */
function readText(path: string): string {
  try {
    return readRegularNow(realpathSync(path), RULES_LIMIT)?.bytes.toString("utf8") ?? "";
  } catch (thrown) {
    if (thrown instanceof BmoError || systemErrorCode(thrown) !== undefined) return "";
    throw thrown;
  }
}

/**
 * Whether the user's index can serve as a first record: nothing in it is hidden, and no conversion makes its blobs
 * differ from the files.
 */
function canAdoptIndex(gitDirectory: string, commonDirectory: string, tree: string, home: string | null): boolean {
  const index = join(gitDirectory, "index");
  const facts = existsSync(index) ? readGitIndex(index) : null;
  if (facts === null || facts.hidesChanges || facts.gitlinks.length > 0) return false;
  const configurations = [
    join(commonDirectory, "config"),
    "/etc/gitconfig",
    ...(home === null ? [] : [join(home, ".gitconfig"), join(home, ".config/git/config")]),
  ];
  if (
    configurations.some((path) =>
      /autocrlf|attributesfile|\beol\b|includeif|\[include|objectformat/i.test(readText(path)),
    )
  )
    return false;
  const attributes = [
    ...facts.attributeFiles.map((path) => join(tree, path)),
    join(commonDirectory, "info/attributes"),
    "/etc/gitattributes",
    ...(home === null ? [] : [join(home, ".config/git/attributes")]),
  ];
  return !attributes.some((path) => CHANGES_BYTES.test(readText(path)));
}

/**
 * Gives every object of the user's repository a second name in our store, so that losing the repository loses no
 * pre-image.
 */
function linkObjects(from: string, to: string): void {
  for (const folder of readdirSync(from, { withFileTypes: true })) {
    if (!folder.isDirectory() || (folder.name !== "pack" && !/^[0-9a-f]{2}$/.test(folder.name))) continue;
    mkdirSync(join(to, folder.name), { recursive: true, mode: 0o700 });
    for (const name of readdirSync(join(from, folder.name))) {
      if (name.startsWith("tmp_") || name.endsWith(".lock")) continue;
      const source = join(from, folder.name, name);
      const target = join(to, folder.name, name);
      if (existsSync(target)) continue;
      // A link to what cannot be read is a pre-image that cannot be read.
      accessSync(source, constants.R_OK);
      linkSync(source, target);
    }
  }
}

/** Fills a new git folder. @returns true when it holds the user's index. */
export function adoptRepository(tree: string, home: string | null, gitFolder: string): boolean {
  const found = findRepository(tree);
  try {
    if (found === null || found.problem !== null || realpathSync(found.workTree) !== tree) return false;
    if (!canAdoptIndex(found.gitDirectory, found.commonDirectory, tree, home)) return false;
    const objects = join(found.commonDirectory, "objects");
    if (existsSync(join(objects, "info/alternates"))) return false;
    linkObjects(objects, join(gitFolder, "objects"));
    copyFileSync(join(found.gitDirectory, "index"), join(gitFolder, "index"));
    chmodSync(join(gitFolder, "index"), 0o600);
    return true;
  } catch (thrown) {
    // Another file system, or files that are closed to us: the first record then reads every file instead.
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return false;
  }
}
