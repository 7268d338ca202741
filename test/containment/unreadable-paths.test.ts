// Looking at effects cannot be switched off: what cannot be read, is too large, has a strange name or fills the disk
// costs only itself, and nothing ends as if all were well. Each command runs for real; an ordinary user's share runs as
// one where the tests are root.

import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, lstatSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { runAttacks } from "../../bench/containment/attacks.mts";
import { createSnapshots } from "../../src/containment/snapshot.ts";
import { needOrdinaryUser } from "../support/need.ts";
import { contain, createPlace, GIT, planOf, snapshotsOf, treeOf, withoutGit, type Place } from "./fixture.ts";

const ordinary = needOrdinaryUser("root may look into everything");
let place: Place;
// Copies hold paths that are longer than Node can remove, and folders that are closed.
afterEach(() => {
  execFileSync("chmod", ["-R", "u+rwX", place.root], { stdio: "ignore" });
  execFileSync("rm", ["-rf", place.root]);
});

const FILES = { "src/a.ts": "a\n", "README.md": "# readme\n", "docs/x.md": "x\n", ".gitignore": "dist/\n*.log\n" };
const PLAN = planOf({ "src/**": "modify" });
const EVIL = "echo EVIL > README.md; mkdir .github; echo evil > .github/ci.yml; ";

