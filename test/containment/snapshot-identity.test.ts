// A snapshot that outlives its process: another one compares with it and puts back what the first could not.

import { existsSync, readdirSync, readFileSync, writeFileSync, chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { restoreChanges } from "../../src/containment/restore.ts";
import { createSnapshots } from "../../src/containment/snapshot.ts";
import type { SnapshotIdentity, Snapshots } from "../../src/containment/snapshot-shapes.ts";
import { createPlace, GIT, treeOf, withoutGit, type Place } from "./fixture.ts";

let place: Place;
afterEach(() => place.remove());

describe.each([
  ["git", GIT],
  ["own code", null],
])("by %s", (_name, git) => {
  const open = (): Snapshots =>
    createSnapshots({ workspace: place.workspace, dataDirectory: place.data, git, home: place.home });

  test("what a dead process left is found by the next one, also after records of others", async () => {
    place = createPlace({
      "src/a.ts": "a\n",
      "top.txt": "top\n",
      "gone.txt": "gone\n",
      ".env": "KEY=1\n",
      "secret.txt": "s\n",
    });
    chmodSync(join(place.workspace, "secret.txt"), 0o600);
    place.write("notes.txt", "untracked\n");
    mkdirSync(join(place.workspace, "void"));
    const before = treeOf(place.workspace, withoutGit);
    const first = open();
    const text = JSON.stringify(first.identityOf(await first.take()));
    place.write("top.txt", "TOP\n");
    rmSync(join(place.workspace, "gone.txt"));
    rmSync(join(place.workspace, "void"), { recursive: true });
    chmodSync(join(place.workspace, "secret.txt"), 0o644);
    place.write("notes.txt", "lost\n");
    place.write("made/by.txt", "m\n");
    writeFileSync(join(place.workspace, ".env"), "KEY=2\n");
    const other = open();
    other.release(await other.take());

    const next = open();
    next.release(await next.take());
    const identity = JSON.parse(text) as SnapshotIdentity;
    const snapshot = await next.open(identity);
    if (snapshot === null) throw new Error("the snapshot is gone");
    const changes = await next.compare(snapshot);
    expect(changes.map(({ path, action }) => `${action} ${path}`).sort()).toEqual([
      "create made/by.txt",
      "delete gone.txt",
      "delete void/",
      "modify .env",
      "modify notes.txt",
      "modify secret.txt",
      "modify top.txt",
    ]);
    await restoreChanges(changes, place.workspace, join(place.data, "copy"), snapshot.survey.folders);
    expect(treeOf(place.workspace, withoutGit)).toEqual(before);

    next.forget(identity);
    expect(await next.open(identity)).toBeNull();
    expect(existsSync(identity.file)).toBe(false);
    const [kept = ""] = readdirSync(join(place.data, "snapshots"));
    expect(
      readdirSync(join(place.data, "snapshots", kept), { recursive: true }).filter((name) =>
        String(name).includes("record-"),
      ),
    ).toEqual([]);
  });

  test("a snapshot of another workspace, and one whose parts are gone, are not opened", async () => {
    place = createPlace({ a: "a" });
    const snapshots = open();
    const identity = snapshots.identityOf(await snapshots.take());
    expect(await snapshots.open({ ...identity, workspace: "/elsewhere" })).toBeNull();
    writeFileSync(identity.file, readFileSync(identity.file, "utf8").slice(0, 40));
    expect(await open().open(identity)).toBeNull();
  });
});
