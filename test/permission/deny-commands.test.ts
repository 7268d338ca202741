// Deny rules for commands under bypassPermissions: a denied program is denied however it is named and wrapped, what
// cannot be judged asks, and ordinary work beside such a rule goes on unasked.

import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decide } from "../../src/permission/policy.ts";
import { commandDenied, deniedPrograms, parseRule } from "../../src/permission/rules.ts";
import { judgeCommand } from "../../src/permission/shell.ts";
import { bash, callThen } from "../e2e/containment-scene.ts";
import { resultOf, scene } from "../e2e/scenario.ts";
import { contextOf, createWorkspace, type Workspace } from "./fixture.ts";
import { runSpellings } from "./spellings.ts";

let workspace: Workspace;
beforeAll(() => {
  workspace = createWorkspace();
  const put = (path: string, text: string): void => writeFileSync(join(workspace.path, path), text);
  put("clean.sh", "#!/bin/sh\nset -e\nif true; then rm -rf build; fi\n");
  put("no-shebang", "rm f\n");
  put("build.sh", '#!/usr/bin/env bash\nset -e\ncd "$(dirname "$0")"\n"$CC" -o x x.c\nnpm test\n');
  put("by-rm", "#!/bin/rm -f\n");
  put("script.js", "1\n");
  put("manage.py", "1\n");
  for (const name of ["clean.sh", "no-shebang", "build.sh", "by-rm"]) chmodSync(join(workspace.path, name), 0o755);
  symlinkSync("/bin/rm", join(workspace.path, "tidy"));
  copyFileSync("/bin/rm", join(workspace.path, "copied"));
  mkdirSync(join(workspace.path, "bin"));
  symlinkSync("../tidy", join(workspace.path, "bin", "further"));
});
afterAll(() => workspace.remove());

async function decisionOn(command: string, deny: string[], planCommands: string[] = []): Promise<string> {
  const rules = { allow: [parseRule("bash")], deny: deny.map(parseRule), grants: [] };
  const shell = await judgeCommand(command, {
    ...contextOf(workspace, planCommands),
    searchPath: process.env["PATH"] ?? "",
    denied: { programs: deniedPrograms(rules.deny) },
  });
  return decide({
    tool: "bash",
    access: "exec",
    path: null,
    action: null,
    shell,
    credentialInTree: null,
    stage: "chat",
    mode: "bypassPermissions",
    scope: null,
    containment: "enforce",
    sandboxed: false,
    rules,
    workspace: workspace.path,
    home: "/home/u",
  }).decision;
}

