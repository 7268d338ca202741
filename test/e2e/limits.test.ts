// Limits, refusals and the order of exit codes where several apply.

import { describe, expect, test } from "vitest";
import {
  expectFailure,
  expectResumable,
  isPlanning,
  planInput,
  planThen,
  resultOf,
  scene,
  stepsOf,
  submit,
  ticket,
  userToml,
} from "./scenario.ts";
import type { ScriptedReply } from "../support/vendor-server.ts";

const PLAN = planInput([
  ticket("t1", { "a.txt": "modify", "flag.txt": "create", "gen.sh": "modify" }, { commands: ["bash(sh gen.sh)"] }),
]);
const OUTSIDE: ScriptedReply = { calls: [{ name: "write", input: { path: "other.txt", content: "x" } }] };
const look = (index: number): ScriptedReply => ({ calls: [{ name: "grep", input: { pattern: `word${index}` } }] });

describe("limits end with 5", () => {
  test("--max-turns while planning", async () => {
    let step = 0;
    const { place, server } = await scene({ replies: () => look(step++) });
    const result = resultOf(await place.run(["-p", "--json", "--max-turns", "2", "first words"]));
    expect(result).toMatchObject({
      exit_code: 5,
      status: "limit",
      error: { code: "limit", message: expect.stringContaining("2 model calls") as unknown },
    });
    expect(server.requests).toHaveLength(2);
    await expectResumable({ place, server }, "first words");
  });

  test("--max-turns counts over plan and execution of one run; the plan goes on later", async () => {
    const { place, server } = await scene({
      replies: planThen(PLAN, [{ calls: [{ name: "view", input: { path: "a.txt" } }] }, { text: "looked" }]),
    });
    place.file("a.txt", "one\n");
    const result = resultOf(await place.run(["-p", "--json", "--approve", "--max-turns", "2", "first words"]));
    expect(result).toMatchObject({ exit_code: 5, status: "limit", plan: { state: "executing" } });
    expect(server.requests).toHaveLength(2);
    const finished = await place.run(["-c", "-p", "/approve"]);
    expect({ code: finished.code, stdout: finished.stdout }).toEqual({ code: 0, stdout: "looked\n" });
    expect(server.requests.map((request) => request.violations).flat()).toEqual([]);
  });

  test("--max-turns that is just enough for a plan is no limit: exit 3", async () => {
    const { place } = await scene({ replies: () => submit(PLAN) });
    expect((await place.run(["-p", "--max-turns", "1", "plan it"])).code).toBe(3);
  });

  test("--max-turns counts the gate's call too, but leaves the last call to the turn", async () => {
    const unsure = "how do ducks sleep while they float";
    const tables = '[options.gate]\nenabled = true\nmodel = "p/gate-m"';
    const { place, server } = await scene(
      {
        replies: (request) =>
          request.model === "gate-m" ? { text: "escalate" } : stepsOf(request) === 0 ? look(1) : { text: "ok" },
      },
      { models: ["m-1", "gate-m"], tables },
    );
    const ask = async (limit: string): Promise<{ code: number | null; models: (string | null)[]; steps: number }> => {
      const before = server.requests.length;
      const finished = await place.run(["-p", "--output-format", "stream-json", "--max-turns", limit, unsure]);
      return {
        code: finished.code,
        models: server.requests.slice(before).map((request) => request.model),
        steps: finished.stdout.split("\n").filter((line) => line.includes('"type":"step_start"')).length,
      };
    };
    expect(await ask("1")).toEqual({ code: 5, models: ["m-1"], steps: 1 });
    expect(await ask("2")).toEqual({ code: 5, models: ["gate-m", "m-1"], steps: 1 });
    expect(await ask("3")).toEqual({ code: 0, models: ["gate-m", "m-1", "m-1"], steps: 2 });
  });

  test.each([
    ["before the first byte", 0],
    ["in mid-stream", 4],
  ])("--timeout while the server is silent (%s)", async (_name, after) => {
    const { place, server } = await scene({
      faults: [{ kind: "stall", after }],
      replies: () => ({ text: "a long enough answer for some events" }),
    });
    const result = resultOf(await place.run(["-p", "--json", "--timeout", "1", "first words"]));
    expect(result).toMatchObject({
      exit_code: 5,
      status: "limit",
      error: { code: "limit", message: expect.stringContaining("1 s") as unknown },
    });
    await expectResumable({ place, server }, "first words");
  });

  test("--timeout while a command runs: ended with it", async () => {
    const { place } = await scene({ replies: () => ({ calls: [{ name: "bash", input: { command: "sleep 300" } }] }) });
    const finished = await place.run([
      "-p",
      "--no-plan",
      "--permission-mode",
      "bypassPermissions",
      "--timeout",
      "2",
      "first words",
    ]);
    expectFailure(finished, 5, /time limit of 2 s/);
  });

  test("--timeout of more days than a timer can count is no limit at once", async () => {
    const { place } = await scene({ replies: () => ({ text: "hi" }) });
    const finished = await place.run(["-p", "-q", "--timeout", "3000000", "first words"]);
    expect(finished).toMatchObject({ code: 0, stdout: "hi\n", stderr: "" });
  });

  test("--timeout while waiting for a retry", async () => {
    const { place } = await scene({
      faults: [{ kind: "status", status: 429, headers: { "retry-after": "60" }, times: 3 }],
    });
    expectFailure(await place.run(["-p", "--timeout", "1", "first words"]), 5, /time limit/);
  });

  test("--max-budget-usd: the call that might exceed it is not made", async () => {
    const { place, server } = await scene({ replies: () => ({ text: "hi" }) });
    const before = place.digest();
    expectFailure(
      await place.run(["-p", "--max-budget-usd", "0.0001", "first words"]),
      5,
      /--max-budget-usd[\s\S]*0\.0001/,
    );
    expect(server.requests).toEqual([]);
    expect(place.digest()).toBe(before);
    await expectResumable({ place, server }, "first words");
  });

  test("a budget of the file; and one that suffices", async () => {
    const { place, server } = await scene(
      { replies: () => ({ text: "hi" }) },
      { tables: "[options.budget]\nturn_usd = 0.0001" },
    );
    expectFailure(await place.run(["-p", "hello"]), 5, /options\.budget\.turn_usd/);
    place.configure(userToml(server.url, { tables: "[options.budget]\nturn_usd = 5.0\nsession_usd = 5.0" }));
    expect((await place.run(["-p", "hello"])).code).toBe(0);
  });

  test("a budget with an unknown price cannot be kept: exit 2 before any call", async () => {
    const { place, server } = await scene({ replies: () => ({ text: "hi" }) }, { facts: "" });
    expectFailure(await place.run(["-p", "--max-budget-usd", "1", "hello"]), 2, /price of p\/m-1 is unknown/);
    expect(server.requests).toEqual([]);
  });
});

