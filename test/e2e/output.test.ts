// What stdout carries: the answer, the one object, or the events, byte for byte nothing else; and sums that are exact.

import { randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createPlace, providerToml } from "./harness.ts";
import {
  isPlanning,
  openServer,
  planInput,
  planThen,
  resultOf,
  scene,
  stepsOf,
  submit,
  ticket,
  type ResultObject,
} from "./scenario.ts";
import type { Usage } from "../../src/types/provider.ts";
import type { WireName } from "./harness.ts";

const EVENTS =
  "session_start turn_start gate_decision route_decision step_start text_delta reasoning_delta message_end tool_start tool_delta tool_end plan_ready plan_approved ticket_start ticket_end scope_violation rollback cost_entry retry notice turn_end result".split(
    " ",
  );
const PLAN = planInput([ticket("t1", { "a.txt": "modify" })]);

interface EventLine {
  type: string;
  [key: string]: unknown;
}

function eventsOf(stdout: string): EventLine[] {
  expect(stdout.endsWith("\n")).toBe(true);
  return stdout
    .slice(0, -1)
    .split("\n")
    .map((line) => JSON.parse(line) as EventLine);
}

function keysOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(keysOf);
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, member]) =>
    key === "input" || key === "files_by_path" ? [key] : [key, ...keysOf(member)],
  );
}

describe("text", () => {
  test("echo prompt | bmo: the answer, one newline, exit 0, 'no plan was made' on stderr", async () => {
    const { place, server } = await scene({ replies: () => ({ text: "Forty-two." }) });
    const finished = await place.run([], { stdin: "what is it?\n" });
    expect(finished).toMatchObject({ code: 0, stdout: "Forty-two.\n" });
    expect(finished.stderr).toContain("no plan was made");
    expect(server.requests[0]?.userTexts.join("\n")).toContain("what is it?");
  });

  test("a plan: Markdown on stdout, the hint on stderr names id, hash and command", async () => {
    const { place } = await scene({ replies: () => submit(PLAN) });
    place.file("a.txt", "a\n");
    const planned = await place.run(["-p", "plan it"]);
    expect(planned.code).toBe(3);
    expect(planned.stdout).toMatch(/^# The plan\n/);
    expect(planned.stdout).toContain("a.txt");
    expect(planned.stderr).toMatch(/p_[0-9a-f]+ \(sha256:[0-9a-f]+\) awaits approval[\s\S]*bmo approve p_[0-9a-f]+/);
  });

  test("-q leaves stderr empty, --verbose names the log lines of routing", async () => {
    const { place } = await scene({ replies: () => ({ text: "hi" }) });
    expect(await place.run(["-p", "-q", "hello"])).toMatchObject({ code: 0, stdout: "hi\n", stderr: "" });
    expect((await place.run(["-p", "--verbose", "hello"])).stderr).toContain("Tier assignment:");
  });

  test("--version and --help go to stdout, exit 0", async () => {
    const place = createPlace();
    for (const flag of ["-v", "-V", "--version"])
      expect(await place.run([flag])).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as unknown,
        stderr: "",
      });
    for (const flag of ["-h", "--help"])
      expect(await place.run([flag])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("--output-format") as unknown,
        stderr: "",
      });
  });
});

