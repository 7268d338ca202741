// Runs one command line inside the sandbox: describes the fence, drives the system's own tool with it, and tells a
// command that failed from a sandbox that could not be set up. A command never runs without the fence because the fence
// failed.

import { existsSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { isInside } from "../util/paths.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { runProcess, type OpenFile, type RunRequest, type RunResult } from "../util/process.ts";
import { MOST_HIDDEN } from "./bounded-masks.ts";
import { bubblewrapArguments, FILTER_DESCRIPTOR } from "./bubblewrap.ts";
import { cacheEnvironment, sandboxEnvironment } from "./environment.ts";
import { describeFence, shownRoots, type Fence, type SandboxRequest } from "./fence.ts";
import { seatbeltProfile } from "./seatbelt.ts";
import { systemCallFilter } from "./seccomp.ts";
import type { SurroundingsKeeper } from "./surroundings.ts";

/** A sandbox of the operating system that was found and tried. */
export interface SandboxDriver {
  kind: "bubblewrap" | "seatbelt";
  /** Absolute path. */
  program: string;
}

export interface FencedCommand {
  argv: string[];
  files: OpenFile[];
  /** The private temp as the command sees it. */
  temp: string;
}

function filterFile(fence: Fence, folder: string): string | null {
  const path = join(folder, fence.unixSockets ? "filter" : "filter-without-sockets");
  if (existsSync(path)) return path;
  const bytes = systemCallFilter({ architecture: process.arch, unixSockets: fence.unixSockets });
  if (bytes === null) return null;
  writeFileSync(path, bytes, { mode: 0o400 });
  return path;
}

/**
 * The argument list that runs `argv` inside the fence.
 * @param folder an own folder for what the driver reads.
 */
export function fencedCommand(
  driver: SandboxDriver,
  fence: Fence,
  folder: string,
  argv: readonly string[],
): FencedCommand {
  if (driver.kind === "seatbelt")
    return { argv: [driver.program, "-p", seatbeltProfile(fence), ...argv], files: [], temp: fence.privateTemp };
  const filter = filterFile(fence, folder);
  return {
    argv: [driver.program, ...bubblewrapArguments(fence, { filter: filter !== null }), ...argv],
    files: filter === null ? [] : [{ descriptor: FILTER_DESCRIPTOR, path: filter }],
    temp: "/tmp",
  };
}

export interface FencedRequest extends Omit<RunRequest, "files"> {
  driver: SandboxDriver;
  /** The same each time, with a fresh survey of the workspace. */
  describe(): Promise<SandboxRequest>;
  surroundings: SurroundingsKeeper;
  folder: string;
}

/** Paths in a message of the driver, as the system outside names them. */
function pathsIn(message: string): string[] {
  return [...message.matchAll(/(?:\/(?:newroot|oldroot))?(\/[^\s:'"]+(?:[^:'"\n]*[^\s:'"])?)/g)].flatMap(
    (match) => match[1] ?? [],
  );
}

/** What a command finds empty although nothing in the rules says so. */
function closedNotes({ closedFolders, workspace }: Fence): string[] {
  if (closedFolders.length === 0) return [];
  const named = closedFolders
    .slice(0, 5)
    .map((path) => (isInside(workspace, path) ? relative(workspace, path) : path))
    .join(", ");
  const more = closedFolders.length > 5 ? ` and ${closedFolders.length - 5} more` : "";
  return [
    sanitizeLine(
      `too many files have names of credentials to be hidden one by one, so these folders are empty for commands: ${named}${more}`,
    ),
  ];
}

/** How often the fence is described again without what stood in its way. */
const ATTEMPTS = 4;

/**
 * Runs the command line in the fence. Where the sandbox cannot be set up because of a place that the command can do
 * without, or of one that has gone meanwhile, it is set up without that place.
 * @returns `problem`: why the sandbox could not be set up; the command has not run then.
 */
export async function runFenced(request: FencedRequest): Promise<{ result: RunResult; problem: string | null }> {
  for (let attempt = 1; ; attempt++) {
    const described = await request.describe();
    const surroundings = await request.surroundings.look((homes) => shownRoots(described, homes));
    const fence = describeFence(described, surroundings);
    const { argv, files, temp } = fencedCommand(request.driver, fence, request.folder, request.argv);
    const environment = { ...cacheEnvironment(temp, request.environment), ...sandboxEnvironment(temp) };
    const result = await runProcess({ ...request, argv, environment, files });
    if (result.began || result.aborted || result.timedOut || result.signalName !== null) {
      return { result: { ...result, notes: [...result.notes, ...closedNotes(fence)] }, problem: null };
    }
    const isTooMuch = /maximum number of arguments/.test(result.output);
    const message = isTooMuch
      ? `more than ${MOST_HIDDEN} files right in the workspace or a read root have names of credentials; move them into a folder`
      : sanitizeLine(result.output.trim().split("\n").at(-1) ?? "") ||
        `${request.driver.kind} ended with ${result.exitCode ?? "nothing"}`;
    const without = pathsIn(result.output).map((path) => request.surroundings.leaveOut(path));
    if (isTooMuch || attempt >= ATTEMPTS || (!without.includes(true) && attempt > 1))
      return { result, problem: message };
  }
}
