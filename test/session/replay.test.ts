// What a resumed session knows, from its records alone.

import { expect, test } from "vitest";
import { touchedFiles } from "../../src/plan/touched-files.ts";
import { replay } from "../../src/session/replay.ts";
import { messagesOf } from "../../src/session/repair.ts";
import { initialWorkflow } from "../../src/plan/workflow.ts";
import type { SessionRecord } from "../../src/types/session.ts";
import type { ReplayedSession } from "../../src/session/replay.ts";
import type { SessionState } from "../../src/session/state.ts";
import { transcriptOf } from "../../src/session/transcript.ts";
import type { AgentEvent } from "../../src/types/event.ts";
import {
  approvalFor,
  assistant,
  costEntry,
  header,
  result,
  richRecords,
  route,
  samplePlan,
  stored,
  user,
} from "./samples.ts";

const id = "20261121-090000000-abc123";

type Seen = Omit<SessionState, "routes" | "ledger" | "notices"> &
  Omit<ReplayedSession, "state"> & { transcript: AgentEvent[] };

function replayed(records: SessionRecord[]): Seen {
  const { state, ...rest } = replay(header(id, "/repo"), stored(records));
  return { ...state, ...rest, transcript: transcriptOf(stored(records)) };
}

test("a session that broke off in the middle of an approved plan", () => {
  const session = replayed(richRecords(id, "/repo"));
  expect(session.workflow).toMatchObject({
    enabled: true,
    stage: "execute",
    approval: approvalFor(id, "/repo"),
    plan: { id: "p_1", state: "executing", tickets: { t1: "done", t2: "in_progress" } },
  });
  expect(session.conversationOf).toEqual({ plan: 1, chat: 1, execute: 3 });
  expect(messagesOf(session, 2)[0]).toEqual(user("seeded"));
  expect(messagesOf(session, 3)).toEqual([
    user("carry out t2"),
    assistant("Now.", [
      { id: "d", name: "bash" },
      { id: "e", name: "edit" },
    ]),
    {
      role: "tool",
      callId: "d",
      toolName: "bash",
      content: [
        {
          type: "text",
          text: "Interrupted while this call was running: what it did is unknown. Look before you repeat it.",
        },
      ],
      isError: true,
    },
    {
      role: "tool",
      callId: "e",
      toolName: "edit",
      content: [{ type: "text", text: "Not run: the session was interrupted before this call." }],
      isError: true,
    },
  ]);
  expect(session.openTurn).toEqual({ turn: 3, stage: "execute", ticket: "t2" });
  expect(session.notices).toEqual([
    "turn 3 was interrupted before its end",
    "bash (npm test) was running when the session was interrupted; what it did is unknown",
  ]);
  expect(session.overrides).toEqual({ model: null, tier: { value: "smart", once: false, from: "command" } });
  expect(session.skill).toEqual({ name: "docs", tier: "coding", activatedBy: "user", turn: 2 });
  expect(session.grants).toEqual([
    { kind: "scope", plan: samplePlan.hash, action: "create", path: "src/new.js" },
    { kind: "rule", rule: "bash(npm *)" },
  ]);
  expect(session.routes.map((one) => [one.id, one.cost_usd])).toEqual([
    ["r_1", 0.0021],
    ["r_2", null],
  ]);
  expect(session.ledger.map((entry) => entry.id)).toEqual(["c_1", "c_2", "c_3"]);
  expect(touchedFiles(session.files)).toEqual([
    { path: "src/sum.js", action: "create", in_scope: true, rolled_back: false },
  ]);
  expect(session.denials).toHaveLength(1);
  expect(session.turns).toBe(3);
  expect(session.lastModel).toBe("house/executor");
  expect(session.lastText).toBe("Now.");
  expect({ ...session.progress, files: touchedFiles(session.progress.files) }).toEqual({
    since: 1,
    files: [{ path: "src/sum.js", action: "create", in_scope: true, rolled_back: false }],
    reports: { t1: "Mended." },
    unplannedCommands: ["ls -la"],
    unsettled: [{ path: "log", reason: "it cannot be read" }],
    changedBetween: ["notes.md"],
    ignoredWritten: ["cache/"],
  });
});

