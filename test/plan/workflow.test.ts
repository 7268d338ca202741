// The staged workflow as a state machine: its transitions, and what no order of events can reach.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { executionOrder, initialWorkflow, reduceWorkflow } from "../../src/plan/workflow.ts";
import { planHash } from "../../src/plan/content.ts";
import type { Approval, Plan, PlanContent, Ticket, WorkflowEvent, WorkflowState } from "../../src/types/plan.ts";

function ticket(id: string, dependsOn: string[] = []): Ticket {
  return {
    id,
    title: id,
    detail: "",
    phase: null,
    files: [{ path: `${id}.ts`, action: "modify" }],
    commands: [],
    acceptance: ["a"],
    verify: [],
    depends_on: dependsOn,
    out_of_scope: ["b"],
  };
}

function plan(id: string, revision: number, tickets = [ticket("t1"), ticket("t2", ["t1"])]): Plan {
  const content: PlanContent = {
    title: `${id} ${revision}`,
    summary: "",
    tickets,
    network: false,
    open_questions: [],
    decisions: [],
  };
  return {
    id,
    revision,
    hash: planHash(content),
    content,
    state: "awaiting_approval",
    tickets: Object.fromEntries(tickets.map((one) => [one.id, "open" as const])),
    flags: [],
  };
}

function approvalOf(target: Plan, tickets: string[] | null = null): Approval {
  return {
    plan_id: target.id,
    hash: target.hash,
    workspace: "/w",
    session_id: "s",
    via: "command",
    tickets,
    note: null,
    unscoped: false,
    at: "2026-11-21T00:00:00.000Z",
  };
}

function run(events: WorkflowEvent[], enabled = true): WorkflowState {
  return events.reduce(reduceWorkflow, initialWorkflow(enabled));
}

describe("the way from plan to done", () => {
  const first = plan("p1", 1);
  test("plan, approve, execute, done, and the next text opens a new plan stage", () => {
    const states = [
      { type: "plan_stored", plan: first },
      { type: "plan_approved", approval: approvalOf(first) },
      { type: "execution_started" },
      { type: "ticket_changed", ticket: "t1", state: "done" },
      { type: "plan_finished", state: "done" },
      { type: "stage_reset" },
    ] as WorkflowEvent[];
    const seen = states
      .map((_, index) => run(states.slice(0, index + 1)))
      .map((state) => [
        state.stage,
        state.plan?.state ?? null,
        state.approval?.hash ?? null,
        state.plan?.tickets ?? null,
      ]);
    expect(seen).toEqual([
      ["plan", "awaiting_approval", null, { t1: "open", t2: "open" }],
      ["plan", "approved", first.hash, { t1: "open", t2: "open" }],
      ["execute", "executing", first.hash, { t1: "open", t2: "open" }],
      ["execute", "executing", first.hash, { t1: "done", t2: "open" }],
      ["plan", "done", null, { t1: "done", t2: "open" }],
      ["plan", null, null, null],
    ]);
  });
  test("a revision takes the approval away", () => {
    const state = run([
      { type: "plan_stored", plan: first },
      { type: "plan_approved", approval: approvalOf(first) },
      { type: "plan_stored", plan: plan("p1", 2) },
      { type: "execution_started" },
    ]);
    expect([state.stage, state.approval, state.plan?.revision]).toEqual(["plan", null, 2]);
  });
  test("an approval for another hash or plan changes nothing", () => {
    const waiting = run([{ type: "plan_stored", plan: first }]);
    expect(
      reduceWorkflow(waiting, { type: "plan_approved", approval: { ...approvalOf(first), hash: plan("p1", 2).hash } }),
    ).toBe(waiting);
    expect(reduceWorkflow(waiting, { type: "plan_approved", approval: { ...approvalOf(first), plan_id: "p2" } })).toBe(
      waiting,
    );
  });
  test("/plan <feedback> during execution goes back, and needs a new approval", () => {
    const state = run([
      { type: "plan_stored", plan: first },
      { type: "plan_approved", approval: approvalOf(first) },
      { type: "execution_started" },
      { type: "revision_requested", by: "user" },
    ]);
    expect([state.stage, state.plan?.state, state.approval]).toEqual(["plan", "awaiting_approval", null]);
    expect(reduceWorkflow(state, { type: "execution_started" })).toBe(state);
  });
  test("partial approval skips the others", () => {
    expect(
      run([
        { type: "plan_stored", plan: first },
        { type: "plan_approved", approval: approvalOf(first, ["t1"]) },
      ]).plan?.tickets,
    ).toEqual({ t1: "open", t2: "skipped" });
  });
  test("automatic re-plans are counted, the user's own are not", () => {
    const by = (who: "user" | "executor" | "verification"): number =>
      run([
        { type: "plan_stored", plan: first },
        { type: "revision_requested", by: who },
      ]).replans;
    expect([by("user"), by("executor"), by("verification")]).toEqual([0, 1, 1]);
  });
  test("switching the workflow off while nothing executes leads to chat, and back", () => {
    expect(run([{ type: "workflow_switched", enabled: false, by: "user" }]).stage).toBe("chat");
    expect(
      run([
        { type: "workflow_switched", enabled: false, by: "user" },
        { type: "workflow_switched", enabled: true, by: "user" },
      ]).stage,
    ).toBe("plan");
  });
});

describe("no order of events", () => {
  const plans = [plan("p1", 1), plan("p1", 2), plan("p2", 1)];
  const event: fc.Arbitrary<WorkflowEvent> = fc.oneof(
    fc.boolean().map((enabled): WorkflowEvent => ({ type: "workflow_switched", enabled, by: "user" })),
    fc.constantFrom(...plans).map((one): WorkflowEvent => ({ type: "plan_stored", plan: one })),
    fc.constantFrom(...plans).map((one): WorkflowEvent => ({ type: "plan_approved", approval: approvalOf(one) })),
    fc.constantFrom<WorkflowEvent>(
      { type: "execution_started" },
      { type: "execution_interrupted" },
      { type: "plan_finished", state: "done" },
      { type: "plan_finished", state: "failed" },
      { type: "plan_rejected" },
      { type: "stage_reset" },
    ),
    fc
      .constantFrom("user", "executor", "verification")
      .map((by): WorkflowEvent => ({ type: "revision_requested", by: by as "user" })),
  );
  test("reaches the execute stage without an approval of exactly the plan at hand", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        let state = initialWorkflow(true);
        for (const one of events) {
          state = reduceWorkflow(state, one);
          if (state.stage === "execute") expect(state.approval?.hash).toBe(state.plan?.hash);
          if (state.approval !== null) expect(state.approval.hash).toBe(state.plan?.hash);
        }
      }),
      { numRuns: 500 },
    );
  });
});

test("execution order puts dependencies first and keeps to the approved tickets", () => {
  const one = plan("p", 1, [ticket("c", ["b"]), ticket("a"), ticket("b", ["a"])]);
  expect(executionOrder(one, null)).toEqual(["a", "b", "c"]);
  expect(executionOrder(one, ["b", "a"])).toEqual(["a", "b"]);
});
