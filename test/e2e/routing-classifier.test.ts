// The routing model: one short question per turn at most, it only promotes, and whatever goes wrong with it never fails
// the turn. And promotion inside a run, by what the run's own tool results show.

import { describe, expect, test } from "vitest";
import { isPlanning, planInput, submit, ticket } from "./scenario.ts";
import {
  during,
  expectWireIds,
  house,
  logOf,
  modelsOf,
  routed,
  userSkill,
  type House,
  type HouseModel,
} from "./routing-scene.ts";
import type { Fault, ScriptedReply, SeenRequest } from "../support/vendor-server.ts";

const MODELS: HouseModel[] = [
  { id: "default-m" },
  { id: "balanced-m", scores: 55 },
  { id: "coding-m", scores: 90 },
  { id: "smart-m" },
  { id: "deep-m" },
  { id: "router-m", price: [0.1, 0.4] },
];
const IDS = MODELS.map((one) => one.id);
const TABLES =
  '[options.model_router]\nbalanced_model = "p/balanced-m"\ncoding_model = "p/coding-m"\nsmart_model = "p/smart-m"\ndeep_model = "p/deep-m"\nrouting_model = "p/router-m"\n';
/** Rules have no firm reading of this. */
const VAGUE = "zorgle the frobnicator";

function classifierHouse(answer: string | undefined, more: { tables?: string; faults?: Fault[] } = {}): Promise<House> {
  const replies = (request: SeenRequest): ScriptedReply => ({
    text: request.model === "router-m" ? (answer ?? "") : "ok",
  });
  return house(
    MODELS,
    { top: 'model = "p/default-m"', tables: `${TABLES}${more.tables ?? ""}` },
    { replies, ...(more.faults === undefined ? {} : { faults: more.faults }) },
  );
}

const CHAT = ["-p", "--json", "--no-plan"];

