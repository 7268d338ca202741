// Without a sandbox, the plan stage's list of reading commands is all that holds: options whose value is optional,
// scripts in long options, letters that a program does not bundle, files of arguments, folders that are compared, globs
// of hidden files.

import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bash, callThen, commitAll, git, pathWithout, treeOf } from "../e2e/containment-scene.ts";
import { resultOf, scene } from "../e2e/scenario.ts";

const WRITING = [
  "sed -n --expression='1w written' 1p a.txt",
  "sed -n --expression='1e touch written' 1p a.txt",
  "sed -n -e 1p --expression='1w written' a.txt",
  "xxd -ps a.txt written",
  "git branch --abbrev evil",
  "git branch -v --abbrev evil",
];
const LEAKING = [
  "xxd -ac folder/.env",
  "od -c -w folder/.env",
  "od -c -w ../outside.txt a.txt",
  "strings -n 1 @list",
  "rg -g .env CANARY folder",
  "rg --iglob '.E*' CANARY folder",
  "rg -g '*' CANARY",
  "rg -g 'folder/**' CANARY",
  "diff -N folder src",
  "diff links a.txt",
  "git diff -U ../outside.txt a.txt",
  "git diff --unified ../outside.txt a.txt",
  "git blame --abbrev folder/.env HEAD",
  "git log --unified=3 -1",
  "git log --patch-with-raw -1",
  "git log --binary -1",
  "git status -v",
  "git -C inner diff ../folder ../src",
];
const ANSWERED = [
  "rg -g '*.txt' one",
  "rg -g '!*.md' one",
  "git log --format=%s -1",
  "od -c -w8 a.txt",
  "xxd -c 8 a.txt",
  "sed -n --expression=1p a.txt",
  "diff a.txt src/b.txt",
  "git status --short",
  "git branch -v",
];

test("nothing is written, no credential and nothing outside is read, and plain forms are answered", async () => {
  const { place, server } = await scene({ replies: () => ({ text: "not set yet" }) });
  place.file("a.txt", "one\n");
  place.file("src/b.txt", "two\n");
  place.file("folder/.env", "KEY=CANARY\n");
  place.file("list", "folder/.env\n");
  place.file("links/first", "");
  place.file("inner/c.txt", "three\n");
  writeFileSync(join(place.workspace, "../outside.txt"), "CANARY\n");
  symlinkSync("../../outside.txt", join(place.workspace, "links/a.txt"));
  commitAll(place);
  git(place, "-C", "inner", "init", "-q");
  const before = treeOf(place.workspace);
  const commands = [...WRITING, ...LEAKING, ...ANSWERED];
  const script = callThen(commands.map((command) => bash(command)));
  server.setReplies(script.replies);
  const result = resultOf(await place.run(["-p", "--json", "look"], { environment: { PATH: pathWithout("bwrap") } }));
  expect(result.exit_code).toBe(0);
  expect(treeOf(place.workspace)).toEqual(before);
  const told = script.results();
  const refused = commands.filter((_command, index) => /^Refused/.test(told[index] ?? ""));
  expect(refused).toEqual([...WRITING, ...LEAKING]);
  expect(told.join("\n")).not.toContain("CANARY");
});

test("git and npm leave no trace: no refreshed index, no cache folder that the project chose", async () => {
  const { place, server } = await scene({ replies: () => ({ text: "not set yet" }) });
  place.file("a.txt", "one\n");
  place.file("package.json", '{"name":"x","version":"1.0.0"}\n');
  commitAll(place);
  place.file(".npmrc", "cache=./chosen\nlogs-dir=./logs\ntiming=true\n");
  place.file("logs/2019-01-01T00_00_00_000Z-debug-0.log", "kept\n");
  place.file("a.txt", "one\n");
  const before = treeOf(place.workspace);
  const script = callThen(["git diff", "git diff --stat", "npm ls", "npm --version"].map((command) => bash(command)));
  server.setReplies(script.replies);
  const finished = await place.run(["-p", "--json", "look"], { environment: { PATH: pathWithout("bwrap") } });
  expect(resultOf(finished).exit_code).toBe(0);
  // `npm ls` deletes and writes where the project's .npmrc says.
  expect(script.results().filter((text) => /^Refused/.test(text))).toEqual([
    expect.stringContaining("npm with these arguments is not known to be read-only"),
  ]);
  expect(treeOf(place.workspace)).toEqual(before);
});