describe("refusals end with 4", () => {
  const write: ScriptedReply[] = [
    { calls: [{ name: "write", input: { path: "new.txt", content: "x" } }] },
    { text: "tried" },
  ];
  const inChat = (replies: ScriptedReply[]): (() => ScriptedReply) => {
    let step = 0;
    return () => replies[step++] ?? { text: "end" };
  };

  test("--no-plan, default mode: a write is denied, the answer still printed", async () => {
    const { place } = await scene({ replies: inChat(write) });
    const before = place.digest();
    const result = resultOf(await place.run(["-p", "--json", "--no-plan", "write it"]));
    expect(result).toMatchObject({
      exit_code: 4,
      status: "denied",
      result: "tried",
      plan: null,
      denials: [{ tool: "write" }],
    });
    expect(place.digest()).toBe(before);
  });

  test.each([
    ["acceptEdits", ["--permission-mode", "acceptEdits"]],
    ["--approval-mode", ["--approval-mode", "acceptEdits"]],
    ["bypassPermissions", ["--dangerously-skip-permissions"]],
    ["a rule", ["--allowedTools", "Write(new.txt)"]],
    ["a list of rules", ["--allowedTools", "bash(git *, ls),write"]],
  ])("--no-plan with %s: written, exit 0", async (_name, flags) => {
    const { place } = await scene({ replies: inChat(write) });
    expect(await place.run(["-p", "--no-plan", ...flags, "write it"])).toMatchObject({ code: 0, stdout: "tried\n" });
    expect(place.read("new.txt")).toBe("x");
  });

  test.each([
    [
      "deny wins over allow",
      ["--permission-mode", "acceptEdits", "--allowedTools", "write", "--disallowedTools", "write(*.txt)"],
    ],
    ["deny wins over bypass", ["--dangerously-skip-permissions", "--disallowedTools", "write"]],
    ["a rule for another file", ["--allowedTools", "write(other.txt)"]],
  ])("%s: exit 4", async (_name, flags) => {
    const { place } = await scene({ replies: inChat(write) });
    const before = place.digest();
    expect((await place.run(["-p", "--no-plan", ...flags, "write it"])).code).toBe(4);
    expect(place.digest()).toBe(before);
  });

  test("--permission-mode plan switches the workflow on, also against --no-plan", async () => {
    const { place, server } = await scene({ replies: () => submit(PLAN) });
    expect((await place.run(["-p", "--no-plan", "--permission-mode", "plan", "plan it"])).code).toBe(3);
    expect((await place.run(["-p", "--dangerously-skip-permissions", "plan it"])).code).toBe(3);
    expect(server.requests.every(isPlanning)).toBe(true);
  });

  test.each([
    ["../escaped.txt", "outside"],
    ["/tmp/bmo-limits-escaped.txt", "outside"],
    [".git/config", "git"],
    [".env", "credential|protected"],
  ])("bypassPermissions does not write %s", async (path, why) => {
    const { place } = await scene({
      replies: inChat([{ calls: [{ name: "write", input: { path, content: "x" } }] }, { text: "tried" }]),
    });
    const before = place.digest();
    const result = resultOf(
      await place.run(["-p", "--json", "--no-plan", "--dangerously-skip-permissions", "write it"]),
    );
    expect(result).toMatchObject({ exit_code: 4, status: "denied" });
    expect(result.denials[0]?.reason).toMatch(new RegExp(why, "i"));
    expect(place.digest()).toBe(before);
  });

  test("a write outside the plan is denied, exit 4; the plan's own files are changed", async () => {
    const { place } = await scene({
      replies: planThen(PLAN, [
        OUTSIDE,
        { calls: [{ name: "write", input: { path: "flag.txt", content: "y" } }] },
        { text: "as far as I could" },
      ]),
    });
    place.file("a.txt", "one\n");
    const result = resultOf(await place.run(["-p", "--json", "--approve", "do it"]));
    expect(result).toMatchObject({
      exit_code: 4,
      status: "denied",
      result: "as far as I could",
      plan: { state: "done" },
      denials: [{ tool: "write" }],
      files: [{ path: "flag.txt", action: "create", in_scope: true, rolled_back: false }],
    });
  });

  test("the same tool and target permitted later clears it; another target does not", async () => {
    const twice: ScriptedReply[] = [
      { calls: [{ name: "bash", input: { command: "sh gen.sh" } }] },
      { calls: [{ name: "view", input: { path: "gen.sh" } }] },
      { calls: [{ name: "bash", input: { command: "sh gen.sh" } }] },
      { text: "worked at last" },
    ];
    for (const [replies, code] of [
      [twice, 0],
      [twice.slice(0, 1).concat({ text: "gave up" }), 4],
    ] as const) {
      const { place } = await scene({ replies: planThen(PLAN, replies) });
      place.file("a.txt", "one\n");
      place.file("gen.sh", "test -e flag.txt && exit 0\necho 1 > flag.txt\necho 1 > other.txt\n");
      const result = resultOf(await place.run(["-p", "--json", "--approve", "do it"]));
      expect({ code: result.exit_code, files: result.files }).toEqual({
        code,
        files: expect.arrayContaining([
          { path: "flag.txt", action: "create", in_scope: true, rolled_back: false },
          { path: "other.txt", action: "create", in_scope: false, rolled_back: true },
        ]) as unknown,
      });
      expect(place.read("flag.txt")).toBe("1\n");
      expect(() => place.read("other.txt")).toThrow();
    }
  });
});

