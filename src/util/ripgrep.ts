// Finds and runs ripgrep. Callers have their own walker for machines without it, and give both the same meaning.

import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { repositoryRoot } from "./gitignore.ts";
import type { BytesResult } from "./process.ts";

const USUAL_FOLDERS = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
const found = new Map<string, Promise<string | null>>();

async function look(searchPath: string): Promise<string | null> {
  // A relative folder in PATH would let the workspace bring a program of its own.
  const folders = searchPath.split(delimiter).filter((folder) => isAbsolute(folder));
  for (const folder of folders) {
    const path = join(folder, "rg");
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return null;
}

/** Path of `rg`, or null. Looked for once per search path. */
export function findRipgrep(searchPath = USUAL_FOLDERS.join(delimiter)): Promise<string | null> {
  const known = found.get(searchPath);
  if (known !== undefined) return known;
  const looking = look(searchPath);
  found.set(searchPath, looking);
  return looking;
}

/**
 * Runs rg in `folder`: hidden files included, .git left out, links not followed, rules of .gitignore only (no user
 * configuration, no .ignore files). Results come in no order: with `--sort` ripgrep searches on one core alone.
 */
export async function runRipgrep(
  program: string,
  folder: string,
  options: readonly string[],
  capBytes: number,
  signal: AbortSignal,
  onStdout?: (chunk: Buffer) => void,
): Promise<BytesResult> {
  const outside = (await repositoryRoot(folder)) === null ? ["--no-require-git", "--no-ignore-parent"] : [];
  const fixed = [
    "--no-config",
    "--no-messages",
    "--hidden",
    "--no-ignore-dot",
    "--no-ignore-global",
    "--no-ignore-exclude",
    "--color=never",
    "--glob=!**/.git",
  ];
  // Loaded when a search runs: child processes cost start-up time that most runs need not spend.
  const { runToBytes } = await import("./process.ts");
  return runToBytes({
    argv: [program, ...fixed, ...outside, ...options],
    cwd: folder,
    environment: { LC_ALL: "C.UTF-8" },
    timeoutSeconds: 60,
    capBytes,
    signal,
    ...(onStdout === undefined ? {} : { onStdout }),
  });
}