describe("json", () => {
  test("of --json and --output-format the last one counts, for a failure as well", async () => {
    const { place } = await scene({ replies: () => ({ text: "Forty-two." }) });
    expect(resultOf(await place.run(["-p", "--output-format", "text", "--json", "hello"]))).toMatchObject({
      result: "Forty-two.",
    });
    expect((await place.run(["-p", "--json", "--output-format", "text", "hello"])).stdout).toBe("Forty-two.\n");
    expect(
      resultOf(await place.run(["-p", "--output-format", "text", "--json", "--tier", "huge", "hello"])),
    ).toMatchObject({ exit_code: 2 });
    for (const words of [
      ["--json", "--output-format", "text", "hello"],
      ["--", "--json"],
    ])
      expect(await place.run(["-p", "--tier", "huge", ...words])).toMatchObject({ code: 2, stdout: "" });
  });

  test("an answer without a plan: the object alone", async () => {
    const { place } = await scene({ replies: () => ({ text: "Forty-two." }) });
    const result = resultOf(await place.run(["-p", "--json", "what is it?"]));
    expect(result).toMatchObject({
      type: "result",
      version: 1,
      status: "done",
      exit_code: 0,
      result: "Forty-two.",
      data: null,
      plan: null,
      files: [],
      denials: [],
      error: null,
    });
    expect(result.routes).toHaveLength(1);
    expect(result.routes[0]).toMatchObject({
      turn: 1,
      ticket: null,
      stage: "plan",
      model: "p/m-1",
      served_model: null,
    });
  });

  test("plan, approval, repetition: state and codes follow", async () => {
    const { place } = await scene({
      replies: planThen(PLAN, [
        { calls: [{ name: "view", input: { path: "a.txt" } }] },
        { calls: [{ name: "edit", input: { path: "a.txt", old: "a", new: "b" } }] },
        { text: "changed" },
      ]),
    });
    place.file("a.txt", "a\n");
    const planned = resultOf(await place.run(["-p", "--json", "plan it"]));
    expect(planned).toMatchObject({
      status: "awaiting_approval",
      exit_code: 3,
      plan: {
        revision: 1,
        state: "awaiting_approval",
        title: "The plan",
        tickets: [
          { id: "t1", title: "Ticket t1", state: "open", files: [{ path: "a.txt", action: "modify" }], cost_usd: 0 },
        ],
      },
    });
    expect(planned.plan?.hash).toMatch(/^sha256:[0-9a-f]{64}$/);
    const done = resultOf(await place.run(["-c", "-p", "--json", "/approve"]));
    expect(done).toMatchObject({
      session_id: planned.session_id,
      status: "done",
      exit_code: 0,
      result: "changed",
      plan: { id: planned.plan?.id, hash: planned.plan?.hash, state: "done", tickets: [{ state: "done" }] },
      files: [{ path: "a.txt", action: "modify", in_scope: true, rolled_back: false }],
    });
    const again = resultOf(await place.run(["-c", "-p", "--json", "/approve"]));
    expect(again).toMatchObject({
      status: "done",
      exit_code: 0,
      result: expect.stringContaining("already done") as unknown,
    });
  });

  test.each(["/init", "/compact"])("a failing %s carries its error; stdout has no answer then", async (command) => {
    const { place, server } = await scene({ replies: () => ({ text: "Forty-two." }) });
    for (const prompt of ["one", "two"]) await place.run(["-c", "-p", prompt].slice(prompt === "one" ? 1 : 0));
    server.addFaults([{ kind: "status", status: 400, message: "no such luck", times: 2 }]);
    expect(resultOf(await place.run(["-c", "-p", "--json", command]))).toMatchObject({
      status: "error",
      exit_code: 7,
      result: "",
      error: { code: "provider", message: expect.stringContaining("no such luck") as unknown },
    });
    const spoken = await place.run(["-c", "-p", command]);
    expect(spoken).toMatchObject({ code: 7, stdout: "", stderr: expect.stringContaining("no such luck") as unknown });
  });

  test("a failing approval carries its error", async () => {
    const { place, server } = await scene({ replies: () => submit(PLAN) });
    place.file("a.txt", "a\n");
    await place.run(["-p", "plan it"]);
    server.addFaults([{ kind: "status", status: 400, message: "no such luck" }]);
    const failed = await place.run(["-c", "-p", "--json", "/approve"]);
    expect(resultOf(failed)).toMatchObject({
      status: "error",
      exit_code: 7,
      error: { code: "provider", message: expect.stringContaining("no such luck") as unknown },
    });
    expect(failed.stderr).toContain("no such luck");
  });
});

describe("stream-json", () => {
  test("every line a documented event in snake_case, the last one the result", async () => {
    const { place } = await scene({
      replies: planThen(PLAN, [
        { reasoning: "hm", text: "Looking.", calls: [{ name: "view", input: { path: "a.txt" } }] },
        { calls: [{ name: "edit", input: { path: "a.txt", old: "a", new: "b" } }] },
        { text: "changed" },
      ]),
    });
    place.file("a.txt", "a\n");
    const finished = await place.run(["-p", "--approve", "--output-format", "stream-json", "change it"]);
    expect({ code: finished.code, stderr: finished.stderr }).toMatchObject({ code: 0 });
    const lines = eventsOf(finished.stdout);
    const types = lines.map((line) => line.type);
    expect(types.filter((type) => !EVENTS.includes(type))).toEqual([]);
    expect(types[0]).toBe("session_start");
    expect(types.at(-1)).toBe("result");
    expect(types.filter((type) => type === "result")).toHaveLength(1);
    expect(types.filter((type) => type === "turn_start")).toHaveLength(2);
    expect(types.filter((type) => type === "gate_decision")).toHaveLength(2);
    expect(lines.filter((line) => line.type === "gate_decision").map((line) => line["decision"])).toEqual([null, null]);
    for (const wanted of [
      "plan_ready",
      "plan_approved",
      "ticket_start",
      "ticket_end",
      "reasoning_delta",
      "text_delta",
      "message_end",
      "cost_entry",
    ])
      expect(types).toContain(wanted);
    expect(lines.flatMap(keysOf).filter((key) => !/^[a-z0-9_.*/-]+$/.test(key) && !key.includes("/"))).toEqual([]);
    expect(
      lines
        .filter((line) => line.type === "text_delta")
        .map((line) => line["text"])
        .join(""),
    ).toBe("Looking.changed");
    const result = lines.at(-1) as unknown as ResultObject;
    expect(result).toMatchObject({ status: "done", exit_code: 0, result: "changed", plan: { state: "done" } });
  });

  test("a failure ends with the result too", async () => {
    const { place } = await scene({ faults: [{ kind: "status", status: 400, message: "no" }] });
    const finished = await place.run(["-p", "--output-format", "stream-json", "hello"]);
    expect(finished.code).toBe(7);
    const lines = eventsOf(finished.stdout);
    expect(lines.at(-1)).toMatchObject({ type: "result", status: "error", exit_code: 7, error: { code: "provider" } });
    expect(lines.some((line) => line.type === "turn_end")).toBe(true);
  });
});

