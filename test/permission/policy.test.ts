// Rules as written by users, and the verdicts of the policy over its whole table.

import { describe, expect, test } from "vitest";
import { commandMatches, matchesRule, parseRule, splitRules, suggestCommandRule } from "../../src/permission/rules.ts";
import { decide, type PolicyPath, type PolicyRequest } from "../../src/permission/policy.ts";
import type { ShellVerdict } from "../../src/types/containment.ts";

describe("rules", () => {
  test("tool names in any case, patterns, comma-separated outside parentheses", () => {
    expect(parseRule("Bash(git *)")).toEqual({ tool: "bash", pattern: "git *", text: "Bash(git *)" });
    expect(parseRule(" VIEW ")).toEqual({ tool: "view", pattern: null, text: "VIEW" });
    expect(splitRules("bash(git log, x), edit(src/{a,b}.ts) ,view,")).toEqual([
      "bash(git log, x)",
      "edit(src/{a,b}.ts)",
      "view",
    ]);
  });
  test.each([
    ["bsh(git *)", "nearest: bash"],
    ["rm -rf", "cannot be read"],
    ["bash()", "empty pattern"],
    ["", "cannot be read"],
    ["bash(git", "cannot be read"],
    ["frobnicate", "allowed: view, edit"],
    ["bash(git 'x)", "open quote"],
  ])("%j is refused", (text, expected) => {
    let shown = "";
    try {
      parseRule(text);
    } catch (thrown) {
      shown = `${(thrown as Error).message} ${(thrown as { hint: string | null }).hint ?? ""}`;
    }
    expect(shown).toContain(expected);
  });
  const commands: [string, string[], boolean][] = [
    ["git *", ["git", "log"], true],
    ["git *", ["git"], true],
    ["git *", ["gitk"], false],
    ["git:*", ["git", "push"], true],
    ["git log", ["git", "log"], true],
    ["git log", ["git", "log", "-p"], false],
    ["npm run *", ["npm", "run", "x", "--", "y"], true],
    ["npm run test:*", ["npm", "run", "test:unit"], false],
    ["npm run test*", ["npm", "run", "test:unit"], true],
    ["npm run test*", ["npm", "run", "test", "evil"], false],
    ["npm * build", ["npm", "x", "build"], true],
    ["npm * build", ["npm", "x", "y", "build"], false],
    ["echo 'a b'", ["echo", "a b"], true],
    ["echo a b", ["echo", "a b"], false],
    ["echo '*'", ["echo", "x"], false],
    ["echo '*'", ["echo", "*"], true],
  ];
  test.each(commands)("bash(%s) on %j: %s", (pattern, argv, expected) =>
    expect(commandMatches(pattern, argv)).toBe(expected),
  );
  const paths: [string, string, string, boolean][] = [
    ["edit(src/**)", "edit", "/w/src/a/b", true],
    ["edit(src/**)", "write", "/w/src/a", true],
    ["edit(src/**)", "view", "/w/src/a", false],
    ["edit(src)", "multiedit", "/w/src/x", true],
    ["edit(src/**)", "edit", "/w/srcs/a", false],
    ["edit(src/**)", "edit", "/elsewhere/src/a", false],
    ["write(a)", "edit", "/w/a", false],
    ["view(~/notes/**)", "view", "/home/u/notes/x", true],
    ["view(/etc/hosts)", "view", "/etc/hosts", true],
    ["edit", "write", "/anything", true],
    ["edit(*.md)", "edit", "/w/deep/x.md", false],
    ["view(.env)", "view", "/w/.env", true],
  ];
  test.each(paths)("%s covers %s of %s: %s", (rule, tool, realPath, expected) => {
    expect(matchesRule(parseRule(rule), { tool, kind: "path", realPath, workspace: "/w", home: "/home/u" })).toBe(
      expected,
    );
  });
  test("a standing rule is offered for a command, never for what runs anything", () => {
    expect(suggestCommandRule(["npm", "test", "--", "x"])).toBe("bash(npm test *)");
    expect(suggestCommandRule(["make", "-j4"])).toBe("bash(make *)");
    for (const argv of [["bash", "-c", "x"], ["node", "x"], ["rm", "x"], ["env", "x"], ["a b"], []])
      expect(suggestCommandRule(argv)).toBeNull();
  });
});

