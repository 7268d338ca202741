// Budgets: a provider that bills the worst that a request allows never gets more than the cap, whichever cap it is and
// however large; the call that could exceed it is not made.

import { describe, expect, test } from "vitest";
import { isPlanning, planInput, submit, ticket } from "./scenario.ts";
import { house, routed, type HouseModel } from "./routing-scene.ts";
import type { ScriptedReply, SeenRequest } from "../support/vendor-server.ts";

/** Writing to the cache is the dearest way to read a request. */
const PRICE = { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 6 };
const MODELS: HouseModel[] = [{ id: "m-1", price: [PRICE.input, PRICE.output, PRICE.cacheRead, PRICE.cacheWrite] }];

const maxTokens = (request: SeenRequest): number => Number(request.body["max_tokens"]);

/** The most that a request can be billed: every byte a token at the dearest price, and the longest reply. */
function worst(request: SeenRequest): number {
  return (Buffer.byteLength(request.raw) * PRICE.cacheWrite + maxTokens(request) * PRICE.output) / 1e6;
}

const billed = (requests: readonly SeenRequest[]): number => requests.reduce((sum, request) => sum + worst(request), 0);

/** Bills exactly the worst case. */
function greedy(reply: (request: SeenRequest) => ScriptedReply): (request: SeenRequest) => ScriptedReply {
  return (request) => ({
    ...reply(request),
    usage: { input: 0, output: maxTokens(request), cache_read: 0, cache_write: Buffer.byteLength(request.raw) },
  });
}

const PLAN = planInput([ticket("t1", { "a.txt": "modify" })]);
let word = 0;
const look = (): ScriptedReply => ({ calls: [{ name: "grep", input: { pattern: `word${word++}` } }] });

const CAPS = [0.15, 0.2, 0.3, 0.5, 1];

interface Row {
  name: string;
  key: string | null;
  /** Runs of one session, in order. */
  runs(cap: number): string[][];
  reply(request: SeenRequest): ScriptedReply;
  /** Which of the requests the cap is about. */
  counts(request: SeenRequest): boolean;
}

const ROWS: Row[] = [
  {
    name: "--max-budget-usd",
    key: null,
    runs: (cap) => [["-p", "--max-budget-usd", String(cap), "look around"]],
    reply: look,
    counts: () => true,
  },
  {
    name: "session_usd",
    key: "session_usd",
    runs: () => [
      ["-p", "look around"],
      ["-c", "-p", "look again"],
    ],
    reply: look,
    counts: () => true,
  },
  { name: "turn_usd", key: "turn_usd", runs: () => [["-p", "look around"]], reply: look, counts: () => true },
  { name: "plan_usd", key: "plan_usd", runs: () => [["-p", "look around"]], reply: look, counts: () => true },
  {
    name: "execute_usd",
    key: "execute_usd",
    runs: () => [["-p", "--approve", "do it"]],
    reply: (request) => (isPlanning(request) ? submit(PLAN) : look()),
    counts: (request) => !isPlanning(request),
  },
];

describe.each(ROWS)("$name", ({ name, key, runs, reply, counts }) => {
  test.each(CAPS)("of %d USD is never exceeded, though the provider bills the worst case", async (cap) => {
    const { place, server } = await house(
      MODELS,
      { top: 'model = "p/m-1"', tables: key === null ? "" : `[options.budget]\n${key} = ${cap}\n` },
      { replies: greedy(reply) },
    );
    place.file("a.txt", "one\n");
    let spent = 0;
    for (const args of runs(cap)) {
      const result = routed(await place.run([...args.slice(0, -1), "--json", args.at(-1) ?? ""]));
      expect(result).toMatchObject({
        exit_code: 5,
        status: "limit",
        error: {
          code: "limit",
          message: expect.stringContaining(key === null ? name : `options.budget.${key}`) as unknown,
        },
      });
      spent = result.cost_usd ?? Number.NaN;
    }
    const counted = server.requests.filter(counts);
    expect(counted.length).toBeGreaterThan(0);
    expect(billed(counted)).toBeLessThanOrEqual(cap);
    expect(spent).toBeCloseTo(billed(server.requests), 9);
    // The longest reply is lowered to what is left, and never below what a reply needs.
    expect(counted.filter((request) => maxTokens(request) < 1_024)).toEqual([]);
  });
});