/** A price in ten-thousandths of a dollar per million tokens, so that the expectation is integer arithmetic. */
interface DrawnPrice {
  input: number;
  output: number;
  cache_read: number;
  cache_write: number;
}

const KINDS = ["input", "output", "cache_read", "cache_write"] as const;
const drawPrice = (): DrawnPrice => ({
  input: randomInt(1, 900_000),
  output: randomInt(1, 900_000),
  cache_read: randomInt(1, 90_000),
  cache_write: randomInt(1, 900_000),
});
const priceToml = (price: DrawnPrice): string =>
  `price = { ${KINDS.map((kind) => `${kind} = ${(price[kind] / 10_000).toFixed(4)}`).join(", ")} }\n`;
const drawUsage = (wire: WireName): Usage => ({
  input: randomInt(1, 60_000),
  output: randomInt(1, 8_000),
  cache_read: randomInt(0, 90_000),
  cache_write: wire === "anthropic" ? randomInt(0, 40_000) : 0,
});

describe.each(["anthropic", "responses", "chat"] as const)("exact sums on %s", (wire) => {
  test("random usage with cache figures and random prices, over plan and execution, to the last digit", async () => {
    const usages = [drawUsage(wire), drawUsage(wire), drawUsage(wire), drawUsage(wire)];
    const prices = { planner: drawPrice(), executor: drawPrice() };
    const server = await openServer({
      replies(request) {
        if (isPlanning(request))
          return stepsOf(request) === 0
            ? { calls: [{ name: "view", input: { path: "a.txt" } }], usage: usages[0] ?? {} }
            : { ...submit(PLAN), usage: usages[1] ?? {} };
        return stepsOf(request) === 0
          ? { calls: [{ name: "view", input: { path: "a.txt" } }], usage: usages[2] ?? {} }
          : { text: "nothing to change", usage: usages[3] ?? {} };
      },
    });
    const place = createPlace();
    place.file("a.txt", "a\n");
    place.configure(
      [
        'model = "a/planner"',
        providerToml("a", wire, server.url, ["planner"], priceToml(prices.planner)),
        providerToml("b", wire, server.url, ["executor"], priceToml(prices.executor)),
        '[options.phase_model]\nplanning_model = "a/planner"\nexecution_model = "b/executor"',
      ].join("\n"),
    );
    const result = resultOf(await place.run(["-p", "--approve", "--json", "look at it"]));
    expect({ code: result.exit_code, error: result.error }).toEqual({ code: 0, error: null });
    const sum = (kind: keyof Usage): number => usages.reduce((total, usage) => total + usage[kind], 0);
    expect(result.usage).toEqual({
      input: sum("input"),
      output: sum("output"),
      cache_read: sum("cache_read"),
      cache_write: sum("cache_write"),
    });
    const cost = (usage: Usage | undefined, price: DrawnPrice): bigint =>
      KINDS.reduce((total, kind) => total + BigInt(usage?.[kind] ?? 0) * BigInt(price[kind]), 0n);
    const planning = cost(usages[0], prices.planner) + cost(usages[1], prices.planner);
    const executing = cost(usages[2], prices.executor) + cost(usages[3], prices.executor);
    expect(result.cost_usd).toBe(Number(planning + executing) / 1e10);
    expect(result.routes.map((route) => [route.model, route.stage, route.cost_usd])).toEqual([
      ["a/planner", "plan", Number(planning) / 1e10],
      ["b/executor", "execute", Number(executing) / 1e10],
    ]);
    // The baseline of a call is the dearest named model for what that call used.
    const dearest = usages.reduce((total, usage) => {
      const [planner, executor] = [cost(usage, prices.planner), cost(usage, prices.executor)];
      return total + (planner > executor ? planner : executor);
    }, 0n);
    expect(["a/planner", "b/executor"]).toContain(result.baseline.model);
    expect(result.baseline.cost_usd).toBe(Number(dearest) / 1e10);
  });

  test("an unknown price makes the figures null, never 0", async () => {
    const { place } = await scene({ replies: () => ({ text: "hi" }) }, { wire, facts: "" });
    expect(resultOf(await place.run(["-p", "--json", "hello"]))).toMatchObject({
      exit_code: 0,
      cost_usd: null,
      baseline: { cost_usd: null },
      savings_pct: null,
    });
  });
});
