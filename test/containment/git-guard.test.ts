// What a command leaves in the folders of git's own: canaries that the user's next git command would run, and history
// that is gone. Every place, by every kind of line, with and without bubblewrap; asked of git itself afterwards.

import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { createCheckpoints } from "../../src/containment/checkpoint.ts";
import {
  contain,
  createPlace,
  NO_SANDBOX,
  planOf,
  sandboxFor,
  treeOf,
  type Place,
  type RunOptions,
} from "./fixture.ts";
import { createSnapshots } from "../../src/containment/snapshot.ts";
import { needBubblewrap } from "../support/need.ts";

const bubblewrap = needBubblewrap();
const places: Place[] = [];
afterEach(() => places.splice(0).forEach((place) => place.remove()));

const WAYS = [
  ["with a sandbox", true],
  ["without a sandbox", false],
] as const;
const IDENTITY = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@b" };

let withSubmodules: Place | null = null;
afterAll(() => withSubmodules?.remove());

/** A repository with a submodule whose name holds a slash, one inside that, and a second work tree. */
function wideRepository(): Place {
  withSubmodules ??= repositoryWithSubmodules();
  const place = createPlace({}, false);
  places.push(place);
  execFileSync("cp", ["-a", `${withSubmodules.workspace}/.`, place.workspace]);
  place.git("worktree", "add", "-q", join(place.root, "other"), "-b", "other");
  return place;
}

function repositoryWithSubmodules(): Place {
  const place = createPlace({ "a.txt": "one\n", "src/x.txt": "x\n" });
  const inner = join(place.root, "inner");
  const outer = join(place.root, "outer");
  for (const folder of [inner, outer]) {
    mkdirSync(folder);
    writeFileSync(join(folder, "f.txt"), "f\n");
    const git = (...words: string[]): void =>
      void execFileSync(
        "git",
        ["-c", "protocol.file.allow=always", "-c", "user.name=a", "-c", "user.email=a@b", ...words],
        { cwd: folder, stdio: "ignore" },
      );
    git("init", "-q", "-b", "main");
    if (folder === outer) git("submodule", "add", "-q", "--name", "deep/one", inner, "deep");
    git("add", "-A");
    git("commit", "-qm", "first");
  }
  place.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", "--name", "libs/foo", outer, "libs/foo");
  place.git("-c", "protocol.file.allow=always", "submodule", "update", "--init", "--recursive", "-q");
  place.git("commit", "-qam", "submodules");
  return place;
}

async function runIn(
  place: Place,
  sandboxed: boolean,
  command: string,
  options: RunOptions = {},
): ReturnType<typeof contain> {
  return contain(place, command, {
    sandbox: sandboxed ? await sandboxFor(place) : NO_SANDBOX,
    environmentValues: IDENTITY,
    timeoutSeconds: 60,
    ...options,
  });
}

/** Times that git notes beside its entries when it looks, and what it writes about nothing. */
const isNoise = (path: string): boolean =>
  /(^|\/)(index|COMMIT_EDITMSG|FETCH_HEAD|ORIG_HEAD|gc\.log)$|\.lock$/.test(path);