const shellOf = (
  verdict: ShellVerdict["verdict"],
  argv = ["npm", "test"],
  more: Partial<ShellVerdict> = {},
): ShellVerdict => ({
  verdict,
  reason: "because",
  spelledOut: verdict === "planned",
  understood: verdict !== "refuse",
  announced: [argv],
  reach: null,
  reads: [],
  segments: [
    { argv, text: argv.join(" "), plain: true, readOnly: verdict === "read_only", planned: verdict === "planned" },
  ],
  ...more,
});
const pathAt = (more: Partial<PolicyPath> = {}): PolicyPath => ({
  realPath: "/w/src/a.ts",
  shown: "src/a.ts",
  insideWorkspace: true,
  insideReadRoots: false,
  isProtected: false,
  insideGit: false,
  ...more,
});
const request = (more: Partial<PolicyRequest>): PolicyRequest => ({
  tool: "edit",
  access: "write",
  path: pathAt(),
  action: "modify",
  shell: null,
  credentialInTree: null,
  stage: "chat",
  mode: "default",
  scope: null,
  containment: "enforce",
  sandboxed: false,
  rules: { allow: [], deny: [], grants: [] },
  workspace: "/w",
  home: "/home/u",
  ...more,
});
const rules = (allow: string[], deny: string[] = [], grants: string[] = []): PolicyRequest["rules"] => ({
  allow: allow.map(parseRule),
  deny: deny.map(parseRule),
  grants: grants.map(parseRule),
});
const bash = (more: Partial<PolicyRequest>): PolicyRequest =>
  request({ tool: "bash", access: "exec", path: null, action: null, ...more });
const inScope = { permits: () => ({ permitted: true, reason: "ticket t1 covers it", ticket: "t1" }) };
const outOfScope = { permits: () => ({ permitted: false, reason: "not in the plan", ticket: null }) };
const everything = rules(["edit", "write", "multiedit", "bash", "view"]);

