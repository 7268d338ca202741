// What commands did, not what they said: changes in scope stay, others are put back byte by byte with a copy kept.

import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createSnapshots } from "../../src/containment/snapshot.ts";
import {
  contain,
  createPlace,
  GIT,
  planOf,
  sandboxFor,
  snapshotsOf,
  treeOf,
  withoutGit,
  type Place,
} from "./fixture.ts";
import { needBubblewrap } from "../support/need.ts";

let place: Place;
afterEach(() => place.remove());

const FILES = {
  "src/a.ts": "a\n",
  "src/b.ts": "b\n",
  "docs/x.md": "x\n",
  "top.txt": "top\n",
  ".gitignore": "dist/\n*.log\n",
  "run.sh": "#!/bin/sh\n",
};
const PLAN = planOf({ "src/**": "modify" });

describe.each([
  ["git", GIT],
  ["own code", null],
])("snapshots by %s", (_name, git) => {
  const run = (command: string, more: Parameters<typeof contain>[2] = {}): ReturnType<typeof contain> =>
    contain(place, command, { plan: PLAN, snapshots: snapshotsOf(place, git), ...more });

  test("in scope stays, out of scope is put back, the copy brings it back", async () => {
    place = createPlace(FILES);
    const result = await run(
      "echo in > src/a.ts; echo new > src/new.ts; echo out > docs/x.md; echo made > made.txt; mkdir -p deep/er; echo y > deep/er/y",
    );
    expect(place.read("src/a.ts")).toBe("in\n");
    expect(place.read("src/new.ts")).toBe("new\n");
    expect(place.read("docs/x.md")).toBe("x\n");
    expect(place.read("made.txt")).toBeNull();
    expect(existsSync(join(place.workspace, "deep"))).toBe(false);
    expect(result.rolledBack.sort()).toEqual(["deep/er/y", "docs/x.md", "made.txt"]);
    expect(result.outOfScope).toContainEqual({ path: "docs/x.md", action: "modify" });
    expect(result.changes).toContainEqual({ path: "src/new.ts", action: "create" });
    expect(result.notes.join()).toContain(result.restoreCommand);
    execFileSync("bash", ["-c", result.restoreCommand ?? "false"]);
    expect(place.read("docs/x.md")).toBe("out\n");
    expect(place.read("deep/er/y")).toBe("y\n");
  });

  const hostile: [string, string][] = [
    ["deletions", "rm -rf docs top.txt run.sh"],
    ["a rename", "mv top.txt other.txt"],
    ["a link for a folder", "rm -rf docs; ln -s /tmp docs"],
    ["a folder for a file", "rm top.txt; mkdir top.txt; echo z > top.txt/z"],
    ["a link for a file", "rm top.txt; ln -s src/a.ts top.txt"],
    ["an executable bit", "chmod +x top.txt"],
    ["odd names", "touch -- $'a\\nb' $'c\\e[31m' ' lead' '-rf' 'ü'"],
    ["a new empty folder", "mkdir -p void/inner"],
    ["an ignore rule that hides itself", "printf '*\\n' > docs/.gitignore; echo hidden > docs/hidden"],
    ["an ignore rule at the top", "echo 'hid*' >> .gitignore; echo h > hidden"],
    ["times set back", "echo long > top.txt; touch -d 2001-01-01 top.txt"],
    ["same size and time", 't=$(stat -c %y top.txt); echo tip > top.txt; touch -d "$t" top.txt'],
    ["git hooks", "mkdir -p .git/hooks; printf '#!/bin/sh\\n' > .git/hooks/post-commit"],
    ["git configuration", "printf '[core]\\n fsmonitor = x\\n' >> .git/config"],
    ["a branch", "printf '%040d\\n' 0 > .git/refs/heads/evil"],
    ["credentials", "echo KEY=1 > .env; mkdir -p .ssh; echo k > .ssh/id_rsa"],
    ["a repository inside", "mkdir inner; cd inner; git init -q .; echo w > w"],
  ];
  test.each(hostile)("%s", async (_what, command) => {
    place = createPlace(FILES);
    const before = treeOf(place.workspace, (path) => /^\.git\/(index|objects|logs)/.test(path));
    const result = await run(command);
    expect(result.exitCode).toBe(0);
    expect(treeOf(place.workspace, (path) => /^\.git\/(index|objects|logs)/.test(path))).toEqual(before);
    expect(result.rolledBack.length).toBeGreaterThan(0);
    expect(result.copy).not.toBeNull();
  });

  test("ignored output is left alone, also when ignore rules change", async () => {
    place = createPlace(FILES);
    place.write("dist/kept.js", "kept\n");
    place.write("kept.log", "kept\n");
    const result = await run("mkdir -p dist; echo built > dist/out.js; echo l > x.log; rm .gitignore");
    expect(place.read("dist/out.js")).toBe("built\n");
    expect(place.read("dist/kept.js")).toBe("kept\n");
    expect(place.read("kept.log")).toBe("kept\n");
    expect(place.read(".gitignore")).toBe(FILES[".gitignore"]);
    expect(result.rolledBack).toEqual([".gitignore"]);
  });

  test("the user's work is never lost: untracked, staged and edited files survive as they were", async () => {
    place = createPlace(FILES);
    place.write("docs/x.md", "the user's edit\n");
    place.write("notes.txt", "untracked\n");
    const result = await run("echo gone > docs/x.md; rm notes.txt");
    expect(place.read("docs/x.md")).toBe("the user's edit\n");
    expect(place.read("notes.txt")).toBe("untracked\n");
    expect(result.rolledBack.sort()).toEqual(["docs/x.md", "notes.txt"]);
  });

  test("a file saved by an editor meanwhile survives in the copy", async () => {
    place = createPlace(FILES);
    const result = await run("echo command > docs/x.md", {
      onOutOfScope: async () => {
        place.write("docs/x.md", "saved meanwhile\n");
        return "restore";
      },
    });
    expect(place.read("docs/x.md")).toBe("x\n");
    expect(readFileSync(join(result.copy ?? "", "docs/x.md"), "utf8")).toBe("saved meanwhile\n");
  });

  test("repositories inside are watched too", async () => {
    place = createPlace(FILES);
    place.write("vendor/lib/code.c", "int x;\n");
    place.git("-C", "vendor/lib", "init", "-q");
    await run("true; touch src/n");
    const result = await run("echo evil > vendor/lib/code.c; echo n > vendor/lib/new.c");
    expect(place.read("vendor/lib/code.c")).toBe("int x;\n");
    expect(place.read("vendor/lib/new.c")).toBeNull();
    expect(result.rolledBack.sort()).toEqual(["vendor/lib/code.c", "vendor/lib/new.c"]);
  });

  test("outside of a repository", async () => {
    place = createPlace(FILES, false);
    const result = await run("echo out > top.txt; echo in > src/a.ts");
    expect([place.read("top.txt"), place.read("src/a.ts")]).toEqual(["top\n", "in\n"]);
    expect(result.rolledBack).toEqual(["top.txt"]);
  });
});

