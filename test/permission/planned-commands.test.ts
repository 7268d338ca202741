// What an approved plan's commands cover: the spellings of one command, rules that cover all, and entries that could
// cover nothing.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readPlan } from "../../src/agent/plan-reading.ts";
import { judgeCommand } from "../../src/permission/shell.ts";
import { planMarkdown } from "../../src/plan/markdown.ts";
import type { Plan } from "../../src/types/plan.ts";
import { bash, commitAll } from "../e2e/containment-scene.ts";
import { planInput, planThen, resultOf, scene, ticket } from "../e2e/scenario.ts";
import { contextOf, createWorkspace, type Workspace } from "./fixture.ts";

let workspace: Workspace;
beforeAll(() => {
  workspace = createWorkspace();
});
afterAll(() => workspace.remove());

const judged = async (command: string, commands: string[]): Promise<string> =>
  (await judgeCommand(command, contextOf(workspace, commands))).verdict;

describe("a planned command", () => {
  const SAME = [
    "npm test",
    "npm  test",
    " npm test ",
    "npm\ttest",
    "'npm' test",
    "npm test 2>&1",
    "npm test 2>/dev/null",
    "npm test 2>&1 | tail -20",
    "npm test | head -n 5",
    "npm test 2>&1 | grep -i fail | wc -l",
    "CI=1 npm test",
    "CI=true npm test",
    "CI=1 npm test 2>&1 | tail -20",
    "npm test && git status",
    "cd src && npm test",
    "npm test |& tail",
    "npm test |& tail -20",
    "CI=1 npm test |& grep -i fail | wc -l",
    "cd src && npm test |& tail",
  ];
  test.each(SAME)("is also %j", async (command) => expect(await judged(command, ["npm test"])).toBe("planned"));
  const OTHER = [
    "npm test -- x",
    "npm test; rm x",
    "npm test > log",
    "npm test | tee log",
    "npm test | sh",
    "npm test 2> log",
    "CI=1 PATH=. npm test",
    "CI=$(rm x) npm test",
    "CI=0 npm test",
    "PATH=. npm test",
    "FOO=1 npm test",
    "CI=1 rm x",
    "timeout 60 npm test",
    "npm test &",
    "npm test\nrm x",
    "npm run test",
    "npm test | xargs rm",
    "CI=1; rm x",
    "npm test |& sh",
    "npm test |& tee log",
    "npm test |& xargs rm",
  ];
  test.each(OTHER)("is not %j", async (command) => expect(await judged(command, ["npm test"])).toBe("ask"));
  test("of several parts is piped on as a whole, and none of its parts is planned alone", async () => {
    const plan = ["npm run build && npm test"];
    expect(await judged("npm run build  &&  npm test 2>&1 | tail -3", plan)).toBe("planned");
    expect(await judged("npm run build && CI=1 npm test", plan)).toBe("planned");
    for (const line of [
      "npm test",
      "npm test && npm run build",
      "npm run build || npm test",
      "npm run build && npm test && rm x",
      "npm run build && npm test; ls",
    ])
      expect(await judged(line, plan)).toBe("ask");
  });
  test("CI=1 makes nothing read-only", async () => expect(await judged("CI=1 ls", [])).toBe("ask"));
});

describe("every command", () => {
  test.each(["bash", "Bash", "shell", "bash(*)", "bash( * )", "bash(**)", "bash(* *)", "bash (*)"])(
    "%s covers it, says so on card and page, and is flagged",
    async (entry) => {
      for (const line of [
        "mkdir -p lib",
        "echo x > y.txt",
        "echo $HOME",
        "FOO=1 env",
        "for i in 1; do ls; done",
        "ls | sh",
      ])
        expect(await judged(line, [entry])).toBe("planned");
      const reading = readPlan(planInput([ticket("t1", { "a.txt": "modify" }, { commands: [entry] })]), workspace.path);
      if (!reading.ok) throw new Error(reading.problems.join());
      expect(reading.flags).toEqual([`ticket t1 allows every command (${entry})`]);
      const plan: Plan = {
        id: "p_1",
        revision: 1,
        hash: "sha256:0",
        state: "awaiting_approval",
        flags: reading.flags,
        content: reading.content,
        tickets: {},
      } as unknown as Plan;
      expect(planMarkdown(plan)).toContain("every command");
    },
  );
  test.each([
    "edit(src/**)",
    "view",
    "edit",
    "write(a)",
    "view(src/**)",
    "grep(x)",
    "glob(*.ts)",
    "ask_question",
    "bash()",
    "bash('x)",
    "set_plan_artifact(x)",
  ])("%s covers none and is refused with its place", (entry) => {
    const reading = readPlan(
      planInput([ticket("t1", { "a.txt": "modify" }, { commands: ["npm test", entry] })]),
      workspace.path,
    );
    expect(reading).toMatchObject({ ok: false, problems: [expect.stringMatching(/^tickets\[0\]\.commands\[1\]: /)] });
  });
  test.each(["bash", "bash(npm test)"])("%s is no command to verify by", (entry) => {
    expect(
      readPlan(planInput([ticket("t1", { "a.txt": "modify" }, { verify: [entry] })]), workspace.path),
    ).toMatchObject({ ok: false, problems: [expect.stringMatching(/^tickets\[0\]\.verify\[0\]: .*is a rule/)] });
  });
  test.each(["grep -r x .", "npm test", "edit-files --all", "viewer", "grep", "write-good README.md"])(
    "%s is a command line",
    (entry) => {
      expect(
        readPlan(planInput([ticket("t1", { "a.txt": "modify" }, { commands: [entry] })]), workspace.path),
      ).toMatchObject({ ok: true, flags: [] });
    },
  );
});

describe("in the program itself, without a person", () => {
  test("the usual spellings of a planned command run; exit 0 and no denial", async () => {
    const lines = [
      "echo tested 2>&1 | tail -20",
      "echo  tested",
      "CI=1 echo tested",
      "CI=1 node -p 1+1 2>&1 | tail -1",
      "node  -p 1+1",
    ];
    const one = await scene({
      replies: planThen(
        planInput([ticket("t1", { "a.txt": "create" }, { commands: ["node -p 1+1", "echo tested"] })]),
        [
          { calls: [{ name: "write", input: { path: "a.txt", content: "x\n" } }, ...lines.map((line) => bash(line))] },
          { text: "done" },
        ],
      ),
    });
    one.place.file("README.md", "x\n");
    commitAll(one.place);
    const finished = await one.place.run(["-p", "--json", "--approve", "add it"]);
    expect(resultOf(finished)).toMatchObject({ exit_code: 0, denials: [] });
  });

  test.each([
    ["warn", 0],
    ["off", 0],
    ["enforce", 4],
  ] as const)("containment %s in the mode default: a write out of scope ends with %i", async (mode, code) => {
    const one = await scene(
      {
        replies: planThen(planInput([ticket("t1", { "src/a.ts": "create" })]), [
          {
            calls: [
              { name: "write", input: { path: "src/a.ts", content: "a\n" } },
              { name: "write", input: { path: "src/o.ts", content: "o\n" } },
            ],
          },
          { text: "done" },
        ]),
      },
      { tables: `[options.containment]\nmode = "${mode}"\n` },
    );
    one.place.file("README.md", "x\n");
    commitAll(one.place);
    const result = resultOf(await one.place.run(["-p", "--json", "--approve", "add it"]));
    expect(result.exit_code).toBe(code);
    expect(result.files.filter(({ path }) => path === "src/o.ts").map(({ in_scope }) => in_scope)).toEqual(
      { warn: [false], off: [false], enforce: [] }[mode],
    );
  });
});
