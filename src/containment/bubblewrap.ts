// The Linux driver of a fence: bubblewrap, found on the search path, and its argument list. Decides nothing about what is open.

import { existsSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { isInside } from "../util/paths.ts";
import { existing, HIDDEN_ROOTS, realOrNull, shownAgain, type SandboxRequest } from "./fence.ts";
import { gitArguments } from "./git-fence.ts";
import { HOME_CREDENTIALS, SYSTEM_CREDENTIALS } from "./protected.ts";
import { boundSockets } from "./survey.ts";

/** Below /run, what programs themselves are found through on some systems. */
const RUN_KEPT = ["/run/current-system", "/run/booted-system", "/run/opengl-driver"];

function maskArguments(request: SandboxRequest): string[] {
  const homePaths = request.home === null ? [] : HOME_CREDENTIALS.map((path) => join(request.home ?? "", path));
  const masked = existing([...request.survey.credentials, ...homePaths, ...SYSTEM_CREDENTIALS, ...request.hidden], request.workspace);
  const sockets = existing([...request.survey.sockets, ...boundSockets()], request.workspace);
  const shown = [request.workspace, ...shownAgain(request)];
  const gone = (path: string): boolean => isInside("/dev", path) || (HIDDEN_ROOTS.some((root) => isInside(root, path)) && !shown.some((root) => isInside(root, path)));
  return [...masked, ...sockets].filter((path) => !gone(path)).flatMap((path) => {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return ["--tmpfs", path, "--remount-ro", path];
    return ["--ro-bind", request.emptyFile, path];
  });
}

/** Arguments for bubblewrap up to and with the `--`; the command's own follow. */
export function sandboxArguments(request: SandboxRequest): string[] {
  const { workspace } = request;
  const network = request.network && request.stage !== "plan";
  const resolver = network ? realOrNull("/etc/resolv.conf") : null;
  const kept = [...RUN_KEPT, ...(resolver === null ? [] : [resolver])].filter((path) => isInside("/run", path) && existsSync(path));
  return [
    "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", ...(network ? [] : ["--unshare-net"]),
    "--cap-drop", "ALL", "--new-session", "--die-with-parent",
    "--ro-bind", "/", "/",
    "--dev", "/dev",
    // Root outside stays root for /proc/sys even without capabilities.
    "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys",
    "--tmpfs", "/run", ...kept.flatMap((path) => ["--ro-bind", path, path]),
    "--bind", request.privateTemp, "/tmp",
    ...(existsSync("/var/tmp") ? ["--tmpfs", "/var/tmp"] : []),
    ...shownAgain(request).flatMap((path) => ["--ro-bind", path, path]),
    request.stage === "plan" ? "--ro-bind" : "--bind", workspace, workspace,
    ...(request.stage === "plan" ? [] : gitArguments(request)),
    ...maskArguments(request),
    "--chdir", workspace,
    "--",
  ];
}

/**
 * Real path of the first bubblewrap on the search path that the workspace does not hold. A folder that cannot be entered, is a
 * file, or has an impossible name is passed over: the search path may be another user's.
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