const PLACES = [
  ".git/config",
  ".git/hooks/post-checkout",
  ".git/info/attributes",
  ".git/info/grafts",
  ".git/objects/info/alternates",
  ".git/commondir",
  ".git/config.worktree",
  ".git/HEAD",
  ".git/refs/heads/main",
  ".git/packed-refs",
  ".git/logs/refs/stash",
  ".git/MERGE_HEAD",
  ".git/MERGE_MSG",
  ".git/CHERRY_PICK_HEAD",
  ".git/REVERT_HEAD",
  ".git/BISECT_START",
  ".git/AUTO_MERGE",
  ".git/OTHER_HEAD",
  ".git/main",
  ".git/strange",
  ".git/description",
  ".git/rr-cache/0123456789/postimage",
  ".git/modules/libs/foo/MERGE_HEAD",
  ".git/worktrees/other/CHERRY_PICK_HEAD",
  ".git/rebase-merge/git-rebase-todo",
  ".git/rebase-apply/patch",
  ".git/sequencer/todo",
  ".git/modules/libs/foo/config",
  ".git/modules/libs/foo/hooks/post-checkout",
  ".git/modules/libs/foo/HEAD",
  ".git/modules/libs/foo/modules/deep/one/config",
  ".git/modules/libs/foo/modules/deep/one/hooks/pre-commit",
  ".git/modules/new/name/config",
  ".git/worktrees/other/commondir",
  ".git/worktrees/other/gitdir",
  ".git/worktrees/other/config.worktree",
  ".git/worktrees/other/HEAD",
  ".git/worktrees/made/gitdir",
  "libs/foo/.git",
];
const LINES = [
  "sh evil.sh",
  "git status; sh evil.sh",
  "git add a.txt && sh evil.sh",
  "git -c alias.x='!sh evil.sh' x",
  "git rebase -x 'sh evil.sh' HEAD",
  "env git status; sh evil.sh",
];

/** Writes a canary to every place; in few programs, because each of the lines runs it. */
function evilScript({ root }: Place): string {
  const script = [
    `mkdir -p ${PLACES.map((path) => dirname(path)).join(" ")}`,
    `rm -rf ${PLACES.join(" ")}`,
    ...PLACES.map((path) => `echo 'exec touch ${root}/ran' > ${path}`),
  ];
  return `(${script.join("\n")}) 2>/dev/null\ntrue\n`;
}

test("where nothing holds it, the script writes every place", () => {
  const place = wideRepository();
  execFileSync("sh", ["-c", evilScript(place)], { cwd: place.workspace });
  expect(PLACES.filter((path) => place.read(path)?.includes("exec touch") !== true)).toEqual([]);
});

describe.each(WAYS)("written by a line that is not git alone, %s", (_name, sandboxed) => {
  test.skipIf(sandboxed && bubblewrap.missing).each(LINES)(
    sandboxed ? bubblewrap.title("%s leaves every place as it was") : "%s leaves every place as it was",
    async (line) => {
      const place = wideRepository();
      place.write("evil.sh", evilScript(place));
      place.git("add", "-A");
      place.git("commit", "-qm", "evil");
      const before = treeOf(join(place.workspace, ".git"), isNoise);
      const ran = await runIn(place, sandboxed, line);
      const after = treeOf(join(place.workspace, ".git"), (path) => isNoise(path) || /^objects\/..\//.test(path));
      // Folders that came empty start nothing.
      const differing = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
        (path) => !path.endsWith("/") && !/^objects\/..\//.test(path) && before[path] !== after[path],
      );
      expect({ differing, notes: ran.notes.filter((note) => note.includes("could not")) }).toEqual({
        differing: [],
        notes: [],
      });
      expect(place.git("status", "--short")).toBe("");
    },
  );
});

describe.each(WAYS)("canaries of the repository's own hooks, %s", (_name, sandboxed) => {
  test.skipIf(sandboxed && bubblewrap.missing)(
    sandboxed
      ? bubblewrap.title("do not run while git writes the repository")
      : "do not run while git writes the repository",
    async () => {
      const place = createPlace({ "a.txt": "one\n" });
      places.push(place);
      mkdirSync(join(place.workspace, "hooks"));
      for (const name of [
        "pre-commit",
        "post-commit",
        "post-checkout",
        "reference-transaction",
        "prepare-commit-msg",
        "commit-msg",
        "post-index-change",
      ]) {
        for (const folder of ["hooks", ".git/hooks"]) {
          writeFileSync(join(place.workspace, folder, name), `#!/bin/sh\necho ran >> ${place.workspace}/ran\n`);
          chmodSync(join(place.workspace, folder, name), 0o755);
        }
      }
      place.git("config", "core.hooksPath", "hooks");
      place.write("a.txt", "two\n");
      const ran = await runIn(
        place,
        sandboxed,
        "git add a.txt && git commit -qm two && git checkout -q -b side && git stash list",
      );
      expect({
        code: ran.exitCode,
        ran: existsSync(join(place.workspace, "ran")),
        subjects: place.git("log", "--format=%s"),
      }).toEqual({ code: 0, ran: false, subjects: "two\nfirst\n" });
    },
  );
});

