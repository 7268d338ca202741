// Path identity: real paths of things that may not exist yet, containment between them, Unicode form, display.
// Reads the file system; never writes it.

import { lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { BmoError, systemErrorCode } from "./errors.ts";
import { sanitizeLine } from "./sanitize.ts";

const LINK_LIMIT = 40;

function linkTarget(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null;
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EACCES") return null;
    throw thrown;
  }
}

/**
 * The real path of what `path` names, also where its last parts do not exist: the deepest existing ancestor is
 * resolved, the rest appended. A dangling link is followed to where it would create its target, because a write goes
 * there.
 * @throws BmoError usage on a link loop or a NUL byte.
 */
export function realPathOf(path: string): string {
  if (path.includes("\0")) throw new BmoError("usage", "a path holds a NUL byte");
  let current = resolve(path);
  for (let hops = 0; hops < LINK_LIMIT; hops++) {
    const missing: string[] = [];
    let existing = current;
    for (;;) {
      try {
        return join(realpathSync.native(existing), ...missing);
      } catch (thrown) {
        const code = systemErrorCode(thrown);
        if (code === "ELOOP") throw new BmoError("usage", `${path} is a loop of links`);
        if (code !== "ENOENT" && code !== "ENOTDIR" && code !== "EACCES") throw thrown;
      }
      const target = linkTarget(existing);
      if (target !== null) {
        const parent = realPathOf(dirname(existing));
        current = join(isAbsolute(target) ? target : join(parent, target), ...missing);
        break;
      }
      missing.unshift(basename(existing));
      const parent = dirname(existing);
      if (parent === existing) return current;
      existing = parent;
    }
  }
  throw new BmoError("usage", `${path} is a loop of links`);
}

/** Whether anything stands there; a dangling link does. What cannot be looked at counts as absent. */
export function pathExists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
}

/** Whether `path` is `root` or lies below it. Both absolute and already resolved; a string prefix is not enough. */
export function isInside(root: string, path: string): boolean {
  if (path === root) return true;
  return path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** Real path of what the model or the user wrote, relative to the workspace, and whether it lies inside. */
export function resolveInside(workspace: string, path: string): { realPath: string; inside: boolean } {
  const realPath = realPathOf(isAbsolute(path) ? path : join(workspace, path));
  return { realPath, inside: isInside(workspace, realPath) };
}

/** The form in which paths are compared: NFC, and lower case where the file system ignores case. */
export function comparablePath(path: string, caseSensitive: boolean): string {
  const composed = path.normalize("NFC");
  return caseSensitive ? composed : composed.toLowerCase();
}

/**
 * Asks the file system itself: whether the directory's own name in another case names something else. Without letters
 * to flip: sensitive.
 */
export function isCaseSensitive(directory: string): boolean {
  const flipped = [...directory]
    .map((letter) => (letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()))
    .join("");
  if (flipped === directory) return true;
  try {
    const own = statSync(directory);
    const other = statSync(join(dirname(directory), basename(flipped)));
    return !(own.ino === other.ino && own.dev === other.dev);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return true;
    throw thrown;
  }
}

/** Path for people: relative to the workspace when inside, else absolute; control characters made visible. */
export function displayPath(workspace: string, path: string): string {
  const shown = isInside(workspace, path) ? relative(workspace, path) || "." : path;
  return sanitizeLine(shown);
}

/** Where a link leads; null where there is no link or it cannot be looked at. */
export function readableLinkTarget(path: string): string | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : null;
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}