const DENIED = [
  "rm x",
  "/bin/rm x",
  "/usr/bin/../bin/rm x",
  "./tidy x",
  "bin/further x",
  "cd bin && ./further x",
  "./copied x",
  "\\rm x",
  "'rm' x",
  "r''m x",
  "RM x",
  "command rm x",
  "builtin command rm x",
  "exec rm x",
  "exec -a y rm x",
  "env rm x",
  "env -i rm x",
  "env -u A B=1 rm x",
  "env -S 'rm x'",
  "env -vS 'rm x'",
  "env --split-string='rm x'",
  "nice rm x",
  "nice -n 3 rm x",
  "sudo rm x",
  "sudo -u root -- rm x",
  "sudo -nu root A=1 rm x",
  "doas rm x",
  "time rm x",
  "stdbuf -oL rm x",
  "setsid rm x",
  "nohup rm x",
  "timeout 5 rm x",
  "timeout -k 1 -s KILL 5s rm x",
  "ls | xargs rm",
  "xargs -0 -n 1 rm -f",
  "find . -exec rm {} +",
  "find . -execdir /bin/rm {} ';'",
  "find . -ok rm {} ';'",
  "find . -name '*.o' -delete",
  "watch rm x",
  "watch -n 1 'ls; rm x'",
  "flock l rm x",
  "flock l -c 'rm x'",
  "busybox rm x",
  "toybox rm x",
  "busybox sh -c 'rm x'",
  "parallel rm ::: x",
  "parallel 'rm {}' ::: x",
  "chroot / rm x",
  "chroot --userspec=0:0 / /bin/rm x",
  "unshare -r rm x",
  "nsenter -t 1 -m rm x",
  "script -c 'rm x'",
  "script -qc 'rm x' /dev/null",
  "su -c 'rm x'",
  "su root -c 'rm x'",
  "su - root -c 'rm x'",
  "runuser -u root rm x",
  "runuser -u root -- rm x",
  "runuser -c 'rm x' root",
  "bash -c 'rm x'",
  "bash -lc 'rm x'",
  "bash -xec 'ls && rm x'",
  "sh -c 'rm x'",
  "/bin/sh -c 'rm x'",
  "zsh -c 'rm x'",
  "dash -c 'rm x'",
  "ksh -c 'rm x'",
  "bash -c \"sh -c 'rm x'\"",
  "bash --norc -o errexit -c 'rm x'",
  "eval 'rm x'",
  "eval rm x",
  "builtin eval 'rm x'",
  "trap 'rm x' EXIT",
  "coproc rm x",
  "f() { rm x; }; f",
  "(rm x)",
  "ls && { rm x; }",
  "ls $(rm x)",
  "cat <(rm x)",
  "echo `rm x`",
  "if rm x; then ls; fi",
  "git -c alias.x='!rm x' x",
  "git submodule foreach 'rm x'",
  "git submodule foreach --recursive rm x",
  "git bisect run rm x",
  "git rebase --exec 'rm x' main",
  "git config alias.x '!rm x'",
  "npm exec -c 'rm x'",
  "npx -c 'rm x'",
  "npm exec -- rm x",
  "tar -cf a --checkpoint=1 --checkpoint-action=exec='rm x' b",
  "tar --to-command='rm x' -xf a",
  "tar -I 'rm x' -xf a",
  "rsync -e 'rm x' a b:c",
  "split --filter='rm x' a",
  "sort --compress-program=rm a",
  "/lib64/ld-linux-x86-64.so.2 /bin/rm x",
  "ld.so --library-path y /bin/rm x",
  "./clean.sh",
  "bash clean.sh",
  "sh ./clean.sh",
  ". ./clean.sh",
  "source clean.sh",
  "./no-shebang",
  "./by-rm x",
  "sudo bash clean.sh",
  "timeout 5 ./clean.sh",
  "mapfile -C 'rm x' -c 1 a",
  "taskset 1 rm x",
  "ionice -c 3 rm x",
  "setarch x86_64 rm x",
  "strace -o y rm x",
  "systemd-run -p A=b rm x",
];
const ASKED = [
  "x=rm; $x y",
  "$X y",
  "${X} y",
  "r${EMPTY}m y",
  "rm${IFS}y",
  "/bin/r? y",
  "/bin/r[m] y",
  "$'rm' y",
  "$(echo rm) y",
  "echo 'rm x' | sh",
  "printf 'rm x' | bash",
  "echo cm0geA== | base64 -d | sh",
  "bash <<E\nls\nE",
  "bash <<< 'ls'",
  "source <(ls)",
  ". /dev/stdin",
  "bash",
  "sh -s",
  "python3 -c 1",
  "python3 -Sc 1",
  "python3.11 -c 1",
  "python3 -",
  "perl -e 1",
  "perl -wle 1",
  "perl -ne 1 x",
  "ruby -e 1",
  "node -e 1",
  "node --eval=1",
  "node -p 1",
  "php -r 1",
  "lua -e 1",
  "awk 'BEGIN { system(\"ls\") }'",
  "awk '{ print | \"sh\" }' x",
  "awk -f prog x",
  "sed '1e ls' README.md",
  "sed 's/a/b/e' README.md",
  "sed -f prog README.md",
  "vim -c ':!ls' x",
  "ed x",
  "ssh host ls",
  "ssh host rm x",
  "make SHELL=/bin/rm x",
  "make --eval='a:;ls' a",
  "git -c core.pager=less log",
  "git -c alias.x='!ls' x",
  "git unknown",
  "git difftool",
  "crontab x",
  "at now",
  "tmux new ls",
  "docker run x rm y",
  "gdb -ex 'shell ls'",
  "./not-there",
  "cp /bin/rm y",
  "hash -p /bin/rm y",
  "somewrapper rm x",
  "somewrapper --run='rm x'",
  "xargs -I{} {} x",
  "find / -name rm -exec {} x ';'",
  "bash -c '$0 x' rm",
  "bash -c '\"$@\"' x rm y",
  "bash -c 'ls > f'",
  "fd x -x rm",
  "rg --pre rm x",
  "expect x",
  "socat x y",
].filter((line) => !/^(ssh host rm|fd x -x rm|rg --pre rm)/.test(line));
/** Where the words are literal the answer is a denial; both are right. */
const KEPT = ["ssh host rm x", "fd x -x rm", "rg --pre rm x", "parallel ls", "ls | parallel", "alias a='rm x'"];
const ALLOWED = [
  "ls",
  "npm test",
  "npm run build",
  "npm install",
  "yarn build",
  "pnpm test",
  "make",
  "make -j4 build",
  "make CFLAGS=-O2",
  "cargo build",
  "go test ./...",
  "python3 manage.py test",
  "python3 -m pytest -q",
  "node script.js --x",
  "node --test",
  "npx tsc --noEmit",
  "npx vitest run",
  "git add -A",
  "git commit -m 'rm the old file'",
  'git commit -m "drop rm"',
  "git log --oneline",
  "git checkout -b x",
  "git -C src status",
  "git -c user.name=x commit -m y",
  "git push origin main",
  "git stash",
  "grep rm README.md",
  "echo rm",
  "cp README.md x",
  "mv README.md x",
  "mkdir -p a/b",
  "touch x",
  "sed -i 's/a/b/' README.md",
  "sed -i -e 's/rm/e/g' README.md",
  "sed -n '/rm/p' README.md",
  "awk '{ print $1 }' README.md",
  "timeout 60 npm test",
  "env CI=1 npm test",
  "nice npm test",
  "bash -c 'ls && npm test'",
  "./build.sh",
  "bash build.sh",
  "tar -xf x.tar",
  "tsc -p .",
  "eslint src",
  "jq .name package.json",
  "docker ps",
  "curl -fsS http://127.0.0.1/x -o y",
  "sleep 1",
  "cat README.md | head -3",
  "command -v rm",
  "which rm",
  "type rm",
];

