// The routing order (contract section 11), pair by pair: each row adds one strategy on top of all those below it, and
// the server sees the model of the highest. Aliases, tiers and roles are configured throughout and never reach a
// request.

import { describe, expect, test } from "vitest";
import { isPlanning, planInput, submit, ticket } from "./scenario.ts";
import { during, expectWireIds, house, modelsOf, routed, userSkill, type House } from "./routing-scene.ts";

const WORK = "Design the architecture for a multi-region sync and weigh the trade-offs";
const TALK = "thanks";

const IDS = ["default-m", "balanced-m", "phase-m", "smart-m", "stage-m", "deep-m", "gate-m", "coding-m", "user-m"];
const MODELS = [
  { id: "default-m", aliases: ["smart"] },
  { id: "balanced-m", aliases: ["the-usual"] },
  { id: "phase-m", scores: 90 },
  "smart-m",
  { id: "stage-m", aliases: ["stage-alias"] },
  "deep-m",
  "gate-m",
  "coding-m",
  { id: "user-m", aliases: ["mine"] },
];

interface Level {
  name: string;
  /** Lines of [options.model_router]. */
  router?: string;
  tables?: string;
  skill?: true;
  flags?: string[];
  model: string;
  source: string;
}

/** Lowest first. */
const LEVELS: Level[] = [
  { name: "default model", model: "default-m", source: "default" },
  {
    name: "default tier over default model",
    router: 'balanced_model = "the-usual"',
    model: "balanced-m",
    source: "tier",
  },
  {
    name: "phase preference over default tier",
    tables: `[options.phase_router]\nenabled = true\n[options.phase_router.preferences]\n${["plan", "implement", "debug", "test", "refactor", "document", "small_edit"].map((phase) => `${phase} = ["p/phase-m"]`).join("\n")}`,
    model: "phase-m",
    source: "phase",
  },
  {
    name: "escalation over phase preference",
    router: 'smart_model = "p/smart-m"\ncoding_model = "p/coding-m"',
    model: "smart-m",
    source: "escalation",
  },
  {
    name: "stage model over escalation",
    tables: '[options.phase_model]\nplanning_model = "stage-alias"\nexecution_model = "stage-alias"',
    model: "stage-m",
    source: "stage",
  },
  { name: "skill over stage model", router: 'deep_model = "p/deep-m"', skill: true, model: "deep-m", source: "skill" },
  {
    name: "gate over skill",
    tables: '[options.gate]\nenabled = true\nmodel = "p/gate-m"',
    model: "gate-m",
    source: "gate",
  },
  { name: "user tier over gate", flags: ["--tier", "coding"], model: "coding-m", source: "user" },
  { name: "user model over user tier", flags: ["--model", "mine"], model: "user-m", source: "user" },
];

/** Everything up to a level is set. */
function setUp({ place, configure }: House, level: number): string[] {
  const upTo = LEVELS.slice(0, level + 1);
  configure(MODELS, {
    top: 'model = "p/default-m"',
    tables: [
      "[options.model_router]",
      ...upTo.flatMap((one) => one.router ?? []),
      ...upTo.flatMap((one) => one.tables ?? []),
    ].join("\n"),
  });
  userSkill(place, "depths", "name: depths\ndescription: looks deeply\ntier: deep");
  return upTo.flatMap((one) => one.flags ?? []);
}

describe.each([
  ["plan stage", []],
  ["workflow off", ["--no-plan"]],
])("order in a first turn, %s", (_stage, workflow) => {
  test.each(LEVELS.map((level, index) => [level.name, level, index] as const))("%s", async (_name, level, index) => {
    const scene = await house(MODELS);
    const { place, server } = scene;
    const flags = setUp(scene, index);
    const withSkill = LEVELS.slice(0, index + 1).some((one) => one.skill);
    const session = withSkill
      ? ["-r", routed(await place.run(["-p", "--json", "/skill depths"])).session_id ?? ""]
      : [];
    expect(server.requests).toEqual([]);

    const message = index >= LEVELS.findIndex((one) => one.source === "gate") ? TALK : WORK;
    const finished = await place.run([...session, "-p", "--json", ...workflow, ...flags, message]);
    const result = routed(finished);
    expect(result).toMatchObject({
      exit_code: 0,
      routes: [{ model: `p/${level.model}`, source: level.source, served_model: null }],
    });
    expect(modelsOf(server.requests)).toEqual([level.model]);
    expectWireIds(server.requests, IDS);
    expect(server.requests[0]?.tools.length === 0).toBe(level.source === "gate");
    // Each route says why, and its price stands beside those not taken.
    expect(result.routes[0]?.reason).not.toBe("");
    expect(result.routes[0]?.candidates.filter((one) => one.rejected === null).map((one) => one.model)).toEqual([
      `p/${level.model}`,
    ]);
    if (level.name.startsWith("user model")) expect(finished.stderr).toMatch(/--tier is ignored/);
  });
});

