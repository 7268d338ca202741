// The order of exit codes where several apply, and what stdout and stderr do when their readers are gone.

import { spawn } from "node:child_process";
import { describe, expect, test } from "vitest";
import { BMO, cleanEnvironment } from "./harness.ts";
import {
  expectFailure,
  isPlanning,
  planInput,
  planThen,
  resultOf,
  scene,
  submit,
  ticket,
  type Scene,
} from "./scenario.ts";
import type { ScriptedReply } from "../support/vendor-server.ts";

const PLAN = planInput([ticket("t1", { "a.txt": "modify" })]);
const OUTSIDE: ScriptedReply = { calls: [{ name: "write", input: { path: "other.txt", content: "x" } }] };

/** Runs a shell pipeline in which $BMO stands for the program; gives back the code of the program itself. */
function pipeline({ place }: Scene, line: string): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn("bash", ["-c", `${line}; exit \${PIPESTATUS[0]}`], {
      cwd: place.workspace,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...cleanEnvironment({ HOME: place.home, BMO_HOME: `${place.home}/bmo` }), NODE: process.execPath, BMO },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

describe("codes", () => {
  test("2 before 6: a model that is not there, and no key either", async () => {
    const { place } = await scene({});
    expectFailure(await place.run(["-p", "-m", "anthropic/no-such-model-at-all", "hello"]), 2, /no-such-model-at-all/);
  });

  test("2 before 3: a wrong option beside a plan that waits", async () => {
    const { place } = await scene({ replies: () => submit(PLAN) });
    expect((await place.run(["-p", "plan it"])).code).toBe(3);
    expectFailure(await place.run(["-c", "-p", "--tier", "huge", "/status"]), 2, /huge/);
  });

  test("6 before 4: a refusal, then the key is no longer taken", async () => {
    const { place, server } = await scene({ replies: planThen(PLAN, [OUTSIDE]) });
    const running = place.run(["-p", "--json", "--approve", "do it"]);
    await server.arrived(2);
    server.addFaults([{ kind: "status", status: 401, message: "key revoked", times: 3 }]);
    expect(resultOf(await running)).toMatchObject({
      exit_code: 6,
      denials: [{ tool: "write" }],
      plan: { state: "executing" },
    });
  });

  test("5 before 1: the limit is reached while a verification fails again and again", async () => {
    const plan = planInput([ticket("t1", { "a.txt": "modify" }, { verify: ["false"] })]);
    const { place } = await scene({
      replies: (request) => (isPlanning(request) ? submit(plan) : { text: "done, I think" }),
    });
    expect(resultOf(await place.run(["-p", "--json", "--approve", "--max-turns", "3", "do it"]))).toMatchObject({
      exit_code: 5,
      status: "limit",
    });
  });

  test("4: a command that the plan does not hold, in default mode; bypassPermissions runs it", async () => {
    const replies = planThen(PLAN, [
      { calls: [{ name: "bash", input: { command: "node -e 'process.exitCode = 0'" } }] },
      { text: "ran or not" },
    ]);
    for (const [flags, code] of [
      [[], 4],
      [["--permission-mode", "bypassPermissions"], 0],
    ] as const) {
      const { place } = await scene({ replies });
      place.file("a.txt", "one\n");
      const result = resultOf(await place.run(["-p", "--json", "--approve", ...flags, "do it"]));
      expect({ code: result.exit_code, denied: result.denials.length, plan: result.plan?.state }).toEqual({
        code,
        denied: code === 4 ? 1 : 0,
        plan: "done",
      });
    }
  });

  test("0: a read-only command in execution is no refusal; a command of the plan is none", async () => {
    const plan = planInput([ticket("t1", { "a.txt": "modify" }, { commands: ["bash(node -e *)"] })]);
    const { place } = await scene({
      replies: planThen(plan, [
        {
          calls: [
            { name: "bash", input: { command: "ls" } },
            { name: "bash", input: { command: "node -e 'process.exitCode = 0'" } },
          ],
        },
        { text: "ran" },
      ]),
    });
    place.file("a.txt", "one\n");
    expect(resultOf(await place.run(["-p", "--json", "--approve", "do it"]))).toMatchObject({
      exit_code: 0,
      denials: [],
    });
  });

  test.each([
    ["workflow off", ["--no-plan"], false],
    ["in execution", ["--approve"], true],
  ] as const)("0: what was refused was only read (%s)", async (_name, flags, planned) => {
    const peek: ScriptedReply[] = [
      {
        calls: [
          { name: "view", input: { path: "/etc/hostname" } },
          { name: "view", input: { path: ".env" } },
        ],
      },
      { text: "could not look" },
    ];
    let step = 0;
    const { place } = await scene({ replies: planned ? planThen(PLAN, peek) : () => peek[step++] ?? { text: "?" } });
    place.file(".env", "SECRET_WORD=hidden\n");
    const finished = await place.run(["-p", "--json", ...flags, "look"]);
    expect(resultOf(finished)).toMatchObject({
      exit_code: 0,
      result: "could not look",
      denials: [{ tool: "view" }, { tool: "view" }],
    });
    expect(finished.stdout + finished.stderr).not.toContain("hidden");
  });

  test("a command that fails by itself is no refusal", async () => {
    const plan = planInput([ticket("t1", { "a.txt": "modify" }, { commands: ["bash(false)"] })]);
    const { place } = await scene({
      replies: planThen(plan, [{ calls: [{ name: "bash", input: { command: "false" } }] }, { text: "it failed" }]),
    });
    place.file("a.txt", "one\n");
    expect(resultOf(await place.run(["-p", "--json", "--approve", "do it"]))).toMatchObject({
      exit_code: 0,
      result: "it failed",
      denials: [],
    });
  });
});

describe("readers that go away", () => {
  test("bmo | head -1: the first line, the work goes on, exit 0", async () => {
    const one = await scene({ replies: () => ({ text: "line\n".repeat(40_000) }) });
    const finished = await pipeline(one, '"$NODE" "$BMO" -p talk | head -1');
    expect({ code: finished.code, stdout: finished.stdout }).toEqual({ code: 0, stdout: "line\n" });
    expect(finished.stderr).not.toMatch(/EPIPE|Error/);
  });

  test("stdout closed before anything is written: the plan waits all the same, exit 3", async () => {
    const one = await scene({ replies: () => submit(PLAN) });
    const finished = await pipeline(one, '"$NODE" "$BMO" -p --output-format stream-json plan | true');
    expect(finished.code).toBe(3);
    expect(resultOf(await one.place.run(["-c", "--json", "/status"])).plan?.state).toBe("awaiting_approval");
  });

  test("stdout and stderr both closed by the shell", async () => {
    const one = await scene({ replies: () => ({ text: "nobody reads this" }) });
    expect((await pipeline(one, '"$NODE" "$BMO" -p talk >&- 2>&-')).code).toBe(0);
    expect((await pipeline(one, '"$NODE" "$BMO" -p talk <&- 2>&-')).stdout).toBe("nobody reads this\n");
  });

  test("a full device for stdout: said, not hung", async () => {
    const one = await scene({ replies: () => ({ text: "nobody reads this" }) });
    const finished = await pipeline(one, '"$NODE" "$BMO" -p talk > /dev/full');
    expect(finished.code).toBe(0);
    expect(one.server.requests).toHaveLength(1);
  });

  test("a large object arrives whole through a slow pipe", async () => {
    const one = await scene({ replies: () => ({ text: "0123456789".repeat(60_000) }) });
    const finished = await pipeline(one, '"$NODE" "$BMO" -p --json talk | (sleep 1; cat)');
    const result = JSON.parse(finished.stdout) as { result: string };
    expect({ code: finished.code, length: result.result.length }).toEqual({ code: 0, length: 600_000 });
  });
});