describe("the routing model", () => {
  test.each([
    ["debug coding", "coding", "coding-m"],
    ["plan deep", "deep", "deep-m"],
    ["plan, smart", "smart", "smart-m"],
    ["SMART", "smart", "smart-m"],
    ["document balanced", "balanced", "balanced-m"],
  ])("answers %j: tier %s, with one question that holds the message alone", async (answer, tier, model) => {
    const { place, server } = await classifierHouse(answer);
    const finished = await place.run([...CHAT, VAGUE]);
    const result = routed(finished);
    expect(modelsOf(server.requests)).toEqual(["router-m", model]);
    expect(result.routes).toMatchObject([
      {
        model: `p/${model}`,
        tier,
        tier_source: tier === "balanced" ? "default" : "dynamic",
        source: tier === "balanced" ? "tier" : "escalation",
      },
    ]);
    const [question] = server.requests;
    expect([
      question?.tools,
      question?.userTexts,
      Number(question?.body["max_tokens"]) <= 64,
      (question?.system.length ?? 0) < 1_500,
    ]).toEqual([[], [VAGUE], true, true]);
    expectWireIds(server.requests, IDS);
    const log = logOf(place, result.session_id).join("\n");
    expect(log.match(/Tier assignment: tier=(\w+)/)?.[1]).toBe(tier);
    expect(log.includes("Dynamic tier upgrade: balanced -> ")).toBe(tier !== "balanced");
  });

  test.each([
    ["several words of a kind", "coding smart deep"],
    ["prose", "I think that this message should best be handled by the coding tier because it looks like code"],
    ["nothing", ""],
    ["garbage", "{]]%%"],
    ["a tier that is none", "debug gigantic"],
  ])("answers with %s: the turn stays balanced and goes on", async (_name, answer) => {
    const { place, server } = await classifierHouse(answer);
    const result = routed(await place.run([...CHAT, VAGUE]));
    expect(result).toMatchObject({ exit_code: 0, result: "ok" });
    expect(modelsOf(server.requests)).toEqual(["router-m", "balanced-m"]);
    expect(logOf(place, result.session_id).join("\n")).toContain(
      "No usable tier from the small model; the turn stays balanced",
    );
  });

  test.each([
    ["500", { kind: "status", status: 500 }],
    ["401", { kind: "status", status: 401 }],
    ["an HTML page", { kind: "html" }],
    ["a reset", { kind: "reset" }],
    ["a stream that breaks off", { kind: "cut", after: 2 }],
    ["malformed events", { kind: "malformed", after: 1 }],
  ] as const)("fails with %s: rules decide, the turn goes on", async (_name, fault) => {
    const { place, server } = await classifierHouse("debug coding", { faults: [fault] });
    const finished = await place.run([...CHAT, VAGUE]);
    expect(routed(finished)).toMatchObject({ exit_code: 0, result: "ok" });
    expect(modelsOf(server.requests)).toEqual(["router-m", "balanced-m"]);
    expect(logOf(place, routed(finished).session_id).join("\n")).toMatch(
      /Small model p\/router-m failed \(.*\); the turn continues without it/,
    );
  });

  test("silent for long: given up after seconds, never waited out", async () => {
    const { place, server } = await classifierHouse("debug coding", { faults: [{ kind: "stall", after: 0 }] });
    const finished = await place.run([...CHAT, VAGUE]);
    expect(routed(finished)).toMatchObject({ exit_code: 0, result: "ok" });
    expect(modelsOf(server.requests)).toEqual(["router-m", "balanced-m"]);
    expect(await server.closed(1)).toBe("cut");
    expect(logOf(place, routed(finished).session_id).join("\n")).toMatch(
      /took too long\); the turn continues without it/,
    );
  });

  test.each([
    ["a user's tier", ["--tier", "smart"], "", "smart-m"],
    ["a user's model", ["-m", "p/deep-m"], "", "deep-m"],
    ["switched off", [], "dynamic_tier_enabled = false\n", "balanced-m"],
    [
      "a concrete stage model",
      [],
      '[options.phase_model]\nplanning_model = "p/smart-m"\nexecution_model = "p/smart-m"\n',
      "smart-m",
    ],
  ])("is not asked: %s", async (_name, flags, tables, model) => {
    const { place, server } = await classifierHouse("debug coding", { tables });
    await place.run([...CHAT, ...flags, VAGUE]);
    expect(modelsOf(server.requests)).toEqual([model]);
  });

  test("is not asked: an active skill decides; a message that rules are sure of", async () => {
    const { place, server } = await classifierHouse("debug coding");
    userSkill(place, "deepener", "name: deepener\ndescription: d\ntier: deep");
    await place.run(["-p", "--no-plan", "Write unit tests for the parser"]);
    await place.run(["-c", "-p", "/deepener"]);
    await place.run(["-c", "-p", VAGUE]);
    expect(modelsOf(server.requests)).toEqual(["coding-m", "deep-m"]);
  });

  test("is not asked again where the gate's model was: at most one small call per turn", async () => {
    const { place, server } = await classifierHouse("escalate", { tables: "[options.gate]\nenabled = true\n" });
    expect(routed(await place.run([...CHAT, "how do ducks sleep while they float"])).exit_code).toBe(0);
    expect(server.requests.map((request) => request.model === "router-m")).toEqual([true, false]);
  });

  test("phase and tier come from one question", async () => {
    const { place, server } = await classifierHouse("test balanced", {
      tables: '[options.phase_router]\nenabled = true\n[options.phase_router.preferences]\ntest = ["p/deep-m"]\n',
    });
    const result = routed(await place.run([...CHAT, VAGUE]));
    expect(result.routes).toMatchObject([{ phase: "test", phase_layer: "model", model: "p/deep-m", source: "phase" }]);
    expect(modelsOf(server.requests)).toEqual(["router-m", "deep-m"]);
  });

  test("one that names no model is said once, and rules decide", async () => {
    const { place, server } = await classifierHouse("debug coding");
    place.configure(
      place.read("../home/bmo/bmo.toml").replace('routing_model = "p/router-m"', 'routing_model = "p/rooter-m"'),
    );
    const finished = await place.run([...CHAT, VAGUE]);
    expect(finished).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/routing_model[\s\S]*rooter-m[\s\S]*Rules decide instead/) as unknown,
    });
    expect(server.requests).toHaveLength(1);
  });
});

