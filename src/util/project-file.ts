// Reads the files of a project that bmo looks at unasked: AGENTS.md, package.json, configuration, pointers of git. A
// cloned repository chooses what stands at those names, so a link must not lead out of it, and nothing there may make
// bmo wait.

import { closeSync, lstatSync, realpathSync } from "node:fs";
import { relative } from "node:path";
import { BmoError, systemErrorCode } from "./errors.ts";
import { isInside } from "./paths.ts";
import { openRegularNow, readHead, type OpenedFile } from "./regular-file.ts";

export interface ProjectPlace {
  /** Real path that a link may not leave: the top of the repository, or the workspace. */
  root: string;
  /**
   * True for real paths whose content must not be shown: credentials, `.git`. Asked only where a link leads elsewhere.
   */
  isClosed(realPath: string): boolean;
}

/** `absent`: nothing stands there. `refused`: why it is not read, to be said to the user. */
export type ProjectFile =
  | { kind: "read"; bytes: Buffer; size: number; realPath: string }
  | { kind: "absent" }
  | { kind: "refused"; reason: string };

/** Kernel file systems: their files are no one's text, and some wait for ever. */
const KERNEL = ["/proc", "/sys", "/dev"];

/** Why what a link leads to is not read, or null. */
function refusalOf(path: string, realPath: string, place: ProjectPlace): string | null {
  if (path === realPath) return null;
  if (!isInside(place.root, realPath) || KERNEL.some((folder) => isInside(folder, realPath)))
    return "it is a link that leads out of the repository";
  return place.isClosed(realPath) ? `it is a link to ${relative(place.root, realPath)}, which is closed` : null;
}

/** The same file still stands at the name, and no folder above it became a link meanwhile. */
function isStillThere(realPath: string, opened: OpenedFile): boolean {
  const facts = lstatSync(realPath);
  return (
    realpathSync(realPath) === realPath && facts.ino === opened.identity.inode && facts.dev === opened.identity.device
  );
}

/**
 * How far links of a project may lead: its top, but no further than the workspace where the top holds the user's home.
 */
export function projectRoot(workspace: string, top: string, home: string | null): string {
  return home !== null && isInside(top, home) ? workspace : top;
}

type Located = { kind: "found"; realPath: string } | { kind: "absent" } | { kind: "refused"; reason: string };

/** What a project's file leads to, without opening anything. Never throws for what stands there. */
export function locateProjectFile(path: string, place: ProjectPlace): Located {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return { kind: "absent" };
    const realPath = realpathSync(path);
    const reason = refusalOf(path, realPath, place);
    return reason === null ? { kind: "found", realPath } : { kind: "refused", reason };
  } catch (thrown) {
    return unreadable(thrown);
  }
}

function unreadable(thrown: unknown): { kind: "absent" } | { kind: "refused"; reason: string } {
  if (thrown instanceof BmoError) return { kind: "refused", reason: thrown.message };
  const code = systemErrorCode(thrown);
  if (code === undefined) throw thrown;
  if (code === "ENOTDIR") return { kind: "absent" };
  return {
    kind: "refused",
    reason: code === "ENOENT" ? "it is a link that leads nowhere" : `it cannot be read (${code})`,
  };
}

/**
 * Reads at most the first `capBytes` of a project's file. Never waits, never throws for what stands there.
 * @param path absolute; the folders above the repository are already resolved.
 */
export function readProjectFile(path: string, place: ProjectPlace, capBytes: number): ProjectFile {
  const located = locateProjectFile(path, place);
  if (located.kind !== "found") return located;
  const { realPath } = located;
  try {
    const opened = openRegularNow(realPath);
    try {
      if (!isStillThere(realPath, opened)) return { kind: "refused", reason: "it was replaced while it was opened" };
      return { kind: "read", bytes: readHead(opened, capBytes), size: opened.identity.size, realPath };
    } finally {
      closeSync(opened.descriptor);
    }
  } catch (thrown) {
    return unreadable(thrown);
  }
}
