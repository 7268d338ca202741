// Temporary files of a killed process are removed by the next one; whatever only looks like them stays.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sweepTemporaries } from "../../src/util/own-temporaries.ts";

const MODULE = fileURLToPath(new URL("../../src/util/own-temporaries.ts", import.meta.url));
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "bmo-temporaries-"));
  for (const folder of ["data", "one", "two"]) mkdirSync(join(root, folder));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Another process makes two files and a folder, then ends as told. */
function otherProcess(ending: string): void {
  const program = `
    import { mkdirSync, writeFileSync } from "node:fs";
    import { journalTemporaries, makeTemporaryFolder, temporaryFileIn } from ${JSON.stringify(MODULE)};
    journalTemporaries(${JSON.stringify(join(root, "data"))});
    for (const folder of ["one", "two", "one"]) writeFileSync(temporaryFileIn(${JSON.stringify(root)} + "/" + folder), "half");
    const own = makeTemporaryFolder(${JSON.stringify(root)}, "own");
    mkdirSync(own + "/deep");
    writeFileSync(own + "/deep/file", "x");
    ${ending}`;
  writeFileSync(join(root, "other.mts"), program);
  spawnSync(process.execPath, ["--import", "tsx", join(root, "other.mts")], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
  rmSync(join(root, "other.mts"));
}

const everything = (): string[] => readdirSync(root, { recursive: true, encoding: "utf8" }).sort();

test("what a killed process left is removed, files of the user with such names stay", () => {
  for (const name of [".bmo-0123456789abcdef-1.tmp", ".bmo-0123456789abcdef.tmp", ".bmo-notes"])
    writeFileSync(join(root, "one", name), "the user's");
  const before = everything();
  otherProcess('process.kill(process.pid, "SIGKILL");');
  expect(everything().filter((path) => path.startsWith("one/.bmo-"))).toHaveLength(5);
  expect(everything().filter((path) => /^own-\w+\/deep\/file$/.test(path))).toHaveLength(1);
  sweepTemporaries(join(root, "data"));
  expect(everything()).toEqual([...before, "data/temporaries"].sort());
});

test("a place that is gone, a torn line and a torn head keep nothing from being removed", () => {
  otherProcess('process.kill(process.pid, "SIGKILL");');
  const [journal] = readdirSync(join(root, "data", "temporaries"));
  rmSync(join(root, "two"), { recursive: true });
  writeFileSync(join(root, "data", "temporaries", journal ?? ""), '{"files": "/ho', { flag: "a" });
  writeFileSync(join(root, "data", "temporaries", "bmo-torn.jsonl"), '{"pid": 1');
  sweepTemporaries(join(root, "data"));
  expect(readdirSync(join(root, "one"))).toEqual([]);
  expect(readdirSync(join(root, "data", "temporaries"))).toEqual([]);
});

test("a process that ended by itself leaves no journal; its files were its own to remove", () => {
  otherProcess("");
  expect(readdirSync(join(root, "data", "temporaries"))).toEqual([]);
  sweepTemporaries(join(root, "data"));
  expect(readdirSync(join(root, "one"))).toHaveLength(2);
});

test("without a data directory there is nothing to sweep", () => {
  sweepTemporaries(join(root, "nowhere"));
  expect(existsSync(join(root, "nowhere"))).toBe(false);
});
