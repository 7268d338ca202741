// What a plan's paths come to, and letters that are not what they look like.

import { describe, expect, test } from "vitest";
import { createScope } from "../../src/plan/scope.ts";
import { validatePlan } from "../../src/plan/content.ts";
import { lookAlikes } from "../../src/util/look-alikes.ts";
import { coversWorkspace } from "../../src/plan/workspace-wide.ts";

const WHOLE = [
  ["**"],
  ["."],
  ["./"],
  ["**/*"],
  ["{*,**/*}"],
  ["**/**"],
  ["?*/**"],
  ["*/**"],
  ["[!x]*/**"],
  ["*/"],
  ["**/?*"],
  ["**/*.*"],
  ["*", "*/**"],
  ["[a-m]*/**", "[n-z]*/**"],
  ["{a,b,c,d,e,f,g,h,i,j,k,l,m}*/**", "[n-z]*/**"],
  ["**/[a-z]*"],
  ["***/*"],
  ["[[:alpha:]]*/**"],
  ["./**"],
];
const PARTIAL = [
  ["*"],
  ["src/**"],
  ["src"],
  ["**/*.ts"],
  ["*.md", "docs/**"],
  ["[!x]**"],
  ["s*/**"],
  ["**/test/**"],
  ["a", "b", "c"],
  [],
];

describe("the whole workspace", () => {
  test.each(WHOLE.map((paths) => [paths.join(" + "), paths]))("is what %s comes to", (_name, paths) => {
    expect(coversWorkspace(paths)).toBe(true);
    const tickets = [
      {
        id: "t1",
        title: "t",
        files: paths.map((path) => ({ path, action: "modify" })),
        acceptance: ["x"],
        out_of_scope: ["x"],
      },
    ];
    const reading = validatePlan({ title: "t", tickets }, "/w");
    if (!reading.ok) throw new Error(reading.problems.join());
    expect(reading.flags).toContain("ticket t1 covers the whole workspace");
    expect(createScope(reading.content, null, "/w", { caseSensitive: true }).describe()).toBe("the whole workspace");
  });
  test.each(PARTIAL.map((paths) => [paths.join(" + "), paths]))("is not what %s comes to", (_name, paths) =>
    expect(coversWorkspace(paths)).toBe(false),
  );
});

test.each([
  ["too long", `src/${"a".repeat(5_000)}*`],
  ["too many", `${"{a,b}".repeat(12)}/x`],
])("a path that cannot be judged (%s) is refused when the plan is handed in", (_name, path) => {
  expect(
    validatePlan({ title: "t", tickets: [{ id: "t1", title: "t", files: [{ path, action: "modify" }] }] }, "/w"),
  ).toMatchObject({ ok: false, problems: [expect.stringMatching(/^tickets\[0\]\.files\[0\]\.path: the glob /)] });
});

describe("look-alikes", () => {
  test.each([
    ["src/pаyment.ts", /pаyment mixes Latin and Cyrillic letters \(U\+0430\)/],
    ["npm run tеst", /tеst mixes/],
    ["src/οpen.ts", /Latin and Greek/],
    ["ѕrс/a.ts", /Latin and Cyrillic/],
    ["сосо/x", /сосо looks Latin and is Cyrillic/],
    ["ｓrc/a.ts", /only look like plain ones \(U\+FF53\)/],
    ["𝐚dmin", /only look like/],
  ])("%s is marked", (text, expected) => {
    expect(lookAlikes(text).join()).toMatch(expected);
    for (const ticket of [{ files: [{ path: text, action: "create" }] }, { commands: [text] }, { verify: [text] }]) {
      const reading = validatePlan({ title: "t", tickets: [{ id: "t1", title: "t", ...ticket }] }, "/w");
      expect(reading).toMatchObject({ ok: true });
      expect(reading.ok ? reading.flags.join("\n") : "").toMatch(expected);
    }
  });
  test.each([
    "src/a.ts",
    "docs/größe.md",
    "docs/привет.md",
    "ελληνικά/x",
    "日本語/a.ts",
    "café",
    "naïve-é.ts",
    "données/отчёт-2024.txt",
    "한글",
    "e\u0301te\u0301",
  ])("%s is not", (text) => expect(lookAlikes(text)).toEqual([]));
});
