// The user documents are true to the code: options, subcommands with their flags, providers with their keys, exit
// codes, and links.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createProgram } from "../../src/cli/command-line.ts";
import { loadSubcommands } from "../../src/cli/subcommands.ts";
import { resultJson } from "../../src/headless/json.ts";
import { VENDORS } from "../../src/providers/vendors.ts";
import { commandTables } from "../support/command-page.ts";
import { EXIT } from "../../src/types/error.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = (path: string): string => readFileSync(join(root, path), "utf8");
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`),
];

test("docs/command-line.md holds the options and subcommands as they are declared (vitest -u writes them)", async () => {
  const path = "docs/command-line.md";
  const tables = commandTables(createProgram(await loadSubcommands()));
  const marked = /<!-- (.*?) -->\n[\s\S]*?\n<!-- end -->/g;
  expect([...page(path).matchAll(marked)].map(([, name]) => name)).toEqual(Object.keys(tables));
  const wanted = page(path).replace(
    marked,
    (_all, name: string) => `<!-- ${name} -->\n\n${tables[name] ?? ""}\n\n<!-- end -->`,
  );
  await expect(wanted).toMatchFileSnapshot(join(root, path));
});

test("docs/configuration.md names every ready-made provider with its key variables, in their order", () => {
  const text = page("docs/configuration.md");
  for (const { id, keyVariables } of VENDORS)
    expect(text).toMatch(
      keyVariables.length === 0
        ? new RegExp(`\`${id}\``)
        : new RegExp(`^\\| \`${id}\` \\| ${keyVariables.map((name) => `\`${name}\``).join(", ")} \\|$`, "m"),
    );
});

test("docs/headless.md names every key of the result object, every event and every code of an error", () => {
  const text = page("docs/headless.md");
  const result = Object.keys(
    resultJson({
      sessionId: null,
      state: null,
      exitCode: EXIT.done,
      text: "",
      data: null,
      error: null,
      warnings: [],
      durationMs: 0,
    }),
  );
  expect(result.filter((key) => !text.includes(`"${key}":`))).toEqual([]);
  const events = [...page("src/types/event.ts").matchAll(/\| \{\s+type: "([a-z_]+)"/g)].map((match) => match[1] ?? "");
  expect(events.length).toBeGreaterThan(20);
  const codes = [
    ...(page("src/types/error.ts").split("export type ErrorCode =")[1]?.split(";")[0] ?? "").matchAll(/"([a-z_]+)"/g),
  ].map((match) => match[1] ?? "");
  expect(codes.length).toBeGreaterThan(9);
  expect([...events, ...codes].filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

test("the README's exit codes are those of the program", () => {
  const rows = [...page("README.md").matchAll(/^\| ([\d, ]+) \| /gm)].flatMap((match) =>
    (match[1] ?? "").split(",").map(Number),
  );
  expect(rows).toEqual(Object.values(EXIT).sort((left, right) => left - right));
});

test.each(documents)("what %s links to is there", (path) => {
  const links = [...page(path).matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1] ?? "");
  expect(links.filter((link) => !existsSync(join(root, dirname(path), link)))).toEqual([]);
});

/** The numbers that a list such as `1, 3–5` means. */
const numbersIn = (list: string): number[] =>
  list
    .trim()
    .split(", ")
    .flatMap((part) => {
      const [first = 0, last = first] = part.split(/[–-]/).map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });

test("docs/containment.md accounts for each of the 51 published weaknesses, and the tests it names hold their numbers", () => {
  const rows = [
    ...(page("docs/containment.md").split("| number | where |")[1] ?? "").matchAll(/^\| ([\d, –]+) \| (.*) \|$/gm),
  ].map(([, list = "", where = ""]) => ({ where, numbers: numbersIn(list) }));
  expect([...new Set(rows.flatMap(({ numbers }) => numbers))].sort((left, right) => left - right)).toEqual(
    Array.from({ length: 51 }, (_, index) => index + 1),
  );
  const files = {
    w: "test/containment/weaknesses.test.ts",
    e: "test/e2e/weaknesses.test.ts",
    t: "test/containment/trust-lock.test.ts",
  };
  const held = Object.entries(files).map(([letter, path]) => ({
    letter,
    numbers: [...page(path).matchAll(/(?:item: |test(?:\.each\(.*?\))?\(|\.title\()["`](\d[\d, -]*)/g)].flatMap(
      ([, list = ""]) => numbersIn(list),
    ),
  }));
  const tested = rows.filter(({ where }) => where.startsWith("`"));
  expect(
    tested.flatMap(({ numbers, where }) =>
      numbers.filter(
        (number) => !held.some((file) => where.includes(`\`${file.letter}\``) && file.numbers.includes(number)),
      ),
    ),
  ).toEqual([]);
});