describe("inside a run", () => {
  const RUNNING = '[options.model_router]\nbalanced_model = "p/balanced-m"\ncoding_model = "p/coding-m"\n';
  const view = (path: string): ScriptedReply => ({ calls: [{ name: "view", input: { path } }] });

  async function inRun(
    first: ScriptedReply,
    tables: string,
    args: string[] = ["--no-plan", "what is written there"],
  ): Promise<{ models: string[]; routes: ReturnType<typeof routed>["routes"]; stderr: string }> {
    const { place, server } = await house(
      MODELS,
      { top: 'model = "p/default-m"', tables },
      { replies: (request) => (request.toolResults.length === 0 ? first : { text: "ok" }) },
    );
    place.file("src/a.ts", "export const one = 1;\n");
    place.file("notes.txt", "Some notes.\n");
    place.file("trace.txt", 'Traceback (most recent call last):\n  File "a.py"\nTypeError: no\n');
    const finished = await place.run(["-p", "--json", "--verbose", ...args]);
    return { models: modelsOf(server.requests), routes: routed(finished).routes, stderr: finished.stderr };
  }

  test.each([
    ["a code file", view("src/a.ts"), "view of src/a.ts"],
    ["a trace in a result", view("trace.txt"), "failure in the result of view"],
    [
      "a command of the trade",
      { calls: [{ name: "bash", input: { command: "node --version" } }] },
      "command node --version",
    ],
  ])("%s promotes from balanced to coding, with reason and log line", async (_name, first, signal) => {
    const { models, routes, stderr } = await inRun(first, RUNNING, [
      "--no-plan",
      "--dangerously-skip-permissions",
      "what is written there",
    ]);
    expect(models).toEqual(["balanced-m", "coding-m"]);
    expect(routes).toMatchObject([
      { source: "tier", tier: "balanced" },
      {
        source: "escalation",
        tier: "coding",
        tier_source: "dynamic",
        turn: 1,
        reason: expect.stringContaining(signal) as unknown,
      },
    ]);
    expect(stderr).toContain(`Dynamic tier upgrade: balanced -> coding (in this run: ${signal})`);
  });

  test.each([
    ["a text file shows nothing", view("notes.txt"), RUNNING, ["--no-plan", "what is written there"]],
    ["in the plan stage", view("src/a.ts"), RUNNING, ["what is written there"]],
    [
      "without coding_model",
      view("src/a.ts"),
      '[options.model_router]\nbalanced_model = "p/balanced-m"\n',
      ["--no-plan", "what is written there"],
    ],
    [
      "where switched off",
      view("src/a.ts"),
      `${RUNNING}dynamic_tier_enabled = false\n`,
      ["--no-plan", "what is written there"],
    ],
    [
      "where the user chose the tier",
      view("src/a.ts"),
      RUNNING,
      ["--no-plan", "--tier", "balanced", "what is written there"],
    ],
  ])("not: %s", async (_name, first, tables, args) => {
    expect((await inRun(first, tables, args)).models).toEqual(["balanced-m", "balanced-m"]);
  });

  test.each([
    ["too dear a cold cache", [1, 5, 0.1, 900]],
    ["an unknown price", null],
  ] as const)("not: %s", async (_name, price) => {
    const models = MODELS.map((one) =>
      one.id === "coding-m"
        ? { ...one, price: price === null ? null : ([...price] as [number, number, number, number]) }
        : one,
    );
    const { place, server } = await house(
      models,
      { top: 'model = "p/default-m"', tables: RUNNING },
      { replies: (request) => (request.toolResults.length === 0 ? view("src/a.ts") : { text: "ok" }) },
    );
    place.file("src/a.ts", "export const one = 1;\n");
    await place.run(["-p", "--no-plan", "what is written there"]);
    expect(modelsOf(server.requests)).toEqual(["balanced-m", "balanced-m"]);
  });

  test("old results do nothing: only this run's count", async () => {
    const { place, server } = await house(
      MODELS,
      { top: 'model = "p/default-m"', tables: '[options.model_router]\nbalanced_model = "p/balanced-m"\n' },
      { replies: (request) => (request.toolResults.length === 0 ? view("src/a.ts") : { text: "ok" }) },
    );
    place.file("src/a.ts", "export const one = 1;\n");
    await place.run(["-p", "--no-plan", "what is written there"]);
    place.configure(
      place
        .read("../home/bmo/bmo.toml")
        .replace('balanced_model = "p/balanced-m"', 'balanced_model = "p/balanced-m"\ncoding_model = "p/coding-m"'),
    );
    let step = 0;
    server.setReplies(() => (step++ === 0 ? view("notes.txt") : { text: "ok" }));
    const { seen } = await during(server, () => place.run(["-c", "-p", "what is in the notes"]));
    expect(modelsOf(seen)).toEqual(["balanced-m", "balanced-m"]);
  });

  test("in execution under auto: a documentation ticket that turns out to be code", async () => {
    const plan = planInput([ticket("t1", { "src/a.ts": "modify" }, { phase: "document" })]);
    const { place, server } = await house(
      MODELS,
      { top: 'model = "p/default-m"', tables: RUNNING },
      {
        replies: (request) =>
          isPlanning(request) ? submit(plan) : request.toolResults.length === 0 ? view("src/a.ts") : { text: "ok" },
      },
    );
    place.file("src/a.ts", "export const one = 1;\n");
    expect((await place.run(["-p", "--approve", "describe the constant"])).code).toBe(0);
    expect(modelsOf(server.requests).slice(1)).toEqual(["balanced-m", "coding-m"]);
  });
});
