// Takes what lies at a path out of the way into a folder of the data directory, or keeps it there beside what takes its
// place: by renaming or a second name where the file system allows that, so that size costs nothing, else by copying.
// Follows no link.

import { chmodSync, linkSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { runToBytes } from "../util/process.ts";
import { systemPath } from "../util/raw-path.ts";
import { entriesOf, lookAt, tryLook } from "./node-facts.ts";
import { copyFile } from "./objects.ts";

const DENIED = new Set(["EACCES", "EPERM"]);

function isDenied(thrown: unknown): boolean {
  return DENIED.has(systemErrorCode(thrown) ?? "");
}

/** Takes away what root may have set to keep a file from being changed. */
async function clearFlags(path: string): Promise<void> {
  if (process.platform === "linux" && process.getuid?.() === 0)
    await runToBytes({
      argv: ["/usr/bin/chattr", "-f", "-i", "-a", "--", path],
      cwd: "/",
      environment: { PATH: "/usr/bin:/bin" },
      timeoutSeconds: 10,
    });
}

/**
 * Does something that changes entries of a path's folder; where that is closed to its owner, it is opened meanwhile.
 * @throws system errors of the action.
 */
export async function inOpenFolder<Result>(path: string, action: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (thrown) {
    if (!isDenied(thrown)) throw thrown;
  }
  const folder = dirname(path);
  const facts = lookAt(folder);
  const own = tryLook(path).facts;
  const opened = facts?.kind === "folder" && (facts.mode & 0o700) !== 0o700;
  if (opened) chmodSync(systemPath(folder), facts.mode | 0o700);
  // The folder that is to be moved must itself be writable: its way up is changed.
  if (own?.kind === "folder" && (own.mode & 0o700) !== 0o700) chmodSync(systemPath(path), own.mode | 0o700);
  try {
    await clearFlags(folder);
    await clearFlags(path);
    return await action();
  } finally {
    if (opened && tryLook(folder).facts?.kind === "folder") chmodSync(systemPath(folder), facts.mode);
  }
}

/** Copies a file, link or folder with all in it. Pipes, sockets and devices hold nothing that could be kept. */
export async function copyNode(from: string, to: string): Promise<void> {
  const facts = lookAt(from);
  if (facts === null || facts.kind === "special") return;
  if (facts.kind === "link") return symlinkSync(readlinkSync(systemPath(from), "buffer"), systemPath(to));
  const needed = facts.kind === "folder" ? 0o500 : 0o400;
  const closed = process.getuid?.() !== 0 && (facts.mode & needed) !== needed;
  if (closed) chmodSync(systemPath(from), facts.mode | needed);
  if (facts.kind === "file") {
    await copyFile(from, to, facts.size);
  } else {
    mkdirSync(systemPath(to), { mode: 0o700 });
    for (const { name } of entriesOf(from)) await copyNode(join(from, name), join(to, name));
  }
  chmodSync(systemPath(to), facts.mode | (facts.kind === "folder" ? 0o700 : 0o400));
  if (closed) chmodSync(systemPath(from), facts.mode);
}

async function removeNode(path: string): Promise<void> {
  const { facts } = tryLook(path);
  if (facts === null) return;
  await inOpenFolder(path, async () => {
    if (facts.kind === "folder") {
      if ((facts.mode & 0o700) !== 0o700) chmodSync(systemPath(path), facts.mode | 0o700);
      for (const { name } of entriesOf(path)) await removeNode(join(path, name));
    }
    rmSync(systemPath(path), { recursive: true, force: true });
  });
}

/** Moves what lies at a path to a place that is free. @throws system errors; then it lies where it lay. */
export async function moveNode(from: string, to: string): Promise<void> {
  await inOpenFolder(from, async () => {
    try {
      renameSync(systemPath(from), systemPath(to));
    } catch (thrown) {
      if (systemErrorCode(thrown) !== "EXDEV") throw thrown;
      try {
        await copyNode(from, to);
      } catch (broken) {
        rmSync(systemPath(to), { recursive: true, force: true });
        throw broken;
      }
      await removeNode(from);
    }
  });
}

/** Gives what lies at a path a second name or copies it, so that something else can take its place. */
export async function keepNode(from: string, to: string): Promise<void> {
  const facts = lookAt(from);
  if (facts === null || facts.kind === "special") return;
  if (facts.kind === "file") {
    try {
      linkSync(systemPath(from), systemPath(to));
      return;
    } catch (thrown) {
      // Another file system, one without second names, or a file of another owner.
      if (systemErrorCode(thrown) === undefined || systemErrorCode(thrown) === "ENOENT") throw thrown;
    }
  }
  await inOpenFolder(from, () => copyNode(from, to));
}
