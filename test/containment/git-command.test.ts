// Which lines open the repository: git alone, in every spelling that starts no program.

import { expect, test } from "vitest";
import { gitWork } from "../../src/containment/git-command.ts";
import { judgeCommand } from "../../src/permission/shell.ts";

async function foldersOf(command: string, planCommands: string[] = []): Promise<string[] | null> {
  const verdict = await judgeCommand(command, {
    workspace: process.cwd(),
    readRoots: [],
    planCommands,
    gitConfig: () => ({ gitDirectory: null, workTree: null, problem: "the key core.hookspath" }),
    isProtected: () => false,
  });
  const work = gitWork(verdict);
  return work === null ? null : [...work.folders];
}

test.each([
  ["git commit -m message", ["sequencer"]],
  ["git add -A && git commit -qm 'a; b' && git log -1 --oneline", ["sequencer"]],
  ["git add a.txt", []],
  ["cd src && git add .", []],
  ["git -C src add .", []],
  ["git -c user.name=x -c user.email=y commit -m m", ["sequencer"]],
  ["git --no-pager stash", []],
  ["git stash drop", []],
  ["git rebase main", ["rebase-merge", "rebase-apply"]],
  ["git rebase --continue", ["rebase-merge", "rebase-apply"]],
  ["git cherry-pick a b", ["sequencer"]],
  ["git worktree add ../x", ["worktrees"]],
  ["git submodule update --init", ["modules"]],
  ["git gc --prune=now", []],
  ["git commit -m m 2>&1 | tail -3", ["sequencer"]],
  ["git push -u origin main", []],
  ["git branch -D old; git status", []],
  ["git config user.name x", []],
  ["git rebase x", ["rebase-merge", "rebase-apply"]],
  ["git tag v1 || true", []],
])("%s is git's own work", async (command, folders) => {
  expect(await foldersOf(command)).toEqual(folders);
});

test.each([
  // Lines that only name git.
  "git status; sh evil",
  "git add . && npm test",
  "sh -c 'git commit -m m'",
  "echo $(git commit -m m)",
  "X=1 git commit -m m",
  'git commit -m "$(cat f)"',
  "git commit -m m > out",
  "(git commit -m m)",
  "git commit -m m &",
  "git add . | sh",
  "env git commit -m m",
  "./git commit -m m",
  "/tmp/git commit -m m",
  "git commit -m m\nsh evil",
  "sudo git gc",
  "f() { git gc; }; f",
  // Git that starts what it is told.
  "git -c core.hooksPath=x commit -m m",
  "git -c alias.x='!sh' x",
  "git --exec-path=. commit",
  "git --git-dir=x commit -m m",
  "git --config-env=core.pager=X add .",
  "git evil",
  "git rebase -x sh main",
  "git rebase -ix sh main",
  "git rebase --exec sh main",
  "git rebase --exe sh main",
  "git rebase --exec=sh main",
  "git bisect run sh",
  "git submodule foreach sh",
  "git filter-branch --tree-filter sh",
  "git clone -u ./evil a b",
  "git clone --upload-pack ./evil a b",
  "git clone --uplo=./evil a b",
  "git clone -c core.fsmonitor=x a b",
  "git clone --config core.fsmonitor=x a b",
  "git init --template=evil",
  "git init --t=evil",
  "git fetch --upload-pack=./evil",
  "git push --receive-pack=./evil",
  "git push --exec=./evil",
  "git ls-remote --upload-pack=./evil x; git gc",
  "git difftool -x sh",
  "git mergetool",
  "git send-email x",
  "git hook run x",
  "git maintenance start",
  "git config core.fsmonitor x",
  "git config --global user.name x",
  "git config --file .git/config core.pager x",
  "git config alias.x '!sh'",
  "git lfs install",
  "git grep -Osh x; git gc",
  "git help -w",
  "git web--browse x",
  "git instaweb",
  "git daemon",
  "git shell -c x",
  "git credential fill",
  "git for-each-repo --config=x gc",
  "git difftool; git gc",
])("%s is not", async (command) => {
  expect(await foldersOf(command)).toBeNull();
  expect(await foldersOf(command, [command])).toBeNull();
});

test("what only reads opens nothing", async () => {
  expect(await foldersOf("ls && cat package.json")).toBeNull();
});
