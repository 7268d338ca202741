// Carrying an approved plan out: new planning, verification that fails, tickets as turns of their own, copies of
// sessions, which session goes on, and two runs at once.

import { describe, expect, test } from "vitest";
import {
  calledTimes,
  expectFailure,
  isPlanning,
  planInput,
  planThen,
  resultOf,
  scene,
  stepsOf,
  submit,
  ticket,
  type Scene,
} from "./scenario.ts";
import type { ScriptedReply, SeenRequest } from "../support/vendor-server.ts";

const CHANGE: ScriptedReply[] = [
  { calls: [{ name: "view", input: { path: "a.txt" } }] },
  { calls: [{ name: "edit", input: { path: "a.txt", old: "one", new: "two" } }] },
  { text: "changed" },
];
const executing = ({ server }: Scene): SeenRequest[] => server.requests.filter((request) => !isPlanning(request));

test("request_replan: back to the plan stage with the reason, exit 3, the next revision waits", async () => {
  const one = await scene({
    replies: (request) =>
      isPlanning(request)
        ? submit(
            planInput([
              ticket("t1", { "a.txt": "modify" }, { detail: `try ${calledTimes(request, "set_plan_artifact")}` }),
            ]),
          )
        : {
            calls: [
              { name: "request_replan", input: { reason: "a.txt is not what the plan says" } },
              { name: "view", input: { path: "a.txt" } },
            ],
          },
  });
  one.place.file("a.txt", "one\n");
  const before = one.place.digest();
  expect((await one.place.run(["-p", "do it"])).code).toBe(3);
  const result = resultOf(await one.place.run(["-c", "--json", "/approve"]));
  expect(result).toMatchObject({
    exit_code: 3,
    status: "awaiting_approval",
    plan: { revision: 2, state: "awaiting_approval" },
  });
  const planner = one.server.requests.at(-1);
  expect(planner?.userTexts.at(-1)).toContain("a.txt is not what the plan says");
  expect(one.server.requests.flatMap((request) => request.violations)).toEqual([]);
  expect(one.place.digest()).toBe(before);
});

test("a verification that fails goes back to the executor, which mends it: exit 0", async () => {
  const plan = planInput([ticket("t1", { "a.txt": "modify" }, { verify: ["grep -q three a.txt"] })]);
  const mend: ScriptedReply[] = [
    ...CHANGE,
    { calls: [{ name: "edit", input: { path: "a.txt", old: "two", new: "three" } }] },
    { text: "mended" },
  ];
  const one = await scene({ replies: planThen(plan, mend) });
  one.place.file("a.txt", "one\n");
  const result = resultOf(await one.place.run(["-p", "--json", "--approve", "do it"]));
  expect(result).toMatchObject({
    exit_code: 0,
    result: "mended",
    plan: { state: "done", tickets: [{ state: "done" }] },
  });
  expect(one.place.read("a.txt")).toBe("three\n");
  const told = executing(one)
    .flatMap((request) => request.userTexts)
    .join("\n");
  expect(told).toMatch(/grep -q three a\.txt[\s\S]*exit code 1/);
});

test("a verification that never passes: executor, then the planner twice, then exit 1", async () => {
  const plan = planInput([ticket("t1", { "a.txt": "modify" }, { verify: ["false"] })]);
  const one = await scene({
    replies: (request) => (isPlanning(request) ? submit(plan) : { text: "I believe it works" }),
  });
  one.place.file("a.txt", "one\n");
  const finished = await one.place.run(["-p", "--json", "--approve", "do it"]);
  const result = resultOf(finished);
  expect(result).toMatchObject({
    exit_code: 1,
    status: "error",
    error: { code: "failed", message: expect.stringContaining("false") as unknown },
    plan: { state: "failed", tickets: [{ state: "failed" }] },
  });
  expect(one.server.requests.filter(isPlanning)).toHaveLength(3);
  expect(one.server.requests.flatMap((request) => request.violations)).toEqual([]);
  const again = await one.place.run(["-c", "-p", "/approve"]);
  expectFailure(again, 2, /given up|no plan/);
  one.server.setReplies(() => submit(planInput([ticket("t1", { "a.txt": "modify" })])));
  expect(resultOf(await one.place.run(["-c", "--json", "try it otherwise"]))).toMatchObject({
    exit_code: 3,
    plan: { revision: 1, state: "awaiting_approval" },
  });
});

