// A scripted agent: a real implementation of the interface whose turns are played from a script instead of a model.

import type { Agent, AgentState, TurnResult, UserInput } from "../../src/types/agent.ts";
import type { AgentEvent, TurnEndReason } from "../../src/types/event.ts";
import type { Approval, Plan, Ticket } from "../../src/types/plan.ts";
import { plainSettings } from "./settings.ts";

/** What one turn does. `emit` sends events; the turn's start and end are sent around it. */
export interface Play {
  emit(event: AgentEvent): void;
  say(text: string): void;
  /** A whole tool call. */
  tool(name: string, summary: string, output: Extract<AgentEvent, { type: "tool_end" }>["output"]): void;
  /** Stores the plan and shows it. */
  plan(plan: Plan): void;
  signal: AbortSignal;
}

export type Script = (input: string, play: Play, agent: FakeAgent) => Promise<void>;

export interface FakeAgent extends Agent {
  calls: { call: string; argument: unknown }[];
}

export function fakeTicket(values: Partial<Ticket> = {}): Ticket {
  return {
    id: "t1",
    title: "change it",
    detail: "",
    phase: "implement",
    files: [{ path: "src/a.ts", action: "modify" }],
    commands: ["bash(npm test)"],
    acceptance: ["the test passes"],
    verify: ["npm test"],
    depends_on: [],
    out_of_scope: ["the rest"],
    ...values,
  };
}

export function fakePlan(values: Partial<Plan["content"]> = {}): Plan {
  const content = {
    title: "Fix the sum",
    summary: "The sum is wrong.",
    tickets: [fakeTicket()],
    network: false,
    open_questions: [],
    decisions: [],
    ...values,
  };
  return {
    id: "p_1",
    revision: 1,
    hash: `sha256:${"ab".repeat(32)}`,
    content,
    state: "awaiting_approval",
    tickets: Object.fromEntries(content.tickets.map((ticket) => [ticket.id, "open" as const])),
    flags: [],
  };
}

function fakeState(): AgentState {
  return {
    settings: plainSettings("fake/large"),
    workflow: { enabled: true, stage: "plan", plan: null, approval: null, interrupted: false, replans: 0 },
    overrides: { model: null, tier: null },
    permissionMode: "default",
    grants: [],
    skill: null,
    turns: 0,
    routes: [],
    ledger: [],
    totals: {
      calls: 0,
      usage: { input: 0, output: 0, cache_read: 0, cache_write: 0 },
      cost_usd: 0,
      estimate: false,
      baseline_model: null,
      baseline_cost_usd: null,
      baseline_estimate: false,
      savings_pct: null,
    },
    files: [],
    denials: [],
    warnings: [],
    lastModel: null,
    next: { model: "fake/large", reason: "default", tier: "balanced", tierSource: "default" },
    executionModel: { model: "fake/small", reason: "stage" },
    sandbox: "none",
    lastText: "",
    outcome: 0,
    report: null,
  };
}