test("warn records and keeps, off does not look, keep keeps", async () => {
  place = createPlace(FILES);
  const warned = await contain(place, "echo w > top.txt; true $(:)", { plan: PLAN, containment: "warn" });
  expect(warned.outOfScope).toEqual([{ path: "top.txt", action: "modify" }]);
  expect(warned.rolledBack).toEqual([]);
  const off = await contain(place, "echo o > top.txt; touch q", { plan: PLAN, containment: "off" });
  expect(off).toMatchObject({ changes: [], outOfScope: [] });
  expect(place.read("top.txt")).toBe("o\n");
  const kept = await contain(place, "echo k > top.txt", { plan: PLAN, onOutOfScope: async () => "keep" });
  expect(kept).toMatchObject({ rolledBack: [], copy: null });
  expect(place.read("top.txt")).toBe("k\n");
});

test("the plan stage without a sandbox runs only what reads", async () => {
  place = createPlace(FILES);
  const before = treeOf(place.workspace);
  for (const command of [
    "echo x > f",
    "touch f",
    'node -e \'require("fs").writeFileSync("f","")\'',
    "find . -exec touch f ';'",
    "git status > f",
    "cat top.txt | tee f",
  ]) {
    const result = await contain(place, command, { stage: "plan" });
    expect(result.blocked).toContain("without a sandbox");
  }
  const status = await contain(place, "git status", { stage: "plan" });
  expect(status).toMatchObject({ blocked: null, exitCode: 0 });
  expect(status.output).toContain("nothing to commit");
  expect(treeOf(place.workspace)).toEqual(before);
});