describe('unit = "ticket"', () => {
  const PLAN = planInput(
    [
      ticket("t2", { "b.txt": "create" }, { depends_on: ["t1"] }),
      ticket("t1", { "a.txt": "modify" }),
      ticket("t3", { "c.txt": "create" }),
    ],
    { decisions: ["Keep it small"] },
  );
  const replies = (request: SeenRequest): ScriptedReply => {
    if (isPlanning(request)) return { text: "a word said while planning", ...submit(PLAN) };
    const told = request.userTexts.join("\n");
    const name = /What (t\d) does/.exec(told)?.[1] ?? "?";
    const path = { t1: "a.txt", t2: "b.txt", t3: "c.txt" }[name] ?? "?";
    if (name === "t1") return [CHANGE[0], CHANGE[1], { text: "report of t1" }][stepsOf(request)] ?? { text: "?" };
    return stepsOf(request) === 0
      ? { calls: [{ name: "write", input: { path, content: name } }] }
      : { text: `report of ${name}` };
  };

  test("each ticket is a turn with its own route and a fresh context, in the order of dependencies", async () => {
    const one = await scene({ replies }, { tables: '[options.phase_model]\nunit = "ticket"' });
    one.place.file("a.txt", "one\n");
    const result = resultOf(await one.place.run(["-p", "--json", "--approve", "do it all"]));
    expect(result).toMatchObject({ exit_code: 0, plan: { state: "done" } });
    expect(result.routes.map((route) => route.ticket)).toEqual([null, "t1", "t2", "t3"]);
    expect(result.plan?.tickets.map(({ id, state }) => [id, state])).toEqual([
      ["t2", "done"],
      ["t1", "done"],
      ["t3", "done"],
    ]);
    expect([one.place.read("a.txt"), one.place.read("b.txt"), one.place.read("c.txt")]).toEqual(["two\n", "t2", "t3"]);
    const firsts = executing(one)
      .filter((request) => stepsOf(request) === 0)
      .map((request) => request.userTexts.join("\n"));
    expect(firsts).toHaveLength(3);
    for (const text of firsts) {
      expect(text).not.toContain("a word said while planning");
      expect(text).toContain("What is to be done.");
    }
    expect(firsts[1]).toContain("report of t1");
    expect(firsts[1]).not.toContain("What t3 does");
    expect(firsts[2]).toContain("report of t2");
    const sum = (result.plan?.tickets ?? []).reduce((total, { cost_usd }) => total + (cost_usd ?? Number.NaN), 0);
    expect(sum).toBeGreaterThan(0);
    expect(sum).toBeLessThan(result.cost_usd ?? 0);
  });

  test("interrupted between tickets, /approve continues with the open ones only", async () => {
    const one = await scene({ replies }, { tables: '[options.phase_model]\nunit = "ticket"' });
    one.place.file("a.txt", "one\n");
    expect((await one.place.run(["-p", "--json", "--approve", "--max-turns", "5", "do it all"])).code).toBe(5);
    const before = one.server.requests.length;
    const result = resultOf(await one.place.run(["-c", "--json", "/approve"]));
    expect(result).toMatchObject({ exit_code: 0, plan: { state: "done" } });
    const told = one.server.requests.slice(before).map((request) => request.userTexts.join("\n"));
    expect(told.some((text) => text.includes("What t1 does"))).toBe(false);
    expect(one.place.read("c.txt")).toBe("t3");
    expect(one.server.requests.flatMap((request) => request.violations)).toEqual([]);
  });

  test("files of another ticket are in the plan's scope; files of none are not", async () => {
    const plan = planInput([ticket("t1", { "a.txt": "modify" })]);
    const one = await scene(
      {
        replies: planThen(plan, [
          { calls: [{ name: "write", input: { path: "z.txt", content: "z" } }] },
          { text: "tried" },
        ]),
      },
      { tables: '[options.phase_model]\nunit = "ticket"' },
    );
    one.place.file("a.txt", "one\n");
    expect((await one.place.run(["-p", "--approve", "do it"])).code).toBe(4);
    expect(() => one.place.read("z.txt")).toThrow();
  });
});

