// Rules about paths: what denies holds however the path is spelled, and a pattern that could deny nothing is refused
// when it is read.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { matchesRule, parseRule } from "../../src/permission/rules.ts";
import { createPlace } from "../e2e/harness.ts";
import { scene, resultOf } from "../e2e/scenario.ts";
import { callThen } from "../e2e/containment-scene.ts";

let root: string;
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "bmo-rules-")));
  mkdirSync(join(root, "w", "prod-config"), { recursive: true });
  mkdirSync(join(root, "notes"));
  symlinkSync(join(root, "w"), join(root, "to-w"));
  symlinkSync(join(root, "notes"), join(root, "w", "linked"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const PATH = "prod-config/my-file[1].ts";
const SPELLINGS = [
  PATH,
  `./${PATH}`,
  `prod-config//my-file[1].ts`,
  "prod-config/./my-file[1].ts",
  "x/../prod-config/my-file[1].ts",
  "prod-config",
  "prod-config/",
  "prod-config/**",
  "prod-config/*",
  "prod-*/**",
  "**/my-file*",
  "**/*-file*.ts",
  "prod-config/my-file\\[1\\].ts",
  "prod-config/my-file[[]1].ts",
  "prod-config/my[-]file*",
  "prod-config/my[!a]file*",
  "prod-config/{my-file,x}*",
  "prod-config/my?file?1?.ts",
  "[[:alpha:]]*/**",
  "**",
  "{*,**/*}",
  "../w/prod-config/**",
  "prod-config/my-file\\[1].{ts,js}",
];

describe("a rule denies", () => {
  test.each(SPELLINGS)("as %s", (pattern) => {
    expect(
      matchesRule(parseRule(`edit(${pattern})`), {
        tool: "write",
        kind: "path",
        realPath: join(root, "w", PATH),
        workspace: join(root, "w"),
        home: root,
      }),
    ).toBe(true);
  });
  test.each([
    ["~/notes/**"],
    ["~/notes"],
    ["~"],
    ["../notes/**"],
    ["linked/**"],
    ["linked"],
    ["./linked/x*"],
    ["~/w/linked/**"],
    ["../to-w/linked/*"],
  ])("what is outside, through home, dots and links: %s", (pattern) => {
    expect(
      matchesRule(parseRule(`view(${pattern})`), {
        tool: "view",
        kind: "path",
        realPath: join(root, "notes", "x.txt"),
        workspace: join(root, "w"),
        home: root,
      }),
    ).toBe(true);
  });
  test.each([
    ["prod-confi/**"],
    ["prod-config/my-file1.ts"],
    ["prod-config/my-file[1].js"],
    ["rod-config"],
    ["*.ts"],
    ["prod-config/my-file[1].ts?"],
  ])("and not as %s", (pattern) => {
    expect(
      matchesRule(parseRule(`edit(${pattern})`), {
        tool: "write",
        kind: "path",
        realPath: join(root, "w", PATH),
        workspace: join(root, "w"),
        home: root,
      }),
    ).toBe(false);
  });
  test("in a workspace whose own name holds wildcards", () => {
    expect(
      matchesRule(parseRule("edit(src/*)"), {
        tool: "edit",
        kind: "path",
        realPath: "/a/[b]*/src/x",
        workspace: "/a/[b]*",
        home: null,
      }),
    ).toBe(true);
    expect(
      matchesRule(parseRule("edit(src/*)"), {
        tool: "edit",
        kind: "path",
        realPath: "/a/b/src/x",
        workspace: "/a/[b]*",
        home: null,
      }),
    ).toBe(false);
  });
});

const REFUSED = [
  "edit(src/[x)",
  "edit(src/x\\)",
  "view([[:nonsense:]])",
  "edit({a,[}/x)",
  `edit(${"a".repeat(5_000)})`,
  `view(${"{a,b}".repeat(12)})`,
  "ask_question(x)",
  "set_plan_artifact(t1)",
  "activate_skill(a*)",
];

describe("a pattern that can deny nothing", () => {
  test.each(REFUSED.map((rule) => [rule.slice(0, 60), rule]))("%s is refused when it is read", (_name, rule) => {
    expect(() => parseRule(rule)).toThrow(/permission rule "/);
  });
  test.each(REFUSED.map((rule) => [rule.slice(0, 60), rule]))(
    "%s ends a run with 2, naming rule and place, before anything is sent",
    async (_name, rule) => {
      const place = createPlace();
      for (const [words, toml, where] of [
        [["--disallowedTools", rule], "", /--disallowedTools|disallowed/i],
        [[], `[permissions]\ndeny = [${JSON.stringify(rule)}]\n`, /bmo\.toml.*permissions\.deny/s],
      ] as const) {
        place.configure(toml);
        const finished = await place.run(["-p", ...words, "hello"]);
        expect(finished).toMatchObject({ code: 2, stdout: "" });
        expect(finished.stderr).toMatch(/permission rule "/);
        expect(finished.stderr).toMatch(where);
      }
    },
  );
});

test.each([
  "prod-config/**",
  "prod-config/a-1.txt",
  "prod-*",
  "prod[-]config",
  "./prod-config/",
  "**/a-[[:digit:]].txt",
])("denied as %s, neither read nor written, whatever the mode", async (pattern) => {
  const script = callThen([
    { name: "view", input: { path: "prod-config/a-1.txt" } },
    { name: "edit", input: { path: "prod-config/a-1.txt", old: "before", new: "after" } },
    { name: "write", input: { path: "prod-config/a-1.txt", content: "after" } },
  ]);
  const one = await scene({ replies: script.replies });
  one.place.file("prod-config/a-1.txt", "before\n");
  const finished = await one.place.run([
    "-p",
    "--json",
    "--no-plan",
    "--permission-mode",
    "bypassPermissions",
    "--disallowedTools",
    `edit(${pattern}),view(${pattern})`,
    "change it",
  ]);
  expect(finished.code).toBe(4);
  expect(resultOf(finished).denials.map(({ tool }) => tool)).toEqual(expect.arrayContaining(["edit", "write"]));
  expect(script.results().join("\n")).not.toContain("before");
  expect(one.place.read("prod-config/a-1.txt")).toBe("before\n");
});
