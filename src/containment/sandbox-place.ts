// What the commands of one session keep for themselves: a private /tmp and the empty file that covers masked ones.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeTemporaryFolder } from "../util/own-temporaries.ts";

/** Private temp and empty file for the commands of one session; removed by `release`. */
export function createSandboxPlace(dataDirectory: string): { privateTemp: string; emptyFile: string; release(): void } {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const folder = makeTemporaryFolder(dataDirectory, "sandbox");
  const privateTemp = join(folder, "tmp");
  const emptyFile = join(folder, "empty");
  mkdirSync(join(privateTemp, ".runtime"), { recursive: true, mode: 0o700 });
  writeFileSync(emptyFile, "", { mode: 0o444 });
  return { privateTemp, emptyFile, release: () => rmSync(dirname(emptyFile), { recursive: true, force: true }) };
}