describe.each([
  ["git", GIT],
  ["own code", null],
])("snapshots by %s", (_name, git) => {
  const run = (command: string, more: Parameters<typeof contain>[2] = {}): ReturnType<typeof contain> =>
    contain(place, command, { plan: PLAN, snapshots: snapshotsOf(place, git), ...more });

  const beside: [string, string][] = [
    ["a file of mode 000", "echo x > z; chmod 000 z"],
    ["a folder of mode 000 with something in it", "mkdir -p z/in; echo x > z/in/x; chmod 000 z"],
    ["a folder of mode 111", "mkdir z; echo x > z/x; chmod 111 z"],
    ["a folder of mode 555", "mkdir z; echo x > z/x; chmod 555 z"],
    ["a name that is no UTF-8 text", "echo x > $'z\\xff'; mkdir $'z\\xfe'; echo x > $'z\\xfe/\\xfd'"],
    ["names with control characters", "echo x > $'z\\n\\e[31m'; mkdir $'\\r'; echo x > $'\\r/x'"],
    ["a loop of links", "ln -s z z; ln -s . here"],
    ["a sparse file of 40 GB", "truncate -s 40G z"],
    [
      "a path that is longer than the system takes",
      "d=$(printf 'd%.0s' $(seq 250)); for i in $(seq 20); do mkdir $d && cd $d; done; echo x > x",
    ],
    [
      "names that git refuses",
      "mkdir -p .GIT 'git~1' '.git '; echo x > .GIT/config; echo x > 'git~1/config'; echo x > '.git /x'",
    ],
    ["a pipe", "mkfifo z"],
    ["many files", "mkdir -p z/z; for i in $(seq 400); do echo x > z/z/$i; done"],
  ];
  test.each(beside)("%s costs only itself", async (_what, command) => {
    place = createPlace(FILES);
    const before = treeOf(place.workspace, withoutGit);
    const result = await run(`${EVIL}${command}`);
    expect(treeOf(place.workspace, withoutGit)).toEqual(before);
    expect(result.unsettled).toEqual([]);
    expect(result.rolledBack).toEqual(expect.arrayContaining(["README.md", ".github/ci.yml"]));
  });

  const ownClosed: [string, string][] = [
    ["a file taken away", "rm -f shut"],
    ["a file under another name", "mv shut gone"],
    ["a file replaced by a file", "rm -f shut; echo evil > shut"],
    ["a file replaced by a pipe", "rm -f shut; mkfifo shut"],
    ["a file replaced by a folder", "rm -f shut; mkdir shut; echo evil > shut/x"],
    ["a file replaced by a link", "rm -f shut; ln -s README.md shut"],
    ["a folder under another name", "mv closed gone"],
    ["a folder replaced by a file", "mv closed gone; echo evil > closed"],
    ["a folder replaced by a pipe", "mv closed gone; mkfifo closed"],
    ["a folder replaced by a folder", "mv closed gone; mkdir closed; echo evil > closed/x"],
  ];
  /** Whether the file or folder is as the user left it, its permission bits too. */
  const isWhole = (name: string): boolean => {
    const path = join(place.workspace, name);
    if (!existsSync(path) || (lstatSync(path).mode & 0o777) !== 0) return false;
    chmodSync(path, 0o700);
    return name === "shut"
      ? place.read("shut") === "secret\n"
      : place.read("closed/in") === "in\n" && !existsSync(join(path, "x"));
  };
  test.skipIf(ordinary.missing).each(ownClosed)(
    ordinary.title("what was closed to us before is whole again or told: %s"),
    async (_what, command) => {
      place = createPlace({ ...FILES, shut: "secret\n", "closed/in": "in\n" });
      for (const name of ["shut", "closed"]) chmodSync(join(place.workspace, name), 0o000);
      const result = await run(command);
      const name = command.includes("closed") ? "closed" : "shut";
      const isTold = result.unsettled.some(({ path }) => path.replace(/\/$/, "") === name);
      expect(isTold || isWhole(name)).toBe(true);
    },
  );

  test("a closed file in scope stays as the command left it, and the rest is put back", async () => {
    place = createPlace(FILES);
    const result = await run(
      `${EVIL}echo new > src/a.ts; chmod 000 src/a.ts; mkdir src/shut; echo n > src/shut/n; chmod 000 src/shut`,
    );
    expect(place.read("README.md")).toBe("# readme\n");
    expect(existsSync(join(place.workspace, ".github"))).toBe(false);
    expect([
      lstatSync(join(place.workspace, "src/a.ts")).mode & 0o777,
      lstatSync(join(place.workspace, "src/shut")).mode & 0o777,
    ]).toEqual([0, 0]);
    chmodSync(join(place.workspace, "src/a.ts"), 0o644);
    expect(place.read("src/a.ts")).toBe("new\n");
    expect(result.unsettled).toEqual([]);
  });

  test("a large file comes back without passing through memory", async () => {
    place = createPlace(FILES);
    writeFileSync(join(place.workspace, "large.bin"), "head");
    truncateSync(join(place.workspace, "large.bin"), 400_000_000);
    const result = await run("rm large.bin; echo EVIL > README.md");
    expect(statSync(join(place.workspace, "large.bin")).size).toBe(400_000_000);
    expect(execFileSync("head", ["-c", "4", join(place.workspace, "large.bin")], { encoding: "utf8" })).toBe("head");
    expect(result).toMatchObject({ unsettled: [], rolledBack: ["README.md", "large.bin"] });
  });

  const unseen: [string, string, string][] = [
    [
      "as many bytes and the old time",
      "touch -d @1000000000 README.md",
      "printf '# PWNED!\\n' | head -c 9 > README.md; touch -d @1000000000 README.md",
    ],
    [
      "another file of the same size by renaming",
      "touch -d @1000000000 README.md",
      "printf '# PWNED!\\n' > n; touch -d @1000000000 n; mv n README.md",
    ],
    [
      "a mapped file",
      "touch -d @1000000000 README.md",
      'python3 -c \'import mmap; f = open("README.md", "r+b"); m = mmap.mmap(f.fileno(), 0); m[0]; m[2:8] = b"PWNED!"\'; touch -d @1000000000 README.md',
    ],
    ["permission bits and back to the old time", "true > src/n", "chmod 600 README.md"],
  ];
  test.each(unseen)("no change escapes by its times: %s", async (_what, first, second) => {
    place = createPlace(FILES);
    const calls = snapshotsOf(place, git);
    for (let round = 0; round < 4; round++) {
      const result = [await run(first, { snapshots: calls }), await run(second, { snapshots: calls })];
      expect(place.read("README.md")).toBe("# readme\n");
      expect(lstatSync(join(place.workspace, "README.md")).mode & 0o777).toBe(0o644);
      expect(result[1]?.rolledBack).toContain("README.md");
    }
  });

  test("what is tracked and ignored is watched, whatever the attributes say", async () => {
    place = createPlace({ ...FILES, ".gitattributes": "* text=auto\n", "dist/app.js": "built\n" });
    place.git("add", "-f", "dist/app.js");
    place.git("commit", "-qm", "tracked");
    place.write("dist/other.js", "not tracked\n");
    await run("echo evil > dist/app.js; echo new > dist/other.js");
    expect([place.read("dist/app.js"), place.read("dist/other.js")]).toEqual(["built\n", "new\n"]);
    expect((await run("rm dist/app.js")).rolledBack).toEqual(["dist/app.js"]);
    expect(place.read("dist/app.js")).toBe("built\n");
  });

  test("the ignore rules are those of the plan's beginning, in its last command and in another process too", async () => {
    place = createPlace(FILES);
    const wide = planOf({ "src/**": "modify", ".gitignore": "modify" });
    const more = { plan: wide, rulesOf: "plan p1 sha256:1" };
    await run("echo '*' >> .gitignore; echo '*' > src/.gitignore", more);
    expect(
      (
        await run("echo evil > evil.sh; mkdir .vscode; echo evil > .vscode/tasks.json; echo ok > x.log", more)
      ).rolledBack.sort(),
    ).toEqual([".vscode/tasks.json", "evil.sh"]);
    const later = createSnapshots({
      workspace: place.workspace,
      dataDirectory: join(place.data, git ?? "plain"),
      git,
      home: place.home,
    });
    expect((await run("echo evil > evil.sh", { ...more, snapshots: later })).rolledBack).toEqual(["evil.sh"]);
    expect((await run("echo mine > mine.sh", { ...more, rulesOf: "plan p2 sha256:2" })).rolledBack).toEqual([]);
    expect(place.read("x.log")).toBe("ok\n");
  });

  test("what the user's own list and folders above leave out is left alone", async () => {
    place = createPlace({ ...FILES, "packages/one/a.ts": "a\n", ".gitignore": "node_modules\n/packages/*/out\n" });
    place.write("../home/.config/git/ignore", "*.mine\n");
    const inner = { ...place, workspace: join(place.workspace, "packages/one") };
    const snapshots = createSnapshots({
      workspace: inner.workspace,
      dataDirectory: join(place.data, "inner"),
      git,
      home: place.home,
    });
    const result = await contain(
      inner,
      "mkdir -p node_modules/x out; echo m > node_modules/x/m; echo o > out/o; echo y > y.mine; echo evil > evil",
      { plan: planOf({ "a.ts": "modify" }), snapshots },
    );
    expect(result.rolledBack).toEqual(["evil"]);
  });
});