describe("deny rules for commands, with bypassPermissions", () => {
  test.each(DENIED)("denied: %s", async (command) => expect(await decisionOn(command, ["bash(rm *)"])).toBe("deny"));
  test.each(ASKED)("asked: %s", async (command) => expect(await decisionOn(command, ["bash(rm *)"])).toBe("ask"));
  test.each(KEPT)("not run: %s", async (command) =>
    expect(await decisionOn(command, ["bash(rm *)"])).not.toBe("allow"),
  );
  test.each(ALLOWED)("allowed beside the rule: %s", async (command) =>
    expect(await decisionOn(command, ["bash(rm *)"])).toBe("allow"),
  );
  test.each([...DENIED, ...ASKED, ...KEPT])("without a deny rule bypass stays as it was: %s", async (command) =>
    expect(await decisionOn(command, [])).toBe("allow"),
  );

  const ARGUMENTS: [string, string, string][] = [
    ["bash(git push *)", "git push", "deny"],
    ["bash(git push *)", "git -C . push origin", "deny"],
    ["bash(git push *)", "git --no-pager -c a.b=c push", "deny"],
    ["bash(git push *)", "/usr/bin/git push", "deny"],
    ["bash(git push *)", "bash -c 'cd x && git push'", "deny"],
    ["bash(git push *)", "git stash", "allow"],
    ["bash(git push:*)", "git -C x push", "deny"],
    ["bash(git push *)", "git p", "ask"],
    ["bash(git push --force *)", "git push origin", "allow"],
    ["bash(git push *)", "echo origin | xargs git push", "deny"],
    ["bash(git push *)", "echo push | xargs git", "ask"],
    ["bash(git push *)", "git commit -m push", "allow"],
    ["bash(rm -rf *)", "rm -rf x", "deny"],
    ["bash(rm -rf *)", "rm -i -rf x", "deny"],
    ["bash(rm -rf *)", "rm x", "allow"],
    ["bash(rm -rf *)", "find . -delete", "deny"],
    ["bash(rm -rf *)", "echo -rf x | xargs rm", "ask"],
    ["bash(rm -rf *)", "sudo /bin/rm -rf x", "deny"],
    ["bash(npm publish *)", "npm --silent publish", "deny"],
    ["bash(npm publish *)", "npm --prefix x publish", "deny"],
    ["bash(npm publish *)", "npm test", "allow"],
    ["bash(docker *)", "sudo docker ps", "deny"],
    ["bash(/bin/rm *)", "rm x", "deny"],
    ["bash(/usr/local/bin/* *)", "ls", "allow"],
    ["bash(curl *)", "wget x", "allow"],
    ["bash(*)", "ls", "deny"],
    ["bash", "npm test", "deny"],
    ["bash(* --force)", "npm --force", "deny"],
    ["bash(* --force)", "npm install", "allow"],
  ];
  test.each(ARGUMENTS)("%s on %s: %s", async (rule, command, expected) =>
    expect(await decisionOn(command, [rule])).toBe(expected),
  );

  test("patterns with stars are compared in linear time", () => {
    expect(commandDenied(`${"*a".repeat(2_000)}b *`, ["a".repeat(30_000)])).toBe(false);
    expect(commandDenied("x*y *", ["x1y", "z"])).toBe(true);
  });

  test("300 generated spellings: of those that are let through none runs the program", async () => {
    const result = await runSpellings(300, 20261121);
    expect(result.ran).toEqual([]);
    expect(result.tried).toBe(300);
    expect(result.denied).toBeGreaterThan(60);
    expect(result.working).toBeGreaterThan(5);
  }, 120_000);

  test("blanks without end before what cannot be read are read in linear time", async () => {
    expect(await decisionOn(`ls${" ".repeat(30_000)}# x`, [])).toBe("allow");
    expect(await decisionOn(`awk '{print${" ".repeat(20_000)}x}' README.md`, [])).toBe("allow");
    expect(await decisionOn(`sed -n '${"1p;".repeat(5_000)}x' README.md`, [])).toBe("allow");
  });
});