describe("within a cap", () => {
  test("honest bills leave room for more calls, and the sum stays below", async () => {
    const { place, server } = await house(
      MODELS,
      { top: 'model = "p/m-1"', tables: "[options.budget]\nsession_usd = 0.3\n" },
      { replies: look },
    );
    const result = routed(await place.run(["-p", "--json", "look around"]));
    expect(result).toMatchObject({ exit_code: 5 });
    expect(server.requests.length).toBeGreaterThan(3);
    expect(result.cost_usd).toBeLessThanOrEqual(0.3);
    const limits = server.requests.map(maxTokens);
    expect(limits[0]).toBe(8_000);
    expect(limits.at(-1)).toBeLessThan(8_000);
  });

  test("a turn's cap starts anew with the next turn; a run's cap with the next run", async () => {
    for (const [tables, flags] of [
      ["[options.budget]\nturn_usd = 0.2\n", []],
      ["", ["--max-budget-usd", "0.2"]],
    ] as const) {
      const { place, server } = await house(
        MODELS,
        { top: 'model = "p/m-1"', tables },
        { replies: greedy(() => ({ text: "ok" })) },
      );
      for (const args of [["-p"], ["-c", "-p"], ["-c", "-p"]])
        expect((await place.run([...args, ...flags, "look around"])).code).toBe(0);
      expect(billed(server.requests)).toBeGreaterThan(0.2);
    }
  });

  test("small calls count too: the gate's, and the classifier's", async () => {
    const { place, server } = await house(
      [...MODELS, { id: "small-m", price: [3, 15, 0.3, 6] }],
      {
        top: 'model = "p/m-1"',
        tables: '[options.gate]\nenabled = true\nmodel = "p/small-m"\n[options.budget]\nsession_usd = 0.02\n',
      },
      { replies: greedy((request) => ({ text: request.model === "small-m" ? "stay" : "ok" })) },
    );
    const result = routed(await place.run(["-p", "--json", "how do ducks sleep while they float"]));
    expect(result.exit_code).toBe(5);
    expect(server.requests.map((request) => request.model)).toEqual(["small-m"]);
    expect(billed(server.requests)).toBeLessThanOrEqual(0.02);
    expect(result.cost_usd).toBeCloseTo(billed(server.requests), 9);
  });

  test.each([
    ["before the first byte", { kind: "reset" }],
    ["in mid-stream", { kind: "cut", after: 3 }],
    ["with 500", { kind: "status", status: 500 }],
  ] as const)("tries again after a failure %s count: each may be billed", async (_name, fault) => {
    const { place, server } = await house(
      MODELS,
      { top: 'model = "p/m-1"', tables: "[options.budget]\nsession_usd = 0.3\n" },
      { faults: [{ ...fault, times: 2 }], replies: greedy(look) },
    );
    place.configure(place.read("../home/bmo/bmo.toml").replace("max_retries = 0", "max_retries = 3"));
    for (const args of [
      ["-p", "look around"],
      ["-c", "-p", "look again"],
    ])
      await place.run(args);
    expect(server.requests.length).toBeGreaterThan(1);
    expect(
      billed(server.requests.filter((request) => fault.kind !== "status" || request.status === 200)),
    ).toBeLessThanOrEqual(0.3);
  });
});

