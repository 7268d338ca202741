// Finds and ends the processes that a command left behind, also those that left its process group. Reads /proc; starts
// nothing.

import { readdir, readFile, readlink } from "node:fs/promises";
import { uptime } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { elapsedMs } from "./clock.ts";
import { systemErrorCode } from "./errors.ts";

/** Every process of one run carries this variable with the run's own value, whatever session or group it moves to. */
export const RUN_MARKER = "BMO_RUN_ID";
const POLL_MS = 20;
/** What Linux counts start times in, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
/** Rounds of kill-and-look; a process that forks faster than this is reported as a survivor. */
const KILL_ROUNDS = 25;

function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === "ESRCH") return false;
    if (systemErrorCode(thrown) === "EPERM") return true;
    throw thrown;
  }
}

function signalProcess(id: number, signal: NodeJS.Signals): void {
  try {
    process.kill(id, signal);
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code !== "ESRCH" && code !== "EPERM") throw thrown;
  }
}

async function readProc(path: string): Promise<string | null> {
  try {
    return await readFile(path, "latin1");
  } catch {
    // Ended meanwhile, another user's, or no /proc on this platform: nothing that could be looked at.
    return null;
  }
}

/** State letter, process group and parent of one process; the name in parentheses may hold anything. */
async function status(id: number): Promise<{ state: string; group: number; parent: number } | null> {
  const text = await readProc(`/proc/${id}/stat`);
  if (text === null) return null;
  const [state = "", parent, group] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state, parent: Number(parent), group: Number(group) };
}

/** `leader` and the process ids given out after it; all of them where the counter has wrapped. Empty without /proc. */
async function candidates(leader: number): Promise<number[]> {
  const load = await readProc("/proc/loadavg");
  if (load === null) return [];
  const newest = Number(load.trim().split(" ").at(-1));
  if (newest === leader) return [leader];
  const names = await readdir("/proc").catch(() => []);
  const ids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  return newest > leader ? ids.filter((id) => id >= leader) : ids.filter((id) => id !== process.pid);
}

/** Living processes of the run: members of the leader's group, bearers of the marker, and children of either. */
async function livingMembers(leader: number, runId: string): Promise<number[]> {
  const found = new Set<number>();
  const parents = new Map<number, number>();
  const wanted = `${RUN_MARKER}=${runId}`;
  for (const id of await candidates(leader)) {
    const now = await status(id);
    if (now === null || now.state === "Z" || now.state === "X") continue;
    parents.set(id, now.parent);
    if (now.group === leader || (await readProc(`/proc/${id}/environ`))?.split("\0").includes(wanted) === true)
      found.add(id);
  }
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const [id, parent] of parents) if (parent === leader || found.has(parent)) found.add(id);
  }
  return [...found];
}

/** Waits for what is about to end by itself, such as the last program of `> >(tee log)`. */
export async function waitForMembers(leader: number, runId: string, patienceMs: number): Promise<void> {
  const deadline = elapsedMs() + patienceMs;
  while ((await livingMembers(leader, runId)).length > 0 && elapsedMs() < deadline) await delay(POLL_MS);
}

/**
 * Ends what is left of a run: TERM, after the grace KILL, until nothing is found.
 * @param graceMs 0 = KILL at once.
 * @returns how many were ended, and the ids of those that could not be.
 */
export async function endRun(
  leader: number,
  runId: string,
  graceMs: number,
): Promise<{ ended: number; survivors: number[] }> {
  const met = new Set<number>();
  const look = async (): Promise<number[]> => {
    const members = await livingMembers(leader, runId);
    for (const id of members) met.add(id);
    return members;
  };
  let members = await look();
  let groupLives = signalGroup(leader, graceMs > 0 ? "SIGTERM" : "SIGKILL");
  for (const id of members) signalProcess(id, graceMs > 0 ? "SIGTERM" : "SIGKILL");
  const deadline = elapsedMs() + graceMs;
  while ((members.length > 0 || (groupLives && !procReadable())) && elapsedMs() < deadline) {
    await delay(POLL_MS);
    members = await look();
    groupLives = signalGroup(leader, 0);
    if (!groupLives && members.length === 0) break;
  }
  for (let round = 0; round < KILL_ROUNDS; round++) {
    groupLives = signalGroup(leader, "SIGKILL");
    members = await look();
    for (const id of members) signalProcess(id, "SIGKILL");
    if (members.length === 0 && (procReadable() || !groupLives)) break;
    await delay(POLL_MS);
  }
  return { ended: met.size - members.length, survivors: members };
}

/**
 * Kills what carries the marker of a run whose bmo is gone, until nothing is found. Finds nothing where /proc is
 * missing.
 * @returns how many were ended, and the ids of those that could not be.
 */
export async function endMarked(runId: string): Promise<{ ended: number; survivors: number[] }> {
  const met = new Set<number>();
  // No process has this id: only the marker counts.
  const look = async (): Promise<number[]> => (await livingMembers(-1, runId)).filter((id) => id !== process.pid);
  let members = await look();
  for (let round = 0; round < KILL_ROUNDS && members.length > 0; round++) {
    for (const id of members) {
      met.add(id);
      signalProcess(id, "SIGKILL");
    }
    await delay(POLL_MS);
    members = await look();
  }
  return { ended: met.size - members.length, survivors: members };
}

/**
 * Processes of ours without a terminal that work inside a folder and began after a moment, in milliseconds since the
 * epoch: `17 (node)`.
 */
export async function backgroundIn(folder: string, sinceMs: number): Promise<string[]> {
  const found: string[] = [];
  const bootMs = Date.now() - uptime() * 1_000;
  for (const name of await readdir("/proc").catch(() => [])) {
    const id = Number(name);
    if (!Number.isInteger(id) || id === process.pid) continue;
    const cwd = await readlink(`/proc/${name}/cwd`).catch(() => "");
    const stat = cwd === folder || cwd.startsWith(`${folder}/`) ? await readProc(`/proc/${name}/stat`) : null;
    if (stat === null) continue;
    const [state = "", , , , terminal, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const startedMs = bootMs + (Number(rest[14]) / TICKS_PER_SECOND) * 1_000;
    if (state !== "Z" && terminal === "0" && startedMs >= sinceMs)
      found.push(`${id} ${stat.slice(stat.indexOf("("), stat.lastIndexOf(")") + 1)}`);
  }
  return found;
}

/** Where /proc is missing (macOS), only the process group can be asked. */
function procReadable(): boolean {
  return process.platform === "linux";
}