test("a snapshot that cannot be taken keeps the command from running", async () => {
  place = createPlace(FILES);
  mkdirSync(join(place.root, "fake"));
  writeFileSync(join(place.root, "fake", "git"), "#!/bin/sh\necho 'No space left on device' >&2\nexit 128\n");
  chmodSync(join(place.root, "fake", "git"), 0o755);
  const result = await contain(place, "echo x > src/a.ts", {
    plan: PLAN,
    snapshots: snapshotsOf(place, join(place.root, "fake", "git")),
  });
  expect(result.blocked).toContain("No space left on device");
  expect(place.read("src/a.ts")).toBe("a\n");
});

test("two sessions look at one workspace at once", async () => {
  place = createPlace(FILES);
  const stores = [0, 1].map(() =>
    createSnapshots({ workspace: place.workspace, dataDirectory: place.data, git: GIT, home: null }),
  );
  for (let round = 0; round < 5; round++) {
    place.write("src/a.ts", `${round}\n`);
    await Promise.all(stores.map((store) => store.take()));
  }
  const before = await stores[0]?.take();
  place.write("top.txt", "changed\n");
  expect(
    (before === undefined ? [] : await stores[0]?.compare(before))?.map(({ path, action }) => [path, action]),
  ).toEqual([["top.txt", "modify"]]);
});

test("a copy that cannot be written leaves what the command did, and says so", async () => {
  place = createPlace(FILES);
  writeFileSync(join(place.root, "full"), "");
  const result = await contain(place, "echo out > docs/x.md", {
    plan: PLAN,
    copiesDirectory: join(place.root, "full"),
  });
  expect(result.unsettled.map(({ path }) => path)).toEqual(["docs/x.md"]);
  expect(result.notes.join()).toContain("docs/x.md (could not be put back: there is no place for a copy");
  expect(place.read("docs/x.md")).toBe("out\n");
});

test("conversions of the repository change no restored byte", async () => {
  place = createPlace(
    { ...FILES, "crlf.txt": "one\r\ntwo\r\n", ".gitattributes": "* text=auto eol=lf\n*.md filter=evil\n" },
    false,
  );
  place.git("init", "-q");
  place.git("config", "filter.evil.clean", `touch ${place.root}/pwned`);
  execFileSync("git", ["add", "-A"], { cwd: place.workspace, env: { PATH: process.env["PATH"] }, stdio: "ignore" });
  const result = await contain(place, "echo x >> crlf.txt; rm docs/x.md; rm -rf $(echo)", { plan: PLAN });
  expect(result.rolledBack.sort()).toEqual(["crlf.txt", "docs/x.md"]);
  expect(place.read("crlf.txt")).toBe("one\r\ntwo\r\n");
});

test("losing the whole repository loses no pre-image of the work tree", async () => {
  place = createPlace(FILES);
  const before = treeOf(place.workspace, withoutGit);
  await contain(place, "rm -rf .git docs top.txt", { plan: PLAN });
  expect(treeOf(place.workspace, withoutGit)).toEqual(before);
});

test("links inside the workspace are links, and what they lead to outside stays", async () => {
  place = createPlace(FILES);
  writeFileSync(join(place.root, "beyond"), "beyond\n");
  symlinkSync(join(place.root, "beyond"), join(place.workspace, "link"));
  const before = treeOf(place.workspace, withoutGit);
  await contain(place, "ln -sfn /etc link; mkdir $(echo zz)", { plan: PLAN });
  expect(treeOf(place.workspace, withoutGit)).toEqual(before);
  expect(readFileSync(join(place.root, "beyond"), "utf8")).toBe("beyond\n");
});

