// The way back: bytes, modes, links, folders as they were, and nothing of the user's overwritten.

import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCheckpoints, type Checkpoints } from "../../src/containment/checkpoint.ts";
import type { EffectChange, PreImage } from "../../src/containment/snapshot-shapes.ts";
import { contain, createPlace, planOf, treeOf, withoutGit, type Place } from "./fixture.ts";

let place: Place;
let checkpoints: Checkpoints;
beforeEach(() => {
  place = createPlace({ "src/a.ts": "a\n", "src/b.ts": "b\n", "run.sh": "#!/bin/sh\n", "keep/x": "x\n" });
  chmodSync(join(place.workspace, "run.sh"), 0o750);
  chmodSync(join(place.workspace, "src/b.ts"), 0o600);
  symlinkSync("src/a.ts", join(place.workspace, "link"));
  mkdirSync(join(place.workspace, "void"));
  checkpoints = createCheckpoints({ workspace: place.workspace, dataDirectory: place.data, sessionId: "s1" });
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
  contain(place, command, {
    plan: planOf({ "**": "modify", "*": "delete", void: "delete", "src/**": "delete" }),
    onChanges: (changes, before) => checkpoints.recordEffects(changes, before.survey.folders),
  });

test("undo brings back bytes, modes, links, deleted and empty folders", async () => {
  const before = treeOf(place.workspace, withoutGit);
  await checkpoints.create("ticket t1", "t1");
  await write("src/a.ts", "changed\n");
  await write("src/deep/new.ts", "new\n");
  const ran = await run(
    "rm run.sh src/b.ts link; rmdir void; echo made > made; mkdir -p fresh/empty; ln -s nowhere dangling; chmod +x keep/x",
  );
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
  expect(checkpoints.list().map(({ ticket, files }) => [ticket, files])).toEqual([
    [null, 0],
    ["t1", 1],
    ["t2", 2],
  ]);
  const later = createCheckpoints({ workspace: place.workspace, dataDirectory: place.data, sessionId: "other" });
  expect(
    later.diff(second).map(({ path, action, before, after }) => [path, action, String(before), String(after)]),
  ).toEqual([
    ["src/a.ts", "modify", "one\n", "two\n"],
    ["src/b.ts", "modify", "b\n", "two\n"],
  ]);
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
  expect(result.refused).toEqual([
    { path: "src/a.ts", reason: "it was changed since, by you or another program", copy: expect.any(String) as string },
  ]);
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

test("undo takes back the last ticket alone, then the one before", async () => {
  const before = treeOf(place.workspace, withoutGit);
  await checkpoints.create("ticket t1", "t1");
  await write("src/a.ts", "one\n");
  await write("made/by-one", "one\n");
  const between = treeOf(place.workspace, withoutGit);
  await checkpoints.create("ticket t2", "t2");
  await write("src/a.ts", "two\n");
  await write("made/by-two", "two\n");
  await checkpoints.create("ticket t3, which changes nothing", "t3");
  expect((await checkpoints.undo("last")).restored.sort()).toEqual(["made/by-two", "src/a.ts"]);
  expect(treeOf(place.workspace, withoutGit)).toEqual(between);
  expect((await checkpoints.undo("last")).restored.sort()).toEqual(["made/by-one", "src/a.ts"]);
  expect(treeOf(place.workspace, withoutGit)).toEqual(before);
});

test("undo of one session leaves what another did since", async () => {
  await checkpoints.create("ticket t1", "t1");
  await write("src/a.ts", "mine\n");
  await write("src/b.ts", "mine\n");
  const neighbour = createCheckpoints({ workspace: place.workspace, dataDirectory: place.data, sessionId: "s2" });
  for (const path of ["src/b.ts", "keep/x"]) {
    await neighbour.recordPreImage(join(place.workspace, path));
    place.write(path, "the neighbour's\n");
    neighbour.settle();
  }
  const result = await checkpoints.undo("all");
  expect([result.restored, result.refused.map(({ path }) => path)]).toEqual([["src/a.ts"], ["src/b.ts"]]);
  expect([place.read("src/a.ts"), place.read("src/b.ts"), place.read("keep/x")]).toEqual([
    "a\n",
    "the neighbour's\n",
    "the neighbour's\n",
  ]);
  expect((await neighbour.undo("all")).restored.sort()).toEqual(["keep/x", "src/b.ts"]);
  expect(place.read("src/b.ts")).toBe("mine\n");
  expect((await checkpoints.undo("all")).refused).toEqual([]);
  expect(place.read("src/b.ts")).toBe("b\n");
});

test("a version of the user's between two changes is what undo goes back to; the first is offered", async () => {
  await checkpoints.create("ticket t1", "t1");
  await write("src/a.ts", "by bmo\n");
  place.write("src/a.ts", "the user's\n");
  await checkpoints.create("ticket t2", "t2");
  await write("src/a.ts", "by bmo again\n");
  const result = await checkpoints.undo("all");
  expect(place.read("src/a.ts")).toBe("the user's\n");
  expect(result.refused.map(({ path }) => path)).toEqual(["src/a.ts"]);
  expect(readFileSync(result.refused[0]?.copy ?? "", "utf8")).toBe("a\n");
});

/** What a process that was killed in the middle of an undo leaves: the line, and some of the paths taken away. */
const halfUndone: [string, string, () => void][] = [
  ["a link whose place is empty", "ln -sf src/b.ts link", () => rmSync(join(place.workspace, "link"))],
  [
    "a folder moved aside for a file",
    "rm run.sh; mkdir -p run.sh/deep; echo x > run.sh/deep/x",
    () => rmSync(join(place.workspace, "run.sh"), { recursive: true }),
  ],
  ["a file taken away", "echo changed > src/a.ts; rm src/b.ts", () => rmSync(join(place.workspace, "src/a.ts"))],
];
test.each(halfUndone)("an undo that was killed ends when it is run again: %s", async (_what, command, half) => {
  const before = treeOf(place.workspace, withoutGit);
  const id = await checkpoints.create("ticket t1", "t1");
  expect((await run(command)).rolledBack).toEqual([]);
  const paths = readFileSync(findJournal(id), "utf8")
    .split("\n")
    .flatMap((line) => (line === "" ? [] : [(JSON.parse(line) as { path: string }).path]));
  appendFileSync(findJournal(id), `${JSON.stringify({ type: "undoing", paths })}\n{"type":"rest`);
  half();
  const later = createCheckpoints({ workspace: place.workspace, dataDirectory: place.data, sessionId: "s1" });
  expect((await later.undo("all")).refused).toEqual([]);
  expect(treeOf(place.workspace, withoutGit)).toEqual(before);
  await expect(later.undo("all")).rejects.toThrow("nothing to undo");
});

test("a line that a crash tore does not swallow the next one", async () => {
  const id = await checkpoints.create("ticket t1", "t1");
  await write("src/a.ts", "changed\n");
  appendFileSync(findJournal(id), '{"type":"before","path":"/');
  await write("src/b.ts", "changed\n");
  expect((await checkpoints.undo("all")).restored.sort()).toEqual(["src/a.ts", "src/b.ts"]);
});

const commands: [string, string][] = [
  ["bits of files and folders", "chmod 600 keep/x; chmod 700 src; chmod 644 run.sh; chmod 711 void"],
  ["a closed folder with a change in it", "echo y > keep/x; echo new > keep/new; chmod 000 keep"],
  ["a folder that became read-only", "echo y > keep/x; chmod 555 keep"],
  ["links", "ln -sf keep/x link; ln -s ../run.sh src/other; rm src/a.ts; ln -s b.ts src/a.ts"],
  [
    "a file above the size that is kept in memory",
    "head -c 9000000 /dev/zero > run.sh; head -c 9000000 /dev/zero > fresh; rm src/b.ts",
  ],
  [
    "a folder moved away and linked back",
    "mv src moved; ln -s moved src; echo other > src/a.ts; mv keep kept; ln -s kept keep",
  ],
  ["a tree moved away", "mv src moved; mkdir src; echo other > src/a.ts; rm -r keep void"],
];
test.each(commands)("undo brings back byte, mode and link: %s", async (_what, command) => {
  const before = treeOf(place.workspace, withoutGit);
  await checkpoints.create("ticket t1", "t1");
  const ran = await contain(place, command, {
    plan: planOf({ "**": "modify", "*": "delete", "**/*": "delete" }),
    onChanges: (changes, snapshot) => checkpoints.recordEffects(changes, snapshot.survey.folders),
  });
  expect(ran.rolledBack).toEqual([]);
  expect((await checkpoints.undo("all")).refused).toEqual([]);
  expect(treeOf(place.workspace, withoutGit)).toEqual(before);
});

test("a folder made by one change and filled by another goes with both", async () => {
  const before = treeOf(place.workspace, withoutGit);
  await checkpoints.create("ticket t1", "t1");
  await run("mkdir -p src/new/deep");
  await run("echo n > src/new/deep/n");
  await write("src/new/deep/er/file", "x\n");
  expect((await checkpoints.undo("all")).refused).toEqual([]);
  expect(treeOf(place.workspace, withoutGit)).toEqual(before);
});

test("a file too large for memory in one piece is kept, shown by name and brought back", async () => {
  const large = join(place.workspace, "large.bin");
  writeFileSync(large, Buffer.alloc(9_000_000, 7));
  await checkpoints.create("ticket t1", "t1");
  await write("large.bin", "small now\n");
  expect(checkpoints.diff(null)).toEqual([
    { path: "large.bin", action: "modify", before: null, after: null, tooLarge: true },
  ]);
  await checkpoints.undo("last");
  expect(readFileSync(large).equals(Buffer.alloc(9_000_000, 7))).toBe(true);
});

test("a pre-image is kept as its store writes it, not as what fits into memory", async () => {
  const whole = Buffer.alloc(3_000_000, "whole ");
  const large = join(place.workspace, "src/large.bin");
  writeFileSync(large, "what the command left\n");
  const before: PreImage = {
    kind: "file",
    executable: false,
    mode: 0o640,
    read: async () => whole.subarray(0, 10),
    writeTo: async (descriptor) => writeFileSync(descriptor, whole),
  };
  await checkpoints.create("ticket t1", "t1");
  await checkpoints.recordEffects(
    [{ path: "src/large.bin", absolute: large, action: "modify", before, guarded: false }],
    new Map([[join(place.workspace, "src"), {}]]),
  );
  expect(await checkpoints.undo("last")).toMatchObject({ restored: ["src/large.bin"], refused: [] });
  expect(readFileSync(large).equals(whole)).toBe(true);
  expect(statSync(large).mode & 0o777).toBe(0o640);
});

test("a pre-image that cannot be read whole is not kept, and leaves nothing half written", async () => {
  const before: PreImage = {
    kind: "file",
    executable: false,
    mode: 0o644,
    read: async () => Buffer.from("cut"),
    writeTo: async (descriptor) => {
      writeFileSync(descriptor, "cut");
      throw new Error("the rest cannot be read");
    },
  };
  const change: EffectChange = {
    path: "src/a.ts",
    absolute: join(place.workspace, "src/a.ts"),
    action: "modify",
    before,
    guarded: false,
  };
  await checkpoints.create("ticket t1", "t1");
  await expect(checkpoints.recordEffects([change], new Map())).rejects.toThrow("the rest cannot be read");
  expect(Object.values(treeOf(join(place.data, "checkpoints"))).filter((entry) => entry.endsWith(" cut"))).toEqual([]);
  await expect(checkpoints.undo("last")).rejects.toThrow("nothing to undo");
});

const CLOSING: [string, string][] = [
  ["an edited file of mode 000", "echo new > src/a.ts; chmod 000 src/a.ts"],
  ["an edited file of mode 200", "echo new > src/a.ts; chmod 200 src/a.ts"],
  ["a file of mode 000 with its old bytes", "chmod 000 src/b.ts"],
  ["a new file of mode 000", "echo new > src/new.ts; chmod 000 src/new.ts"],
  [
    "a file of mode 000 in a folder of mode 000",
    "mkdir src/in; echo new > src/in/new.ts; chmod 000 src/in/new.ts src/in",
  ],
  ["a large file of mode 000", "head -c 9000000 /dev/zero > src/a.ts; chmod 000 src/a.ts"],
  ["a file of mode 000 in place of a link", "rm keep/link; echo new > keep/link; chmod 000 keep/link"],
];
test.each(CLOSING)("%s is undone, bytes and bits, by root and by an ordinary user", async (_what, command) => {
  symlinkSync("x", join(place.workspace, "keep/link"));
  const before = treeOf(place.workspace, withoutGit);
  await checkpoints.create("ticket t1", "t1");
  const ran = await contain(place, command, {
    plan: planOf({ "src/**": "modify", "keep/**": "modify" }),
    onChanges: (changes, snapshot) => checkpoints.recordEffects(changes, snapshot.survey.folders),
  });
  expect([ran.exitCode, ran.unsettled, ran.rolledBack]).toEqual([0, [], []]);
  expect((await checkpoints.undo("all")).refused).toEqual([]);
  expect(treeOf(place.workspace, withoutGit)).toEqual(before);
});

test("a closed file that the user changed since is the user's", async () => {
  const path = join(place.workspace, "src/a.ts");
  await checkpoints.create("ticket t1", "t1");
  await run("echo new > src/a.ts; chmod 000 src/a.ts");
  chmodSync(path, 0o600);
  writeFileSync(path, "the user's\n");
  chmodSync(path, 0);
  expect((await checkpoints.undo("all")).refused.map((one) => one.path)).toEqual(["src/a.ts"]);
  expect(statSync(path).mode & 0o777).toBe(0);
  chmodSync(path, 0o600);
  expect(place.read("src/a.ts")).toBe("the user's\n");
});

test("names that are no UTF-8 text are undone like others", async () => {
  execFileSync("bash", ["-c", "echo there > $'src/there\\xff'"], { cwd: place.workspace });
  const shown = (): string =>
    execFileSync("bash", ["-c", "cd src; ls -1b; cat there*"], { cwd: place.workspace, encoding: "utf8" });
  const before = shown();
  await checkpoints.create("ticket t1", "t1");
  await run("echo new > $'src/new\\xfe'; echo changed > $'src/there\\xff'");
  expect(shown()).not.toBe(before);
  expect((await checkpoints.undo("all")).refused).toEqual([]);
  expect(shown()).toBe(before);
});

test("what was changed in scope by a command that also wrote outside of it can be undone", async () => {
  const before = treeOf(place.workspace, withoutGit);
  await checkpoints.create("ticket t1", "t1");
  const ran = await contain(
    place,
    "echo in > src/a.ts; chmod 755 src/b.ts; ln -s a.ts src/link; echo out > keep/x; rm run.sh",
    {
      plan: planOf({ "src/**": "modify" }),
      onChanges: (changes, snapshot) => checkpoints.recordEffects(changes, snapshot.survey.folders),
    },
  );
  expect(ran.rolledBack.sort()).toEqual(["keep/x", "run.sh"]);
  expect([
    place.read("src/a.ts"),
    readlinkSync(join(place.workspace, "src/link")),
    statSync(join(place.workspace, "src/b.ts")).mode & 0o777,
  ]).toEqual(["in\n", "a.ts", 0o755]);
  expect((await checkpoints.undo("all")).restored.sort()).toEqual(["src/a.ts", "src/b.ts", "src/link"]);
  expect(treeOf(place.workspace, withoutGit)).toEqual(before);
});

function findJournal(id: string): string {
  const [found] = Object.keys(treeOf(join(place.data, "checkpoints"))).filter((path) => path.endsWith(`${id}.jsonl`));
  return join(place.data, "checkpoints", found ?? "");
}

const HUGE: [string, string][] = [
  ["made", "truncate -s 2T src/huge"],
  ["made and grown", "truncate -s 1T src/huge; truncate -s 2T src/huge; chmod 600 src/huge"],
  ["out of one that was small", "truncate -s 2T src/a.ts"],
  ["shrunk", "truncate -s 3 src/there"],
  ["removed", "rm src/there"],
];
test.each(HUGE)("a file of terabytes with holes keeps nothing waiting and is undone: %s", async (_what, command) => {
  const there = join(place.workspace, "src/there");
  writeFileSync(there, "head");
  truncateSync(there, 2 ** 41);
  await checkpoints.create("ticket t1", "t1");
  const ran = await run(command);
  expect([ran.rolledBack, ran.unsettled]).toEqual([[], []]);
  await run("touch src/other");
  expect((await checkpoints.undo("all")).refused).toEqual([]);
  expect([statSync(there).size, existsSync(join(place.workspace, "src/huge")), place.read("src/a.ts")]).toEqual([
    2 ** 41,
    false,
    "a\n",
  ]);
  expect(execFileSync("head", ["-c", "4", there], { encoding: "utf8" })).toBe("head");
});