const HISTORY: readonly (readonly [line: string, subjects: string])[] = [
  ["git commit -qam two", "two\nfirst\n"],
  ["git commit -q --amend -m other", "other\n"],
  ["git reset -q --hard HEAD~1", "first\n"],
  ["git branch -D side", ""],
  ["git stash drop", ""],
  ["git stash", ""],
  ["git branch -D side && git reflog expire --expire=now --all && git gc -q --prune=now", ""],
  ["git stash drop && git reflog expire --expire=now --all && git gc -q --prune=now && git prune", ""],
  ["git checkout -q -b new && git tag v1 && git branch -m side renamed", ""],
  ["git update-ref -d refs/heads/side && git pack-refs --all", ""],
  ["git rebase -q --autostash --onto side HEAD~1", ""],
];

describe.each(WAYS)("history after git's own work, %s", (_name, sandboxed) => {
  test.skipIf(sandboxed && bubblewrap.missing).each(HISTORY)(
    sandboxed ? bubblewrap.title("undo brings back what was before %s") : "undo brings back what was before %s",
    async (line) => {
      const place = createPlace({ "a.txt": "one\n" });
      places.push(place);
      place.write("a.txt", "stashed\n");
      place.git("stash", "-q");
      place.git("checkout", "-q", "-b", "side");
      place.write("b.txt", "b\n");
      place.git("add", "-A");
      place.git("commit", "-qm", "side");
      place.git("checkout", "-q", "main");
      place.write("c.txt", "c\n");
      place.git("add", "-A");
      place.git("commit", "-qm", "second");
      const facts = (): string =>
        [
          place.git("log", "--all", "--format=%H %s %D"),
          place.git("stash", "list", "--format=%H"),
          place.git("rev-parse", "--abbrev-ref", "HEAD"),
          place.git("for-each-ref"),
          place.git("reflog", "--format=%H %gs"),
        ].join("---\n");
      const before = facts();
      place.write("a.txt", "three\n");
      const tree = treeOf(place.workspace, (path) => path === ".git");
      const checkpoints = createCheckpoints({
        workspace: place.workspace,
        dataDirectory: place.data,
        sessionId: "s_1",
      });
      const snapshots = createSnapshots({
        workspace: place.workspace,
        dataDirectory: place.data,
        git: "/usr/bin/git",
        home: place.home,
      });
      await checkpoints.create("before", null);
      const ran = await runIn(place, sandboxed, line, {
        snapshots,
        plan: planOf({ "**": "modify" }, [line]),
        scope: null,
        onChanges: (changes, { survey }) => checkpoints.recordEffects(changes, survey.folders),
      });
      expect({
        line,
        code: ran.exitCode,
        output: line.includes("rebase") ? "" : ran.output,
        rolledBack: ran.rolledBack,
      }).toEqual({
        line,
        code: ran.exitCode,
        output: expect.not.stringMatching(/Read-only|fatal/) as unknown,
        rolledBack: [],
      });
      const undone = await checkpoints.undo("all");
      expect(undone.refused).toEqual([]);
      expect(facts()).toBe(before);
      expect(treeOf(place.workspace, (path) => path === ".git")).toEqual(tree);
      expect(spawnSync("git", ["fsck", "--full", "--strict"], { cwd: place.workspace, encoding: "utf8" }).status).toBe(
        0,
      );
    },
  );
});

const DESTRUCTION = [
  "rm -rf .git/objects",
  "rm -rf .git/objects .git/refs .git/index",
  "rm -rf .git/refs .git/logs .git/packed-refs .git/HEAD",
  "find .git -type f -delete",
  "rm -f .git/index",
  "git stash drop; true; sh -c true",
  "sh -c 'git branch -D side; git gc -q --prune=now'",
];

