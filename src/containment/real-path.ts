// The real path of what may not be there.

import { existsSync, realpathSync } from "node:fs";
import { systemErrorCode } from "../util/errors.ts";

/** The path without links, or null where nothing is there or the way is closed. */
export function realOrNull(path: string): string | null {
  // Most of what is looked for is missing, and an error is costly to make.
  if (!existsSync(path)) return null;
  try {
    return realpathSync(path);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}
