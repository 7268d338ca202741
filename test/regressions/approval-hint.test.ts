// What a run says about its plan is true for this very plan: the command that approves it, and what its tickets cost.

import { expect, test } from "vitest";
import { planInput, resultOf, scene, submit, ticket } from "../e2e/scenario.ts";

test("the hint of a plan without files names commands that approve it", async () => {
  const { place } = await scene({ replies: [submit(planInput([ticket("t1", {})])), { text: "Done." }] });
  const planned = await place.run(["-p", "look around"]);
  expect(planned.stderr).toMatch(
    /plan p_\w+ \(sha256:\w+\) awaits approval: run {2}bmo approve p_\w+ --approve-unscoped {2}or {2}bmo -c -p "\/approve unscoped"/,
  );
  expect(await place.run(["-c", "-p", "/approve unscoped"])).toMatchObject({ code: 0, stdout: "Done.\n" });
});

test("the hint of a plan with open questions asks for the answers first", async () => {
  const { place } = await scene({
    replies: [submit(planInput([ticket("t1", { "a.txt": "create" })], { open_questions: ["Which colour?"] }))],
  });
  const planned = await place.run(["-p", "paint it"]);
  expect(planned.code).toBe(3);
  expect(planned.stderr).toMatch(
    /awaits answers to its open questions: bmo -c -p "<answers>"; then run {2}bmo approve p_\w+ {2}or {2}bmo -c -p \/approve/,
  );
});

test.each<[string, string, (string | number | null)[][]]>([
  [
    "is unknown, not nothing, where the turn served several",
    "/approve",
    [
      ["done", null],
      ["done", null],
    ],
  ],
  [
    "is that of the turn where every other ticket is skipped",
    "/approve t1",
    [
      ["done", expect.any(Number) as number],
      ["skipped", 0],
    ],
  ],
])("a ticket's cost in a turn for the whole plan %s", async (_what, approve, tickets) => {
  const plan = planInput([ticket("t1", { "a.txt": "create" }), ticket("t2", { "b.txt": "create" })]);
  const { place } = await scene({
    replies: [
      submit(plan),
      { calls: [{ name: "write", input: { path: "a.txt", content: "a\n" } }] },
      { text: "Done." },
    ],
  });
  const planned = resultOf(await place.run(["--json", "write them"]));
  expect(planned.plan?.tickets.map((one) => one.cost_usd)).toEqual([0, 0]);
  const executed = resultOf(await place.run(["--json", "-c", "-p", approve]));
  expect(executed.plan?.tickets.map((one) => [one.state, one.cost_usd])).toEqual(tickets);
  expect(executed.cost_usd).toBeGreaterThan(0);
});
