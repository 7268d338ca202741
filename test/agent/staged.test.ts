// The staged workflow as whole event lists: plan, approve, execute; revise by talking; what an approval covers.

import { describe, expect, test } from "vitest";
import { createHarness, plan, ticket, told, write } from "./harness.ts";

describe("plan, approve, execute", () => {
  test("the whole list of events", async () => {
    const harness = await createHarness({
      models: ["planner", "executor"],
      config: '[options.phase_model]\nplanning_model = "p/planner"\nexecution_model = "p/executor"',
      script: [{ text: "I plan it.", ...plan([ticket("t1", { "a.txt": "create" }, { verify: ["test -s a.txt"] })]) }, write("a.txt", "text\n"), { text: ["Do", "ne."] }],
    });
    expect(await harness.submit("make a file")).toMatchObject({ reason: "awaiting_approval", error: null });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "turn 1 plan: make a file",
        "gate off",
        "route p/planner by stage",
        "step 1 p/planner",
        "text "I plan it."",
        "message text+set_plan_artifact",
        "cost main p/planner 0.00012",
        "start set_plan_artifact: plan: The plan (1 ticket)",
        "end set_plan_artifact: Plan <plan 1>, revision 1, is stored and awaits the user's approval.",
        "turn 1 ends awaiting_approval",
        "plan ready, revision 1, for p/executor",
      ]
    `);
    expect(harness.agent.state().outcome).toBe(3);
    expect(harness.exists("a.txt")).toBe(false);
    expect(await harness.approve()).toEqual({ reason: "done", text: "Done.", error: null });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "approved revision 1 by command",
        "ticket t1 begins",
        "turn 2 execute: /approve The plan",
        "gate off",
        "route p/executor by stage",
        "step 1 p/executor",
        "message write",
        "cost main p/executor 0.00012",
        "start write: write a.txt (1 lines)",
        "end write: Created a.txt (1 line, 5 bytes).",
        "step 2 p/executor",
        "text "Do"",
        "text "ne."",
        "message text",
        "cost main p/executor 0.00012",
        "turn 2 ends done",
        "start bash: verify t1: test -s a.txt",
        "end bash: exit code 0 …",
        "ticket t1 done, cost null",
      ]
    `);
    expect(harness.read("a.txt")).toBe("text\n");
    expect(harness.agent.state()).toMatchObject({ outcome: 0, workflow: { stage: "plan", plan: { state: "done", tickets: { t1: "done" } } } });
    expect(harness.requests.map((request) => request.model)).toEqual(["p/planner", "p/executor", "p/executor"]);
    expect(told(harness.requests[1]).join("\n")).not.toContain("I plan it.");
  });
});