describe("order in execution", () => {
  const PLAN = planInput([
    ticket(
      "t1",
      { "a.txt": "modify" },
      {
        title: "Add the retry logic to the client",
        detail: "Implement exponential backoff in the client's send function",
        phase: "implement",
      },
    ),
  ]);
  // The gate is never asked here; the work itself asks for the coding tier.
  const EXECUTION = LEVELS.filter((level) => level.source !== "gate").map((level) =>
    level.source === "escalation" ? { ...level, model: "coding-m" } : level,
  );

  test.each(EXECUTION.map((level) => [level.name, level] as const))("%s", async (_name, level) => {
    const scene = await house(
      MODELS,
      {},
      { replies: (request) => (isPlanning(request) ? submit(PLAN) : { text: "done" }) },
    );
    const { place, server } = scene;
    place.file("a.txt", "one\n");
    const index = LEVELS.findIndex((one) => one.name === level.name);
    const flags = setUp(scene, index);
    expect((await place.run(["-p", "plan the retry logic for the client"])).code).toBe(3);
    if (index >= LEVELS.findIndex((one) => one.skill))
      expect((await place.run(["-c", "-p", "/skill depths"])).code).toBe(0);
    const { result, seen } = await during(server, () => place.run(["-c", "-p", "--json", ...flags, "/approve"]));
    expect(routed(result)).toMatchObject({ exit_code: 0, status: "done" });
    expect(routed(result).routes.at(-1)).toMatchObject({
      stage: "execute",
      model: `p/${level.model}`,
      source: level.source,
      gate: null,
    });
    expect(modelsOf(seen)).toEqual([level.model]);
    expectWireIds(server.requests, IDS);
  });
});

describe("what takes part in the order and what is a pin", () => {
  const models = ["default-m", "balanced-m", "coding-m", "smart-m", "deep-m", "fixed-m"];
  const tiers =
    '[options.model_router]\nbalanced_model = "p/balanced-m"\ncoding_model = "p/coding-m"\nsmart_model = "p/smart-m"\ndeep_model = "p/deep-m"\n';
  const stages = (planning: string, execution = planning): string =>
    `[options.phase_model]\nplanning_model = "${planning}"\nexecution_model = "${execution}"\n`;

  test.each([
    ["a concrete stage model is a pin", "p/fixed-m", true, "fixed-m", "stage"],
    ["tier:balanced takes part in escalation", "tier:balanced", true, "smart-m", "escalation"],
    ["tier:balanced stays where escalation is off", "tier:balanced", false, "balanced-m", "stage"],
    ["tier:deep is above what escalation would give", "tier:deep", true, "deep-m", "stage"],
  ])("%s", async (_name, stage, dynamic, model, source) => {
    const { place, server } = await house(models, {
      top: 'model = "p/default-m"',
      tables: `${tiers}dynamic_tier_enabled = ${dynamic}\n${stages(stage)}`,
    });
    expect(routed(await place.run(["-p", "--json", WORK])).routes).toMatchObject([{ model: `p/${model}`, source }]);
    expect(modelsOf(server.requests)).toEqual([model]);
  });

  test.each([
    [
      "deep falls to smart",
      "deep",
      'balanced_model = "p/balanced-m"\nsmart_model = "p/smart-m"\ncoding_model = "p/coding-m"',
      "smart-m",
      ["deep is unset -> smart"],
    ],
    [
      "deep falls through smart to balanced",
      "deep",
      'balanced_model = "p/balanced-m"',
      "balanced-m",
      ["deep is unset -> smart", "smart is unset -> balanced"],
    ],
    [
      "coding falls to balanced, not to smart",
      "coding",
      'balanced_model = "p/balanced-m"\nsmart_model = "p/smart-m"',
      "balanced-m",
      ["coding is unset -> balanced"],
    ],
    [
      "nothing bound: the default model",
      "deep",
      "",
      "default-m",
      ["deep is unset -> smart", "smart is unset -> balanced", "balanced is unset -> default model"],
    ],
  ])("%s, each hop in the log", async (_name, tier, router, model, hops) => {
    const { place, server } = await house(models, {
      top: 'model = "p/default-m"',
      tables: `[options.model_router]\n${router}\n`,
    });
    const finished = await place.run(["-p", "--verbose", "--tier", tier, "a question"]);
    expect(finished.code).toBe(0);
    expect(modelsOf(server.requests)).toEqual([model]);
    expect([...finished.stderr.matchAll(/Tier fallback: (.*)/g)].map((match) => match[1])).toEqual(hops);
  });

  test("planning_model unset: execution_model counts as unset too, with one warning", async () => {
    const { place, server } = await house(models, {
      top: 'model = "p/default-m"',
      tables: '[options.phase_model]\nexecution_model = "p/fixed-m"\n',
    });
    const first = await place.run(["-p", "one"]);
    const second = await place.run(["-c", "-p", "--no-plan", "two"]);
    expect(modelsOf(server.requests)).toEqual(["default-m", "default-m"]);
    expect(first.stderr.match(/execution_model/g)).toHaveLength(1);
    expect([first.code, second.code]).toEqual([0, 0]);
  });

  test("workflow off: the first turn is the planning model's, later ones the execution model's; a gate reply is no turn", async () => {
    const { place, server } = await house(models, {
      top: 'model = "p/default-m"',
      tables: `${stages("p/fixed-m", "p/deep-m")}[options.gate]\nenabled = true\n[options.staged_workflow]\nenabled = false\n`,
    });
    await place.run(["-p", "hi"]);
    for (const text of ["explain the code in src", "fix the login bug in src", "and the other bug in src"])
      await place.run(["-c", "-p", text]);
    expect(modelsOf(server.requests)).toEqual(["default-m", "fixed-m", "deep-m", "deep-m"]);
    expectWireIds(server.requests, models);
  });
});
