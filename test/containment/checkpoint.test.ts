// The way back: bytes, modes, links, folders as they were, and nothing of the user's overwritten.

import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCheckpoints, type Checkpoints } from "../../src/containment/checkpoint.ts";
import { contain, createPlace, planOf, snapshotsOf, treeOf, withoutGit, type Place } from "./fixture.ts";

let place: Place;
let checkpoints: Checkpoints;
beforeEach(() => {
  place = createPlace({ "src/a.ts": "a\n", "src/b.ts": "b\n", "run.sh": "#!/bin/sh\n", "keep/x": "x\n" });
  chmodSync(join(place.workspace, "run.sh"), 0o750);
  chmodSync(join(place.workspace, "src/b.ts"), 0o600);
  symlinkSync("src/a.ts", join(place.workspace, "link"));
  mkdirSync(join(place.workspace, "void"));
  checkpoints = createCheckpoints({ workspace: place.workspace, dataDirectory: place.data, sessionId: "s1", onCreate: () => snapshotsOf(place).renewModes() });
});
afterEach(() => place.remove());

async function write(path: string, text: string): Promise<void> {
  const absolute = join(place.workspace, path);
  await checkpoints.recordPreImage(absolute);
  mkdirSync(join(absolute, ".."), { recursive: true });
  writeFileSync(absolute, text);
  checkpoints.settle();
}
const run = (command: string): ReturnType<typeof contain> =>
  contain(place, command, { plan: planOf({ "**": "modify", "*": "delete", "void": "delete", "src/**": "delete" }), onChanges: (changes, before) => checkpoints.recordEffects(changes, before.survey.folders) });

test("undo brings back bytes, modes, links, deleted and empty folders", async () => {
  const before = treeOf(place.workspace, withoutGit);
  await checkpoints.create("ticket t1", "t1");
  await write("src/a.ts", "changed\n");
  await write("src/deep/new.ts", "new\n");
  const ran = await run("rm run.sh src/b.ts link; rmdir void; echo made > made; mkdir -p fresh/empty; ln -s nowhere dangling; chmod +x keep/x");
  expect(ran.exitCode).toBe(0);
  expect(ran.rolledBack).toEqual([]);
  expect(treeOf(place.workspace, withoutGit)).not.toEqual(before);
  const result = await checkpoints.undo("last");
  expect(result.refused).toEqual([]);
  expect(treeOf(place.workspace, withoutGit)).toEqual(before);
  expect(readFileSync(join(result.copy, "src/a.ts"), "utf8")).toBe("changed\n");
  await expect(checkpoints.undo("last")).rejects.toThrow("nothing to undo");
});

test("ticket by ticket, then all; from another process too", async () => {
  await checkpoints.create("before execution", null);
  await checkpoints.create("ticket t1", "t1");
  await write("src/a.ts", "one\n");
  const second = await checkpoints.create("ticket t2", "t2");
  await write("src/a.ts", "two\n");
  await write("src/b.ts", "two\n");
  expect(checkpoints.list().map(({ ticket, files }) => [ticket, files])).toEqual([[null, 0], ["t1", 1], ["t2", 2]]);
  const later = createCheckpoints({ workspace: place.workspace, dataDirectory: place.data, sessionId: "other" });
  expect(later.diff(second).map(({ path, action, before, after }) => [path, action, String(before), String(after)])).toEqual([["src/a.ts", "modify", "one\n", "two\n"], ["src/b.ts", "modify", "b\n", "two\n"]]);
  expect((await later.restore(second)).restored.sort()).toEqual(["src/a.ts", "src/b.ts"]);
  expect([place.read("src/a.ts"), place.read("src/b.ts")]).toEqual(["one\n", "b\n"]);
  await checkpoints.undo("all");
  expect(place.read("src/a.ts")).toBe("a\n");
  await expect(later.restore("c_unknown")).rejects.toThrow("there is no checkpoint c_unknown");
  await expect(later.restore("c_")).rejects.toThrow("several checkpoints");
});

test("what the user changed since is refused, offered as a copy, and the rest goes back", async () => {
  await checkpoints.create("ticket t1", "t1");
  await write("src/a.ts", "by bmo\n");
  await write("src/b.ts", "by bmo\n");
  place.write("src/a.ts", "by the user\n");
  const result = await checkpoints.undo("last");
  expect(place.read("src/a.ts")).toBe("by the user\n");
  expect(place.read("src/b.ts")).toBe("b\n");
  expect(result.refused).toEqual([{ path: "src/a.ts", reason: "it was changed since, by you or another program", copy: expect.any(String) as string }]);
  expect(readFileSync(result.refused[0]?.copy ?? "", "utf8")).toBe("a\n");
});

test("a change with the old size and time is still the user's", async () => {
  await checkpoints.create("ticket t1", "t1");
  await write("src/a.ts", "12345\n");
  utimesSync(join(place.workspace, "src/a.ts"), 1, 1);
  place.write("src/a.ts", "67890\n");
  utimesSync(join(place.workspace, "src/a.ts"), 1, 1);
  expect((await checkpoints.undo("last")).refused).toHaveLength(1);
});

test("a torn journal line and a crash before the note of the result lose no pre-image", async () => {
  const id = await checkpoints.create("ticket t1", "t1");
  await checkpoints.recordPreImage(join(place.workspace, "src/a.ts"));
  place.write("src/a.ts", "half\n");
  const journal = readFileSync(join(findJournal(id)), "utf8");
  writeFileSync(findJournal(id), `${journal}{"type":"aft`);
  const later = createCheckpoints({ workspace: place.workspace, dataDirectory: place.data, sessionId: "s1" });
  expect((await later.restore(id)).restored).toEqual(["src/a.ts"]);
  expect(place.read("src/a.ts")).toBe("a\n");
});

test("thirty edits take no snapshot of the tree", async () => {
  await checkpoints.create("ticket t1", "t1");
  for (let count = 0; count < 30; count++) await write("src/a.ts", `${count}\n`);
  expect(existsSync(join(place.data, "snapshots"))).toBe(false);
  await checkpoints.undo("last");
  expect(place.read("src/a.ts")).toBe("a\n");
});

test("a folder that became a link meanwhile is not written through", async () => {
  await checkpoints.create("ticket t1", "t1");
  await write("keep/x", "changed\n");
  rmSync(join(place.workspace, "keep"), { recursive: true });
  mkdirSync(join(place.root, "beyond"));
  writeFileSync(join(place.root, "beyond", "x"), "changed\n");
  symlinkSync(join(place.root, "beyond"), join(place.workspace, "keep"));
  await checkpoints.undo("last");
  expect(readFileSync(join(place.root, "beyond", "x"), "utf8")).toBe("changed\n");
});

function findJournal(id: string): string {
  const [found] = Object.keys(treeOf(join(place.data, "checkpoints"))).filter((path) => path.endsWith(`${id}.jsonl`));
  return join(place.data, "checkpoints", found ?? "");
}
