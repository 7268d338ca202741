// docs/repl.md is true to the code: every command with its aliases, every mode of a permission card, and nothing
// invented.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { commands } from "../../src/commands/index.ts";

const page = readFileSync(new URL("../../docs/repl.md", import.meta.url), "utf8");
const section = (title: string): string => page.split(`\n## ${title}\n`)[1]?.split("\n## ")[0] ?? "";
const CONTRACT =
  "help status model tier approve plan reject why cost usage diff undo new clear reset compact resume sessions skills skill tools permissions config init verbose exit quit".split(
    " ",
  );
const named = [...section("Commands").matchAll(/`\/([a-z]+)/g)].map((match) => match[1]);

test("the table names every command of the contract and of the program, and none that is not there", () => {
  const known = commands.flatMap((command) => [command.name, ...command.aliases]);
  expect([...CONTRACT, ...known].filter((name) => !named.includes(name))).toEqual([]);
  expect(named.filter((name) => name !== undefined && !known.includes(name))).toEqual([]);
});

test("the table of keys names every key of the contract", () => {
  const keys = section("Keys");
  for (const key of [
    "Enter",
    "Ctrl+J",
    "Alt+Enter",
    "Up, Down",
    "Ctrl+R",
    "Tab",
    "Esc",
    "Ctrl+C",
    "Ctrl+D",
    "Shift+Tab",
    "Ctrl+O",
    "Ctrl+G",
    "Ctrl+L",
    "`!command`",
    "`@path`",
  ])
    expect(keys).toContain(key);
});