/** `observe` sees each call of the interface as it comes. */
export function createFakeAgent(
  script: Script,
  observe: (call: string, argument: unknown) => void = () => undefined,
): FakeAgent {
  const listeners = new Set<(event: AgentEvent) => void>();
  const state = fakeState();
  const calls: FakeAgent["calls"] = [];
  let running: { abort: AbortController; ended: Promise<void> } | null = null;
  const note = (call: string, argument: unknown = null): void => {
    calls.push({ call, argument });
    observe(call, argument);
  };
  const emit = (event: AgentEvent): void => {
    for (const listener of listeners) listener(event);
  };
  const turn = async (input: string): Promise<TurnResult> => {
    const abort = new AbortController();
    let finish = (): void => undefined;
    running = { abort, ended: new Promise((resolve) => (finish = () => resolve())) };
    state.turns += 1;
    const { stage } = state.workflow;
    let text = "";
    let calls_ = 0;
    const play: Play = {
      emit,
      signal: abort.signal,
      say(words) {
        text = words;
        for (const piece of words.match(/[\s\S]{1,7}/g) ?? []) emit({ type: "text_delta", text: piece });
        emit({
          type: "message_end",
          message: { role: "assistant", model: "fake/large", content: [{ type: "text", text: words }] },
        });
      },
      tool(name, summary, output) {
        const callId = `c${++calls_}`;
        emit({ type: "tool_start", call: { type: "tool_call", id: callId, name, input: {} }, summary });
        emit({ type: "tool_end", callId, tool: name, output });
      },
      plan(plan) {
        state.workflow = { ...state.workflow, plan };
        emit({ type: "plan_ready", plan, executionModel: "fake/small" });
      },
    };
    emit({ type: "turn_start", turn: state.turns, stage, ticket: null, text: input });
    emit({ type: "gate_decision", turn: state.turns, decision: null, reason: "off", preview: "" });
    emit({
      type: "route_decision",
      route: {
        id: "r_1",
        turn: state.turns,
        ticket: null,
        stage,
        phase: stage === "plan" ? "plan" : "implement",
        phase_confidence: 1,
        phase_layer: "stage",
        tier: "balanced",
        tier_source: "default",
        gate: null,
        model: stage === "plan" ? "fake/large" : "fake/small",
        served_model: null,
        source: "stage",
        reason: `the ${stage} model`,
        candidates: [],
        decide_ms: 0.1,
        cost_usd: null,
        baseline_cost_usd: null,
        savings_pct: null,
      },
    });
    await script(input, play, agent);
    emit({
      type: "cost_entry",
      entry: {
        id: "l1",
        turn: state.turns,
        step: 1,
        route: "r_1",
        purpose: "main",
        stage,
        phase: null,
        tier: null,
        ticket: null,
        model: "fake/large",
        served_model: null,
        usage: { input: 1200, output: 34, cache_read: 0, cache_write: 0 },
        cost_usd: 0.0123,
        estimate: false,
        baseline_model: null,
        baseline_cost_usd: null,
        switch_penalty_usd: null,
        at: "2026-01-01T00:00:00Z",
      },
    });
    state.totals = {
      ...state.totals,
      calls: state.totals.calls + 1,
      usage: { ...state.totals.usage, input: state.totals.usage.input + 1200, output: state.totals.usage.output + 34 },
      cost_usd: (state.totals.cost_usd ?? 0) + 0.0123,
    };
    const awaiting = state.workflow.plan?.state === "awaiting_approval";
    const reason: TurnEndReason = abort.signal.aborted ? "aborted" : awaiting ? "awaiting_approval" : "done";
    running = null;
    state.lastText = text;
    emit({ type: "turn_end", turn: state.turns, reason, error: null });
    finish();
    return { reason, text, error: null };
  };
  const agent: FakeAgent = {
    calls,
    sessionId: "s_fake",
    workspace: "/fake",
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    submit(input: UserInput) {
      note("submit", { text: input.text, images: input.images.length });
      return turn(input.text);
    },
    async approve(request) {
      note("approve", request);
      const { plan } = state.workflow;
      if (plan !== null) {
        const approval: Approval = {
          plan_id: plan.id,
          hash: plan.hash,
          workspace: "/fake",
          session_id: "s_fake",
          via: request.via,
          tickets: request.tickets,
          note: request.note,
          unscoped: request.unscoped,
          at: "2026-01-01T00:00:00Z",
        };
        const approved: Plan = { ...plan, state: "executing" };
        state.workflow = { ...state.workflow, stage: "execute", plan: approved, approval };
        emit({ type: "plan_approved", plan: approved, approval });
      }
      const result = await turn("/approve");
      const left = state.workflow.plan;
      if (left !== null && !result.reason.startsWith("abort"))
        state.workflow = { ...state.workflow, stage: "plan", plan: { ...left, state: "done" } };
      return result;
    },
    revise(feedback) {
      note("revise", feedback);
      return turn(feedback);
    },
    reject() {
      note("reject");
      state.workflow = { ...state.workflow, plan: null };
    },
    editPlan(content) {
      note("editPlan", content);
      return fakePlan();
    },
    setWorkflow(enabled) {
      note("setWorkflow", enabled);
      state.workflow = { ...state.workflow, enabled, stage: enabled ? "plan" : "chat" };
    },
    setPermissionMode(mode) {
      note("setPermissionMode", mode);
      state.permissionMode = mode;
    },
    setOverrides(overrides) {
      note("setOverrides", overrides);
      state.overrides = overrides;
    },
    setSkill(name) {
      note("setSkill", name);
      return Promise.resolve("");
    },
    compact: () => turn("/compact"),
    recordCommand: (text) => note("recordCommand", text),
    recordShell: (command, output, exitCode) => note("recordShell", { command, output, exitCode }),
    async abort(reason) {
      note("abort", reason);
      running?.abort.abort();
      await running?.ended;
    },
    busy: () => running !== null,
    close: () => {
      note("close");
      return Promise.resolve();
    },
    refresh: () => Promise.resolve(),
    state: () => state,
  };
  return agent;
}
