// What the commands of one session keep for themselves: a private /tmp and the empty file that covers masked ones. The
// first lies apart from bmo's own data, which a command must not be able to crowd out, and does not grow without bound.

import { lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { makeTemporaryFolder } from "../util/own-temporaries.ts";
import { isInside, realPathOf } from "../util/paths.ts";

export interface SandboxPlace {
  /** For what the sandbox itself needs; it lies in the data directory. */
  folder: string;
  privateTemp: string;
  emptyFile: string;
}

export interface OwnSandboxPlace extends SandboxPlace {
  /**
   * Empties the private temp when it holds too much. To be called between commands. @returns what there is to tell, or
   * null.
   */
  keepBounded(): string | null;
  release(): void;
}

const MOST_BYTES = 2 ** 31;
/** A tree of more entries holds too much as well. */
const MOST_ENTRIES = 200_000;
const BLOCK_BYTES = 512;

/** Whether a folder holds more than it may. Follows no link; what cannot be listed counts as nothing. */
function holdsTooMuch(folder: string): boolean {
  const waiting = [folder];
  let bytes = 0;
  let entries = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    try {
      for (const entry of readdirSync(next, { withFileTypes: true })) {
        const path = join(next, entry.name);
        entries++;
        if (entry.isDirectory()) waiting.push(path);
        else bytes += (lstatSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * BLOCK_BYTES;
      }
    } catch (thrown) {
      if (systemErrorCode(thrown) === undefined) throw thrown;
    }
    if (bytes > MOST_BYTES || entries > MOST_ENTRIES) return true;
  }
  return false;
}

/** A folder of the system's own place for such, unless that is part of the workspace or cannot be written. */
function makeTemp(dataDirectory: string, workspace: string | null): string {
  try {
    const system = realPathOf(tmpdir());
    if (workspace === null || !isInside(workspace, system)) return makeTemporaryFolder(system, "bmo-sandbox");
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
  }
  return makeTemporaryFolder(dataDirectory, "sandbox-temp");
}

/**
 * Private temp and empty file for the commands of one session; removed by `release`.
 * @param workspace real path; nothing is put into it.
 */
export function createSandboxPlace(dataDirectory: string, workspace: string | null = null): OwnSandboxPlace {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const folder = makeTemporaryFolder(dataDirectory, "sandbox");
  const privateTemp = makeTemp(dataDirectory, workspace);
  const emptyFile = join(folder, "empty");
  const prepare = (): void => void mkdirSync(join(privateTemp, ".runtime"), { recursive: true, mode: 0o700 });
  const remove = (path: string): void => {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (thrown) {
      // A folder that a command closed; the next process of bmo tries again.
      if (systemErrorCode(thrown) === undefined) throw thrown;
    }
  };
  prepare();
  writeFileSync(emptyFile, "", { mode: 0o444 });
  return {
    folder,
    privateTemp,
    emptyFile,
    keepBounded() {
      if (!holdsTooMuch(privateTemp)) return null;
      for (const name of readdirSync(privateTemp)) remove(join(privateTemp, name));
      prepare();
      return `the private temporary folder of commands held more than ${MOST_BYTES / 2 ** 30} GiB or ${MOST_ENTRIES} entries and was emptied`;
    },
    release() {
      remove(privateTemp);
      remove(folder);
    },
  };
}
