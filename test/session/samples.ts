// A session with one of everything, as the agent writes it; shared by the tests of this folder.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { canonicalJson, sha256 } from "../../src/util/canonical-json.ts";
import type { LedgerEntry } from "../../src/types/ledger.ts";
import type { AssistantMessage, Message } from "../../src/types/message.ts";
import type { Approval, Plan, PlanContent } from "../../src/types/plan.ts";
import type { Route } from "../../src/types/route.ts";
import type { SessionHeader, SessionRecord, StoredRecord } from "../../src/types/session.ts";

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "bmo-session-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A clock that moves by one second at each look. */
export function steppingClock(start = "2026-11-21T09:00:00.000Z"): () => Date {
  let time = Date.parse(start);
  return () => {
    time += 1000;
    return new Date(time);
  };
}

export const unchanged = (text: string): string => text;

const content: PlanContent = {
  title: "Mend the sum",
  summary: "One file.",
  tickets: [
    {
      id: "t1",
      title: "Mend",
      detail: "",
      phase: "debug",
      files: [{ path: "src/sum.js", action: "modify" }],
      commands: [],
      acceptance: ["test passes"],
      verify: ["node --test"],
      depends_on: [],
      out_of_scope: [],
    },
    {
      id: "t2",
      title: "Describe",
      detail: "",
      phase: "document",
      files: [{ path: "README.md", action: "modify" }],
      commands: [],
      acceptance: ["named"],
      verify: [],
      depends_on: ["t1"],
      out_of_scope: [],
    },
  ],
  network: false,
  open_questions: [],
  decisions: ["keep it small"],
};

export const samplePlan: Plan = {
  id: "p_1",
  revision: 1,
  hash: sha256(canonicalJson(content)),
  content,
  state: "awaiting_approval",
  tickets: { t1: "open", t2: "open" },
  flags: [],
};

export function approvalFor(sessionId: string, workspace: string): Approval {
  return {
    plan_id: "p_1",
    hash: samplePlan.hash,
    workspace,
    session_id: sessionId,
    via: "command",
    tickets: null,
    note: null,
    unscoped: false,
    at: "2026-11-21T09:00:30.000Z",
  };
}

export function user(text: string): Message {
  return { role: "user", content: [{ type: "text", text }] };
}

export function assistant(text: string, calls: { id: string; name: string }[] = []): AssistantMessage {
  return {
    role: "assistant",
    model: "house/planner",
    content: [
      ...(text === "" ? [] : [{ type: "text" as const, text }]),
      ...calls.map((call) => ({ type: "tool_call" as const, ...call, input: { path: "src/sum.js" } })),
    ],
  };
}

export function result(callId: string, text: string, toolName = "view"): Message {
  return { role: "tool", callId, toolName, content: [{ type: "text", text }], isError: false };
}

export function route(id: string, turn: number, model = "house/planner", stage: Route["stage"] = "plan"): Route {
  return {
    id,
    turn,
    ticket: null,
    stage,
    phase: "debug",
    phase_confidence: 0.9,
    phase_layer: "message",
    tier: "balanced",
    tier_source: "default",
    gate: null,
    model,
    served_model: null,
    source: "stage",
    reason: "planning_model is set",
    candidates: [{ model, capability: 0.8, est_cost_usd: 0.01, score: 80, rejected: null }],
    decide_ms: 0.2,
    cost_usd: null,
    baseline_cost_usd: null,
    savings_pct: null,
  };
}

export function costEntry(
  id: string,
  turn: number,
  model = "house/planner",
  cost: number | null = 0.0021,
): LedgerEntry {
  return {
    id,
    turn,
    step: 1,
    route: `r_${turn}`,
    purpose: "main",
    stage: turn === 1 ? "plan" : "execute",
    phase: "debug",
    tier: "balanced",
    ticket: turn === 1 ? null : "t1",
    model,
    served_model: null,
    usage: { input: 100, output: 20, cache_read: 300, cache_write: 40 },
    cost_usd: cost,
    estimate: false,
    baseline_model: "house/dear",
    baseline_cost_usd: cost === null ? null : 0.01,
    switch_penalty_usd: null,
    at: "2026-11-21T09:00:10.000Z",
  };
}

