// Folders that all workers of a test run share, because making one costs too much for each test. Whoever needs one
// first makes it; nobody writes into it afterwards.

import { existsSync, realpathSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where it is, or will be: workers have the same temporary folder, which goes with the test run. */
export function sharedFolder(name: string): string {
  return join(realpathSync(tmpdir()), name);
}

/** Puts a finished folder in its place. Where another worker was quicker, that worker's folder counts. */
export function publish(folder: string, name: string): void {
  try {
    renameSync(folder, sharedFolder(name));
  } catch (thrown) {
    if (!existsSync(sharedFolder(name))) throw thrown;
  }
}
