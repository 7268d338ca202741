// Tells a process that lives from one that is gone, also when its pid was given to another. Reads; signals nothing.

import { readFileSync } from "node:fs";
import { systemErrorCode } from "./errors.ts";

/** What names one process for good: a pid alone is used again. */
export interface ProcessIdentity {
  pid: number;
  /** Start time in clock ticks, with the boot's id; empty where the system does not say. */
  started: string;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return "";
  }
}

function startOf(pid: number): string {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  // The program's name, in parentheses, may itself hold blanks and parentheses.
  const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return ticks === undefined ? "" : `${ticks}@${readOrEmpty("/proc/sys/kernel/random/boot_id").trim()}`;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return systemErrorCode(thrown) === "EPERM";
  }
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, started: startOf(process.pid) };
}

export function isAlive({ pid, started }: ProcessIdentity): boolean {
  if (!exists(pid)) return false;
  const now = startOf(pid);
  return started === "" || now === "" || now === started;
}
