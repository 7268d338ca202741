// The Linux driver of a fence: bubblewrap, found on the search path, and its argument list. Decides nothing about what
// is open.

import { existsSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { isInside } from "../util/paths.ts";
import { isFolder, type Fence, type FencePlace } from "./fence.ts";
import { realOrNull } from "./real-path.ts";

/** Where bubblewrap finds the filter of system calls. */
export const FILTER_DESCRIPTOR = 20;

function mount(place: FencePlace, fence: Fence): string[] {
  const { path, access, source = path } = place;
  switch (access) {
    case "hidden":
      return isFolder(path) ? ["--tmpfs", path] : ["--ro-bind", fence.emptyFile, path];
    case "empty":
      return isBare(path, fence) ? ["--dir", path] : ["--tmpfs", path];
    case "read":
      return ["--ro-bind", source, path];
    case "write":
      return ["--bind", source, path];
  }
}

/** Whether nothing is mounted around a path, so that the sandbox's own empty root shows there. */
function isBare(path: string, { places }: Fence): boolean {
  return !places.some((place) => place.path !== path && place.access !== "empty" && isInside(place.path, path));
}

/**
 * Arguments for bubblewrap up to and with the `--`; the command's own follow. The root is an empty place of the
 * sandbox, so what the fence does not name is not there.
 */
export function bubblewrapArguments(fence: Fence, { filter }: { filter: boolean }): string[] {
  const whole = fence.places.filter(({ path }) => path === "/");
  const mounts = fence.places.filter((place) => !whole.includes(place)).map((place) => mount(place, fence));
  const closed = mounts.flatMap(([kind, path]) => (kind === "--tmpfs" && path !== undefined ? [path] : []));
  return [
    "--unshare-user",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    ...(fence.network ? [] : ["--unshare-net"]),
    "--cap-drop",
    "ALL",
    "--new-session",
    "--die-with-parent",
    ...whole.flatMap((place) => mount(place, fence)),
    "--dev",
    "/dev",
    // Root outside stays root for /proc/sys even without capabilities; names of keys are nobody's business here.
    "--proc",
    "/proc",
    "--ro-bind",
    "/proc/sys",
    "/proc/sys",
    ...(existsSync("/proc/keys") ? ["--ro-bind", fence.emptyFile, "/proc/keys"] : []),
    ...mounts.flat(),
    ...fence.links.flatMap(({ path, target }) => ["--symlink", target, path]),
    // Last, when no further place has to be made in them.
    ...[...closed, ...(whole.length > 0 ? [] : ["/"])].flatMap((path) => ["--remount-ro", path]),
    ...(filter ? ["--seccomp", String(FILTER_DESCRIPTOR)] : []),
    "--chdir",
    fence.workspace,
    "--",
  ];
}

/**
 * Real path of the first bubblewrap on the search path that the workspace does not hold. A folder that cannot be
 * entered, is a file, or has an impossible name is passed over: the search path may be another user's.
 */
export function findBubblewrap(searchPath: string, workspace: string): string | null {
  for (const folder of searchPath.split(delimiter)) {
    if (!isAbsolute(folder) || isInside(workspace, folder)) continue;
    const path = realOrNull(join(folder, "bwrap"));
    if (path !== null && !isInside(workspace, path) && isFile(path)) return path;
  }
  return null;
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
}
