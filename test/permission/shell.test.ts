// Verdicts on command lines: what must work without asking, what must never count as read-only, what a plan covers.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isProgramItself } from "../../src/permission/program-files.ts";
import { judgeCommand } from "../../src/permission/shell.ts";
import { childEnvironment } from "../../src/containment/environment.ts";
import { contextOf, createWorkspace, type Workspace } from "./fixture.ts";

let workspace: Workspace;
beforeAll(() => {
  workspace = createWorkspace();
});
afterAll(() => workspace.remove());

const READ_ONLY = [
  "ls",
  "ls -la",
  "ls -la src",
  "ls -lhS --color=never src",
  "pwd",
  "cat README.md",
  "cat -n src/a.ts",
  "head -5 README.md",
  "head -n 20 src/a.ts",
  "tail -n 3 README.md",
  "tail -n +2 README.md",
  "wc -l src/a.ts src/b.ts",
  "nl README.md",
  "sort README.md",
  "sort -rn README.md | head -3",
  "uniq -c README.md",
  "cut -d: -f1 README.md",
  "cat README.md | tr a-z A-Z",
  "grep foo README.md",
  "grep -rn foo src",
  "grep -rnE 'foo|bar' src --include='*.ts'",
  "rg foo",
  "rg -n --type ts foo src",
  "rg -l 'export const' src | sort",
  "find . -name '*.ts'",
  "find src -type f -name '*.ts' -not -path './node_modules/*'",
  "find . -maxdepth 2 -type d",
  "tree -L 2",
  "stat README.md",
  "file README.md",
  "du -sh src",
  "df -h",
  "diff src/a.ts src/b.ts",
  "diff -u src/a.ts src/b.ts",
  "cmp src/a.ts src/b.ts",
  "which node",
  "type ls",
  "command -v git",
  "echo hello world",
  "printf '%s\\n' hello",
  "date",
  "date +%Y-%m-%d",
  "uname -a",
  "whoami",
  "id",
  "hostname",
  "nproc",
  "basename src/a.ts",
  "dirname src/a.ts",
  "realpath src",
  "readlink -f src",
  "md5sum README.md",
  "sha256sum README.md",
  "jq .name package.json",
  "jq -r '.scripts | keys[]' package.json",
  "sed -n 1,20p README.md",
  "sed -n '/foo/p' README.md",
  "awk '{print $1}' README.md",
  "xxd README.md",
  "od -c README.md",
  "node --version",
  "node -v",
  "npm --version",
  "npm -v",
  "git --version",
  "python3 --version",
  "test -f README.md",
  "[ -d src ]",
  "true",
  "seq 1 5",
  "strings README.md",
  "git status",
  "git status --short",
  "git status -sb",
  "git log",
  "git log --oneline -10",
  "git log -n 5 --stat",
  "git log -p -2 src/a.ts",
  "git log --since='2 weeks ago' --author=a",
  "git diff",
  "git diff --stat",
  "git diff HEAD",
  "git diff HEAD~1 -- src",
  "git diff --cached",
  "git diff main...HEAD --name-only",
  "git show",
  "git show HEAD",
  "git show --stat HEAD",
  "git show HEAD:src/a.ts",
  "git blame src/a.ts",
  "git blame -L 1,3 src/a.ts",
  "git branch",
  "git branch -a",
  "git branch --list",
  "git branch --show-current",
  "git tag",
  "git tag -l",
  "git remote -v",
  "git ls-files",
  "git ls-files src",
  "git ls-tree -r HEAD --name-only",
  "git rev-parse HEAD",
  "git rev-parse --abbrev-ref HEAD",
  "git rev-parse --show-toplevel",
  "git describe --tags --always",
  "git shortlog -sn HEAD",
  "git grep foo",
  "git stash list",
  "git reflog",
  "git worktree list",
  "git merge-base main HEAD",
  "git cat-file -t HEAD",
  "git config --get user.name",
  "git for-each-ref --format='%(refname)'",
  "git --no-pager log --oneline",
  "git -C src status",
  "cd src && ls",
  "cd src && git status && git log --oneline -3",
  "ls src 2>/dev/null",
  "grep foo nothing.txt 2>&1 | head",
  "ls; pwd; git status",
  "git status || true",
  "cat README.md | grep foo | wc -l",
];

