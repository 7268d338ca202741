// One live process per session file. A holder is named by pid and start time, so that a lock left by a crash never
// keeps anybody out, also when its pid was given to another process.

import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { systemErrorCode } from "../util/errors.ts";
import { isAlive, ownIdentity, type ProcessIdentity } from "../util/process-identity.ts";

function parseHolder(text: string): ProcessIdentity | null {
  const match = /^(\d{1,10}) ?(\S*)\n$/.exec(text);
  return match === null ? null : { pid: Number(match[1]), started: match[2] ?? "" };
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if (systemErrorCode(thrown) === "ENOENT") return null;
    throw thrown;
  }
}

/** pid of the live process that holds the lock, or null. */
export function readHolder(path: string): number | null {
  const text = readText(path);
  const holder = text === null ? null : parseHolder(text);
  return holder !== null && isAlive(holder) ? holder.pid : null;
}

/** Takes away a lock of a dead process. What is moved aside is looked at again: it may be a new, live one. */
function removeStale(path: string, seen: string): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
  } catch (thrown) {
    if (systemErrorCode(thrown) === "ENOENT") return;
    throw thrown;
  }
  if (readText(aside) !== seen) {
    try {
      linkSync(aside, path);
    } catch (thrown) {
      if (systemErrorCode(thrown) !== "EEXIST") throw thrown;
    }
  }
  unlinkSync(aside);
}

/**
 * Takes the lock. Returns the pid of the live process that has it instead, or null on success; a second time in the
 * same process is no success.
 */
export function takeHolder(path: string): number | null {
  const { pid, started } = ownIdentity();
  const own = `${pid} ${started}\n`;
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      writeFileSync(path, own, { flag: "wx", mode: 0o600 });
      return null;
    } catch (thrown) {
      if (systemErrorCode(thrown) !== "EEXIST") throw thrown;
    }
    const text = readText(path);
    if (text === null) continue;
    const holder = parseHolder(text);
    if (holder !== null && isAlive(holder)) return holder.pid;
    removeStale(path, text);
  }
  return readHolder(path) ?? 0;
}

export function releaseHolder(path: string): void {
  try {
    if (parseHolder(readText(path) ?? "")?.pid === process.pid) unlinkSync(path);
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
  }
}
