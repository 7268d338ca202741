// What was written where the ignore rules keep snapshots from looking is listed: bounded, folders by count, by rules as
// they were.

import { execFileSync } from "node:child_process";
import { afterEach, expect, test } from "vitest";
import { ignoredWritten } from "../../src/containment/ignored-written.ts";
import { createPlace, snapshotsOf, type Place } from "./fixture.ts";

let place: Place;
afterEach(() => place.remove());

const FILES = {
  "src/a.ts": "a\n",
  "dist/old.js": "old\n",
  "node_modules/one/index.js": "x\n",
  "old.log": "old\n",
  "kept.log": "tracked\n",
  ".gitignore": "dist/\nnode_modules/\n*.log\n",
};

/** What is listed after a command that began when all of the files had been there for a while. */
async function listedAfter(command: string): Promise<string[]> {
  place = createPlace(FILES, false);
  place.git("init", "-q");
  place.git("add", "-f", "kept.log");
  execFileSync("bash", ["-c", "mkdir nested && git init -q nested && echo 'out/' > nested/.gitignore"], {
    cwd: place.workspace,
  });
  await new Promise((resolve) => setTimeout(resolve, 60));
  const { stores } = await snapshotsOf(place).take();
  const began = Date.now();
  execFileSync("bash", ["-c", command], { cwd: place.workspace });
  return ignoredWritten(stores, began);
}

const CASES: [string, string, string[]][] = [
  ["nothing", "true", []],
  ["only what is not ignored", "echo b > src/b.ts", []],
  ["a new file in a folder", "echo n > dist/n.js", ["dist/ (1 file)"]],
  ["a file changed in place", "echo n >> dist/old.js", ["dist/ (1 file)"]],
  [
    "a file with its old times",
    "touch -r dist/old.js mark; echo n >> dist/old.js; touch -r mark dist/old.js",
    ["dist/ (1 file)"],
  ],
  ["permission bits", "chmod 700 old.log", ["old.log"]],
  ["a file by itself, deep", "mkdir -p src/in; echo n > src/in/n.log", ["src/in/n.log"]],
  ["thousands", "mkdir -p node_modules/two/lib; touch node_modules/two/lib/{1..2113}", ["node_modules/ (2,113 files)"]],
  ["a link", "ln -s /nowhere dist/link", ["dist/ (1 file)"]],
  ["a repository inside", "mkdir nested/out; echo n > nested/out/n; echo n > nested/n", ["nested/out/ (1 file)"]],
  ["rules that the command added", "echo 'src/' >> .gitignore; echo n > src/n.ts", []],
  ["rules that the command took away", "echo > .gitignore; echo n > dist/n.js", ["dist/ (1 file)"]],
  ["what is tracked although ignored: it is watched", "echo n > kept.log", []],
  ["a closed folder", "mkdir dist/in; echo n > dist/in/n; echo n > dist/n", ["dist/ (2 files)"]],
  ["a name that is no UTF-8 text", "echo n > $'dist/\\xff'", ["dist/ (1 file)"]],
];
test.each(CASES)("listed after %s", async (_what, command, expected) => {
  expect(await listedAfter(command)).toEqual(expected);
});

test("long lists are cut, and say so", async () => {
  const listed = await listedAfter("touch {1..80}.log");
  expect(listed).toHaveLength(51);
  expect(listed.at(-1)).toBe("and 30 more");
});

test("a folder with more files than are looked at costs no other its place, and the bound is told", async () => {
  const listed = await listedAfter(
    "mkdir -p node_modules/a/b; (cd node_modules/a/b; touch {1..21000}); echo n > dist/n.js",
  );
  expect(listed[0]).toBe("dist/ (1 file)");
  expect(listed[1]).toMatch(/^node_modules\/ \(19,\d{3} files\)$/);
  expect(listed[2]).toContain("perhaps others");
});