const NOT_READ_ONLY = [
  "echo hi > f",
  "echo hi >> f",
  "echo hi >| f",
  "echo hi &> f",
  "ls 2> errors",
  "> f",
  "cat <> f",
  "cat < README.md > f",
  "cat README.md | tee f",
  "tee f",
  "touch f",
  "rm f",
  "mv a b",
  "cp a b",
  "mkdir d",
  "ln -s a b",
  "chmod +x f",
  "sed -i s/a/b/ README.md",
  "sed -n 'w f' README.md",
  "sed -n '1e touch f' README.md",
  "sed 's/a/b/w f' README.md",
  "sed -n 's/a/b/e' README.md",
  "sed -f script README.md",
  'node -e \'require("fs").writeFileSync("f","")\'',
  "node script.js",
  'python3 -c \'open("f","w")\'',
  "perl -e 1",
  "ruby -e 1",
  "bash -c 'touch f'",
  "sh -c 'touch f'",
  "eval touch f",
  "exec touch f",
  "source f",
  ". f",
  "command touch f",
  "builtin printf x",
  "env touch f",
  "env",
  "time touch f",
  "time ls",
  "nohup touch f",
  "timeout 5 touch f",
  "nice touch f",
  "xargs touch",
  "ls | xargs rm",
  "sudo ls",
  "find . -exec touch {} +",
  "find . -exec touch f ';'",
  "find . -execdir touch f ';'",
  "find . -ok rm f ';'",
  "find . -delete",
  "find . -fprint f",
  "find . -fprintf f x",
  "find . -fls f",
  "find -L . -name x",
  "find . -newermt x -o -delete",
  "find . -files0-from f",
  "rg --pre touch foo",
  "rg --pre=touch foo",
  "rg --hostname-bin touch foo",
  "rg -L foo",
  "rg --follow foo",
  "rg -z foo",
  "rg --search-zip foo",
  "rg --ignore-file /etc/passwd foo",
  "grep -R foo .",
  "grep -f /etc/passwd README.md",
  "fd -x touch",
  "fd -X rm",
  "uniq README.md f",
  "sort -o f README.md",
  "sort --output=f README.md",
  "sort -of README.md",
  "sort --compress-program=touch README.md",
  "sort -T /etc README.md",
  "sort --files0-from=f",
  "wc --files0-from=f",
  "xxd README.md f",
  "xxd -r README.md f",
  "split README.md",
  "csplit README.md 1",
  "tree -o f",
  "tree -R -o f",
  "date -s 2020-01-01",
  "date 010100002020",
  "file -C -m x",
  "file -z README.md",
  "awk 'BEGIN{system(\"touch f\")}'",
  "awk '{print > \"f\"}' README.md",
  "awk '{print | \"sh\"}' README.md",
  "awk -f script README.md",
  "awk '{print $1}' -f script",
  "jq -n 'import \"a\" as a; 1'",
  "jq -f script package.json",
  "jq -L . . package.json",
  "less README.md",
  "more README.md",
  "man ls",
  "vi f",
  "tar -cf f src",
  "tar -xf f",
  "tar --checkpoint-action=exec=touch -tf f",
  "zip f src",
  "curl http://127.0.0.1",
  "wget x",
  "ping -c1 x",
  "nc x 1",
  "ssh x",
  "make",
  "make -n",
  "npm test",
  "npm install",
  "npm run build",
  "npx x",
  "npm ls",
  "npm ls --depth=0",
  "npm list",
  "npm ls --all",
  "npm ls --json",
  "npm pkg get",
  "npm pkg get scripts",
  "npm explain x",
  "npm outdated",
  "npm root",
  "npm prefix",
  "npm bin",
  "npm help",
  "pip --version",
  "pip3 --version",
  "yarn --version",
  "pnpm --version",
  "cargo --version",
  "go version",
  "cargo build",
  "docker ps",
  "kill 1",
  "git commit -m x",
  "git add .",
  "git push",
  "git fetch",
  "git pull",
  "git checkout main",
  "git switch main",
  "git restore .",
  "git reset --hard",
  "git clean -fd",
  "git stash",
  "git stash pop",
  "git branch name",
  "git branch -D main",
  "git branch -m a b",
  "git branch -f main HEAD",
  "git branch --edit-description",
  "git branch -u origin/main",
  "git tag v1",
  "git tag -d v1",
  "git tag -a v1 -m x",
  "git remote add x y",
  "git remote show origin",
  "git remote update",
  "git config user.name x",
  "git config --list",
  "git config --get http.extraheader",
  "git -c core.pager=touch log",
  "git -c core.fsmonitor=touch status",
  "git --exec-path=. status",
  "git --git-dir=x status",
  "git --work-tree=/ status",
  "git -p log",
  "git --paginate log",
  "git diff --output=f",
  "git diff --ext-diff",
  "git diff --textconv",
  "git log --output=f",
  "git log --ext-diff -p",
  "git log --format=%G?",
  "git log --show-signature",
  "git show --textconv HEAD",
  "git diff --no-index /etc/passwd README.md",
  "git diff /etc/passwd README.md",
  "git grep -O foo",
  "git grep --open-files-in-pager=touch foo",
  "git blame --contents /etc/passwd README.md",
  "git archive HEAD",
  "git bundle create f HEAD",
  "git format-patch HEAD~1",
  "git worktree add x",
  "git submodule status",
  "git submodule update",
  "git update-index --refresh",
  "git gc",
  "git fsck --lost-found",
  "git bisect start",
  "git rebase -i",
  "git symbolic-ref HEAD refs/heads/x",
  "git reflog expire --all",
  "git notes add",
  "git replace a b",
  "git am",
  "git apply f",
  "git ls-remote",
  "git alias",
  "git help log",
  "git -C ../outside status",
  "git -C escape log",
  "git show HEAD:../outside",
  "git show HEAD:.env",
  "git cat-file --batch",
  "git cat-file --textconv HEAD:README.md",
  "git rev-list --use-bitmap-index HEAD",
  "git shortlog",
  "A=1 ls",
  "PATH=. ls",
  "GIT_DIR=x git status",
  "IFS=x",
  "a=1",
  "ls $HOME",
  "ls ${HOME}",
  "ls $IFS",
  'ls "$HOME"',
  "ls `pwd`",
  "ls $(pwd)",
  'ls "$(pwd)"',
  "cat <(ls)",
  "ls >(cat)",
  "echo ${x@P}",
  "echo ${x:=$(touch f)}",
  "echo $((a[$(touch f)]))",
  "[[ -v a[$(touch\\ f)] ]]",
  "[ -v 'a[$(touch f)]' ]",
  "test -v 'a[$(touch f)]'",
  "printf -v 'a[$(touch f)]' x",
  "printf %n 'a[$(touch f)]'",
  "echo $'a'",
  'echo $"a"',
  "ls *",
  "ls *.ts",
  "ls src/?.ts",
  "ls [ab]",
  "ls {a,b}",
  "ls ~",
  "ls ~/x",
  "ls ~root",
  "cat a=~/x",
  "ls &",
  "ls & touch f",
  "ls |& tee f",
  "(ls)",
  "{ ls; }",
  "if true; then ls; fi",
  "for f in a; do ls; done",
  "while false; do ls; done",
  "case a in a) ls;; esac",
  "ls() { touch f; }; ls",
  "function ls { touch f; }",
  "coproc ls",
  "! ls",
  "[[ -f README.md ]]",
  "((1))",
  "ls\ntouch f",
  "ls # comment\ntouch f",
  "cat <<E\nx\nE",
  "cat <<< x",
  "ls \\\n touch",
  "alias ls=touch",
  "export A=1",
  "declare -x A=1",
  "local a",
  "readonly a",
  "set -x",
  "shopt -s extglob",
  "trap 'touch f' EXIT",
  "unset PATH",
  "hash -p /bin/touch ls",
  "enable -f x y",
  "type -P ls; touch f",
  "cd ..",
  "cd / && ls",
  "cd escape && ls",
  "cd src; ls",
  "cd src || ls",
  "cd - && ls",
  "cd && ls",
  "cd src && cd .. && ls",
  "pushd src",
  "ls && cd ..",
  "cat /etc/passwd",
  "cat ../outside/secret.txt",
  "cat src/link.txt",
  "cat escape/secret.txt",
  "ls escape",
  "ls ..",
  "ls /",
  "cat .env",
  "cat ./src/../.env",
  "head .env",
  "grep KEY .env",
  "cat /proc/self/environ",
  "/bin/ls",
  "./ls",
  "bin/ls",
  "\\ls\\ ",
  "'l s'",
  '""',
  "''",
  "ls README.md -exec touch f",
  "constructor",
  "__proto__",
  "toString x",
  "hasOwnProperty",
  "tail -f README.md",
  "sleep 1000",
  "printenv",
  "ps aux",
  "sed -n --expression='w f' 1p README.md",
  "sed --expression='1e touch f' 1p README.md",
  "sed -n -e 1p --expression='1w f' README.md",
  "xxd -ps README.md f",
  "xxd -ac .env",
  "od -c -w .env",
  "od -w ../outside/secret.txt",
  "strings @list",
  "diff -N escape src",
  "diff src README.md",
  "diff . src",
  "git branch --abbrev name",
  "git branch -v --abbrev name",
  "git diff -U ../outside/secret.txt README.md",
  "git diff --unified ../outside/secret.txt README.md",
  "git blame --abbrev .env HEAD",
  "git log --format .env",
  "git log --max-parents .env",
  "git shortlog --committer .env HEAD",
  "git describe --dirty",
  "git describe --broken",
  "npm ls --prefix=/x",
  "npm config list",
  "npm view x",
  "base64 -w0 /etc/passwd",
  "column --version x > f",
  "diff -r src escape",
  "od /dev/mem",
  "python3 --version x",
  "node --version -e 1",
  "id -Z",
  "yes",
  "exit",
  "return",
  "true &&",
  "&& ls",
  "| ls",
  "ls |",
  "ls ||",
  "ls ;; ls",
  "ls 'open",
  'ls "open',
];

