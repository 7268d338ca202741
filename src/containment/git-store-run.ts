// Runs git on the private store of a tree: nothing of the user's or of the system's configuration is obeyed, and what
// is not whole is an error.

import { statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { runToBytes } from "../util/process.ts";
import { BmoError } from "../util/errors.ts";

const LOCK_TRIES = 50;
const LOCK_PAUSE_MS = 100;
const TIMEOUT_SECONDS = 3_600;
const CAP_BYTES = 1 << 30;

export interface StorePlaces {
  /** Absolute path of git. */
  git: string;
  gitFolder: string;
  /** Real path of the tree. */
  tree: string;
  /** Absolute path of the index that says how the tree was. */
  index: string;
}

/** @throws BmoError failed when git fails, unless any exit is fine, or answers with more than can be taken. */
export type StoreGit = (
  words: string[],
  more?: { input?: Uint8Array; outputDescriptor?: number; anyExit?: boolean },
  tries?: number,
) => Promise<{ stdout: Buffer; stderr: string; exitCode: number | null }>;

export function createStoreGit({ git, gitFolder, tree, index }: StorePlaces): StoreGit {
  const run: StoreGit = async (words, more = {}, tries = LOCK_TRIES) => {
    const { anyExit, ...rest } = more;
    // Of a tree that is gone only the record is asked for; git does not start for a folder whose parent is missing.
    const place = statSync(tree, { throwIfNoEntry: false })?.isDirectory() === true ? tree : gitFolder;
    const result = await runToBytes({
      argv: [git, `--git-dir=${gitFolder}`, `--work-tree=${place}`, ...words],
      cwd: place,
      timeoutSeconds: TIMEOUT_SECONDS,
      capBytes: CAP_BYTES,
      ...rest,
      environment: {
        PATH: dirname(git),
        LC_ALL: "C",
        GIT_INDEX_FILE: index,
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_OPTIONAL_LOCKS: "0",
        GIT_TERMINAL_PROMPT: "0",
        GIT_ATTR_NOSYSTEM: "1",
      },
    });
    if (result.exitCode !== 0 && result.stderr.includes("index.lock") && tries > 0) {
      // Another session looks at the same workspace just now.
      await delay(LOCK_PAUSE_MS);
      return run(words, more, tries - 1);
    }
    // Half an answer would pass for a whole one: fewer changes, or a cut file.
    if (result.truncated)
      throw new BmoError(
        "failed",
        `the snapshot of ${tree} failed (git ${words[0] ?? ""} answers with more than ${CAP_BYTES} bytes)`,
        "Start bmo in a smaller folder.",
      );
    if (result.exitCode !== 0 && anyExit !== true) {
      throw new BmoError(
        "failed",
        `the snapshot of ${tree} failed (git ${words[0] ?? ""}: ${result.stderr.trim().split("\n")[0] || "no reason given"})`,
        "Free disk space and check that the data directory can be written.",
      );
    }
    return result;
  };
  return run;
}
