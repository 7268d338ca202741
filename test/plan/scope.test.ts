// Plans as they come in, and the scope that an approved one gives.

import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planHash, validatePlan } from "../../src/plan/content.ts";
import { createScope, type Scope } from "../../src/plan/scope.ts";
import type { FileAction } from "../../src/types/tool.ts";
import { createPlace, planOf, type Place } from "../containment/fixture.ts";

let place: Place;
beforeAll(() => {
  place = createPlace({ "src/a.ts": "a" }, false);
  symlinkSync(place.home, join(place.workspace, "escape"));
  mkdirSync(join(place.workspace, "lib"));
});
afterAll(() => place.remove());

const ticket = {
  id: "t1",
  title: "one",
  files: [{ path: "src/a.ts", action: "modify" }],
  acceptance: ["it works"],
  out_of_scope: ["the rest"],
};
const problems = (input: unknown): string[] => {
  const reading = validatePlan(input, place.workspace);
  return reading.ok ? [] : reading.problems;
};

describe("validation", () => {
  test("a complete plan has no flags, and every field is there", () => {
    expect(validatePlan({ title: " T ", tickets: [ticket] }, place.workspace)).toEqual({
      ok: true,
      flags: [],
      content: {
        title: "T",
        summary: "",
        network: false,
        open_questions: [],
        decisions: [],
        tickets: [{ ...ticket, detail: "", phase: null, commands: [], verify: [], depends_on: [] }],
      },
    });
  });
  const bad: [string, unknown, string][] = [
    ["no object", [], "the plan is a list"],
    ["null", null, "the plan is null"],
    ["no title", { tickets: [ticket] }, "title: missing"],
    ["no tickets", { title: "t" }, "tickets: missing"],
    ["an empty list", { title: "t", tickets: [] }, "the list is empty"],
    [
      "a misspelt field",
      { title: "t", tickets: [{ ...ticket, acceptence: [] }] },
      "tickets[0].acceptence: no such field, nearest: acceptance",
    ],
    [
      "a wrong type",
      { title: "t", tickets: [{ ...ticket, verify: "npm test" }] },
      "tickets[0].verify: is a string; a list of texts is needed",
    ],
    ["..", { title: "t", tickets: [{ ...ticket, files: ["../x"] }] }, '../x holds ".."'],
    ["a hidden ..", { title: "t", tickets: [{ ...ticket, files: ["src/../../x"] }] }, 'holds ".."'],
    ["absolute", { title: "t", tickets: [{ ...ticket, files: ["/etc/passwd"] }] }, "is absolute"],
    ["home", { title: "t", tickets: [{ ...ticket, files: ["~/x"] }] }, "is absolute"],
    ["a link out", { title: "t", tickets: [{ ...ticket, files: ["escape/x"] }] }, "leads out of the workspace"],
    [
      "a link out in a glob",
      { title: "t", tickets: [{ ...ticket, files: ["escape/**"] }] },
      "leads out of the workspace",
    ],
    [
      "a cycle",
      {
        title: "t",
        tickets: [
          { ...ticket, depends_on: ["t2"] },
          { ...ticket, id: "t2", depends_on: ["t1"] },
        ],
      },
      "t1 → t2 → t1 is a cycle",
    ],
    ["itself", { title: "t", tickets: [{ ...ticket, depends_on: ["t1"] }] }, "t1 → t1 is a cycle"],
    [
      "an unknown dependency",
      { title: "t", tickets: [{ ...ticket, depends_on: ["t9"] }] },
      "no ticket t9; there are t1",
    ],
    ["one id twice", { title: "t", tickets: [ticket, ticket] }, "t1 is used twice"],
    [
      "a wrong action",
      { title: "t", tickets: [{ ...ticket, files: [{ path: "a", action: "rename" }] }] },
      "allowed: create, modify, delete",
    ],
    [
      "a wrong phase",
      { title: "t", tickets: [{ ...ticket, phase: "magic" }] },
      'phase: "magic"; allowed: plan, implement',
    ],
    ["a NUL", { title: "t", tickets: [{ ...ticket, files: ["a\0b"] }] }, "NUL"],
    ["network as text", { title: "t", tickets: [ticket], network: "yes" }, "true or false"],
    ["an id with blanks", { title: "t", tickets: [{ ...ticket, id: "a b" }] }, "tickets[0].id"],
  ];
  test.each(bad)("%s", (_what, input, expected) => {
    expect(problems(input).join("\n")).toContain(expected);
  });
  test("thin, huge and contradictory plans are flagged by name", () => {
    const reading = validatePlan(
      {
        title: "t",
        tickets: [
          { id: "t1", title: "x" },
          { ...ticket, id: "t2", files: Array.from({ length: 500 }, (_, index) => `f${index}`) },
          { ...ticket, id: "t3", files: ["**", { path: "n", action: "create" }, { path: "n/x", action: "create" }] },
        ],
      },
      place.workspace,
    );
    expect(reading.ok && reading.flags).toEqual([
      "n is named as a file to create, and n/x needs it as a directory",
      "ticket t1 has no files",
      "ticket t1 has no acceptance",
      "ticket t1 has no out_of_scope",
      "ticket t2 names 500 files; more than 30 are hard to review",
      "ticket t3 covers the whole workspace",
    ]);
  });
  test("any JSON value is answered, never thrown at", () => {
    const answered = (value: unknown): void => {
      const answer = validatePlan(value, place.workspace);
      expect(answer.ok ? answer.content.title : answer.problems.length).toBeTruthy();
    };
    fc.assert(fc.property(fc.jsonValue(), answered), { numRuns: 300, seed: 7 });
    fc.assert(
      fc.property(
        fc.record({
          title: fc.string(),
          tickets: fc.array(fc.record({ id: fc.string(), title: fc.string(), files: fc.array(fc.string()) })),
        }),
        answered,
      ),
      { numRuns: 300, seed: 8 },
    );
  });
  test("the hash covers each field and nothing else", () => {
    const base = planOf({ a: "modify" });
    expect(planHash(base)).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(planHash(JSON.parse(JSON.stringify({ ...base, summary: base.summary })) as typeof base)).toBe(
      planHash(base),
    );
    for (const changed of [
      { ...base, title: "u" },
      { ...base, network: true },
      { ...base, decisions: [""] },
      planOf({ a: "delete" }),
      planOf({ "a ": "modify" }),
    ])
      expect(planHash(changed)).not.toBe(planHash(base));
  });
});

