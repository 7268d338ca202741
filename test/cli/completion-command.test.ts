// The completion scripts: complete against the help, and what bash makes of them.

import { execFileSync, spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { createProgram, parseArguments } from "../../src/cli/command-line.ts";
import { completionCommand, completionScript } from "../../src/cli/completion-command.ts";
import { loadSubcommands, SUBCOMMANDS } from "../../src/cli/subcommands.ts";
import { callSubcommand, createIo } from "./io.ts";
import { needProgram } from "../support/need.ts";

const [bashShell, zshShell, fishShell] = [needProgram("bash"), needProgram("zsh"), needProgram("fish")];

const subcommands = await loadSubcommands();
const program = createProgram(subcommands);
const script = (shell: "bash" | "zsh" | "fish"): string => completionScript(shell, program);

function bash(line: string, source = script("bash")): string[] {
  const words = line.split(" ");
  const text = `${source}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${String(words.length - 1)}; _bmo; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["--norc", "-c", text], { encoding: "utf8" })
    .split("\n")
    .filter((word) => word !== "");
}

/** The names of the options in a help text. */
function namesIn(argv: readonly string[]): string[] {
  const line = parseArguments(argv, subcommands);
  if (line.kind !== "help") throw new Error(`no help for ${argv.join(" ")}`);
  // No default that is empty, no placeholder for what a subcommand's own help says.
  expect(line.text).not.toMatch(/\[\]|\[args/);
  const names = [...line.text.matchAll(/^ {2}(-[^ ,]+)(?:, (--[^ ]+))?/gm)].flatMap(([, first, second]) => [
    first,
    second,
  ]);
  return names.filter((name) => name !== undefined);
}

const places = program.commands.flatMap((command) => [
  [command.name()],
  ...command.commands.map((action) => [command.name(), action.name()]),
]);

test.skipIf(bashShell.missing)(
  bashShell.title("bash offers every subcommand, and every option that a help names"),
  () => {
    expect(bash("bmo ")).toEqual(Object.keys(SUBCOMMANDS));
    expect(namesIn(["--help"]).length).toBeGreaterThan(25);
    for (const place of [[], ...places]) {
      const offered = bash(["bmo", ...place, "-"].join(" "));
      expect({ place, missing: namesIn([...place, "--help"]).filter((name) => !offered.includes(name)) }).toEqual({
        place,
        missing: [],
      });
    }
  },
);

test.skipIf(bashShell.missing)(
  bashShell.title("bash completes subcommands, options, their values and what follows a subcommand"),
  () => {
    expect(bash("bmo con")).toEqual(["config"]);
    expect(bash("bmo --approve")).toEqual(["--approve", "--approve-unscoped"]);
    expect(bash("bmo --tier ")).toEqual(["balanced", "coding", "smart", "deep"]);
    expect(bash("bmo --permission-mode p")).toEqual(["plan"]);
    expect(bash("bmo config ").slice(0, 4)).toEqual(["show", "path", "validate", "--preset"]);
    expect(bash("bmo -q completion z")).toEqual(["zsh"]);
    expect(bash("bmo --json sessions list --a")).toEqual(["--all"]);
    expect(bash("bmo sessions --a")).toEqual(["--all"]);
    expect(bash("bmo sessions show --a")).toEqual([]);
    expect(bash("bmo stats --by s")).toEqual(["stage", "session"]);
    expect(bash("bmo route eval cases.jsonl --what ")).toEqual(["phase", "gate", "tier"]);
    expect(bash("bmo approve p_1 --permission-mode a")).toEqual(["acceptEdits"]);
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
  for (const name of [[], ...places].flatMap((place) => namesIn([...place, "--help"]))) {
    expect(zsh).toContain(`'${name}[`);
    expect(fish).toMatch(
      name.startsWith("--") ? new RegExp(`-l ${name.slice(2)}( |$)`, "m") : new RegExp(`-s ${name.slice(1)} `),
    );
  }
  for (const [name, action] of places) {
    if (action === undefined) expect(fish).toContain(`-n __fish_use_subcommand -a ${name} `);
    else expect(fish).toContain(`'__fish_seen_subcommand_from ${name}' -a ${action} `);
    expect(zsh).toContain(`        '${action ?? name}:`);
  }
});

test("another shell is refused with the ones there are", async () => {
  const io = createIo({ workspace: "/", home: "/" });
  await expect(callSubcommand(completionCommand, ["bsh"], { io })).rejects.toMatchObject({
    message: "bmo completion does not take bsh",
    hint: "Did you mean bash? bmo completion bash|zsh|fish",
  });
  await expect(callSubcommand(completionCommand, [], { io })).rejects.toThrow(
    "bmo completion needs the name of a shell",
  );
  expect(await callSubcommand(completionCommand, ["fish"], { io })).toBe(0);
  expect(io.out()).toBe(script("fish"));
});
