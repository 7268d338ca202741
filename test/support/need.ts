// What only some machines can test: asked here once, so that a test is left out visibly and its title says what is
// missing.

import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** A title gives the reason only where the test is left out. */
export interface Need {
  missing: boolean;
  /** What is missing; null where nothing is. */
  reason: string | null;
  title(text: string): string;
}

export function need(met: boolean, reason: string): Need {
  return { missing: !met, reason: met ? null : reason, title: (text) => (met ? text : `${text} (skipped: ${reason})`) };
}

/** For tables in which only some rows need something. */
export const NOTHING: Need = need(true, "");

/** All of them; the reason names each that is missing. */
export function needAll(...needs: Need[]): Need {
  const reasons = needs.flatMap(({ reason }) => reason ?? []);
  return need(reasons.length === 0, reasons.join("; "));
}

/** Where the user's search path has a program, or null. */
export function programPath(name: string): string | null {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter).filter((path) => isAbsolute(path))) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      continue; // Not in this folder.
    }
  }
  return null;
}

/** Whether a command can be started and ends with 0 within ten seconds. */
export function works(...[program = "", ...words]: string[]): boolean {
  return spawnSync(program, words, { stdio: "ignore", timeout: 10_000 }).status === 0;
}

/** @param name what people call it, where that differs from the program. */
export function needProgram(program: string, name = program): Need {
  return need(programPath(program) !== null, `${name} is not installed`);
}

export function needRipgrep(): Need {
  return needProgram("rg", "ripgrep");
}

/** @param wanted false: nothing is needed; for tables of the same test with and without a sandbox. */
export function needBubblewrap(wanted = true): Need {
  if (!wanted) return NOTHING;
  const program = programPath("bwrap");
  if (program === null) return need(false, "bubblewrap is not installed");
  return need(
    works(
      program,
      "--ro-bind",
      "/",
      "/",
      "--unshare-user",
      "--unshare-pid",
      "--unshare-net",
      "--proc",
      "/proc",
      "true",
    ),
    "bubblewrap does not work here",
  );
}

export const isRoot = process.getuid?.() === 0;

export function needRoot(what: string): Need {
  return need(isRoot, `only root can ${what}`);
}

export function needOrdinaryUser(why: string): Need {
  return need(!isRoot, `needs an ordinary user: ${why}`);
}

/** Mounts in a namespace that the test makes for itself. */
export function needMounts(): Need {
  return needAll(needRoot("mount"), need(works("unshare", "-m", "true"), "mount namespaces are not permitted here"));
}

/** A network namespace, as any user. */
export function needNetworkNamespace(): Need {
  return need(works("unshare", "-rn", "true"), "network namespaces are not permitted here (unshare -rn)");
}

export function needProc(): Need {
  return need(process.platform === "linux" && existsSync("/proc/self/fd"), "there is no /proc");
}