describe.each([
  ["git", GIT],
  ["own code", null],
])("a file that the plan may modify does not become a folder, seen by %s", (_name, git) => {
  const ways: [string, string][] = [
    ["a folder with something in it", "rm src/a.ts; mkdir -p src/a.ts/bin; echo evil > src/a.ts/bin/ls"],
    ["an empty folder", "rm src/a.ts; mkdir src/a.ts"],
    ["a folder moved there", "mkdir made; echo evil > made/x; rm src/a.ts; mv made src/a.ts"],
    [
      "a folder beside another change in scope",
      "echo new > src/b.ts; rm src/a.ts; mkdir -p src/a.ts/.vscode; echo evil > src/a.ts/.vscode/tasks.json",
    ],
  ];
  test.each(ways)("%s is put back", async (_what, command) => {
    place = createPlace({ ...FILES, "src/a.ts": "a\n", "src/b.ts": "b\n" });
    const before = treeOf(place.workspace, withoutGit);
    const plan = planOf({ "src/a.ts": "modify", "src/b.ts": "modify" });
    const result = await contain(place, command, { plan, snapshots: snapshotsOf(place, git) });
    expect(result.rolledBack).toContain("src/a.ts");
    expect(result.unsettled).toEqual([]);
    if (command.includes("src/b.ts")) place.write("src/b.ts", "b\n");
    expect(treeOf(place.workspace, withoutGit)).toEqual(before);
  });
});

describe.each([
  ["git", GIT],
  ["own code", null],
])("what a link leads to does not stand for what was at its place, seen by %s", (_name, git) => {
  const OUT = planOf({ "src/a.ts": "modify" });
  const ways: [string, string][] = [
    ["a folder", "mv docs moved; ln -s moved docs"],
    ["a folder in scope", "mv src moved; ln -s moved src"],
    ["a folder, by its absolute path", 'mv docs moved; ln -s "$PWD/moved" docs'],
    ["a folder that is now outside", 'mv docs "$OUTSIDE/docs"; ln -s "$OUTSIDE/docs" docs'],
    ["a folder of an ignored place", "mkdir dist; mv docs dist/docs; ln -s dist/docs docs"],
    ["the folder above", "mv deep moved; ln -s moved deep"],
    ["an empty folder in the folder above", "mv hollow moved; ln -s moved hollow"],
    ["a folder with a pipe in it", "mv pipes moved; ln -s moved pipes"],
    ["a folder with settings that are run", "mv .vscode moved; ln -s moved .vscode"],
    ["a folder with a credential", "mv keys moved; ln -s moved keys"],
    ["a repository inside", "mv vendor moved; ln -s moved vendor"],
    ["a folder copied first", "cp -a docs moved; rm -r docs; ln -s moved docs"],
    ["a chain of links", "mv docs moved; ln -s moved second; ln -s second docs"],
    ["a folder whose file was changed too", "mv docs moved; ln -s moved docs; echo evil > docs/x.md"],
    ["the repository", "mv .git moved; ln -s moved .git"],
  ];
  test.each(ways)("%s", async (_what, command) => {
    place = createPlace({ ...FILES, "deep/er/y.md": "y\n", ".vscode/tasks.json": "{}\n", "keys/server.key": "key\n" });
    for (const folder of ["hollow/inner", "pipes", "../home/outside"])
      mkdirSync(join(place.workspace, folder), { recursive: true });
    execFileSync("mkfifo", [join(place.workspace, "pipes/pipe")]);
    place.write("vendor/lib/code.c", "int x;\n");
    place.git("-C", "vendor/lib", "init", "-q");
    place.git("-C", "vendor/lib", "add", "-A");
    place.git("-C", "vendor/lib", "commit", "-qm", "inner");
    const isOther = (path: string): boolean =>
      path === "dist" || /\.git\/(index|COMMIT_EDITMSG|branches|objects|logs|refs)$/.test(path);
    const before = treeOf(place.workspace, isOther);
    const environmentValues = { OUTSIDE: join(place.home, "outside") };
    const result = await contain(place, command, { plan: OUT, snapshots: snapshotsOf(place, git), environmentValues });
    expect(result.unsettled).toEqual([]);
    expect(treeOf(place.workspace, isOther)).toEqual(before);
    expect(place.git("fsck", "--full", "--strict")).toBe("");
    expect(place.git("-C", "vendor/lib", "log", "--format=%s")).toBe("inner\n");
  });
});