test("a file of the user that could not be read before, and changed, is named; the others are put back", async (context) => {
  if (process.getuid?.() === 0) context.skip("root can read every file");
  place = createPlace(FILES);
  place.write("shut", "the user's\n");
  chmodSync(join(place.workspace, "shut"), 0);
  const result = await contain(place, `${EVIL}chmod 600 shut; echo lost > shut`, { plan: PLAN });
  expect(result.unsettled.map(({ path }) => path)).toEqual(["shut"]);
  expect(place.read("README.md")).toBe("# readme\n");
});

test("a command that replaces the data directory's place by another kind of thing does not end as if all were well", async () => {
  place = createPlace(FILES);
  writeFileSync(join(place.root, "file"), "");
  const result = await contain(place, EVIL, { plan: PLAN, copiesDirectory: join(place.root, "file") });
  expect(result.unsettled.map(({ path }) => path).sort()).toEqual([".github/ci.yml", "README.md"]);
  expect(result.notes.join()).toContain("as it was: git --git-dir=");
});

test("a folder that was moved away and replaced by a link comes back with its bits", async () => {
  place = createPlace(FILES);
  chmodSync(join(place.workspace, "docs"), 0o710);
  const before = treeOf(place.workspace, withoutGit);
  await contain(place, "mv docs old; ln -s old docs; echo evil > docs/x.md", { plan: PLAN });
  expect(treeOf(place.workspace, withoutGit)).toEqual(before);
});

test(
  "generated attacks: what is left out of scope is named, and no run ends as if all were well",
  { timeout: 300_000 },
  async () => {
    place = createPlace({});
    const result = await runAttacks(60, 7, () => undefined, 1_000);
    expect(result.failures).toEqual([]);
    expect(result.attacks).toBe(60);
  },
);
