// Lets a folder that a command took away be looked at like one that was emptied: git runs in no folder that is missing.
// Leaves nothing.

import { mkdirSync, rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { systemErrorCode } from "../util/errors.ts";

/**
 * Runs `look` while the folder is there, and takes away again what had to be made for it.
 * @throws the error of the system where the folder cannot be made: another file is in its place.
 */
export async function whileItStands<T>(folder: string, look: () => Promise<T>): Promise<T> {
  const first = mkdirSync(folder, { recursive: true });
  try {
    return await look();
  } finally {
    if (first !== undefined) removeMade(folder, dirname(first));
  }
}

/** Empty folders alone: what another program puts there meanwhile stays. */
function removeMade(folder: string, end: string): void {
  for (let made = folder; made !== end; made = dirname(made)) {
    try {
      rmdirSync(made);
    } catch (thrown) {
      if (systemErrorCode(thrown) === undefined) throw thrown;
      return;
    }
  }
}