describe("scope", () => {
  const scope = (files: Record<string, FileAction>, caseSensitive = true): Scope =>
    createScope(planOf(files), null, place.workspace, { caseSensitive });
  const at = (path: string): string => join(place.workspace, path);
  const table: [string, FileAction, string, FileAction, boolean][] = [
    ["src/a.ts", "modify", "src/a.ts", "modify", true],
    ["src/a.ts", "modify", "src/a.ts", "create", true],
    ["src/a.ts", "create", "src/a.ts", "modify", true],
    ["src/a.ts", "modify", "src/a.ts", "delete", false],
    ["src/a.ts", "delete", "src/a.ts", "delete", true],
    ["src/a.ts", "delete", "src/a.ts", "modify", false],
    ["src", "modify", "src/deep/x", "create", true],
    ["src/", "modify", "src/x", "modify", true],
    ["src", "modify", "src2/x", "modify", false],
    ["src/*.ts", "modify", "src/a.ts", "modify", true],
    ["src/*.ts", "modify", "src/deep/a.ts", "modify", false],
    ["src/**/*.ts", "modify", "src/a.ts", "modify", true],
    ["src/**/*.ts", "modify", "src/x/y/a.ts", "modify", true],
    ["**", "modify", ".github/x.yml", "modify", true],
    ["*.{js,ts}", "modify", "b.js", "modify", true],
    ["*.{js,ts}", "modify", "b.c", "modify", false],
    ["a?c", "modify", "abc", "modify", true],
    ["a?c", "modify", "a/c", "modify", false],
    ["[ab].ts", "modify", "a.ts", "modify", true],
    ["[!ab].ts", "modify", "c.ts", "modify", true],
    ["[!ab].ts", "modify", "a.ts", "modify", false],
    ["src/[id]/page.tsx", "modify", "src/[id]/page.tsx", "modify", true],
    ["*", "modify", ".hidden", "modify", true],
    ["*", "modify", "src/a.ts", "modify", false],
    ["src/*", "modify", "src/deep/a.ts", "modify", false],
    ["packages/*/", "modify", "packages/a/b/c.ts", "modify", true],
    ["packages/*/src", "modify", "packages/a/src/x/y.ts", "modify", true],
    ["app/[slug]", "modify", "app/[slug]/page.tsx", "modify", true],
    ["{src,lib}", "modify", "lib/deep/x", "modify", true],
    ["package.json", "modify", "package-lock.json", "modify", true],
    ["app/package.json", "modify", "package-lock.json", "modify", false],
    ["app/package.json", "modify", "app/pnpm-lock.yaml", "create", true],
    ["package.json", "modify", "package-lock.json", "delete", false],
    ["Cargo.toml", "modify", "Cargo.lock", "modify", true],
    ["cafe\u0301.txt", "modify", "caf\u00e9.txt", "modify", true],
    ["SRC/a.ts", "modify", "src/a.ts", "modify", false],
    ["a.ts", "modify", "a.ts.bak", "modify", false],
    ["src/a+b(c).ts", "modify", "src/a+b(c).ts", "modify", true],
    ["[z-a]", "modify", "b", "modify", false],
  ];
  test.each(table)("%s to %s: %s to %s is %s", (pattern, action, path, wanted, expected) => {
    expect(scope({ [pattern]: action }).permits(at(path), wanted).permitted).toBe(expected);
  });
  test("case folds only where the file system does", () => {
    expect(scope({ "SRC/A.ts": "modify" }, false).permits(at("src/a.TS"), "modify").permitted).toBe(true);
  });
  test("a string prefix is no containment, the workspace itself no file, outside is outside even for **", () => {
    const all = scope({ "**": "modify" });
    for (const path of [`${place.workspace}-evil/x`, place.workspace, "/etc/passwd", join(place.home, "x")])
      expect(all.permits(path, "modify").permitted).toBe(false);
  });
  test("only approved tickets count; an extension widens a copy by one path", () => {
    const two = {
      ...planOf({ a: "modify" }),
      tickets: [
        ...planOf({ a: "modify" }).tickets,
        ...planOf({ b: "modify" }).tickets.map((one) => ({ ...one, id: "t2" })),
      ],
    };
    const partial = createScope(two, ["t1"], place.workspace, { caseSensitive: true });
    expect(partial.permits(at("b"), "modify")).toMatchObject({
      permitted: false,
      ticket: null,
      reason: "b is not among the files of the approved plan",
    });
    expect(partial.extended("b", "modify").permits(at("b"), "modify")).toMatchObject({
      permitted: true,
      ticket: "extension",
    });
    expect(partial.permits(at("b"), "modify").permitted).toBe(false);
    expect(scope({}).empty).toBe(true);
  });
  test("cards say what is covered", () => {
    expect(scope({ "**": "modify" }).describe()).toBe("the whole workspace");
    expect(scope({ "src/a.ts": "modify", old: "delete" }).describe()).toBe("modify src/a.ts, delete old");
    expect(scope({}).describe()).toBe("no files");
  });
});
