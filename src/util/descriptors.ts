// Which file descriptors of this process a child would inherit, and how a child is started without them. Closes nothing
// here: `--config <(…)` and the lock of `flock` are descriptors that bmo itself was given.

import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { systemErrorCode } from "./errors.ts";

const SHELL = "/bin/bash";
const CLOSE_ON_EXEC = 0o2_000_000;
const STANDARD = 2;

/** Whether a descriptor goes away when a program is started. What cannot be asked counts as staying. */
function closesOnExec(descriptor: string): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0;
  } catch (thrown) {
    // The descriptor of the listing itself is gone by now.
    if (systemErrorCode(thrown) === "ENOENT") return true;
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
}

function listDescriptors(): string[] {
  try {
    return readdirSync("/proc/self/fd");
  } catch (thrown) {
    // macOS has no /proc, and there libuv asks the kernel to close every descriptor that is not passed on.
    if (systemErrorCode(thrown) !== undefined) return [];
    throw thrown;
  }
}

let inherited: number[] | null = null;

/**
 * Descriptors above 2 that were open when this process was started and stay open in its children. Node marks its own
 * ones, and inherited ones only up to the first gap, which leaves the high numbers of `exec 200<.` and of some
 * terminals.
 */
export function inheritedDescriptors(): readonly number[] {
  inherited ??= listDescriptors()
    .filter((name) => Number(name) > STANDARD && !closesOnExec(name))
    .map(Number);
  return inherited;
}

/**
 * The argument list that starts the same program without the given descriptors; the very same list where there are
 * none.
 * @throws a system error where the program cannot be started: the shell in between would say so in its own words only.
 */
export function withoutDescriptors(argv: readonly string[], descriptors: readonly number[]): readonly string[] {
  if (descriptors.length === 0) return argv;
  if (argv[0]?.includes("/") === true) accessSync(argv[0], constants.X_OK);
  const closing = descriptors.map((descriptor) => `${descriptor}<&-`).join(" ");
  return [SHELL, "--noprofile", "--norc", "-c", `exec ${closing}; exec -- "$@"`, "bmo", ...argv];
}
