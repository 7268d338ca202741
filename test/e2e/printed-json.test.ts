// What scripts read: keys of everything that --json prints, costs of tickets, and commands that need a terminal.

import { expect, test } from "vitest";
import { isPlanning, planInput, planThen, resultOf, scene, submit, ticket, type Scene } from "./scenario.ts";
import type { Json } from "../../src/types/json.ts";
import type { ScriptedReply } from "../support/vendor-server.ts";

const CHANGE: ScriptedReply[] = [
  { calls: [{ name: "view", input: { path: "a.txt" } }] },
  { calls: [{ name: "edit", input: { path: "a.txt", old: "one", new: "two" } }] },
  { text: "changed" },
];
const PLAN = planInput([ticket("tFirst", { "a.txt": "modify" })]);

/** Paths of keys in camelCase; arguments of tools and ids of tickets are not bmo's own names. */
function camelKeys(value: Json, path = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((member, index) => camelKeys(member, `${path}[${index}]`));
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, member]) => {
    if (key === "input" || (key === "tickets" && !Array.isArray(member))) return [];
    return [...(/[a-z][A-Z]/.test(key) ? [`${path}.${key}`] : []), ...camelKeys(member, `${path}.${key}`)];
  });
}

async function executed(tables = ""): Promise<Scene> {
  const one = await scene({ replies: planThen(PLAN, CHANGE) }, { tables });
  one.place.file("a.txt", "one\n");
  return one;
}

test("every key that --json prints is snake_case: a run, its events, route, sessions show and export", async () => {
  const { place } = await executed();
  const run = await place.run(["-p", "--approve", "--output-format", "stream-json", "change it"]);
  const lines = run.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Json);
  expect(lines.length).toBeGreaterThan(10);
  expect(lines.flatMap((line) => camelKeys(line))).toEqual([]);
  for (const args of [
    ["route", "--json", "fix the bug"],
    ["sessions", "show", "--json"],
    ["sessions", "export", "--json"],
  ]) {
    const finished = await place.run(args);
    expect(finished.code).toBe(0);
    expect(camelKeys(JSON.parse(finished.stdout) as Json)).toEqual([]);
  }
  const exported = (await place.run(["sessions", "export", "--json"])).stdout;
  expect(exported).toContain('"call_id"');
  expect(exported).toContain('"context_tokens"');
  expect(exported).toContain('"tFirst"');
});

test("the only ticket of a plan costs what its execution cost, also where the plan is one turn", async () => {
  const { place } = await executed();
  const run = await place.run(["-p", "--approve", "--output-format", "stream-json", "change it"]);
  const lines = run.stdout
    .trimEnd()
    .split("\n")
    .map(
      (line) => JSON.parse(line) as { type: string; cost_usd?: number; entry?: { stage: string; cost_usd: number } },
    );
  const calls = lines.flatMap(({ entry }) => (entry?.stage === "execute" ? [entry.cost_usd] : []));
  const expected = calls.reduce((sum, cost) => sum + cost, 0);
  expect(expected).toBeGreaterThan(0);
  expect(lines.find(({ type }) => type === "ticket_end")?.cost_usd).toBeCloseTo(expected, 9);
  expect(
    resultOf({ ...run, stdout: `${run.stdout.trimEnd().split("\n").at(-1) ?? ""}\n` }).plan?.tickets[0]?.cost_usd,
  ).toBeCloseTo(expected, 9);
});

test("a plan that is given up after request_replan names its ticket as failed", async () => {
  const { place } = await scene({
    replies: (request) => {
      if (!isPlanning(request)) return { calls: [{ name: "request_replan", input: { reason: "no such thing" } }] };
      return request.userTexts.some((text) => text.includes("asks for a new plan"))
        ? { text: "It cannot be done." }
        : submit(PLAN);
    },
  });
  place.file("a.txt", "one\n");
  const result = resultOf(await place.run(["-p", "--approve", "--json", "change it"]));
  expect(result).toMatchObject({
    exit_code: 1,
    plan: { state: "failed", tickets: [{ id: "tFirst", state: "failed" }] },
    report: { failed_tickets: ["tFirst"] },
  });
});

test("/resume without a terminal says what to use instead and exits 2", async () => {
  const { place } = await executed();
  const finished = await place.run(["-p", "/resume"]);
  expect(finished).toMatchObject({ code: 2, stdout: "" });
  expect(finished.stderr).toContain("/resume needs the REPL");
  expect(finished.stderr).toContain("bmo -r <id>");
});
