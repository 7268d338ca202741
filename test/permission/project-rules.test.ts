// The file behind "always for this project": what it keeps, for whom it is readable, and what happens when it is
// damaged.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createProjectRules } from "../../src/permission/project-rules.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bmo-rules-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("keeps each rule once, in its order, in a file that only the user reads; forgets it again", () => {
  const rules = createProjectRules(join(folder, "below", "allowed.json"));
  expect(rules.list()).toEqual([]);
  expect([rules.add("bash(npm test *)"), rules.add(" edit(src/**) "), rules.add("bash(npm test *)")]).toEqual([
    true,
    true,
    false,
  ]);
  expect(createProjectRules(rules.path).list()).toEqual(["bash(npm test *)", "edit(src/**)"]);
  expect(statSync(rules.path).mode & 0o777).toBe(0o600);
  expect(readFileSync(rules.path, "utf8")).toBe('[\n  "bash(npm test *)",\n  "edit(src/**)"\n]\n');
  expect([rules.remove("bash(npm test *)"), rules.remove("bash(npm test *)")]).toEqual([true, false]);
  expect(rules.list()).toEqual(["edit(src/**)"]);
  expect(readdirSync(join(folder, "below"))).toEqual(["allowed.json"]);
});

test("what is no rule is not kept", () => {
  const rules = createProjectRules(join(folder, "allowed.json"));
  expect(() => rules.add("bash(")).toThrow(/cannot be read/);
  expect(readdirSync(folder)).toEqual([]);
});

test.each(["{", '{"a":1}', "[1]", '["no_such_tool(x)"]'])(
  "a damaged file (%s) is named, not taken for permission",
  (text) => {
    const path = join(folder, "allowed.json");
    writeFileSync(path, text);
    expect(() => createProjectRules(path).list()).toThrow(
      expect.objectContaining({ code: "configuration", message: expect.stringContaining(path) as unknown }) as Error,
    );
  },
);
