// What the commands of one session keep for themselves: a private /tmp and the empty file that covers masked ones.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeTemporaryFolder } from "../util/own-temporaries.ts";

export interface SandboxPlace {
  /** For what the sandbox itself needs; it lies in the data directory. */
  folder: string;
  privateTemp: string;
  emptyFile: string;
}

/** Private temp and empty file for the commands of one session; removed by `release`. */
export function createSandboxPlace(dataDirectory: string): SandboxPlace & { release(): void } {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const folder = makeTemporaryFolder(dataDirectory, "sandbox");
  const privateTemp = join(folder, "tmp");
  const emptyFile = join(folder, "empty");
  mkdirSync(join(privateTemp, ".runtime"), { recursive: true, mode: 0o700 });
  writeFileSync(emptyFile, "", { mode: 0o444 });
  return { folder, privateTemp, emptyFile, release: () => rmSync(folder, { recursive: true, force: true }) };
}
