// Published weaknesses of such tools (reliability notes, section 2), replayed live. Each payload first proves itself
// under plain bash or git: the canary file appears there. Then the same payload meets bmo before approval, and nothing
// appears.

import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { realPathOf } from "../../src/util/paths.ts";
import { contain, createPlace, hasBubblewrap, NO_SANDBOX, planOf, sandboxFor, treeOf, type Place } from "./fixture.ts";
import { needRipgrep, NOTHING, type Need } from "../support/need.ts";

let place: Place;
beforeEach(() => {
  place = createPlace({ "a.txt": "one\ntwo\n", "src/b.ts": "b\n", "doc.md": "m\n" });
  writeFileSync(join(place.workspace, "evil.sh"), `#!/bin/sh\ntouch '${place.workspace}/PWNED'\ncat\n`);
  chmodSync(join(place.workspace, "evil.sh"), 0o755);
});
afterEach(() => place.remove());

interface Weakness {
  item: string;
  /** Makes the repository or the environment hostile. */
  prepare?(): void;
  command: string;
  environment?(): Record<string, string>;
  /** Where the payload's effect shows; default PWNED in the workspace. */
  canary?: string;
  /** What the payload needs to work under plain bash. */
  needs?: Need;
}

const config = (key: string, value: string): void => void place.git("config", key, value);
const modify = (): void => place.write("a.txt", "changed\n");

const WEAKNESSES: Weakness[] = [
  { item: "1 echo that skips the confirmation", command: "echo x; touch PWNED" },
  { item: "3 rg by its options", command: "rg --pre ./evil.sh one a.txt", needs: needRipgrep() },
  { item: "4 $IFS and short flags", command: "touch${IFS}PWNED" },
  { item: "5 find clauses", command: "find . -maxdepth 0 -exec touch PWNED ';'" },
  { item: "5 find that writes", command: "find . -maxdepth 0 -fprint PWNED" },
  { item: "6 piped sed", command: "echo x | sed -n 'w PWNED'" },
  { item: "6 sed that runs", command: "echo x | sed '1e touch PWNED'" },
  { item: "7 clobber redirection", command: "echo x >| PWNED" },
  { item: "8 cd first", command: "cd src && cd .. && touch PWNED" },
  { item: "9 many subcommands", command: `${Array.from({ length: 60 }, () => "true").join(";")};touch PWNED` },
  { item: "10 transformed expansion", command: "x='$(touch PWNED)'; echo ${x@P}" },
  { item: "10 assigning expansion", command: "echo ${x:=$(touch PWNED)}" },
  { item: "10 array subscript in test", command: "[[ -v 'a[$(touch PWNED)]' ]]" },
  { item: "10 array subscript in printf", command: "printf -v 'a[$(touch PWNED)]' x" },
  {
    item: "12 approved first word, chained",
    command: "git status                                                      ; touch PWNED",
  },
  { item: "13 operators and redirections", command: "cat a.txt && cat a.txt > PWNED" },
  { item: "14 git option that writes", command: "git diff --output=PWNED HEAD" },
  {
    item: "15 variable, then an allowed command",
    command: "export GIT_EXTERNAL_DIFF=./evil.sh; echo y >> a.txt; git diff",
    prepare: modify,
  },
  { item: "16 wrapper", command: "env touch PWNED" },
  { item: "16 timeout", command: "timeout 5 touch PWNED" },
  { item: "16 xargs", command: "echo PWNED | xargs touch" },
  { item: "16 awk", command: "awk 'BEGIN{system(\"touch PWNED\")}'" },
  {
    item: "16 tar checkpoint",
    command: "tar -cf /dev/null --checkpoint=1 --checkpoint-action=exec='touch PWNED' a.txt",
  },
  { item: "16 uniq with two operands", command: "uniq a.txt PWNED" },
  { item: "16 sort -o", command: "sort -o PWNED a.txt" },
  { item: "16 split", command: "split a.txt PWNED", canary: "PWNEDaa" },
  { item: "16 git branch", command: "git branch PWNED", canary: ".git/refs/heads/PWNED" },
  { item: "16 substitution", command: "ls $(touch PWNED)" },
  { item: "16 process substitution", command: "cat <(touch PWNED; echo)" },
  { item: "16 backticks", command: "ls `touch PWNED`" },
  { item: "16 background", command: "true & touch PWNED; wait" },
  { item: "16 newline", command: "ls\ntouch PWNED" },
  { item: "16 here-document to a shell", command: "bash <<E\ntouch PWNED\nE" },
  {
    item: "39 git hook written",
    command: "printf '#!/bin/sh\\n' > .git/hooks/post-checkout",
    canary: ".git/hooks/post-checkout",
  },
  { item: "38 settings that do not exist yet", command: "echo 'x = 1' > .bmorc.toml", canary: ".bmorc.toml" },
  {
    item: "37 workspace settings that approve",
    command: "mkdir -p .vscode && echo {} > .vscode/settings.json",
    canary: ".vscode/settings.json",
  },
  { item: "git: fsmonitor", prepare: () => config("core.fsmonitor", "./evil.sh"), command: "git status" },
  { item: "git: external diff", prepare: () => (modify(), config("diff.external", "./evil.sh")), command: "git diff" },
  {
    item: "git: textconv",
    prepare: () => (
      place.write(".gitattributes", "*.md diff=x\n"),
      place.write("doc.md", "n\n"),
      config("diff.x.textconv", "./evil.sh")
    ),
    command: "git diff",
  },
  {
    item: "git: textconv in log",
    prepare: () => (place.write(".gitattributes", "*.md diff=x\n"), config("diff.x.textconv", "./evil.sh")),
    command: "git log -p -1",
  },
  {
    item: "git: clean filter",
    prepare: () => (
      place.write(".gitattributes", "*.md filter=x\n"),
      place.write("doc.md", "n\n"),
      config("filter.x.clean", "./evil.sh")
    ),
    command: "git diff",
  },
  { item: "git: alias", prepare: () => config("alias.st", "!touch PWNED"), command: "git st" },
  {
    item: "git: include",
    prepare: () => (place.write("more", "[core]\n\tfsmonitor = ./evil.sh\n"), config("include.path", "../more")),
    command: "git status",
  },
  {
    item: "40 nested bare repository",
    prepare: () => (
      execFileSync("git", ["init", "-q", "--bare", join(place.workspace, "bare")]),
      execFileSync("git", ["-C", join(place.workspace, "bare"), "config", "alias.x", `!touch ${place.workspace}/PWNED`])
    ),
    command: "cd bare && git x",
  },
  {
    item: "25 worktree pointer with fsmonitor",
    prepare: () => (
      mkdirSync(join(place.workspace, "wt")),
      place.git("worktree", "add", "-q", "-f", "wt"),
      config("core.fsmonitor", join(place.workspace, "evil.sh"))
    ),
    command: "cd wt && git status",
  },
  { item: "environment: BASH_ENV", environment: () => ({ BASH_ENV: join(place.workspace, "evil.sh") }), command: "ls" },
  {
    item: "environment: exported function",
    environment: () => ({ "BASH_FUNC_ls%%": `() { touch '${place.workspace}/PWNED'; }` }),
    command: "ls",
  },
  {
    item: "environment: search path with the workspace",
    prepare: () => execFileSync("cp", ["evil.sh", "wc"], { cwd: place.workspace }),
    environment: () => ({ PATH: `.:${place.workspace}:${process.env["PATH"] ?? ""}` }),
    command: "wc -l a.txt",
  },
  {
    item: "environment: git external diff",
    prepare: modify,
    environment: () => ({ GIT_EXTERNAL_DIFF: "./evil.sh" }),
    command: "git diff",
  },
  {
    item: "environment: ripgrep configuration",
    prepare: () => place.write("rgrc", "--pre=./evil.sh\n"),
    environment: () => ({ RIPGREP_CONFIG_PATH: "rgrc" }),
    command: "rg one a.txt",
    needs: needRipgrep(),
  },
  {
    item: "27 version of a project's yarn",
    prepare: () => place.write("node_modules/.bin/yarn", `#!/bin/sh\ntouch ${place.workspace}/PWNED\n`),
    environment: () => ({ PATH: `${place.workspace}/node_modules/.bin:${process.env["PATH"] ?? ""}` }),
    command: "chmod +x node_modules/.bin/yarn; yarn --version",
  },
];