const REFUSED = [
  "ls\0",
  "ls\r",
  "ls\rtouch f",
  "ls\vx",
  "ls\fx",
  "ls\u00a0-la",
  "ls \u202e",
  "ls \u200b",
  "ls \u0007",
  "ls \ud800",
  `echo ${"a".repeat(70_000)}`,
];

describe("without asking", () => {
  test("the list of useful forms is long enough", () => {
    expect(READ_ONLY.length).toBeGreaterThanOrEqual(120);
  });
  test.each(READ_ONLY)("%s", async (command) => {
    const verdict = await judgeCommand(command, contextOf(workspace));
    expect({ command, verdict: verdict.verdict, reason: verdict.reason }).toEqual({
      command,
      verdict: "read_only",
      reason: "it only reads",
    });
  });
  test("run in a hostile project each leaves every byte as it was, in the tree, in HOME and outside", () => {
    const own = createWorkspace();
    const home = join(own.root, "home");
    const put = (path: string, text: string, mode = 0o644): void => {
      mkdirSync(dirname(join(own.root, path)), { recursive: true });
      writeFileSync(join(own.root, path), text, { mode });
    };
    const marks = join(own.root, "marks");
    mkdirSync(marks);
    const program = (name: string): string => `#!/bin/sh\ntouch ${marks}/${name}\ncat\n`;
    try {
      // What a project can plant, and what it chooses among of the user's own.
      put(
        "workspace/.npmrc",
        "logs-dir=./src\ntiming=true\nscript-shell=./evil\nnode-options=--require ./evil.js\ncache=./src/cache\nprefix=./src\nlogs-max=1\n",
      );
      for (let index = 0; index < 3; index++)
        put(`workspace/src/2019-01-0${index + 1}T00_00_00_000Z-debug-${index}.log`, "log\n");
      put("workspace/.gitattributes", "* filter=own diff=own text\n*.md merge=own\n");
      for (const file of [".tool-versions", ".python-version", ".node-version", ".nvmrc", ".ruby-version"])
        put(`workspace/${file}`, "path:./evil\n");
      for (const file of [
        ".mise.toml",
        "rust-toolchain.toml",
        ".cargo/config.toml",
        ".yarnrc.yml",
        ".envrc",
        ".rgignore",
        ".fdignore",
        ".ignore",
        ".inputrc",
        ".curlrc",
        ".wgetrc",
        ".magic",
        ".jq",
        "GNUmakefile",
        "sitecustomize.py",
        "node_modules/.bin/node",
      ])
        put(`workspace/${file}`, program("planted"), 0o755);
      put("workspace/evil", program("evil"), 0o755);
      put("workspace/evil.js", `require("fs").writeFileSync(${JSON.stringify(join(marks, "required"))}, "")\n`);
      put(
        "home/.gitconfig",
        `[filter "own"]\n clean = ${join(own.root, "filter")}\n smudge = ${join(own.root, "filter")}\n[diff "own"]\n textconv = ${join(own.root, "filter")}\n command = ${join(own.root, "filter")}\n[core]\n pager = ${join(own.root, "filter")}\n fsmonitor = ${join(own.root, "filter")}\n[alias]\n status = !${join(own.root, "filter")}\n`,
      );
      put("filter", program("filter"), 0o755);
      const digest = (): string =>
        execFileSync(
          "bash",
          ["-c", "find . -printf '%p %y %s %m %T@\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum"],
          { cwd: own.root, encoding: "utf8" },
        );
      const hostile = {
        PATH: `${join(own.path, "node_modules/.bin")}:${process.env["PATH"] ?? ""}`,
        HOME: home,
        NODE_OPTIONS: "--require ./evil.js",
        PYTHONPATH: ".",
        PERL5OPT: "-I.",
        RUBYOPT: "-I.",
        BASH_ENV: "./evil",
        ENV: "./evil",
        LESSOPEN: "|./evil %s",
        GREP_OPTIONS: "-R",
        RIPGREP_CONFIG_PATH: "./.ignore",
        LD_LIBRARY_PATH: ".",
        npm_config_logs_dir: "./src",
        NPM_CONFIG_TIMING: "true",
        MAGIC: ".magic",
        PAGER: "./evil",
      };
      const environment = childEnvironment(hostile, { add: {}, remove: [], keysInUse: [], readOnlyIn: own.path });
      const before = digest();
      for (const command of READ_ONLY) {
        // A stand-in on this machine's own search path is not run by bmo either.
        if (!isProgramItself(command.split(" ")[0] ?? "", own.path, environment["PATH"] ?? "")) continue;
        execFileSync("bash", ["--noprofile", "--norc", "-c", `{ ${command}\n} >/dev/null 2>&1 </dev/null || true`], {
          cwd: own.path,
          env: environment,
          timeout: 20_000,
        });
      }
      expect(digest()).toBe(before);
    } finally {
      own.remove();
    }
  }, 120_000);

  test.each([
    ["a script that asks a manager", "shims", '#!/usr/bin/env bash\nexec asdf exec node "$@"\n', "node"],
    ["a link to a manager's own program", "", "", "node"],
    ["a script called python3", "shims", '#!/bin/sh\nexec pyenv exec python3 "$@"\n', "python3"],
    ["a stand-in for jq", "shims", "#!/bin/sh\n", "jq"],
    ["a stand-in for git", "shims", "#!/bin/sh\n", "git"],
  ])("%s is not taken for the program", async (_name, folder, text, program) => {
    const own = createWorkspace();
    try {
      const shims = join(own.root, "shims");
      mkdirSync(shims);
      if (folder === "") {
        execFileSync("cp", ["/bin/ls", join(own.root, "mise")]);
        execFileSync("ln", ["-s", join(own.root, "mise"), join(shims, program)]);
      } else writeFileSync(join(shims, program), text, { mode: 0o755 });
      const words = program === "git" ? "status" : program === "jq" ? ".name package.json" : "--version";
      const judged = await judgeCommand(`${program} ${words}`, {
        ...contextOf(own),
        searchPath: `${shims}:/usr/bin:/bin`,
      });
      expect(judged).toMatchObject({ verdict: "ask", reason: expect.stringContaining("stand-in") });
      expect(
        (await judgeCommand(`${program} ${words}`, { ...contextOf(own), searchPath: "/usr/bin:/bin" })).verdict,
      ).toBe("read_only");
    } finally {
      own.remove();
    }
  });
});

