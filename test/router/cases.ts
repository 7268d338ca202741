// Reads the labelled cases that the classifiers are trained on.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** `name` is a path below scripts/router-cases without its ending. */
export function readCaseFile(name: string): string[] {
  const path = fileURLToPath(new URL(`../../scripts/router-cases/${name}.txt`, import.meta.url));
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.replaceAll("\\n", "\n"));
}
