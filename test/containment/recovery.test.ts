// What a command left whose bmo was ended: a comparison that fails is not the end of it, the next start tries again.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createCommandJournal, type CommandEntry, type CommandJournal } from "../../src/containment/command-journal.ts";
import { recoverCommands, type Recovery } from "../../src/containment/recovery.ts";
import { createSnapshots } from "../../src/containment/snapshot.ts";
import { createPlace, GIT, type Place } from "./fixture.ts";

let place: Place;
afterEach(() => place.remove());

const journalFile = (): string => join(place.data, "commands", readdirSync(join(place.data, "commands"))[0] ?? "none");

/** Writes the entry of a command whose bmo has ended. */
async function leaveBehind(git: string | null): Promise<CommandJournal> {
  const snapshots = createSnapshots({ workspace: place.workspace, dataDirectory: place.data, git, home: place.home });
  const before = await snapshots.take();
  const journal = createCommandJournal(place.data);
  journal
    .open({
      session: "s1",
      workspace: place.workspace,
      command: "make",
      sandboxed: false,
      snapshot: snapshots.identityOf(before),
      checkpoint: "c_000001_abcdef",
      containment: "enforce",
      scope: {
        files: [{ path: join(place.workspace, "src/a.ts"), action: "modify", ticket: "t1" }],
        caseSensitive: true,
      },
      mayMakeRepository: false,
      installs: false,
      rules: { allow: [], deny: [] },
    })
    .abandon();
  const entry = JSON.parse(readFileSync(journalFile(), "utf8")) as CommandEntry;
  const { pid } = spawnSync("true");
  writeFileSync(
    journalFile(),
    `${JSON.stringify({ ...entry, owner: { pid, started: entry.owner.started.replace(/^\\d+/, "1") } })}\n`,
  );
  return journal;
}

const recover = (journal: CommandJournal, git: string | null): Promise<Recovery[]> =>
  recoverCommands({
    workspace: place.workspace,
    dataDirectory: place.data,
    git,
    home: place.home,
    journal,
    onOutOfScope: async () => "restore",
    isNamed: () => false,
  });

/** Puts something unreadable in the place of a path. @returns what takes it away again. */
function spoil(path: string, withWhat: "a folder" | "other bytes" | "a file"): () => void {
  const away = join(place.root, "away");
  renameSync(path, away);
  if (withWhat === "a folder") mkdirSync(path);
  else writeFileSync(path, "other bytes\n");
  return () => {
    rmSync(path, { recursive: true });
    renameSync(away, path);
  };
}

const snapshotFile = (name: RegExp): string => {
  const folder = join(place.data, "snapshots");
  return join(
    folder,
    readdirSync(folder, { recursive: true, encoding: "utf8" }).find((path) => name.test(path)) ?? "none",
  );
};

const FAILURES: [string, string | null, () => () => void][] = [
  ["git: its record cannot be read", GIT, () => spoil(snapshotFile(/git\/record-[0-9a-f]+$/), "other bytes")],
  ["git: what describes the snapshot cannot be read", GIT, () => spoil(snapshotFile(/taken-/), "a folder")],
  ["own code: what describes the snapshot cannot be read", null, () => spoil(snapshotFile(/taken-/), "a folder")],
  ["git: no snapshot can be looked for", GIT, () => spoil(join(place.data, "snapshots"), "a file")],
  ["own code: no snapshot can be looked for", null, () => spoil(join(place.data, "snapshots"), "a file")],
];

describe.each(FAILURES)("a comparison that failed is tried again by the next start: %s", (_what, git, breakIt) => {
  test.each([
    ["long before", -1_000_000],
    ["after", 60],
  ])("the command had ended %s the last change", async (_when, seconds) => {
    place = createPlace({ "src/a.ts": "a\n", "README.md": "readme\n" });
    const journal = await leaveBehind(git);
    place.write("README.md", "EVIL\n");
    const lastBeat = (after: number): void =>
      utimesSync(journalFile(), Date.now() / 1_000 + after, Date.now() / 1_000 + after);
    lastBeat(seconds);
    const mend = breakIt();
    expect((await recover(journal, git)).flatMap(({ unresolved }) => unresolved.map(({ path }) => path))).toEqual([
      ".",
    ]);
    expect(readdirSync(join(place.data, "commands"))).toHaveLength(1);
    mend();
    lastBeat(60);
    expect((await recover(journal, git)).flatMap(({ unresolved }) => unresolved)).toEqual([]);
    expect(place.read("README.md")).toBe("readme\n");
    expect(readdirSync(join(place.data, "commands"))).toEqual([]);
  });
});

test("a snapshot that is gone is told once, and what the command changed stays", async () => {
  place = createPlace({ "src/a.ts": "a\n" });
  const journal = await leaveBehind(GIT);
  place.write("src/a.ts", "new\n");
  rmSync(snapshotFile(/taken-/));
  expect((await recover(journal, GIT)).flatMap(({ unresolved }) => unresolved.map(({ reason }) => reason))).toEqual([
    expect.stringContaining("is not kept any more"),
  ]);
  expect(await recover(journal, GIT)).toEqual([]);
  expect(place.read("src/a.ts")).toBe("new\n");
});

describe.each([
  ["git", GIT],
  ["own code", null],
])("the repository that a dead command took away comes back whole, with snapshots by %s", (_name, git) => {
  test.each<[string, string]>([
    ["removed", "rm -rf .git"],
    ["its objects removed", "rm -rf .git/objects"],
    ["a pack removed", "rm -rf .git/objects/pack"],
    ["a single object removed", "rm -f $(find .git/objects -name '[0-9a-f]*' -type f | head -1)"],
    ["moved away and linked back", "mv .git moved; ln -s moved .git"],
  ])("%s", async (_what, command) => {
    place = createPlace({ "src/a.ts": "a\n", "README.md": "readme\n" });
    place.git("repack", "-adq");
    place.write("src/a.ts", "second\n");
    place.git("commit", "-qam", "second");
    const journal = await leaveBehind(git);
    spawnSync("bash", ["-c", command], { cwd: place.workspace });
    utimesSync(journalFile(), Date.now() / 1_000 + 60, Date.now() / 1_000 + 60);
    expect((await recover(journal, git)).flatMap(({ unresolved }) => unresolved)).toEqual([]);
    expect(place.git("fsck", "--full", "--strict")).toBe("");
    expect(place.git("log", "--format=%s", "-p")).toMatch(/^second\n[\s\S]*first\n/);
  });
});