describe("sessions that go on", () => {
  const PLAN = planInput([ticket("t1", { "a.txt": "modify" })]);

  test("--fork-session: the copy needs its own approval, the original stays as it was", async () => {
    const one = await scene({ replies: planThen(PLAN, CHANGE) });
    one.place.file("a.txt", "one\n");
    const first = resultOf(await one.place.run(["-p", "--json", "do it"]));
    const fork = resultOf(await one.place.run(["-c", "--fork-session", "--json", "/status"]));
    expect(fork.session_id).not.toBe(first.session_id);
    expect(fork.plan?.state).toBe("awaiting_approval");
    expect(resultOf(await one.place.run(["-r", first.session_id ?? "", "--json", "/status"]))).toMatchObject({
      session_id: first.session_id,
      plan: { state: "awaiting_approval" },
    });
  });

  test("a copy of an approved, unfinished plan waits for approval again", async () => {
    const one = await scene({ replies: planThen(PLAN, CHANGE) });
    one.place.file("a.txt", "one\n");
    expect((await one.place.run(["-p", "--approve", "--max-turns", "2", "do it"])).code).toBe(5);
    const before = one.place.digest();
    const fork = resultOf(await one.place.run(["-c", "--fork-session", "--json", "/status"]));
    expect(fork.plan?.state).toBe("awaiting_approval");
    expect(one.place.digest()).toBe(before);
  });

  test("-c takes the session whose last record is latest; -r the one that is named, also by its short form", async () => {
    const one = await scene({ replies: () => ({ text: "hi" }) });
    const first = resultOf(await one.place.run(["--json", "words of the first"]));
    const second = resultOf(await one.place.run(["--json", "words of the second"]));
    expect(resultOf(await one.place.run(["-c", "--json", "more"])).session_id).toBe(second.session_id);
    expect(resultOf(await one.place.run(["-r", first.session_id ?? "", "--json", "back"])).session_id).toBe(
      first.session_id,
    );
    expect(one.server.requests.at(-1)?.userTexts.join("\n")).toContain("words of the first");
    expect(resultOf(await one.place.run(["-c", "--json", "and on"])).session_id).toBe(first.session_id);
  });

  test("-c does not take another workspace's session", async () => {
    const one = await scene({ replies: () => ({ text: "hi" }) });
    expect((await one.place.run(["-p", "hello"])).code).toBe(0);
    one.place.file("sub/x.txt", "x");
    expectFailure(await one.place.run(["-c", "-p", "hello", "-C", "sub"]), 2, /no session to continue/);
  });

  test("-c on a session that a live process holds: exit 2 names it and --fork-session", async () => {
    const one = await scene({ faults: [{ kind: "stall", after: 0 }], replies: () => ({ text: "hi" }) });
    let second: Promise<unknown> = Promise.resolve();
    const first = one.place.run(["-p", "hello"], {
      onStart(child) {
        second = one.server.arrived(1).then(async () => {
          expectFailure(
            await one.place.run(["-c", "-p", "me too"]),
            2,
            new RegExp(`${child.pid ?? ""}[\\s\\S]*--fork-session`),
          );
          expectFailure(await one.place.run(["-c", "-p", "/approve"]), 2, /--fork-session/);
          expect(await one.place.run(["-c", "--fork-session", "-p", "in a copy"])).toMatchObject({
            code: 0,
            stdout: "hi\n",
          });
          child.kill("SIGTERM");
        });
      },
    });
    expect((await first).code).toBe(143);
    await second;
  });

  test("text while an approved plan is interrupted steers the executor within its scope", async () => {
    // What was read in another process must be read again before it is edited.
    const one = await scene({ replies: planThen(PLAN, [...CHANGE.slice(0, 1), ...CHANGE]) });
    one.place.file("a.txt", "one\n");
    expect((await one.place.run(["-p", "--approve", "--max-turns", "2", "do it"])).code).toBe(5);
    const result = resultOf(await one.place.run(["-c", "--json", "mind the gap"]));
    expect(result).toMatchObject({ exit_code: 0, result: "changed", plan: { state: "done" } });
    expect(executing(one).at(-1)?.userTexts.join("\n")).toContain("mind the gap");
    expect(one.place.read("a.txt")).toBe("two\n");
  });

  test("a second execution in the workspace waits 10 s, then exit 1", async () => {
    const one = await scene({ replies: planThen(PLAN, CHANGE) });
    one.place.file("a.txt", "one\n");
    const waiting = resultOf(await one.place.run(["-p", "--json", "do it"]));
    const before = one.place.digest();
    let second: Promise<unknown> = Promise.resolve();
    const first = await one.place.run(["-p", "--approve", "do it"], {
      onStart(child) {
        void one.server.arrived(2).then(() => one.server.addFaults([{ kind: "stall", after: 0 }]));
        second = one.server.arrived(3).then(async () => {
          expectFailure(await one.place.run(["approve", waiting.plan?.id ?? ""]), 1, /lock|another run|executes/i);
          child.kill("SIGTERM");
        });
      },
    });
    await second;
    expect(first.code).toBe(143);
    expect(one.place.digest()).toBe(before);
    one.server.clearFaults();
    expect((await one.place.run(["approve", waiting.plan?.id ?? ""])).code).toBe(0);
  });
});