describe("never read-only", () => {
  test.each(NOT_READ_ONLY)("%j", async (command) => {
    const verdict = await judgeCommand(command, contextOf(workspace));
    expect(["ask", "refuse"]).toContain(verdict.verdict);
    expect(verdict.reason).not.toBe("");
  });
  test.each(REFUSED)("refused before it is read: %j", async (command) => {
    const verdict = await judgeCommand(command, contextOf(workspace));
    expect(verdict.verdict).toBe("refuse");
  });
  test("ten thousand subcommands are still judged, each", async () => {
    const harmless = Array.from({ length: 9_000 }, () => "ls").join(";");
    expect((await judgeCommand(harmless, contextOf(workspace))).verdict).toBe("read_only");
    expect((await judgeCommand(`${harmless};rm f`, contextOf(workspace))).verdict).toBe("ask");
  });
});

describe("git by its local configuration", () => {
  const hostile: [string, string, string][] = [
    ["core.fsmonitor", "touch f", "core.fsmonitor"],
    ["diff.external", "touch f", "diff.external"],
    ["core.pager", "touch f", "core.pager"],
    ["core.hooksPath", "x", "core.hookspath"],
    ["filter.x.clean", "touch f", "filter.x.clean"],
    ["diff.x.textconv", "touch f", "diff.x.textconv"],
    ["alias.status", "!touch f", "alias.status"],
    ["include.path", "other", "include.path"],
    ["core.sshCommand", "touch f", "core.sshcommand"],
    ["gpg.program", "touch", "gpg.program"],
    ["core.editor", "touch", "core.editor"],
    ["remote.origin.promisor", "true", "remote.origin.promisor"],
    ["extensions.partialClone", "origin", "extensions.partialclone"],
    ["core.worktree", "/", "core.worktree"],
    ["credential.helper", "!touch f", "credential.helper"],
    ["core.attributesFile", "x", "core.attributesfile"],
    ["uploadpack.packObjectsHook", "x", "uploadpack.packobjectshook"],
    ["receive.procReceiveRefs", "x", "receive.procreceiverefs"],
    ["includeIf.gitdir:/.path", "x", "includeif.gitdir:/.path"],
    ["interactive.diffFilter", "x", "interactive.difffilter"],
    ["merge.x.driver", "touch", "merge.x.driver"],
    ["submodule.x.update", "!touch f", "submodule.x.update"],
    ["trailer.x.command", "touch", "trailer.x.command"],
    ["core.gitProxy", "touch", "core.gitproxy"],
    ["core.askPass", "touch", "core.askpass"],
  ];
  test.each(hostile)("%s is refused by name", async (key, value, named) => {
    const own = createWorkspace();
    try {
      own.git("config", key, value);
      const verdict = await judgeCommand("git status", contextOf(own));
      expect(verdict.verdict).toBe("ask");
      expect(verdict.reason).toContain(named);
    } finally {
      own.remove();
    }
  });
  test("ordinary keys of clones, branches and submodules are harmless", async () => {
    const own = createWorkspace();
    try {
      for (const [key, value] of [
        ["remote.origin.url", "git@x:y.git"],
        ["remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"],
        ["branch.main.remote", "origin"],
        ["branch.main.merge", "refs/heads/main"],
        ["user.name", "x"],
        ["pull.rebase", "true"],
        ["core.autocrlf", "input"],
      ] as const)
        own.git("config", key, value);
      expect((await judgeCommand("git status", contextOf(own))).verdict).toBe("read_only");
    } finally {
      own.remove();
    }
  });
  test("worktrees are read through their pointer, a foreign pointer is named", async () => {
    const own = createWorkspace();
    try {
      own.git("worktree", "add", "-q", join(own.path, "tree"));
      expect((await judgeCommand("cd tree && git status", contextOf(own))).verdict).toBe("read_only");
      mkdirSync(join(own.path, "fake"));
      writeFileSync(join(own.path, "fake", ".git"), `gitdir: ${own.path}/.git/worktrees/tree\n`);
      const verdict = await judgeCommand("cd fake && git status", contextOf(own));
      expect(verdict).toMatchObject({ verdict: "ask" });
      expect(verdict.reason).toContain("worktree pointer");
    } finally {
      own.remove();
    }
  });
  test("a bare repository in the tree and a submodule with a hostile configuration are named", async () => {
    const own = createWorkspace();
    try {
      execFileSync("git", ["init", "-q", "--bare", join(own.path, "bare")], { env: { PATH: process.env["PATH"] } });
      expect((await judgeCommand("cd bare && git log", contextOf(own))).reason).toContain("bare repository");
      const inner = join(own.path, "inner");
      mkdirSync(inner);
      const git = (...words: string[]): void =>
        void execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...words], {
          cwd: inner,
          stdio: "ignore",
        });
      git("init", "-q");
      writeFileSync(join(inner, "x"), "x");
      git("add", "x");
      git("commit", "-qm", "x");
      git("config", "core.fsmonitor", "touch f");
      own.git("-c", "advice.addEmbeddedRepo=false", "add", "inner");
      expect((await judgeCommand("git status", contextOf(own))).reason).toContain(
        "core.fsmonitor in the submodule inner",
      );
    } finally {
      own.remove();
    }
  });
});

