// Bad input from the provider: tool calls that fit no tool, cut arguments, failing and broken answers. The run ends as
// documented, nothing is written that was not whole, and the session goes on.

import { describe, expect, test } from "vitest";
import {
  calledTimes,
  expectFailure,
  expectResumable,
  isPlanning,
  lastResult,
  planInput,
  planThen,
  scene,
  submit,
  ticket,
} from "./scenario.ts";
import type { Fault, ScriptedCall, ScriptedReply, SeenRequest } from "../support/vendor-server.ts";
import type { WireName } from "./harness.ts";

const WIRES: WireName[] = ["anthropic", "responses", "chat"];
const PLAN = planInput([ticket("t1", { "a.txt": "modify", "new.txt": "create" })]);

describe.each(WIRES)("tool calls on %s", (wire) => {
  const bad: [string, ScriptedCall, RegExp][] = [
    ["an unknown name", { name: "frobnicate", input: { path: "a.txt" } }, /frobnicate[\s\S]*view/],
    ["a near name", { name: "read_file", input: { path: "a.txt" } }, /read_file/],
    ["a missing argument", { name: "view", input: {} }, /path.*missing/],
    ["an extra argument", { name: "view", input: { path: "a.txt", pathh: "b" } }, /pathh/],
    ["a wrong type", { name: "view", input: { path: 7 } }, /path.*string/],
    ["a list for arguments", { name: "view", rawArguments: "[1,2]" }, /arguments|JSON/i],
    ["broken JSON for arguments", { name: "view", rawArguments: '{"path": "a.tx' }, /cut off|JSON/i],
    ["a path outside the workspace", { name: "view", input: { path: "/etc/passwd" } }, /outside|Refused/i],
  ];
  test.each(bad)("%s: an error result that says what to do, and the run goes on", async (_name, call, told) => {
    const results: string[] = [];
    const { place, server } = await scene(
      {
        replies(request) {
          if (request.toolResults.length === 0) return { calls: [call] };
          results.push(lastResult(request));
          return { text: "understood" };
        },
      },
      { wire },
    );
    place.file("a.txt", "text\n");
    const before = place.digest();
    const finished = await place.run(["-p", "look"]);
    expect({ code: finished.code, stdout: finished.stdout, stderr: finished.stderr }).toMatchObject({
      code: 0,
      stdout: "understood\n",
    });
    expect(results[0]).toMatch(told);
    expect(results[0]).not.toContain("root:");
    expect(server.requests.map((request) => request.violations)).toEqual([[], []]);
    expect(place.digest()).toBe(before);
    await expectResumable({ server, place }, "look");
  });

  test("arguments cut off by the output limit: never run, never repaired", async () => {
    const execution: ScriptedReply[] = [
      { calls: [{ name: "write", input: { path: "new.txt", content: "a whole text that is cut" } }] },
      { text: "left it" },
    ];
    const { place, server } = await scene({ replies: planThen(PLAN, execution) }, { wire });
    place.file("a.txt", "text\n");
    expect((await place.run(["-p", "plan it"])).code).toBe(3);
    const before = place.digest();
    server.addFaults([{ kind: "truncated-arguments" }]);
    const finished = await place.run(["-c", "-p", "/approve"]);
    expect(place.digest()).toBe(before);
    expect({ code: finished.code, stdout: finished.stdout }).toEqual({ code: 0, stdout: "left it\n" });
    expect(lastResult(server.requests.at(-1) ?? ({} as SeenRequest))).toMatch(/cut off|whole/);
    expect(server.requests.map((request) => request.violations.length)).toEqual(server.requests.map(() => 0));
  });
});

describe("plans that are none", () => {
  test.each([
    ["a wrong shape", { title: 3, tickets: "many" }, /title|tickets/],
    ["no tickets", { title: "x", summary: "y", tickets: [] }, /ticket/],
    ["a path outside", planInput([ticket("t1", { "../elsewhere.txt": "modify" })]), /elsewhere/],
    [
      "a circle",
      planInput([
        ticket("t1", { "a.txt": "modify" }, { depends_on: ["t2"] }),
        ticket("t2", { "a.txt": "modify" }, { depends_on: ["t1"] }),
      ]),
      /depend|circle|cycle/i,
    ],
    [
      "two tickets with one id",
      planInput([ticket("t1", { "a.txt": "modify" }), ticket("t1", { "b.txt": "modify" })]),
      /t1/,
    ],
  ])("%s: told to the model, nothing is stored", async (_name, input, told) => {
    const results: string[] = [];
    const { place } = await scene({
      replies(request) {
        if (calledTimes(request, "set_plan_artifact") === 0) return submit(input);
        results.push(lastResult(request));
        return { text: "I give up planning." };
      },
    });
    const finished = await place.run(["-p", "plan it"]);
    expect({ code: finished.code, stdout: finished.stdout }).toEqual({ code: 0, stdout: "I give up planning.\n" });
    expect(finished.stderr).toContain("no plan was made");
    expect(results[0]).toMatch(told);
    expectFailure(await place.run(["-c", "-p", "/approve"]), 2, /no plan/);
  });
});

