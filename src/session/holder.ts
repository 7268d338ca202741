// One live process per session file. A holder is named by pid and start time, so that a lock left by a crash never
// keeps anybody out, also when its pid was given to another process.

import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { systemErrorCode } from "../util/errors.ts";

interface Holder {
  pid: number;
  /** What tells this process from an earlier one of the same pid; empty where the system does not say. */
  started: string;
}

/** Start time in clock ticks since boot, with the boot's id; empty without /proc. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name, in parentheses, may itself hold blanks and parentheses.
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
    return `${ticks}@${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}`;
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return "";
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return systemErrorCode(thrown) === "EPERM";
  }
}

function isLive(holder: Holder): boolean {
  if (!isAlive(holder.pid)) return false;
  const started = startOf(holder.pid);
  return holder.started === "" || started === "" || started === holder.started;
}

function parseHolder(text: string): Holder | null {
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
  return holder !== null && isLive(holder) ? holder.pid : null;
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

/** Takes the lock. Returns the pid of the live process that has it instead, or null on success; a second time in the same process is no success. */
export function takeHolder(path: string): number | null {
  const own = `${process.pid} ${startOf(process.pid)}\n`;
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
    if (holder !== null && isLive(holder)) return holder.pid;
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