describe("where several codes apply", () => {
  const REFUSED_THEN = (then: ScriptedReply): ScriptedReply[] => [OUTSIDE, then];

  test("5 before 4: a refusal, then the limit", async () => {
    const { place } = await scene({ replies: planThen(PLAN, REFUSED_THEN(look(1))) });
    expect(resultOf(await place.run(["-p", "--json", "--approve", "--max-turns", "2", "do it"]))).toMatchObject({
      exit_code: 5,
      denials: [{ tool: "write" }],
    });
  });

  test("7 before 4: a refusal, then the provider fails", async () => {
    const { place } = await scene({
      replies: planThen(PLAN, [OUTSIDE]),
      refuse: (request) => (request.toolResults.length > 0 && !isPlanning(request) ? "no more" : null),
    });
    expect(resultOf(await place.run(["-p", "--json", "--approve", "do it"]))).toMatchObject({
      exit_code: 7,
      denials: [{ tool: "write" }],
    });
  });

  test("3 before 4: a refusal, then a new plan", async () => {
    const { place } = await scene({
      replies: (request) =>
        isPlanning(request)
          ? submit(
              planInput([
                ticket("t1", { "a.txt": "modify", ...(request.toolCalls.length > 0 ? { "other.txt": "create" } : {}) }),
              ]),
            )
          : request.toolResults.length === 0
            ? OUTSIDE
            : { calls: [{ name: "request_replan", input: { reason: "needs other.txt" } }] },
    });
    expect(resultOf(await place.run(["-p", "--json", "--approve", "do it"]))).toMatchObject({
      exit_code: 3,
      denials: [{ tool: "write" }],
      plan: { revision: 2 },
    });
  });

  test("1 before 4: a refusal, then the model gives up", async () => {
    const { place } = await scene({ replies: planThen(PLAN, REFUSED_THEN({ stop: "refusal" })) });
    expect(resultOf(await place.run(["-p", "--json", "--approve", "do it"]))).toMatchObject({
      exit_code: 1,
      denials: [{ tool: "write" }],
    });
  });

  test("refusals of an earlier run do not make the code of this one", async () => {
    const { place } = await scene({ replies: planThen(PLAN, REFUSED_THEN({ text: "done" })) });
    expect((await place.run(["-p", "--approve", "do it"])).code).toBe(4);
    expect((await place.run(["-c", "-p", "/status"])).code).toBe(0);
  });
});