const ended: [string, Fault[], RegExp][] = [
  ["429 for ever", [{ kind: "status", status: 429, times: 9, headers: { "retry-after": "0" } }], /429|rate/i],
  [
    "429 with a hopeless Retry-After",
    [{ kind: "status", status: 429, headers: { "retry-after": "3600" } }],
    /3600|wait/i,
  ],
  ["500 for ever", [{ kind: "status", status: 500, times: 9, headers: { "retry-after": "0" } }], /500/],
  ["529 for ever", [{ kind: "status", status: 529, times: 9, headers: { "retry-after": "0" } }], /529|overloaded/i],
  ["400", [{ kind: "status", status: 400, message: "something unheard of" }], /something unheard of/],
  ["reset before an answer", [{ kind: "reset", times: 9 }], /connection|reset|network|closed/i],
  ["reset in mid-stream", [{ kind: "cut", after: 4, times: 9 }], /connection|reset|network|closed|stream|ended/i],
  ["a stream that ends too early", [{ kind: "end", after: 4, times: 9 }], /stream|ended|early|incomplete/i],
  ["malformed events", [{ kind: "malformed", after: 3, times: 9 }], /malformed|JSON|stream|answer/i],
  ["an HTML page with status 200", [{ kind: "html", times: 9 }], /html/i],
  [
    "JSON of another kind with status 200",
    [{ kind: "json", body: '{"hello":"world"}', times: 9 }],
    /answer|stream|hello/i,
  ],
];

describe.each(WIRES)("answers on %s", (wire) => {
  test.each(ended)("%s: exit 7, cause on stderr, the session goes on", async (_name, faults, cause) => {
    const { place, server } = await scene(
      { faults, replies: () => ({ text: "a rather long answer that arrives in several pieces" }) },
      { wire },
    );
    place.file("a.txt", "text\n");
    const before = place.digest();
    expectFailure(await place.run(["-p", "first words"]), 7, cause);
    expect(place.digest()).toBe(before);
    const next = { place, server };
    server.clearFaults();
    await expectResumable(next, "first words");
  });

  test.each([
    ["429", { kind: "status", status: 429, headers: { "retry-after": "0" } }],
    ["500", { kind: "status", status: 500 }],
    ["529", { kind: "status", status: 529 }],
    ["a reset", { kind: "reset" }],
  ] satisfies [string, Fault][])("%s once: tried again, said on stderr, exit 0", async (_name, fault) => {
    const { place, server } = await scene({ faults: [fault], replies: () => ({ text: "answered" }) }, { wire });
    const finished = await place.run(["-p", "hello"]);
    expect(finished).toMatchObject({ code: 0, stdout: "answered\n" });
    expect(finished.stderr).toMatch(/try 2 of/);
    expect(server.requests).toHaveLength(2);
  });
});

test("an empty reply is asked for once more, then exit 1", async () => {
  const { place, server } = await scene({ replies: () => ({ text: "" }) });
  expectFailure(await place.run(["-p", "first words"]), 1, /no answer/);
  expect(server.requests.map((request) => request.violations)).toEqual([[], []]);
  await expectResumable({ place, server }, "first words");
});

test("a refusal is exit 1 and names the model", async () => {
  const { place, server } = await scene({ replies: () => ({ stop: "refusal" }) });
  expectFailure(await place.run(["-p", "first words"]), 1, /p\/m-1 refused/);
  await expectResumable({ place, server }, "first words");
});

test("the same call with the same result for ever ends with exit 1", async () => {
  const { place, server } = await scene({
    replies: () => ({ calls: [{ name: "view", input: { path: "nothing.txt" } }] }),
  });
  expectFailure(await place.run(["-p", "first words"]), 1, /repeats the same call/);
  expect(server.requests.length).toBeLessThan(20);
  expect(server.requests.every((request) => isPlanning(request))).toBe(true);
  await expectResumable({ place, server }, "first words");
});