describe("in the program itself", () => {
  test.each([
    ["on the command line", ["--disallowedTools", "bash(rm *)"], ""],
    ["in the user's file", [], '[permissions]\ndeny = ["bash(rm *)"]\n'],
  ] as [string, string[], string][])(
    "no spelling deletes the file, with the rule %s; exit 4 names each",
    async (_where, words, toml) => {
      const commands = [
        "/bin/rm kept.txt",
        "bash -c 'rm kept.txt'",
        "eval 'rm kept.txt'",
        "./tidy kept.txt",
        "find . -name kept.txt -delete",
        "python3 -c 'import os; os.unlink(\"kept.txt\")'",
        "echo 'rm kept.txt' | sh",
        "x=rm; $x kept.txt",
        "env -S 'rm kept.txt'",
        "git -c alias.z='!rm kept.txt' z",
        "echo kept.txt | xargs rm",
        "sh ./clean.sh",
      ];
      const script = callThen(commands.map((command) => bash(command)));
      const one = await scene({ replies: script.replies }, { tables: toml });
      one.place.file("kept.txt", "kept\n");
      one.place.file("clean.sh", "rm kept.txt\n");
      symlinkSync("/bin/rm", join(one.place.workspace, "tidy"));
      const finished = await one.place.run([
        "-p",
        "--json",
        "--no-plan",
        "--permission-mode",
        "bypassPermissions",
        ...words,
        "go",
      ]);
      expect(finished.code).toBe(4);
      expect(existsSync(join(one.place.workspace, "kept.txt"))).toBe(true);
      expect(resultOf(finished).denials.length).toBe(commands.length);
      for (const { reason } of resultOf(finished).denials)
        expect(reason).toMatch(
          /the rule bash\(rm \*\) denies it|cannot be checked against the deny rules: .+; nobody is here to ask/,
        );
    },
  );
});

const UNSEEN = [
  "printf -v 'a[$(rm x)]' y",
  "test -v 'a[$(rm x)]'",
  "[ -v 'a[$(rm x)]' ]",
  "let 'a[$(rm x)]'",
  "declare 'a[$(rm x)]=1'",
  "read 'a[`rm x`]'",
  "unset 'a[$(rm x)]'",
  "echo rm x | xargs env",
  "echo rm x | xargs -n2 sudo -u y nice -n 3",
  "echo rm x | xargs npx",
  "find . -exec env {} +",
  "cmake -E rm x",
  "cmake -E env rm x",
  "gcc -wrapper rm,x -c x.c",
  "python3 -m timeit 'open(1)'",
  "python3 -m pdb x",
];
test.each(UNSEEN)("what a program or a builtin may start behind its words asks: %s", async (command) => {
  expect(await decisionOn(command, ["bash(rm *)"])).toBe("ask");
});

const OPEN = [
  "c='rm x'; $c",
  "/bin/r[m] x",
  "eval $(echo rm) x",
  "perl -e 'system(1)'",
  "sed '1e rm x' y",
  "hash -p /bin/rm t; t x",
  "cp /bin/rm src/tt; src/tt x",
  "make -f -",
];
test.each(OPEN)(
  "an entry of the plan that covers every command does not switch off a deny rule: %s",
  async (command) => {
    for (const entry of ["bash", "bash(*)"]) expect(await decisionOn(command, ["bash(rm *)"], [entry])).toBe("ask");
    expect(await decisionOn(command, [], ["bash"])).toBe("allow");
  },
);

test("a line that the plan spells out was read with it, and a deny rule on what it says counts all the same", async () => {
  expect(await decisionOn("c='ls x'; $c", ["bash(rm *)"], ["c='ls x'; $c"])).toBe("allow");
  expect(await decisionOn("rm x", ["bash(rm *)"], ["rm x"])).toBe("deny");
});
