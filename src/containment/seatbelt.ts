// The macOS driver of a fence: a Seatbelt profile for sandbox-exec. Later rules win, so places are written from the
// outside in. Text only; whether the system keeps to it is for the probe to say.

import { isFolder, type Fence, type FencePlace } from "./fence.ts";

/** Where macOS keeps programs, libraries and what they ask for; for reading. */
const SYSTEM_READ: readonly string[] = [
  "/System",
  "/Library/Apple",
  "/Library/Developer",
  "/Library/Frameworks",
  "/Library/Java",
  "/Library/Preferences/Logging",
  "/Library/Ruby",
  "/bin",
  "/dev",
  "/opt/homebrew",
  "/opt/local",
  "/private/etc",
  "/private/var/db/dyld",
  "/private/var/db/timezone",
  "/private/var/db/xcode_select_link",
  "/private/var/select",
  "/sbin",
  "/usr",
  "/Applications/Xcode.app",
];
const SYSTEM_HIDDEN: readonly string[] = [
  "/private/etc/master.passwd",
  "/private/etc/sudoers",
  "/private/etc/sudoers.d",
  "/private/etc/ssh",
  "/usr/local/etc",
  "/usr/local/var",
];
/** Services that programs ask while they start: of the system's own, none that acts for the user. */
const SERVICES: readonly string[] = [
  "com.apple.system.opendirectoryd.libinfo",
  "com.apple.system.opendirectoryd.membership",
  "com.apple.system.logger",
  "com.apple.system.notification_center",
  "com.apple.logd",
  "com.apple.diagnosticd",
  "com.apple.trustd",
  "com.apple.trustd.agent",
  "com.apple.SystemConfiguration.configd",
];

/**
 * A string of the profile's language. A name cannot end it: quotes and backslashes are escaped, other characters stand
 * for themselves.
 */
function quoted(path: string): string {
  return `"${path.replace(/[\\"]/g, "\\$&")}"`;
}

function filterOf(path: string, folder: boolean): string {
  return folder ? `(subpath ${quoted(path)})` : `(literal ${quoted(path)})`;
}

function rules({ path, access }: FencePlace): string[] {
  const filter = filterOf(path, isFolder(path));
  switch (access) {
    case "hidden":
    case "empty":
      return [`(deny file-read* file-write* file-link file-clone network* ${filter})`];
    case "read":
      return [`(allow file-read* ${filter})`, `(deny file-write* network* ${filter})`];
    case "write":
      return [`(allow file-read* file-write* ${filter})`];
  }
}

/** Every folder above a path, so that programs can find their way to it without seeing what else is there. */
function above(paths: readonly string[]): string[] {
  const found = new Set<string>(["/"]);
  for (const path of paths)
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) found.add(path.slice(0, end));
  return [...found].sort();
}

/** The profile for `sandbox-exec -p`. */
export function seatbeltProfile(fence: Fence): string {
  // Copies cannot stand for the real thing here: what they stand for is shown as the system's, or not at all.
  const places = fence.places.filter((place) => place.source === undefined);
  const shown = places.filter(({ access }) => access === "read" || access === "write").map(({ path }) => path);
  const temp = filterOf(fence.privateTemp, true);
  return [
    "(version 1)",
    "(deny default)",
    "(allow process-fork)",
    "(allow process-exec)",
    "(allow process-info* (target same-sandbox))",
    "(allow signal (target same-sandbox))",
    "(allow sysctl-read)",
    `(allow mach-lookup ${SERVICES.map((name) => `(global-name ${quoted(name)})`).join(" ")})`,
    ...SYSTEM_READ.map((path) => `(allow file-read* ${filterOf(path, true)})`),
    `(allow file-read-metadata ${above([...SYSTEM_READ, ...shown, fence.privateTemp])
      .map((path) => filterOf(path, false))
      .join(" ")})`,
    '(allow file-write* (literal "/dev/null") (literal "/dev/zero") (literal "/dev/dtracehelper"))',
    ...SYSTEM_HIDDEN.map((path) => `(deny file-read* file-write* ${filterOf(path, true)})`),
    ...places.flatMap(rules),
    `(allow file-read* file-write* ${temp})`,
    // There is no loopback for the sandbox alone here, and the machine's own is full of services: without a network
    // there is none.
    ...(fence.network ? ["(allow network* (remote ip) (local ip))", "(allow system-socket)"] : []),
    ...(fence.unixSockets
      ? [`(allow network-bind (local unix-socket ${temp}))`, `(allow network-outbound (remote unix-socket ${temp}))`]
      : []),
    "",
  ].join("\n");
}