describe("the strictest wins", () => {
  test("before approval no mode, rule or containment setting writes or runs what may write", () => {
    for (const mode of ["default", "acceptEdits", "plan", "bypassPermissions"] as const) {
      for (const containment of ["off", "warn", "enforce"] as const) {
        for (const tool of ["edit", "write", "multiedit", "unknown_tool"]) {
          expect(
            decide(request({ tool, stage: "plan", mode, containment, rules: everything, scope: inScope })).decision,
          ).toBe("deny");
        }
        for (const verdict of ["ask", "refuse", "planned"] as const)
          expect(
            decide(bash({ stage: "plan", mode, containment, rules: everything, shell: shellOf(verdict) })).decision,
          ).toBe("deny");
      }
    }
  });
  const table: [string, PolicyRequest, string][] = [
    ["plan stage, reading command", bash({ stage: "plan", shell: shellOf("read_only") }), "allow"],
    [
      "plan stage, credential in the tree",
      bash({ stage: "plan", shell: shellOf("read_only"), credentialInTree: ".env" }),
      "deny",
    ],
    ["plan stage, sandbox", bash({ stage: "plan", shell: shellOf("ask"), sandboxed: true }), "allow"],
    ["plan stage, sandbox, unprintable", bash({ stage: "plan", shell: shellOf("refuse"), sandboxed: true }), "deny"],
    [
      "plan stage, sandbox, deny rule",
      bash({ stage: "plan", shell: shellOf("ask"), sandboxed: true, rules: rules([], ["bash(npm *)"]) }),
      "deny",
    ],
    ["default, edit", request({}), "ask"],
    ["acceptEdits, edit", request({ mode: "acceptEdits" }), "allow"],
    ["bypass, edit", request({ mode: "bypassPermissions" }), "allow"],
    ["allow rule, edit", request({ rules: rules(["edit(src/**)"]) }), "allow"],
    ["grant, edit", request({ rules: rules([], [], ["edit(src/**)"]) }), "allow"],
    [
      "deny wins over allow and bypass",
      request({ mode: "bypassPermissions", rules: rules(["edit"], ["edit(src/a.ts)"]) }),
      "deny",
    ],
    [
      "outside the workspace",
      request({
        mode: "bypassPermissions",
        path: pathAt({ insideWorkspace: false, realPath: "/etc/x" }),
        rules: everything,
      }),
      "deny",
    ],
    [".git", request({ mode: "bypassPermissions", path: pathAt({ insideGit: true }), rules: everything }), "deny"],
    [
      "credential under bypass and a general rule",
      request({ mode: "bypassPermissions", path: pathAt({ isProtected: true }), rules: everything }),
      "deny",
    ],
    [
      "credential with an explicit rule",
      request({ path: pathAt({ isProtected: true }), rules: rules(["edit(src/a.ts)"]) }),
      "allow",
    ],
    ["no path", request({ path: null, mode: "bypassPermissions" }), "deny"],
    ["executing, in scope", request({ stage: "execute", scope: inScope }), "allow"],
    [
      "executing, out of scope, bypass",
      request({ stage: "execute", scope: outOfScope, mode: "bypassPermissions", rules: everything }),
      "ask",
    ],
    [
      "executing, out of scope, warn",
      request({ stage: "execute", scope: outOfScope, mode: "acceptEdits", containment: "warn" }),
      "allow",
    ],
    ["planned command", bash({ stage: "execute", shell: shellOf("planned") }), "allow"],
    [
      "planned but denied",
      bash({ stage: "execute", shell: shellOf("planned"), rules: rules([], ["bash(npm test)"]) }),
      "deny",
    ],
    ["unplanned command", bash({ stage: "execute", shell: shellOf("ask") }), "ask"],
    ["unplanned, acceptEdits", bash({ stage: "execute", mode: "acceptEdits", shell: shellOf("ask") }), "ask"],
    ["unplanned, bypass", bash({ stage: "execute", mode: "bypassPermissions", shell: shellOf("ask") }), "allow"],
    ["unplanned, rule", bash({ shell: shellOf("ask"), rules: rules(["bash(npm *)"]) }), "allow"],
    [
      "rule, but more than words",
      bash({ shell: shellOf("ask", ["npm", "test"], { understood: false }), rules: rules(["bash(npm *)"]) }),
      "ask",
    ],
    [
      "not understood, bypass, deny rules exist",
      bash({
        mode: "bypassPermissions",
        shell: shellOf("ask", ["x"], { understood: false }),
        rules: rules([], ["bash(rm *)"]),
      }),
      "ask",
    ],
    [
      "denied anywhere in the line",
      bash({
        mode: "bypassPermissions",
        shell: shellOf("ask", ["sudo", "rm", "x"], {
          announced: [
            ["sudo", "rm", "x"],
            ["rm", "x"],
          ],
        }),
        rules: rules(["bash"], ["bash(rm *)"]),
      }),
      "deny",
    ],
    [
      "write denied: no way round by the shell",
      bash({ mode: "bypassPermissions", shell: shellOf("ask", ["touch", "f"]), rules: rules([], ["write"]) }),
      "deny",
    ],
    ["view", request({ tool: "view", access: "read", action: null }), "allow"],
    ["view, plan stage", request({ tool: "view", access: "read", action: null, stage: "plan" }), "allow"],
    [
      "view outside",
      request({
        tool: "view",
        access: "read",
        action: null,
        path: pathAt({ insideWorkspace: false, realPath: "/etc/hosts" }),
      }),
      "ask",
    ],
    [
      "view in an added directory",
      request({
        tool: "view",
        access: "read",
        action: null,
        path: pathAt({ insideWorkspace: false, insideReadRoots: true }),
      }),
      "allow",
    ],
    [
      "view outside, planning under bypass",
      request({
        tool: "view",
        access: "read",
        action: null,
        stage: "plan",
        mode: "bypassPermissions",
        path: pathAt({ insideWorkspace: false }),
      }),
      "ask",
    ],
    [
      "view a credential",
      request({
        tool: "view",
        access: "read",
        action: null,
        mode: "bypassPermissions",
        path: pathAt({ isProtected: true }),
      }),
      "deny",
    ],
    [
      "view a credential, general rule",
      request({
        tool: "view",
        access: "read",
        action: null,
        path: pathAt({ isProtected: true }),
        rules: rules(["view"]),
      }),
      "deny",
    ],
    [
      "host tool",
      request({ tool: "set_plan_artifact", access: "host", path: null, action: null, stage: "plan" }),
      "allow",
    ],
    ["a command that was not judged", bash({ mode: "bypassPermissions" }), "deny"],
  ];
  test.each(table)("%s → %s", (_what, input, expected) => {
    const verdict = decide(input);
    expect(verdict.decision).toBe(expected);
    expect(verdict.reason).not.toBe("");
  });
  test("a question about scope says so, one about an edit offers a rule for its folder", () => {
    expect(decide(request({ stage: "execute", scope: outOfScope }))).toEqual({
      decision: "ask",
      reason: "not in the plan",
      rule: null,
      scope: { path: "src/a.ts", action: "modify" },
    });
    expect(decide(request({}))).toMatchObject({ rule: "edit(src/**)" });
  });
  test.each<[string, string | null]>([
    ["src/a.ts", "edit(src/**)"],
    ["src/deep/a.ts", "edit(src/deep/**)"],
    ["src/[id].ts", "edit(src/**)"],
    ["a.ts", "edit(./a.ts)"],
    ["README", "edit(./README)"],
    ["*", null],
    ["[id].ts", null],
    ["{a,b}", null],
    ["app/[id]/page.ts", null],
    ["s*/a.ts", null],
  ])(
    "the rule offered for %s covers its folder, or the file alone at the top, and nothing by a name that reads as a pattern",
    (shown, rule) => {
      expect(decide(request({ path: pathAt({ shown, realPath: `/w/${shown}` }) }))).toMatchObject({
        decision: "ask",
        rule,
      });
      if (rule === null) return;
      const later = (path: string): string =>
        decide(request({ path: pathAt({ shown: path, realPath: `/w/${path}` }), rules: rules([], [], [rule]) }))
          .decision;
      expect([later(shown), later("other/b.ts"), later("b.ts")]).toEqual(["allow", "ask", "ask"]);
    },
  );
});
