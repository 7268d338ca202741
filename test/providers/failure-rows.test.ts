// Rows of what a status, a stop reason and a usage field mean: one for each, on the wire that has it.

import { describe, expect, test } from "vitest";
import { anthropicFormat } from "../../src/providers/anthropic.ts";
import { failureFromAnswer, type CallNames } from "../../src/providers/failure.ts";
import { chatFormat } from "../../src/providers/openai-chat.ts";
import { responsesFormat } from "../../src/providers/openai-responses.ts";
import { createReplyMeter } from "../../src/providers/reply-bounds.ts";
import type { AnswerReader, WireFormat } from "../../src/providers/wire.ts";
import type { JsonObject } from "../../src/types/json.ts";
import { registryWith, request, user } from "./support.ts";

const names: CallNames = {
  provider: "house",
  model: "m",
  keySource: "HOUSE_KEY",
  host: "h",
  alternatives: [],
  redact: (text) => text,
};

test.each([
  [401, "no", "credentials", 99],
  [403, "no", "credentials", 99],
  [402, "credit balance is too low", "rate_limit", 0],
  [402, "pay", "bad_request", undefined],
  [429, "slow down", "rate_limit", 99],
  [429, "insufficient_quota", "rate_limit", 0],
  [400, "billing_hard_limit", "rate_limit", 0],
  [400, "prompt is too long", "context_overflow", undefined],
  [413, "request too large", "context_overflow", undefined],
  [404, "no", "model_not_found", undefined],
  [408, "no", "overloaded", 99],
  [409, "no", "overloaded", 99],
  [500, "no", "overloaded", 99],
  [529, "no", "overloaded", 99],
  [422, "no", "bad_request", undefined],
])("HTTP %i %s is %s with %s further tries", (status, message, kind, tries) => {
  const failure = failureFromAnswer(names, status, {}, JSON.stringify({ error: { message } }));
  expect([failure.kind, kind === "credentials" ? 99 : failure.details.tries]).toEqual([kind, tries]);
  if (kind === "credentials") expect(failure.details.hint).toBe("Check the key in HOUSE_KEY.");
});

function read(wire: WireFormat, events: JsonObject[]): ReturnType<AnswerReader["finish"]> {
  const { model } = registryWith({
    house: { type: "openai-compatible", base_url: "http://127.0.0.1:9/v1", models: [{ id: "m" }] },
  }).resolve("house/m", "test");
  const reader = wire.reader(
    request(model, [user("go")]),
    names,
    createReplyMeter(names, () => null),
  );
  for (const event of events) reader.read(event, []);
  return reader.finish(400);
}

const anthropic = (stop: string, usage: JsonObject = { output_tokens: 7 }): JsonObject[] => [
  {
    type: "message_start",
    message: {
      model: "m",
      usage: { input_tokens: 3, output_tokens: 1, cache_read_input_tokens: 11, cache_creation_input_tokens: 13 },
    },
  },
  { type: "message_delta", delta: { stop_reason: stop }, usage },
  { type: "message_stop" },
];

describe("stop reasons", () => {
  test.each([
    ["end_turn", "end"],
    ["stop_sequence", "end"],
    ["pause_turn", "end"],
    ["tool_use", "tool_calls"],
    ["max_tokens", "max_tokens"],
    ["model_context_window_exceeded", "max_tokens"],
    ["refusal", "refusal"],
    ["new", "end"],
  ])("anthropic %s is %s", (stop, meaning) => {
    expect(read(anthropicFormat, anthropic(stop))?.stopReason).toBe(meaning);
  });
  test.each([
    ["stop", "end"],
    ["tool_calls", "tool_calls"],
    ["function_call", "tool_calls"],
    ["length", "max_tokens"],
    ["content_filter", "refusal"],
    ["new", "end"],
  ])("chat %s is %s", (stop, meaning) => {
    expect(read(chatFormat, [{ choices: [{ delta: {}, finish_reason: stop }] }])?.stopReason).toBe(meaning);
  });
  test.each([
    ["max_output_tokens", "max_tokens"],
    ["content_filter", "refusal"],
    ["new", "max_tokens"],
  ])("responses incomplete by %s is %s", (reason, meaning) => {
    expect(
      read(responsesFormat, [{ type: "response.incomplete", response: { incomplete_details: { reason } } }])
        ?.stopReason,
    ).toBe(meaning);
  });
});

describe("usage", () => {
  test("anthropic: a last event with output alone keeps what was read and written; later figures win", () => {
    expect(read(anthropicFormat, anthropic("end_turn"))?.usage).toEqual({
      input: 3,
      output: 7,
      cache_read: 11,
      cache_write: 13,
    });
    expect(
      read(
        anthropicFormat,
        anthropic("end_turn", {
          input_tokens: 1,
          output_tokens: 2,
          cache_read_input_tokens: 4,
          cache_creation_input_tokens: 5,
        }),
      )?.usage,
    ).toEqual({ input: 1, output: 2, cache_read: 4, cache_write: 5 });
  });
  test.each<[string, JsonObject, number[]]>([
    [
      "cached_tokens",
      { prompt_tokens: 100, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 40 } },
      [60, 5, 40, 0],
    ],
    [
      "prompt_cache_hit_tokens",
      { prompt_tokens: 100, completion_tokens: 5, prompt_cache_hit_tokens: 30 },
      [70, 5, 30, 0],
    ],
    [
      "cache_write_tokens",
      {
        prompt_tokens: 100,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 40, cache_write_tokens: 10 },
      },
      [50, 5, 40, 10],
    ],
    ["none", { prompt_tokens: 100, completion_tokens: 5 }, [100, 5, 0, 0]],
  ])("chat: %s", (_name, usage, [input, output, cache_read, cache_write]) => {
    expect(
      read(chatFormat, [{ choices: [{ delta: { content: "x" }, finish_reason: "stop" }] }, { choices: [], usage }])
        ?.usage,
    ).toEqual({ input, output, cache_read, cache_write });
  });
  test("responses: cached and written tokens are no plain input", () => {
    const usage = {
      input_tokens: 100,
      output_tokens: 5,
      input_tokens_details: { cached_tokens: 40, cache_write_tokens: 10 },
    };
    expect(read(responsesFormat, [{ type: "response.completed", response: { usage } }])?.usage).toEqual({
      input: 50,
      output: 5,
      cache_read: 40,
      cache_write: 10,
    });
  });
});
