// Verification and commands of the plan: what they change counts like anything else, and what they leave running is
// ended.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isPlanning, planInput, planThen, resultOf, scene, ticket } from "./scenario.ts";

describe("verify commands", () => {
  test("what one writes outside the plan is put back, told, and exit 4", async () => {
    const one = await scene({
      replies: planThen(planInput([ticket("t1", { "a.txt": "modify" }, { verify: ["sh check.sh"] })]), [
        { text: "nothing to do" },
      ]),
    });
    one.place.file("a.txt", "one\n");
    one.place.file("check.sh", "echo report > report.txt\nexit 0\n");
    const before = one.place.digest();
    const finished = await one.place.run(["-p", "--json", "--approve", "do it"]);
    expect(resultOf(finished)).toMatchObject({
      exit_code: 4,
      status: "denied",
      plan: { state: "done" },
      files: [{ path: "report.txt", action: "create", in_scope: false, rolled_back: true }],
    });
    expect(finished.stderr).toMatch(/put back: report\.txt[\s\S]*bring it back with/);
    expect(one.place.digest()).toBe(before);
  });

  test("several run in their order and stop at the first that fails", async () => {
    const one = await scene({
      replies: planThen(
        planInput([
          ticket(
            "t1",
            { "a.txt": "modify", "order.txt": "create" },
            { verify: ["sh step.sh 1", "sh step.sh 2", "grep -q never order.txt", "sh step.sh 3"] },
          ),
        ]),
        [{ text: "nothing to do" }],
      ),
    });
    one.place.file("a.txt", "one\n");
    one.place.file("step.sh", 'echo "$1" >> order.txt\n');
    const result = resultOf(await one.place.run(["-p", "--json", "--approve", "--max-turns", "2", "do it"]));
    expect(result).toMatchObject({ exit_code: 5, plan: { state: "executing" } });
    expect(one.place.read("order.txt")).toBe("1\n2\n");
  });

  test("output that is ignored by .gitignore stays and is nobody's fault", async () => {
    const one = await scene({
      replies: planThen(planInput([ticket("t1", { "a.txt": "modify" }, { verify: ["sh check.sh"] })]), [
        { text: "nothing to do" },
      ]),
    });
    one.place.file("a.txt", "one\n");
    one.place.file(".gitignore", "build/\n");
    one.place.file("check.sh", "mkdir -p build && echo made > build/out.txt\n");
    expect(resultOf(await one.place.run(["-p", "--json", "--approve", "do it"]))).toMatchObject({
      exit_code: 0,
      denials: [],
    });
    expect(one.place.read("build/out.txt")).toBe("made\n");
  });

  test("secrets of the environment do not reach it", async () => {
    const one = await scene({
      replies: planThen(
        planInput([ticket("t1", { "a.txt": "modify", "env.txt": "create" }, { verify: ["sh check.sh"] })]),
        [{ text: "nothing to do" }],
      ),
    });
    one.place.file("a.txt", "one\n");
    one.place.file("check.sh", "env > env.txt\n");
    const finished = await one.place.run(["-p", "--json", "--approve", "do it"], {
      environment: { HOUSE_API_KEY: "sk-very-secret", HARMLESS: "kept" },
    });
    expect(resultOf(finished).exit_code).toBe(0);
    expect(one.place.read("env.txt")).toContain("HARMLESS=kept");
    expect(one.place.read("env.txt")).not.toContain("sk-very-secret");
    expect(finished.stdout + finished.stderr).not.toContain("sk-very-secret");
  });
});

test("a rename is a deletion and a creation: without `delete` in the plan it is put back", async () => {
  const plan = planInput([
    ticket("t1", { "a.txt": "modify", "b.txt": "create" }, { commands: ["bash(mv a.txt b.txt)"] }),
  ]);
  const one = await scene({
    replies: planThen(plan, [
      { calls: [{ name: "bash", input: { command: "mv a.txt b.txt" } }] },
      { text: "renamed?" },
    ]),
  });
  one.place.file("a.txt", "one\n");
  expect((await one.place.run(["-p", "--json", "--approve", "do it"])).code).toBe(4);
  expect(one.place.read("a.txt")).toBe("one\n");
  expect(
    one.server.requests
      .filter((request) => !isPlanning(request))
      .at(-1)
      ?.toolResults.at(-1)?.text,
  ).toMatch(/a\.txt/);
  expect(existsSync(join(one.place.workspace, ".git"))).toBe(false);
});
