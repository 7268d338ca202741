// The example file: complete against the schema, loads without a word, and shows the defaults as they are. And
// `configRows`.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "smol-toml";
import { expect, test } from "vitest";
import { flattenLayer } from "../../src/config/merge.ts";
import { DEFAULT_SETTINGS } from "../../src/config/defaults.ts";
import type { RawTable } from "../../src/config/read-text.ts";
import { knownPaths } from "../../src/config/schema.ts";
import { configRows } from "../../src/config/show.ts";
import { createPlace, load } from "./home.ts";

const example = readFileSync(fileURLToPath(new URL("../../.bmorc.example.toml", import.meta.url)), "utf8");
/** The same with the commented keys brought in; sentences stay comments. */
const complete = example.replace(/^# (?=\[|[a-z_-]+ = )/gm, "");

/** Dotted paths with `*` where the schema lets the user choose a name; lists of tables are entered. */
function keysOf(value: unknown, known: ReadonlySet<string>, path: string[] = []): string[] {
  if (Array.isArray(value) && value.some((member) => typeof member === "object"))
    return value.flatMap((member) => keysOf(member, known, path));
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path.join(".")];
  return Object.entries(value).flatMap(([key, member]) => {
    const exact = [...path, key].join(".");
    const named = [...known].some((one) => one === exact || one.startsWith(`${exact}.`));
    return keysOf(member, known, [...path, named ? key : "*"]);
  });
}

test("the example with its comments taken off holds every key of the schema, and no other", () => {
  const known = new Set(knownPaths().map((path) => path.join(".")));
  const held = new Set(keysOf(parse(complete), known));
  expect([...known].filter((key) => !held.has(key))).toEqual([]);
  expect([...held].filter((key) => !known.has(key))).toEqual([]);
});

test("the example loads without a notice, as it stands and with its comments taken off", async () => {
  const place = createPlace();
  place.write(place.userFile, example);
  const plain = await load(place);
  expect(plain.notices).toEqual([]);
  expect(JSON.parse(JSON.stringify(plain.settings))).toEqual(JSON.parse(JSON.stringify(DEFAULT_SETTINGS)));
  place.write(place.userFile, complete);
  expect((await load(place, { environment: { ANTHROPIC_API_KEY: "k-1" } })).notices).toEqual([]);
});

test("every key with a default is shown, not commented out", () => {
  const shown = new Set(flattenLayer(parse(example) as RawTable).map(({ key }) => key));
  const withDefault = flattenLayer(DEFAULT_SETTINGS as unknown as RawTable).filter(
    ({ value }) => value !== null && !(typeof value === "object" && !Array.isArray(value)),
  );
  expect(withDefault.map(({ key }) => key).filter((key) => !shown.has(key))).toEqual([]);
});

test("configRows names value and origin of every key and shows no secret", async () => {
  const place = createPlace();
  place.write(
    place.userFile,
    `
model = "house/m"
[providers.house]
api_key = "\${HOUSE_KEY}"
base_url = "https://user:hunter2@example.test/v1"
key_command = "pass show house"
headers = { authorization = "Bearer topsecret", x-team = "also hidden" }
[providers.other]
api_key = "\${MISSING}"
[options.shell.env]
add = { GITHUB_TOKEN = "ghp_123456" }
[permissions]
deny = ["bash(curl *house-key-value*)"]
`,
  );
  const rows = configRows(await load(place, { environment: { HOUSE_KEY: "house-key-value" } }));
  const text = JSON.stringify(rows);
  for (const secret of ["house-key-value", "hunter2", "topsecret", "also hidden", "ghp_123456"])
    expect(text).not.toContain(secret);
  const row = (key: string): unknown => rows.find((one) => one.key === key);
  expect([
    row("model"),
    row("providers.house.api_key"),
    row("providers.other.api_key"),
    row("options.gate.enabled"),
    row("options.roles.fast"),
    row("providers.house.base_url"),
  ]).toEqual([
    { key: "model", value: '"house/m"', origin: place.userFile },
    { key: "providers.house.api_key", value: '"********"', origin: place.userFile },
    { key: "providers.other.api_key", value: '"${MISSING}"', origin: place.userFile },
    { key: "options.gate.enabled", value: "false", origin: "default" },
    { key: "options.roles.fast", value: "null", origin: "default" },
    { key: "providers.house.base_url", value: '"https://********@example.test/v1"', origin: place.userFile },
  ]);
});
