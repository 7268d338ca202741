// What a reading git command sees of the user's own settings: what starts nothing. Tried with git itself and programs
// that would leave a mark.

import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { gitConfigValue, harmlessGitSettings } from "../../src/containment/git-settings.ts";
import { contain, createPlace, NO_SANDBOX, type Place } from "./fixture.ts";
import { createSandboxPlace } from "../../src/containment/sandbox-place.ts";

const places: Place[] = [];
afterEach(() => places.splice(0).forEach((place) => place.remove()));

/** A repository whose attributes choose a filter and a diff program that the user has configured for other work. */
function hostilePlace(where: ".gitconfig" | ".config/git/config"): { place: Place; mark: string } {
  const place = createPlace({ "a.txt": "one\n", ".gitattributes": "*.txt filter=own diff=own merge=own\n" });
  places.push(place);
  const mark = join(place.root, "ran");
  const program = join(place.root, "program");
  writeFileSync(program, `#!/bin/sh\necho "$0 $*" >> ${mark}\ncat\n`);
  chmodSync(program, 0o755);
  const settings = [
    '[user]\n\tname = "A \\"B\\" C" ; comment\n\temail = a@b',
    "[core]\n\tquotePath = false",
    `\tfsmonitor = ${program}`,
    `\tpager = ${program}`,
    `\thooksPath = ${place.root}`,
    '[filter "own"]',
    `\tclean = ${program}`,
    `\tsmudge = ${program}`,
    `\tprocess = ${program}`,
    "\trequired = true",
    '[diff "own"]',
    `\ttextconv = ${program}`,
    `\tcommand = ${program}`,
    "[diff]",
    `\texternal = ${program}`,
    "[gpg]",
    `\tprogram = ${program}`,
    "[log]",
    "\tshowSignature = true",
    "[credential]",
    `\thelper = !${program}`,
    "[alias]",
    `\tst = !${program}`,
    "[interactive]",
    `\tdiffFilter = ${program}`,
    "[include]",
    `\tpath = ${join(place.root, "more")}`,
  ];
  const file = join(place.home, where);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, `${settings.join("\n")}\n`);
  writeFileSync(join(place.root, "more"), `[diff "own"]\n\ttextconv = ${program}\n`);
  // Same size, other bytes and times: git has to look inside, through the filter where it obeys one.
  place.write("a.txt", "two\n");
  return { place, mark };
}

const READING = [
  "git status",
  "git status --porcelain",
  "git diff",
  "git diff --stat",
  "git diff HEAD",
  "git log -p -1",
  "git show HEAD",
  "git log -1 --format=%s",
  "git blame a.txt",
  "git grep two",
  "git diff --word-diff",
  "git show HEAD:a.txt",
  "git cat-file -p HEAD:a.txt",
  "git log -S one --oneline",
  "git ls-files --eol",
  "git check-attr -a a.txt",
  "git stash list",
  "git branch -a",
];

test.each([".gitconfig", ".config/git/config"] as const)(
  "no reading command runs a program of ~/%s that the repository's attributes choose",
  async (where) => {
    const { place, mark } = hostilePlace(where);
    // The trap works: git outside of bmo falls into it.
    spawnSync("git", ["--no-pager", "diff"], {
      cwd: place.workspace,
      env: { PATH: process.env["PATH"] ?? "", HOME: place.home },
      stdio: "ignore",
    });
    expect(existsSync(mark)).toBe(true);
    rmSync(mark);
    const keep = createSandboxPlace(place.data);
    for (const stage of ["plan", "chat"] as const) {
      for (const command of READING) {
        const ran = await contain(place, command, { stage, sandbox: NO_SANDBOX, place: keep });
        expect({ command, blocked: ran.blocked, ran: existsSync(mark), code: ran.exitCode }).toEqual({
          command,
          blocked: null,
          ran: false,
          code: 0,
        });
      }
    }
    keep.release();
  },
);

test("what starts nothing is handed on, as git reads it", async () => {
  const { place } = hostilePlace(".gitconfig");
  const file = join(place.root, "harmless");
  writeFileSync(file, harmlessGitSettings(place.home, undefined));
  const listed = execFileSync("git", ["config", "--file", file, "--list"], { encoding: "utf8" });
  const machine = spawnSync("git", ["config", "--system", "--list"], { encoding: "utf8" })
    .stdout.split("\n")
    .filter((line) => line !== "");
  expect(listed.split("\n").filter((line) => line !== "" && !machine.includes(line))).toEqual([
    'user.name=A "B" C',
    "user.email=a@b",
    "core.quotepath=false",
  ]);
});

test.each([
  ["plain", "plain"],
  ["  a b  ; c", "  a b"],
  ['"a;b" # c', "a;b"],
  ['a" b "c', "a b c"],
  ["a\\\\b\\tc", "a\\b\tc"],
  ['" x "', " x "],
  ["", ""],
])("the value %j reads as %j", (raw, value) => {
  expect(gitConfigValue(raw)).toBe(value);
});