describe("what a cap refuses before any call", () => {
  test.each([
    ["below the price of one call", "0.001", 5, /0\.001/],
    ["zero", "0", 2, /--max-budget-usd/],
    ["negative", "-1", 2, /--max-budget-usd/],
    ["no number", "much", 2, /--max-budget-usd/],
  ])("--max-budget-usd %s", async (_name, value, code, cause) => {
    const { place, server } = await house(MODELS, { top: 'model = "p/m-1"' });
    const finished = await place.run(["-p", `--max-budget-usd=${value}`, "hello"]);
    expect(finished).toMatchObject({ code, stdout: "", stderr: expect.stringMatching(cause) as unknown });
    expect(server.requests).toEqual([]);
  });

  test.each([
    ["0 is no cap", "0", 0, /^/],
    ["negative", "-0.5", 2, /session_usd[\s\S]*0 or more/],
    ["text", '"one"', 2, /session_usd/],
  ])("session_usd: %s", async (_name, value, code, cause) => {
    const { place, server } = await house(MODELS, {
      top: 'model = "p/m-1"',
      tables: `[options.budget]\nsession_usd = ${value}\n`,
    });
    const finished = await place.run(["-p", "hello"]);
    expect({ code: finished.code, stderr: finished.stderr }).toMatchObject({
      code,
      stderr: expect.stringMatching(cause) as unknown,
    });
    expect(server.requests).toHaveLength(code === 0 ? 1 : 0);
  });

  test.each([
    ["--max-budget-usd", ["--max-budget-usd", "1"], ""],
    ["session_usd", [], "[options.budget]\nsession_usd = 1\n"],
  ])("%s with an unknown price is exit 2 that names the model and what to do", async (name, flags, tables) => {
    const { place, server } = await house([{ id: "m-1", price: null }], { top: 'model = "p/m-1"', tables });
    const finished = await place.run(["-p", ...flags, "hello"]);
    expect(finished).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(
        new RegExp(
          `${name.replace("session", "options\\.budget\\.session")}[\\s\\S]*price of p/m-1 is unknown[\\s\\S]*price = \\{`,
        ),
      ) as unknown,
    });
    expect(server.requests).toEqual([]);
  });

  test("a session that already holds a call of unknown price cannot be capped", async () => {
    const { place, server, configure } = await house([{ id: "m-1", price: null }, { id: "m-2" }], {
      top: 'model = "p/m-1"',
    });
    expect((await place.run(["-p", "hello"])).code).toBe(0);
    configure([{ id: "m-1", price: null }, { id: "m-2" }], {
      top: 'model = "p/m-2"',
      tables: "[options.budget]\nsession_usd = 1\n",
    });
    expect(await place.run(["-c", "-p", "hello again"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/price of an earlier call/) as unknown,
    });
    expect(server.requests).toHaveLength(1);
  });
});

test("a provider that bills above the reservation ends the run with 5, says so, and what it billed is in the books", async () => {
  const { place, server } = await house(
    MODELS,
    { top: 'model = "p/m-1"', tables: "[options.budget]\nsession_usd = 0.5\n" },
    { replies: () => ({ ...look(), usage: { input: 1_000, output: 60_000, cache_read: 0, cache_write: 0 } }) },
  );
  const finished = await place.run(["-p", "--json", "look around"]);
  const result = routed(finished);
  expect(result).toMatchObject({
    exit_code: 5,
    status: "limit",
    error: {
      code: "limit",
      message: expect.stringMatching(
        /p\/m-1 billed 0\.903 USD for one call; at most 0\.\d+ USD had been reserved/,
      ) as unknown,
    },
    cost_usd: 0.903,
  });
  expect(finished.stderr).toContain("billed 0.903 USD");
  expect(server.requests).toHaveLength(1);
  // The session can be looked at and goes on once the cap is lifted.
  place.configure(place.read("../home/bmo/bmo.toml").replace("session_usd = 0.5", "session_usd = 0"));
  server.setReplies(() => ({ text: "Going on." }));
  expect(await place.run(["-c", "-p", "go on"])).toMatchObject({ code: 0, stdout: "Going on.\n" });
  expect(server.requests.flatMap((request) => request.violations)).toEqual([]);
});