test("the transcript shows turns, routes once with their final cost, calls with results, plan and tickets", () => {
  const { transcript } = replayed(richRecords(id, "/repo"));
  expect(transcript.map((event) => event.type)).toEqual([
    "turn_start",
    "route_decision",
    "cost_entry",
    "message_end",
    "tool_start",
    "tool_start",
    "tool_end",
    "tool_end",
    "plan_ready",
    "turn_end",
    "notice",
    "plan_approved",
    "ticket_start",
    "turn_start",
    "route_decision",
    "cost_entry",
    "message_end",
    "tool_start",
    "tool_end",
    "message_end",
    "turn_end",
    "notice",
    "ticket_end",
    "ticket_start",
    "turn_start",
    "cost_entry",
    "message_end",
    "tool_start",
    "tool_start",
    "tool_start",
    "tool_end",
  ]);
  expect(transcript[1]).toMatchObject({ route: { id: "r_1", cost_usd: 0.0021 } });
  expect(transcript[4]).toMatchObject({ summary: "view src/sum.js", call: { id: "a" } });
  expect(transcript[6]).toMatchObject({
    callId: "a",
    tool: "view",
    output: { isError: false, display: [{ kind: "text", text: "line one\nline two\u2028three" }] },
  });
  expect(transcript.at(-1)).toMatchObject({
    output: { display: [{ kind: "shell", command: "ls", exitCode: 0, output: "README.md\n" }] },
  });
});

test("nothing is announced for an interruption that was gone past", () => {
  const session = replayed([
    ...richRecords(id, "/repo"),
    { type: "turn_start", turn: 4, stage: "execute", ticket: "t2", text: "go on" },
    { type: "message", conversation: 3, turn: 4, message: user("go on") },
    { type: "message", conversation: 3, turn: 4, message: assistant("Described.") },
    { type: "turn_end", turn: 4, reason: "done", error: null },
    { type: "ticket_report", ticket: "t2", text: "Described." },
    { type: "workflow", event: { type: "ticket_changed", ticket: "t2", state: "done" } },
    { type: "workflow", event: { type: "plan_finished", state: "done" } },
    { type: "message", conversation: 1, turn: 4, message: user("The approved plan was executed.") },
  ]);
  expect(session.notices).toEqual([]);
  expect(session.openTurn).toBeNull();
  expect(session.workflow).toMatchObject({
    stage: "plan",
    plan: { state: "done", tickets: { t1: "done", t2: "done" } },
    approval: null,
  });
  expect(session.progress.reports).toEqual({ t1: "Mended.", t2: "Described." });
  expect(messagesOf(session, 3).map((message) => message.role)).toEqual([
    "user",
    "assistant",
    "tool",
    "tool",
    "user",
    "assistant",
  ]);
  // What is told to the planner afterwards does not make its conversation the executor's.
  expect(session.conversationOf).toEqual({ plan: 1, chat: 1, execute: 3 });
});

test("a server that counts its call ids anew: each call is shown as it was announced itself", () => {
  const called = (path: string): SessionRecord[] => [
    { type: "message", conversation: 1, turn: 1, message: assistant("", [{ id: "call_1", name: "view" }]) },
    { type: "tool_intent", turn: 1, call_id: "call_1", tool: "view", summary: `view ${path}` },
    { type: "message", conversation: 1, turn: 1, message: result("call_1", path) },
  ];
  const { transcript } = replayed([...called("one.js"), ...called("two.js")]);
  expect(transcript.flatMap((event) => (event.type === "tool_start" ? [event.summary] : []))).toEqual([
    "view one.js",
    "view two.js",
  ]);
});

test("an approval counts only with its record, in its session and in its workspace", () => {
  const workflow = (records: SessionRecord[]): SessionRecord[] => [
    { type: "workflow", event: { type: "plan_stored", plan: samplePlan } },
    ...records,
    { type: "workflow", event: { type: "execution_started" } },
  ];
  const own = approvalFor(id, "/repo");
  expect(
    replayed(
      workflow([
        { type: "approval", approval: own },
        { type: "workflow", event: { type: "plan_approved", approval: own } },
      ]),
    ).workflow.plan?.state,
  ).toBe("executing");
  const forged: SessionRecord[][] = [
    [{ type: "workflow", event: { type: "plan_approved", approval: own } }],
    [
      { type: "approval", approval: approvalFor(id, "/elsewhere") },
      { type: "workflow", event: { type: "plan_approved", approval: approvalFor(id, "/elsewhere") } },
    ],
    [
      { type: "approval", approval: approvalFor("another", "/repo") },
      { type: "workflow", event: { type: "plan_approved", approval: approvalFor("another", "/repo") } },
    ],
    [
      { type: "approval", approval: { ...own, hash: "sha256:00" } },
      { type: "workflow", event: { type: "plan_approved", approval: own } },
    ],
  ];
  for (const records of forged) {
    const session = replayed(workflow(records));
    expect(session.workflow).toMatchObject({ stage: "plan", approval: null, plan: { state: "awaiting_approval" } });
    expect(session.notices).toHaveLength(1);
  }
});

