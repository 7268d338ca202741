// The completion scripts: complete against the help, and what bash makes of them.

import { execFileSync, spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { parseArguments } from "../../src/cli/arguments.ts";
import { runCompletionCommand } from "../../src/cli/completion-command.ts";
import { OPTIONS, SUBCOMMAND_SUMMARIES, SUBCOMMAND_WORDS } from "../../src/cli/completion-data.ts";
import { SUBCOMMAND_USAGE } from "../../src/cli/subcommand-usage.ts";
import { createIo } from "./io.ts";
import { needProgram } from "../support/need.ts";

const [bashShell, zshShell, fishShell] = [needProgram("bash"), needProgram("zsh"), needProgram("fish")];

function script(shell: string): string {
  const io = createIo({ workspace: "/", home: "/" });
  expect(runCompletionCommand([shell], io)).toBe(0);
  return io.out();
}

function bash(line: string): string[] {
  const words = line.split(" ");
  const program = `${script("bash")}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${String(words.length - 1)}; _bmo; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["--norc", "-c", program], { encoding: "utf8" })
    .split("\n")
    .filter((word) => word !== "");
}

test("every option of the help is offered, and every subcommand", () => {
  const help = parseArguments(["--help"]).text;
  const inHelp = [...help.matchAll(/^ {2}(-[^ ,]+)(?:, (--[^ ]+))?/gm)]
    .flatMap((match) => [match[1], match[2]])
    .filter((name) => name !== undefined);
  const offered = new Set(OPTIONS.flatMap(({ names }) => names));
  expect(inHelp.length).toBeGreaterThan(25);
  expect(inHelp.filter((name) => !offered.has(name))).toEqual([]);
  expect(Object.keys(SUBCOMMAND_WORDS)).toEqual(Object.keys(SUBCOMMAND_SUMMARIES));
  for (const [name, usage] of Object.entries(SUBCOMMAND_USAGE))
    expect(SUBCOMMAND_WORDS[name], name).toEqual(expect.arrayContaining(usage.match(/--[a-z-]+/g) ?? []));
  // No default that is empty, no placeholder for what a subcommand's own help says.
  expect(help).not.toMatch(/\[\]|\[args/);
});

test.skipIf(bashShell.missing)(
  bashShell.title("bash completes subcommands, options, their values and what follows a subcommand"),
  () => {
    expect(bash("bmo con")).toEqual(["config"]);
    expect(bash("bmo --approve")).toEqual(["--approve", "--approve-unscoped"]);
    expect(bash("bmo --tier ")).toEqual(["balanced", "coding", "smart", "deep"]);
    expect(bash("bmo --permission-mode p")).toEqual(["plan"]);
    expect(bash("bmo config ")).toEqual(["show", "path", "validate", "--config", "--preset", "--json"]);
    expect(bash("bmo -q completion z")).toEqual(["zsh"]);
  },
);

test.skipIf(zshShell.missing)(zshShell.title("zsh reads its script"), () => {
  expect(spawnSync("zsh", ["-n"], { input: script("zsh"), encoding: "utf8" }).stderr).toBe("");
});

test.skipIf(fishShell.missing)(fishShell.title("fish reads its script"), () => {
  expect(spawnSync("fish", ["--no-execute"], { input: script("fish"), encoding: "utf8" }).stderr).toBe("");
});

test("zsh and fish scripts hold every option and subcommand", () => {
  const zsh = script("zsh");
  const fish = script("fish");
  for (const name of OPTIONS.flatMap(({ names }) => names)) {
    expect(zsh).toContain(`'${name}[`);
    expect(fish).toMatch(
      name.startsWith("--") ? new RegExp(`-l ${name.slice(2)}( |$)`, "m") : new RegExp(`-s ${name.slice(1)} `),
    );
  }
  for (const name of Object.keys(SUBCOMMAND_SUMMARIES)) {
    expect(zsh).toContain(`    '${name}:`);
    expect(fish).toContain(`-n __fish_use_subcommand -a ${name} `);
  }
});

test("another shell is refused with the ones there are", () => {
  expect(() => runCompletionCommand(["bsh"], createIo({ workspace: "/", home: "/" }))).toThrow(
    "bmo completion does not take bsh",
  );
  expect(() => runCompletionCommand([], createIo({ workspace: "/", home: "/" }))).toThrow(
    "bmo completion needs the name of a shell",
  );
});
