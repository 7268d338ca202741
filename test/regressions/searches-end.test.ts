// Whatever pattern a model sends to grep or glob, with ripgrep and without it: signals and the run's own time limit are
// answered.

import { mkdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createWorkspace } from "../tools/tool-harness.ts";
import { filterPaths } from "../../src/tools/search-limit.ts";
import { calledTimes, resultOf, scene, type Scene } from "../e2e/scenario.ts";
import { callThen, pathWithout } from "../e2e/containment-scene.ts";
import type { ScriptedCall } from "../support/vendor-server.ts";
import { NOTHING, needRipgrep } from "../support/need.ts";

const BACKTRACKS: ScriptedCall = { name: "grep", input: { pattern: "^(a+)+$" } };
const HOSTILE: [string, ScriptedCall][] = [
  ["grep with nested repetition", BACKTRACKS],
  ["grep with a back reference", { name: "grep", input: { pattern: "^(a|aa)+\\1?(a*)*\\2$" } }],
  ["grep with a glob of stars", { name: "grep", input: { pattern: "a", glob: `${"*a".repeat(1_000)}b` } }],
  ["glob of stars", { name: "glob", input: { pattern: `${"*a".repeat(1_000)}b` } }],
  ["glob of folders", { name: "glob", input: { pattern: `${"**/".repeat(800)}x` } }],
  ["glob of alternatives", { name: "glob", input: { pattern: `{${"*a*a*a*b,".repeat(500)}x}` } }],
];

async function withFiles(call: ScriptedCall, onResult: () => void): Promise<Scene> {
  const script = callThen([call]);
  const one = await scene({
    replies(request) {
      if (calledTimes(request, call.name) > 0) onResult();
      return script.replies(request);
    },
  });
  for (let index = 0; index < 40; index++) one.place.file(`d/${"e/".repeat(20)}${index}.txt`, `${"a".repeat(60)}!\n`);
  one.place.file("a".repeat(200), "a\n");
  mkdirSync(`${one.place.workspace}/.git`);
  return one;
}

describe.each([
  ["with ripgrep", []],
  ["by the own walk", ["rg"]],
] as [string, string[]][])("%s", (_name, missing) => {
  const program = missing.includes("rg") ? NOTHING : needRipgrep();
  test.skipIf(program.missing).each(HOSTILE)(
    program.title("%s: SIGINT is answered, or the search was over before"),
    async (_call, call) => {
      let over = false;
      const one = await withFiles(call, () => {
        over = true;
      });
      const finished = await one.place.run(["-p", "--no-plan", "--json", "look"], {
        environment: { PATH: pathWithout(...missing) },
        onStart: (child) => void one.server.arrived(1).then(() => setTimeout(() => child.kill("SIGINT"), 400)),
      });
      expect(finished.signal).toBeNull();
      expect(resultOf(finished)).toMatchObject(
        over && finished.code === 0 ? { exit_code: 0 } : { exit_code: 130, status: "aborted" },
      );
    },
  );
});

test("--timeout holds while an expression backtracks in the own walk", async () => {
  const one = await withFiles(BACKTRACKS, () => undefined);
  const finished = await one.place.run(["-p", "--no-plan", "--json", "--timeout", "2", "look"], {
    environment: { PATH: pathWithout("rg") },
  });
  expect(resultOf(finished)).toMatchObject({ exit_code: 5, status: "limit" });
});

describe("inside", () => {
  test("an abort ends the expression that is running, and what was found stays", async () => {
    const workspace = createWorkspace({ searchPath: "/nowhere" });
    workspace.put("a.txt", "aaa\n");
    for (let index = 0; index < 40; index++) workspace.put(`b/${index}.txt`, `${"a".repeat(40)}!\n`);
    workspace.context.signal = AbortSignal.timeout(300);
    expect(await workspace.text("grep", { pattern: "^(a+)+$" })).toBe(
      "a.txt\n1|aaa\n[more than these 1 matches; narrow pattern, path or glob]",
    );
  });

  test("a list that is filtered is left at the abort", async () => {
    const signal = AbortSignal.timeout(100);
    const endless = {
      *[Symbol.iterator]() {
        for (;;) yield "a";
      },
    } as unknown as readonly string[];
    expect(await filterPaths(endless, (path) => path === "b", signal)).toEqual({ paths: [], complete: false });
  });

  test.each(["[", "src/[x", "a\\", "a".repeat(5_000)])(
    "the glob %j is told to be wrong, not answered with no file",
    async (pattern) => {
      const workspace = createWorkspace();
      expect(await workspace.text("glob", { pattern })).toMatch(/^ERROR glob: the glob /);
      expect(await workspace.text("grep", { pattern: "x", glob: pattern })).toMatch(/^ERROR grep: the glob /);
    },
  );

  test("names with hyphens, brackets and classes are found", async () => {
    const workspace = createWorkspace({ searchPath: "/nowhere" });
    for (const path of ["src/my-file.ts", "prod-config/a.txt", "app/[id]/page.tsx", "v1/x.ts"])
      workspace.put(path, "needle\n");
    expect(await workspace.text("glob", { pattern: "src/my-*.ts" })).toBe("src/my-file.ts");
    expect(await workspace.text("glob", { pattern: "my-file.ts" })).toBe("src/my-file.ts");
    expect(await workspace.text("glob", { pattern: "prod-config/**" })).toBe("prod-config/a.txt");
    expect(await workspace.text("glob", { pattern: "app/[id]/page.tsx" })).toBe("app/[id]/page.tsx");
    expect(await workspace.text("glob", { pattern: "v[[:digit:]]/*" })).toBe("v1/x.ts");
    expect(await workspace.text("grep", { pattern: "needle", glob: "my-*" })).toBe("src/my-file.ts\n1|needle");
  });
});