const sandboxed = needBubblewrap();
describe.skipIf(sandboxed.missing)(sandboxed.title("in the sandbox, too, git is led to no repository"), () => {
  const planted: [string, string][] = [
    ["a pointer", "echo 'gitdir: ../src/g' > docs/.git"],
    ["a pointer in a folder of its own", "mkdir -p q/r; echo 'gitdir: ../../src/g' > q/r/.git"],
    ["a pointer in scope", "mkdir src/x; echo 'gitdir: ../g' > src/x/.git"],
    ["a link", "ln -s ../src/g docs/.git"],
    ["a link in a folder of its own", "mkdir q; ln -s ../src/g q/.git"],
    ["a folder", "git init -q docs; git init -q q"],
  ];
  test.each(planted)("%s that a command makes is put back", async (_what, command) => {
    place = createPlace(FILES);
    place.write("vendor/code.c", "int x;\n");
    place.git("-C", "vendor", "init", "-q");
    const before = treeOf(place.workspace, withoutGit);
    const sandbox = await sandboxFor(place);
    const result = await contain(place, `git init -q --bare src/g; ${command}`, { plan: PLAN, sandbox });
    expect(result.unsettled).toEqual([]);
    expect(result.outOfScope.length).toBeGreaterThan(0);
    const left = Object.entries(treeOf(place.workspace, withoutGit)).filter(
      ([path]) => !/^src\/(g|x)(\/$|\/(?!\.git))/.test(path),
    );
    expect(Object.fromEntries(left)).toEqual(before);
  });

  test("another repository in the place of one whose folder was moved is taken away, and the lost one told", async () => {
    place = createPlace(FILES);
    place.write("vendor/code.c", "int x;\n");
    place.git("-C", "vendor", "init", "-q");
    const sandbox = await sandboxFor(place);
    const command = "mv vendor gone; git init -q vendor; git -C vendor config core.fsmonitor 'touch evil'";
    const result = await contain(place, command, { plan: PLAN, sandbox });
    expect(result.unsettled.map(({ path }) => path)).toEqual(["vendor/.git/HEAD"]);
    expect([existsSync(join(place.workspace, "vendor/.git")), place.read("vendor/code.c")]).toEqual([
      false,
      "int x;\n",
    ]);
  });
});

describe.each([
  ["git", GIT],
  ["own code", null],
])("the workspace's own folder, seen by %s", (_name, git) => {
  test("is filled again where a command removed it", async () => {
    place = createPlace(FILES);
    const before = treeOf(place.workspace, withoutGit);
    const result = await contain(place, 'd=$PWD; cd ..; rm -rf "$d"', {
      plan: PLAN,
      snapshots: snapshotsOf(place, git),
    });
    expect(result.unsettled).toEqual([]);
    expect(treeOf(place.workspace, withoutGit)).toEqual(before);
    expect(place.git("fsck", "--full", "--strict")).toBe("");
  });

  test.each([
    ["a link to where it was moved", 'd=$PWD; cd ..; mv "$d" "$d.old"; ln -s workspace.old "$d"'],
    ["a file", 'd=$PWD; cd ..; mv "$d" "$d.old"; echo file > "$d"'],
  ])("is told, not written through, where its place was taken by %s", async (_what, command) => {
    place = createPlace(FILES);
    const result = await contain(place, command, { plan: PLAN, snapshots: snapshotsOf(place, git) });
    expect(result.unsettled.map(({ path }) => path)).toEqual(["."]);
    expect(readFileSync(join(place.root, "workspace.old/top.txt"), "utf8")).toBe("top\n");
  });
});