/** Plan, approval, a finished ticket, and a second one that breaks off while a command runs. */
export function richRecords(sessionId: string, workspace: string): SessionRecord[] {
  const approval = approvalFor(sessionId, workspace);
  return [
    {
      type: "overrides",
      overrides: {
        model: null,
        tier: { value: "smart", once: false, from: "command" },
      },
    },
    { type: "turn_start", turn: 1, stage: "plan", ticket: null, text: "mend the sum – ünïcödé 🙂\nsecond line" },
    { type: "route", route: route("r_1", 1) },
    { type: "conversation", id: 1, reason: "start", seed: [] },
    { type: "message", conversation: 1, turn: 1, message: user("mend the sum – ünïcödé 🙂") },
    { type: "cost", entry: costEntry("c_1", 1) },
    {
      type: "message",
      conversation: 1,
      turn: 1,
      message: assistant("Looking.", [
        { id: "a", name: "view" },
        { id: "b", name: "view" },
      ]),
    },
    { type: "tool_intent", turn: 1, call_id: "a", tool: "view", summary: "view src/sum.js" },
    { type: "message", conversation: 1, turn: 1, message: result("a", "line one\nline two\u2028three") },
    { type: "tool_intent", turn: 1, call_id: "b", tool: "view", summary: "view README.md" },
    { type: "message", conversation: 1, turn: 1, message: result("b", "readme") },
    {
      type: "denial",
      turn: 1,
      denial: { tool: "write", summary: "write x", reason: "not in the plan stage", target: "x" },
    },
    { type: "workflow", event: { type: "plan_stored", plan: samplePlan } },
    { type: "route", route: { ...route("r_1", 1), cost_usd: 0.0021 } },
    { type: "turn_end", turn: 1, reason: "awaiting_approval", error: null },
    { type: "command", text: "/status" },
    { type: "approval", approval },
    { type: "workflow", event: { type: "plan_approved", approval } },
    { type: "workflow", event: { type: "execution_started" } },
    { type: "checkpoint", id: "k1", label: "before plan p_1", ticket: null },
    { type: "workflow", event: { type: "ticket_changed", ticket: "t1", state: "in_progress" } },
    { type: "conversation", id: 2, reason: "ticket", seed: [user("seeded")] },
    { type: "turn_start", turn: 2, stage: "execute", ticket: "t1", text: "t1: Mend" },
    { type: "route", route: route("r_2", 2, "house/executor", "execute") },
    { type: "message", conversation: 2, turn: 2, message: user("carry out t1") },
    { type: "cost", entry: costEntry("c_2", 2, "house/executor") },
    { type: "message", conversation: 2, turn: 2, message: assistant("", [{ id: "c", name: "edit" }]) },
    { type: "tool_intent", turn: 2, call_id: "c", tool: "edit", summary: "edit src/sum.js" },
    { type: "file", turn: 2, path: "src/sum.js", action: "create", in_scope: true, rolled_back: false },
    { type: "message", conversation: 2, turn: 2, message: result("c", "done", "edit") },
    { type: "file", turn: 2, path: "src/sum.js", action: "modify", in_scope: true, rolled_back: false },
    { type: "message", conversation: 2, turn: 2, message: assistant("Mended.") },
    { type: "turn_end", turn: 2, reason: "done", error: null },
    { type: "notice", level: "info", text: "verify t1: node --test: passed" },
    { type: "unplanned", command: "ls -la" },
    { type: "unsettled", path: "log", reason: "it cannot be read" },
    { type: "changed_between", changed: ["notes.md"], ignored: ["cache/"] },
    { type: "ticket_report", ticket: "t1", text: "Mended." },
    { type: "workflow", event: { type: "ticket_changed", ticket: "t1", state: "done" } },
    { type: "grant", grant: { kind: "scope", plan: samplePlan.hash, action: "create", path: "src/new.js" } },
    { type: "grant", grant: { kind: "rule", rule: "bash(npm *)" } },
    { type: "skill", skill: { name: "docs", tier: "coding", activatedBy: "user", turn: 2 } },
    { type: "workflow", event: { type: "ticket_changed", ticket: "t2", state: "in_progress" } },
    { type: "conversation", id: 3, reason: "ticket", seed: [] },
    { type: "turn_start", turn: 3, stage: "execute", ticket: "t2", text: "t2: Describe" },
    { type: "message", conversation: 3, turn: 3, message: user("carry out t2") },
    { type: "cost", entry: costEntry("c_3", 3, "house/executor", null) },
    {
      type: "message",
      conversation: 3,
      turn: 3,
      message: assistant("Now.", [
        { id: "d", name: "bash" },
        { id: "e", name: "edit" },
      ]),
    },
    { type: "shell", command: "ls", output: "README.md\n", exit_code: 0 },
    { type: "tool_intent", turn: 3, call_id: "d", tool: "bash", summary: "npm test" },
  ];
}

export function stored(records: readonly SessionRecord[]): StoredRecord[] {
  return records.map((record, index) => ({ ...record, seq: index + 1, at: "2026-11-21T09:00:00.000Z" }));
}

export function header(id: string, workspace: string): SessionHeader {
  return { type: "session", version: 1, id, workspace, created_at: "2026-11-21T09:00:00.000Z", forked_from: null };
}