test("there are at least forty of them", () => {
  expect(WEAKNESSES.length).toBeGreaterThanOrEqual(40);
});

describe.each(WEAKNESSES)("$item", ({ prepare, command, environment, canary = "PWNED", needs = NOTHING }) => {
  const landed = (): boolean => existsSync(join(place.workspace, canary));

  test.skipIf(needs.missing)(needs.title("works under plain bash, not under bmo before approval"), async () => {
    prepare?.();
    const fresh = treeOf(place.workspace);
    const values = environment?.() ?? {};
    for (const sandbox of [NO_SANDBOX, ...(hasBubblewrap ? [await sandboxFor(place)] : [])]) {
      await contain(place, command, { stage: "plan", sandbox, environmentValues: values });
      expect(landed()).toBe(false);
      expect(treeOf(place.workspace)).toEqual(fresh);
    }
    spawnSync("/bin/bash", ["-c", command], {
      cwd: place.workspace,
      env: { PATH: process.env["PATH"], HOME: place.home, ...values },
      stdio: "ignore",
      timeout: 20_000,
    });
    expect(landed(), "the positive control").toBe(true);
  });
});

describe("path identity", () => {
  test("17, 19-21: a link in the workspace does not carry a write out of it; the resolved path is what is judged", () => {
    writeFileSync(join(place.home, "rc"), "rc\n");
    symlinkSync(join(place.home, "rc"), join(place.workspace, "innocent.txt"));
    symlinkSync(place.home, join(place.workspace, "folder"));
    expect(realPathOf(join(place.workspace, "innocent.txt"))).toBe(join(place.home, "rc"));
    expect(realPathOf(join(place.workspace, "folder", "new"))).toBe(join(place.home, "new"));
  });
  test("18: putting files back follows no link that the command planted", async () => {
    writeFileSync(join(place.home, "b.ts"), "home\n");
    const result = await contain(place, `rm -rf src && ln -s '${place.home}' src; echo x > doc.md`, {
      plan: planOf({ "a.txt": "modify" }),
    });
    expect(readFileSync(join(place.home, "b.ts"), "utf8")).toBe("home\n");
    expect(place.read("src/b.ts")).toBe("b\n");
    expect(result.rolledBack).toContain("src/b.ts");
  });
  test("22: temporary names are not guessable: nothing waits at a fixed one", async () => {
    await contain(place, "echo x > doc.md; touch $(echo y)", { plan: planOf({ "a.txt": "modify" }) });
    expect(Object.keys(treeOf(place.workspace)).filter((path) => path.includes(".bmo-"))).toEqual([]);
    rmSync(join(place.workspace, "evil.sh"));
  });
});