describe("the approved plan's commands", () => {
  const planned: [string, string[], string][] = [
    ["npm test", ["npm test"], "planned"],
    ["npm test", ["bash(npm test)"], "planned"],
    ["npm run build -- --x", ["bash(npm run *)"], "planned"],
    ["npm test && git status", ["npm test"], "planned"],
    ["npm test | head -3", ["bash(npm test)"], "planned"],
    ["FOO=1 npm test > log", ["FOO=1 npm test > log"], "planned"],
    ["npm test > log", ["npm test"], "ask"],
    ["npm test -- --update", ["npm test"], "ask"],
    ["npm test; rm -rf x", ["npm test"], "ask"],
    ["npm test $(rm x)", ["bash(npm test *)"], "ask"],
    ["npm 'run evil'", ["bash(npm run evil)"], "ask"],
    ["A=1 npm test", ["bash(npm test)"], "ask"],
    ["npm install", ["bash(npm:*)"], "planned"],
    ["git commit -m 'one\n\ntwo'", ["bash(git commit *)"], "planned"],
    ['git add . && git commit -m "one\n\ntwo"', ["bash(git *)"], "planned"],
    ["git commit -m 'one'\ntouch f", ["bash(git *)"], "ask"],
    ["git commit -m 'one\n$(touch f)'; touch f", ["bash(git *)"], "ask"],
    ["git commit -m one \\\n; touch f", ["bash(git *)"], "ask"],
    ['git commit -m "one\n$(touch f)"', ["bash(git *)"], "ask"],
    ["echo 'one\ntwo'", [], "ask"],
    ["git commit -m 'one\n", ["bash(git *)"], "ask"],
  ];
  test.each(planned)("%j under %j is %s", async (command, commands, expected) => {
    expect((await judgeCommand(command, contextOf(workspace, commands))).verdict).toBe(expected);
  });
});

test("trees that are read are named, and how", async () => {
  const reads = async (command: string): Promise<string[]> =>
    (await judgeCommand(command, contextOf(workspace))).reads.map(
      ({ root, how }) => `${how} ${root.slice(workspace.path.length)}`,
    );
  expect(await reads("grep -r foo src")).toEqual(["all /src"]);
  expect(await reads("grep -r foo")).toEqual(["all "]);
  expect(await reads("rg foo")).toEqual(["visible "]);
  expect(await reads("rg --hidden foo src")).toEqual(["all /src"]);
  expect(await reads("cat README.md")).toEqual([]);
  expect(await reads("git diff")).toEqual(["tracked "]);
});