test.each(DESTRUCTION)("without a sandbox the repository is whole after %s", async (line) => {
  const place = createPlace({ "a.txt": "one\n" });
  places.push(place);
  place.git("branch", "side");
  place.write("a.txt", "stashed\n");
  place.git("stash", "-q");
  place.git("repack", "-adq");
  place.write("a.txt", "two\n");
  place.git("add", "-A");
  const before = [
    place.git("log", "--all", "--format=%H"),
    place.git("stash", "list"),
    place.git("diff", "--cached"),
    place.git("for-each-ref"),
  ];
  await runIn(place, false, line);
  expect([
    place.git("log", "--all", "--format=%H"),
    place.git("stash", "list"),
    place.git("diff", "--cached"),
    place.git("for-each-ref"),
  ]).toEqual(before);
  expect(spawnSync("git", ["fsck", "--full"], { cwd: place.workspace, encoding: "utf8" }).status).toBe(0);
});

test("an unfinished rebase belongs to git rebase, but not with a program in it", async () => {
  const place = createPlace({ "a.txt": "one\n" });
  places.push(place);
  place.git("checkout", "-q", "-b", "side");
  place.write("a.txt", "side\n");
  place.git("commit", "-qam", "side");
  place.git("checkout", "-q", "main");
  place.write("a.txt", "main\n");
  place.git("commit", "-qam", "main");
  const line = "git rebase side";
  await runIn(place, false, line, { plan: planOf({ "a.txt": "modify" }, [line]) });
  expect(existsSync(join(place.workspace, ".git/rebase-merge/done"))).toBe(true);
  const todo = join(place.workspace, ".git/rebase-merge/git-rebase-todo");
  await runIn(place, false, `sh -c 'echo "exec touch ran" > ${todo}'`);
  place.write("a.txt", "both\n");
  place.git("add", "-A");
  spawnSync("git", ["-c", "core.editor=true", "rebase", "--continue"], {
    cwd: place.workspace,
    env: { PATH: process.env["PATH"] ?? "", HOME: place.home, ...IDENTITY },
  });
  expect(existsSync(join(place.workspace, "ran"))).toBe(false);
  rmSync(join(place.workspace, ".git/rebase-merge"), { recursive: true, force: true });
});

describe.each(WAYS)("a folder that goes with all in it, %s", (_name, sandboxed) => {
  const LINES_AWAY = [
    "mv sub away",
    "rm -rf sub",
    "mkdir -p q && mv deep q/",
    "cd .. && rm -rf workspace",
    "rm -rf sub deep a.txt",
  ];
  test.skipIf(sandboxed && bubblewrap.missing).each(LINES_AWAY)(
    sandboxed
      ? bubblewrap.title("after %s every file is back, and a repository that is not is named")
      : "after %s every file is back",
    async (line) => {
      const place = createPlace({ "a.txt": "one\n" });
      places.push(place);
      for (const folder of ["sub", "deep/er/sub"]) {
        mkdirSync(join(place.workspace, folder), { recursive: true });
        writeFileSync(join(place.workspace, folder, "n.txt"), "n\n");
        execFileSync("git", ["init", "-q"], { cwd: join(place.workspace, folder) });
      }
      const before = treeOf(place.workspace, (path) => path === ".git" || path.endsWith("/.git"));
      const ran = await runIn(place, sandboxed, line, { plan: planOf({ "z.txt": "modify" }, ["bash"]) });
      expect(treeOf(place.workspace, (path) => path === ".git" || path.endsWith("/.git"))).toEqual(before);
      const missing = ["sub/.git", "deep/er/sub/.git"].filter(
        (path) => !existsSync(join(place.workspace, path, "HEAD")),
      );
      expect(missing.filter((path) => !sandboxed || !JSON.stringify(ran).includes(path))).toEqual([]);
    },
  );
});
