// The real path of what may not be there.

import { realpathSync } from "node:fs";
import { systemErrorCode } from "../util/errors.ts";

/** The path without links, or null where nothing is there or the way is closed. */
export function realOrNull(path: string): string | null {
  try {
    return realpathSync(path);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}