test("a plan whose content does not fit its hash is no plan, and an earlier revision does not step in for the approved one", () => {
  const other = { ...samplePlan, content: { ...samplePlan.content, title: "Mend the sun" } };
  const stored = (plan: typeof samplePlan): SessionRecord => ({
    type: "workflow",
    event: { type: "plan_stored", plan },
  });
  const own = approvalFor(id, "/repo");
  const approved = (hash: string): SessionRecord[] => [
    { type: "approval", approval: { ...own, hash } },
    { type: "workflow", event: { type: "plan_approved", approval: { ...own, hash } } },
    { type: "workflow", event: { type: "execution_started" } },
  ];
  for (const records of [
    [stored(other), ...approved(own.hash)],
    [stored(samplePlan), stored({ ...other, revision: 2 })],
    [stored(samplePlan), ...approved("sha256:of-a-lost-revision")],
  ]) {
    const session = replayed(records);
    expect(session.workflow).toMatchObject({ stage: "plan", plan: null, approval: null });
    expect(session.notices.join()).toMatch(/changed/);
  }
});

test("gate replies, the whole talk handed over, compaction: each stage goes on with its own conversation", () => {
  const session = replayed([
    { type: "turn_start", turn: 1, stage: "plan", ticket: null, text: "hi" },
    { type: "conversation", id: 1, reason: "gate", seed: [] },
    { type: "message", conversation: 1, turn: 1, message: user("hi") },
    { type: "message", conversation: 1, turn: 1, message: assistant("hello") },
    { type: "turn_end", turn: 1, reason: "done", error: null },
    { type: "turn_start", turn: 2, stage: "plan", ticket: null, text: "plan" },
    { type: "conversation", id: 2, reason: "start", seed: [] },
    { type: "message", conversation: 2, turn: 2, message: user("plan") },
    { type: "turn_end", turn: 2, reason: "awaiting_approval", error: null },
    { type: "turn_start", turn: 3, stage: "execute", ticket: null, text: "/approve" },
    { type: "message", conversation: 2, turn: 3, message: user("carry it out") },
    { type: "turn_end", turn: 3, reason: "done", error: null },
    { type: "turn_start", turn: 4, stage: "plan", ticket: null, text: "/compact" },
    { type: "conversation", id: 5, reason: "compact", seed: [user("summary")] },
    { type: "turn_end", turn: 4, reason: "done", error: null },
  ]);
  expect(session.conversationOf).toEqual({ gate: 1, plan: 5, chat: 5, execute: 2 });
  expect(messagesOf(session, 5)).toEqual([user("summary")]);
});

test("results without their call and second results are left out; calls amid the history are closed in place", () => {
  const session = replayed([
    { type: "conversation", id: 1, reason: "start", seed: [] },
    { type: "message", conversation: 1, turn: 1, message: result("zero", "orphan") },
    {
      type: "message",
      conversation: 1,
      turn: 1,
      message: assistant("", [
        { id: "a", name: "view" },
        { id: "b", name: "view" },
      ]),
    },
    { type: "message", conversation: 1, turn: 1, message: result("b", "b") },
    { type: "message", conversation: 1, turn: 1, message: result("b", "again") },
    { type: "message", conversation: 1, turn: 2, message: user("on") },
  ]);
  expect(
    messagesOf(session, 1).map((message) =>
      message.role === "tool" ? `${message.callId} ${String(message.isError)}` : message.role,
    ),
  ).toEqual(["assistant", "b false", "a true", "user"]);
});

test("an empty session is the initial state", () => {
  const session = replayed([]);
  expect(session).toMatchObject({
    workflow: initialWorkflow(true),
    turns: 0,
    lastModel: null,
    lastText: "",
    openTurn: null,
    notices: [],
    transcript: [],
    progress: { since: 0, reports: {}, unplannedCommands: [] },
  });
  expect(
    replayed([
      { type: "cost", entry: { ...costEntry("c", 1), purpose: "classify" } },
      { type: "route", route: route("r", 1) },
    ]).lastModel,
  ).toBeNull();
});
