// `auto` with `unit = "ticket"`: each ticket is routed by itself, says why, and stays where switching would cost more
// than it saves.

import { describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../src/types/json.ts";
import { isPlanning, planInput, submit, ticket } from "./scenario.ts";
import { during, expectWireIds, house, modelsOf, routed, type House, type HouseModel } from "./routing-scene.ts";

const WORK = [
  {
    id: "t1",
    phase: "implement",
    title: "Add a --json flag to the list command",
    detail: "Implement the flag: print the rows as one JSON array.",
  },
  {
    id: "t2",
    phase: "test",
    title: "Write unit tests for the --json flag",
    detail: "Cover the empty list and escaping with unit tests.",
  },
  {
    id: "t3",
    phase: "document",
    title: "Document the --json flag in the README",
    detail: "Describe the flag in the usage section of the documentation.",
  },
] as const;

function plan(withPhase: boolean): JsonObject {
  return planInput(
    WORK.map(({ id, phase, title, detail }, index) =>
      ticket(
        id,
        { [`f${index}.md`]: "modify" },
        { title, detail, ...(withPhase ? { phase } : {}), depends_on: index === 0 ? [] : [WORK[index - 1]?.id ?? ""] },
      ),
    ),
  );
}

const specialist = (id: string, phase: string, more: Partial<HouseModel> = {}): HouseModel => ({
  id,
  scores: { plan: 55, implement: 55, debug: 55, test: 55, refactor: 55, document: 62, small_edit: 62, [phase]: 95 },
  ...more,
});
const SPECIALISTS = [
  specialist("planner-m", "plan"),
  specialist("builder-m", "implement"),
  specialist("tester-m", "test"),
  specialist("writer-m", "document"),
];

const tables = (unit: string): string =>
  `[options.phase_model]\nplanning_model = "auto"\nexecution_model = "auto"\nunit = "${unit}"\n`;

/** Plans in one process and executes in the next. */
async function execute(
  scene: House,
  content: JsonObject,
): Promise<{ routes: ReturnType<typeof routed>["routes"]; models: string[]; why: string }> {
  const { place, server } = scene;
  server.setReplies((request) => (isPlanning(request) ? submit(content) : { text: "done with it" }));
  for (const index of WORK.keys()) place.file(`f${index}.md`, "text\n");
  const planned = await place.run(["-p", "add a --json flag to the list command, with tests and docs"]);
  expect({ code: planned.code, stderr: planned.stderr }).toMatchObject({ code: 3 });
  const { result, seen } = await during(server, () => place.run(["-c", "-p", "--json", "/approve"]));
  const object = routed(result);
  expect(object).toMatchObject({ exit_code: 0, status: "done", plan: { state: "done" } });
  expectWireIds(
    server.requests,
    SPECIALISTS.map((one) => one.id),
  );
  const routes = object.routes.filter((route) => route.stage === "execute");
  let why = "";
  for (const { turn } of routes) why += (await place.run(["-c", "-p", `/why ${turn}`])).stdout;
  return { routes, models: modelsOf(seen), why };
}

describe("unit = ticket", () => {
  test.each([
    ["phase given", true],
    ["phase absent from all tickets", false],
  ])("three tickets, three models, each with its reason (%s)", async (_name, withPhase) => {
    const scene = await house(SPECIALISTS, { top: 'model = "p/planner-m"', tables: tables("ticket") });
    const { routes, models, why } = await execute(scene, plan(withPhase));
    expect(models).toEqual(["builder-m", "tester-m", "writer-m"]);
    expect(routes.map((route) => [route.ticket, route.phase, route.source, route.model])).toEqual(
      WORK.map(({ id, phase }, index) => [id, phase, "phase", `p/${models[index] ?? ""}`]),
    );
    for (const [index, { phase }] of WORK.entries()) {
      expect(routes[index]?.reason).toMatch(
        new RegExp(`execution_model = auto: cheapest finished step for ${phase} among 4 candidates`),
      );
      expect(routes[index]?.candidates.map((one) => [one.model, one.rejected === null])).toEqual(
        SPECIALISTS.map(({ id }) => [`p/${id}`, id === models[index]]),
      );
    }
    expect(routes.map((route) => route.phase_layer)).toEqual(
      withPhase ? ["stage", "stage", "stage"] : ["message", "message", "message"],
    );
    for (const [index, { id, phase }] of WORK.entries())
      expect(why).toMatch(
        new RegExp(
          `ticket ${id} \\(execute\\): p/${models[index] ?? ""}\\n  why: [^\\n]*for ${phase} among[\\s\\S]*phase: ${phase} `,
        ),
      );
    expect(why).toMatch(
      /p\/planner-m {2}capability 55, about \$0\.\d+ a step: (?:dearer per finished step|capability 55 is below the floor)/,
    );
  });

  test("each ticket starts with a fresh context: the ticket, the summary, earlier reports, and no planning talk", async () => {
    const scene = await house(SPECIALISTS, { top: 'model = "p/planner-m"', tables: tables("ticket") });
    await execute(scene, plan(true));
    const told = scene.server.requests.slice(1).map((request) => request.userTexts.join("\n"));
    expect(told.map((text) => text.includes("with tests and docs"))).toEqual([false, false, false]);
    expect(told.map((text) => WORK.filter(({ title }) => text.includes(title)).length)).toEqual([1, 2, 3]);
    expect(told.map((text) => (text.match(/done with it/g) ?? []).length)).toEqual([0, 1, 2]);
  });

  test("a cold cache that makes switching dearer: the model in use is kept, and the reason says so", async () => {
    const dear: HouseModel[] = SPECIALISTS.map((one) => ({ ...one, price: [1, 5, 0.01, 400] }));
    const scene = await house(dear, { top: 'model = "p/planner-m"', tables: tables("ticket") });
    const { routes, models, why } = await execute(scene, plan(true));
    const [first = ""] = models;
    expect(models).toEqual([first, first, first]);
    for (const [index, specialist] of [
      [1, "tester-m"],
      [2, "writer-m"],
    ] as const)
      expect(routes[index]?.reason).toContain(
        `not switched to p/${specialist}, since a cold cache would cost more than it saves`,
      );
    expect(routes[1]?.candidates.find((one) => one.model === "p/tester-m")?.rejected).toMatch(
      /switching would make \d+ cached tokens cold/,
    );
    expect(why).toMatch(/not switched to p\/tester-m[\s\S]*switching would make/);
  });

  test("only what a fresh context will send again counts as cached, however long the ticket before became", async () => {
    const dear: HouseModel[] = SPECIALISTS.map((one) => ({ ...one, price: [1, 5, 0.01, 3] }));
    const scene = await house(dear, { top: 'model = "p/planner-m"', tables: tables("ticket") });
    const { place, server } = scene;
    // The first ticket's conversation grows to 80,000 tokens; the second sends the instructions and its own ticket
    // alone.
    server.setReplies((request) => {
      if (isPlanning(request)) return submit(plan(true));
      if (request.userTexts.join("\n").includes(WORK[1].title)) return { text: "done with it" };
      return request.toolResults.length === 0
        ? { calls: [{ name: "view", input: { path: "f0.md" } }], usage: { input: 2_000 } }
        : { text: "done with it", usage: { input: 100, cache_read: 80_000 } };
    });
    for (const index of WORK.keys()) place.file(`f${index}.md`, "text\n");
    expect((await place.run(["-p", "add a --json flag"])).code).toBe(3);
    const { routes } = routed(await place.run(["-c", "-p", "--json", "/approve"]));
    const executed = routes.filter((route) => route.ticket !== null);
    expect(executed.map((route) => route.model)).toEqual(["p/builder-m", "p/tester-m", "p/writer-m"]);
    // The wire form of a route is snake case. An execution begins with other instructions than the planning before it.
    expect(executed.slice(0, 2).map((route) => (route.inputs as unknown as { previous: Json }).previous)).toEqual([
      null,
      { model: "p/builder-m", prefix_tokens: 2_000, tier: "balanced", warm: true },
    ]);
  });

  test("resumed between tickets: the rest is routed, each by itself, and nothing twice", async () => {
    const { place, server } = await house(SPECIALISTS, { top: 'model = "p/planner-m"', tables: tables("ticket") });
    for (const index of WORK.keys()) place.file(`f${index}.md`, "text\n");
    server.setReplies((request) => (isPlanning(request) ? submit(plan(true)) : { text: "done with it" }));
    expect((await place.run(["-p", "add a --json flag"])).code).toBe(3);
    expect((await place.run(["-c", "-p", "--max-turns", "1", "/approve"])).code).toBe(5);
    const resumed = routed(await place.run(["-c", "-p", "--json", "/approve"]));
    expect(resumed).toMatchObject({
      exit_code: 0,
      plan: { state: "done", tickets: WORK.map(({ id }) => ({ id, state: "done" })) },
    });
    expect(modelsOf(server.requests)).toEqual(["planner-m", "builder-m", "tester-m", "writer-m"]);
  });

  test("a concrete execution model is a pin for every ticket; a user's tier too", async () => {
    const pinned = await house(SPECIALISTS, {
      top: 'model = "p/planner-m"',
      tables: '[options.phase_model]\nplanning_model = "auto"\nexecution_model = "p/writer-m"\nunit = "ticket"\n',
    });
    expect((await execute(pinned, plan(true))).models).toEqual(["writer-m", "writer-m", "writer-m"]);
  });
});

describe('unit = "plan"', () => {
  test.each([
    ["phase given", true],
    ["phase absent", false],
  ])("one decision by the hardest ticket (%s)", async (_name, withPhase) => {
    const scene = await house(SPECIALISTS, { top: 'model = "p/planner-m"', tables: tables("plan") });
    const { routes, models } = await execute(scene, plan(withPhase));
    expect(models).toEqual(["builder-m"]);
    expect(routes).toMatchObject([{ ticket: null, phase: "implement" }] satisfies Json[]);
  });
});
