// A descriptor that bmo was started with is a handle on the writable file system. No child of bmo gets it, whatever its
// number.

import { closeSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync, type StdioOptions } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withoutDescriptors } from "../../src/util/descriptors.ts";
import { needProc } from "../support/need.ts";

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "bmo-descriptors-")));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const PROCESS = fileURLToPath(new URL("../../src/util/process.ts", import.meta.url));
/** What each way of starting a child finds open, as the child itself lists it. */
const CHILD = `
  import { runProcess, runToString, runInteractive } from ${JSON.stringify(PROCESS)};
  const list = ["/bin/sh", "-c", "ls -l /proc/self/fd > \\"$OUT\\""];
  const at = (name) => ({ argv: list, cwd: "/", environment: { PATH: "/usr/bin:/bin", OUT: process.argv[2] + "/" + name } });
  await runProcess({ ...at("command"), timeoutSeconds: 10, signal: new AbortController().signal });
  await runToString(at("own"));
  await runInteractive(at("editor"));
`;

/** Starts a process that has the folder open under each number, and gives the numbers that its children have. */
function descriptorsOfChildren(numbers: number[]): Record<string, number[]> {
  const script = join(folder, "child.mjs");
  writeFileSync(script, CHILD);
  const handle = openSync(folder, "r");
  const stdio: StdioOptions = Array<"ignore" | number>(Math.max(2, ...numbers) + 1).fill("ignore");
  stdio[2] = "pipe";
  for (const number of numbers) stdio[number] = handle;
  const ended = spawnSync(process.execPath, ["--import", "tsx", script, folder], {
    stdio,
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
  closeSync(handle);
  expect(String(ended.stderr)).toBe("");
  return Object.fromEntries(
    ["command", "own", "editor"].map((name) => [
      name,
      [...readFileSync(join(folder, name), "utf8").matchAll(/ (\d+) -> (?!\/proc)/g)]
        .map((match) => Number(match[1]))
        .sort((a, b) => a - b),
    ]),
  );
}

const STANDARD = [0, 1, 2];

const proc = needProc();
test.skipIf(proc.missing).each([[[]], [[3]], [[200]], [[3, 17, 19, 20, 21]], [[16, 63, 255, 256, 900]]])(
  proc.title("opened by the caller under %j: none of them reaches a child"),
  (numbers) => {
    const found = descriptorsOfChildren(numbers);
    // 19 is the report of commands; `ls` writes its list through 1.
    expect(found).toEqual({ command: [...STANDARD, 19], own: STANDARD, editor: STANDARD });
  },
);

test("the argument list stays as it is where nothing is to be closed", () => {
  const argv = ["/bin/sh", "-c", ":"];
  expect(withoutDescriptors(argv, [])).toBe(argv);
  expect(withoutDescriptors(argv, [7, 200]).slice(-4)).toEqual(["bmo", ...argv]);
  expect(() => withoutDescriptors(["/nowhere/program"], [7])).toThrow("ENOENT");
});
