// Events and results as other programs read them: one row for each event and each exit code.

import { describe, expect, test } from "vitest";
import { eventJson, resultJson } from "../../src/headless/json.ts";
import { EXIT, type ExitCode } from "../../src/types/error.ts";
import type { AgentEvent } from "../../src/types/event.ts";
import type { JsonObject } from "../../src/types/json.ts";
import { fakePlan } from "../support/fake-agent.ts";

const rows: [AgentEvent, JsonObject][] = [
  [
    { type: "session_start", sessionId: "s_1", workspace: "/w", resumed: true },
    { type: "session_start", session_id: "s_1", workspace: "/w", resumed: true },
  ],
  [
    { type: "turn_start", turn: 2, stage: "execute", ticket: "t1", text: "go" },
    { type: "turn_start", turn: 2, stage: "execute", ticket: "t1", text: "go" },
  ],
  [
    { type: "text_delta", text: "hi" },
    { type: "text_delta", text: "hi" },
  ],
  [
    {
      type: "message_end",
      message: {
        role: "assistant",
        model: "p/m",
        content: [
          { type: "reasoning", text: "because", opaque: { signature: "x" } },
          { type: "text", text: "hi" },
          { type: "tool_call", id: "c1", name: "view", input: { path: "a" } },
        ],
      } as unknown as Extract<AgentEvent, { type: "message_end" }>["message"],
    },
    {
      type: "message_end",
      message: {
        model: "p/m",
        content: [
          { type: "reasoning", text: "because" },
          { type: "text", text: "hi" },
          { type: "tool_call", id: "c1", name: "view", input: { path: "a" } },
        ],
      },
    },
  ],
  [
    {
      type: "tool_start",
      call: { type: "tool_call", id: "c1", name: "view", input: { path: "a" } },
      summary: "view a",
    },
    { type: "tool_start", call_id: "c1", tool: "view", input: { path: "a" }, summary: "view a" },
  ],
  [
    { type: "tool_delta", callId: "c1", text: "more" },
    { type: "tool_delta", call_id: "c1", text: "more" },
  ],
  [
    {
      type: "tool_end",
      callId: "c1",
      tool: "bash",
      output: {
        content: [
          { type: "text", text: "one" },
          { type: "image", mediaType: "image/png", data: "AA==" },
          { type: "text", text: "two" },
        ],
        isError: true,
        display: [{ kind: "shell", command: "ls", exitCode: 2, output: "o" }],
      },
    },
    {
      type: "tool_end",
      call_id: "c1",
      tool: "bash",
      output: {
        is_error: true,
        text: "one\ntwo",
        images: 1,
        display: [{ kind: "shell", command: "ls", exit_code: 2, output: "o" }],
      },
    },
  ],
  [
    { type: "plan_ready", plan: fakePlan(), executionModel: "p/m", confined: false },
    {
      type: "plan_ready",
      plan: JSON.parse(JSON.stringify(fakePlan())) as JsonObject,
      execution_model: "p/m",
      changes: [],
      confined: false,
    },
  ],
  [
    { type: "ticket_end", plan: "p_1", ticket: "t1", state: "done", costUsd: 0.5, costEstimate: true },
    { type: "ticket_end", plan: "p_1", ticket: "t1", state: "done", cost_usd: 0.5, cost_is_estimate: true },
  ],
  [
    { type: "rollback", paths: ["a"], copy: "/c", restoreCommand: "cp" },
    { type: "rollback", paths: ["a"], copy: "/c", restore_command: "cp" },
  ],
  [
    { type: "retry", attempt: 2, maxAttempts: 5, delayMs: 100, reason: "busy" },
    { type: "retry", attempt: 2, max_attempts: 5, delay_ms: 100, reason: "busy" },
  ],
  [
    { type: "notice", level: "warning", text: "look" },
    { type: "notice", level: "warning", text: "look" },
  ],
  [
    { type: "turn_end", turn: 2, reason: "done", error: null },
    { type: "turn_end", turn: 2, reason: "done", error: null },
  ],
];

test.each(rows.map(([event, json]) => [event.type, event, json] as const))("%s", (_type, event, json) => {
  expect(eventJson(event)).toEqual(json);
});

describe("the result", () => {
  const result = (exitCode: ExitCode): JsonObject =>
    resultJson({
      sessionId: null,
      state: null,
      exitCode,
      text: "",
      data: null,
      error: null,
      warnings: ["a", "b", "a"],
      durationMs: 12.4,
    });

  test("before there is a session, everything is there and empty", () => {
    expect(result(EXIT.usage)).toEqual({
      type: "result",
      version: 1,
      session_id: null,
      status: "error",
      exit_code: 2,
      result: "",
      data: null,
      plan: null,
      routes: [],
      usage: { input: 0, output: 0, cache_read: 0, cache_write: 0 },
      cost_usd: 0,
      cost_is_estimate: false,
      baseline: { model: null, cost_usd: null, cost_is_estimate: false },
      savings_pct: null,
      files: [],
      denials: [],
      report: null,
      warnings: ["a", "b"],
      error: null,
      duration_ms: 12,
    });
  });

  test.each<[keyof typeof EXIT, string]>([
    ["done", "done"],
    ["failed", "error"],
    ["usage", "error"],
    ["awaitingApproval", "awaiting_approval"],
    ["denied", "denied"],
    ["limit", "limit"],
    ["credentials", "error"],
    ["provider", "error"],
    ["interrupted", "aborted"],
    ["terminated", "aborted"],
    ["hangup", "aborted"],
  ])("%s: its status is %s", (name, status) => {
    expect(result(EXIT[name])).toMatchObject({ status, exit_code: EXIT[name] });
  });

  test("every exit code has a status", () => {
    expect(Object.values(EXIT).map((code) => typeof result(code)["status"])).toEqual(
      Object.values(EXIT).map(() => "string"),
    );
  });
});
