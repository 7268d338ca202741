// The staged workflow as a pure state machine: plan → awaiting approval → execute → done. No I/O; every change of
// stage, plan state or approval goes through `reduceWorkflow`.

import type { Plan, PlanState, TicketState, WorkflowEvent, WorkflowState } from "../types/plan.ts";

export function initialWorkflow(enabled: boolean): WorkflowState {
  return { enabled, stage: enabled ? "plan" : "chat", plan: null, approval: null, interrupted: false, replans: 0 };
}

const FINISHED: readonly PlanState[] = ["done", "failed", "rejected"];

export function isFinished(plan: Plan): boolean {
  return FINISHED.includes(plan.state);
}

/** A plan that a person may approve or that is approved and unfinished. */
export function isPending(state: WorkflowState): boolean {
  return state.plan !== null && !isFinished(state.plan);
}

function withPlan(state: WorkflowState, change: Partial<Plan>): WorkflowState {
  return state.plan === null ? state : { ...state, plan: { ...state.plan, ...change } };
}

function resting(enabled: boolean): "plan" | "chat" {
  return enabled ? "plan" : "chat";
}

/** Next state; an event that does not fit leaves the state as it is. Same events, same state: replay depends on it. */
export function reduceWorkflow(state: WorkflowState, event: WorkflowEvent): WorkflowState {
  switch (event.type) {
    case "workflow_switched": {
      const stage = state.stage === "execute" ? "execute" : resting(event.enabled);
      // A stored plan leaves the session in the plan stage also where the workflow was off already.
      if (state.enabled === event.enabled && state.stage === stage) return state;
      return { ...state, enabled: event.enabled, stage };
    }
    case "plan_stored":
      return { ...state, stage: "plan", plan: event.plan, approval: null, interrupted: false };
    case "plan_approved": {
      if (
        state.plan === null ||
        state.plan.hash !== event.approval.hash ||
        state.plan.id !== event.approval.plan_id ||
        isFinished(state.plan)
      )
        return state;
      const selected = event.approval.tickets;
      const tickets: Record<string, TicketState> = {};
      for (const [id, current] of Object.entries(state.plan.tickets)) {
        const chosen = selected === null || selected.includes(id);
        tickets[id] = chosen ? (current === "skipped" ? "open" : current) : current === "done" ? "done" : "skipped";
      }
      return { ...withPlan(state, { state: "approved", tickets }), approval: event.approval };
    }
    case "execution_started":
      if (state.plan === null || state.approval === null || state.approval.hash !== state.plan.hash) return state;
      return { ...withPlan(state, { state: "executing" }), stage: "execute", interrupted: false };
    case "execution_interrupted":
      return state.stage === "execute" ? { ...state, interrupted: true } : state;
    case "ticket_changed":
      if (state.plan === null || !(event.ticket in state.plan.tickets)) return state;
      return withPlan(state, { tickets: { ...state.plan.tickets, [event.ticket]: event.state } });
    case "plan_finished":
      return {
        ...withPlan(state, { state: event.state }),
        stage: resting(state.enabled),
        approval: null,
        interrupted: false,
        replans: 0,
      };
    case "plan_rejected":
      if (!isPending(state)) return state;
      return {
        ...withPlan(state, { state: "rejected" }),
        stage: resting(state.enabled),
        approval: null,
        interrupted: false,
        replans: 0,
      };
    case "revision_requested":
      if (!isPending(state)) return { ...state, stage: "plan" };
      return {
        ...withPlan(state, { state: "awaiting_approval" }),
        stage: "plan",
        approval: null,
        interrupted: false,
        replans: event.by === "user" ? 0 : state.replans + 1,
      };
    case "stage_reset":
      return { ...state, stage: resting(state.enabled), plan: null, approval: null, interrupted: false, replans: 0 };
  }
}

/** Ticket ids that the approval covers, in an order in which each comes after what it depends on. */
export function executionOrder(plan: Plan, selected: string[] | null): string[] {
  const chosen = plan.content.tickets.filter((ticket) => selected === null || selected.includes(ticket.id));
  const ordered: string[] = [];
  const visit = (id: string, trail: readonly string[]): void => {
    if (ordered.includes(id) || trail.includes(id)) return;
    const ticket = chosen.find((one) => one.id === id);
    if (ticket === undefined) return;
    for (const dependency of ticket.depends_on) visit(dependency, [...trail, id]);
    ordered.push(id);
  };
  for (const ticket of chosen) visit(ticket.id, []);
  return ordered;
}
