// Which command lines are git's own work, and so may write the repository. Decides nothing about whether a command may run.

import type { ShellVerdict } from "../types/containment.ts";

/** Whether the line names git for something that is not mere reading; only then may it write the repository. */
export function mayWriteRepository(verdict: ShellVerdict): boolean {
  return verdict.verdict !== "read_only" && verdict.announced.some((argv) => argv[0] === "git");
}
