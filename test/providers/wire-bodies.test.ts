// What exactly each format sends for the options that differ from model to model and from vendor to vendor.

import { afterEach, describe, expect, test } from "vitest";
import type { Message } from "../../src/types/message.ts";
import type { ModelInfo, ModelRequest, ReasoningLevel } from "../../src/types/provider.ts";
import type { JsonObject } from "../../src/types/json.ts";
import { catalogModels } from "../../src/providers/catalog.ts";
import { anthropicFormat } from "../../src/providers/anthropic.ts";
import { chatFormat } from "../../src/providers/openai-chat.ts";
import { responsesFormat } from "../../src/providers/openai-responses.ts";
import { findVendor, PLAIN_DIALECT } from "../../src/providers/vendors.ts";
import type { Endpoint, WireFormat } from "../../src/providers/wire.ts";
import { unknownModel } from "../../src/providers/model-settings.ts";
import { startVendorServer, type VendorServer } from "../support/vendor-server.ts";
import { ask, ended, open, request, result, user, VIEW } from "./support.ts";

const catalogue = new Map(catalogModels(new Date("2026-11-21")).map((model) => [model.id, model]));
function known(id: string): ModelInfo {
  const model = catalogue.get(id);
  if (model === undefined) throw new Error(`no ${id}`);
  return model;
}

function sent(wire: WireFormat, model: ModelInfo, messages: Message[], more: Partial<ModelRequest> = {}): JsonObject {
  const endpoint: Endpoint = {
    provider: model.provider,
    baseUrl: "http://127.0.0.1:9",
    key: null,
    bearer: false,
    keySource: null,
    headers: {},
    idleMs: 1000,
    retry: { maxRetries: 0, baseMs: 1 },
    dialect: findVendor(model.provider)?.dialect ?? PLAIN_DIALECT,
    alternatives: () => [],
    redact: (text) => text,
  };
  return JSON.parse(JSON.stringify(wire.body(request(model, messages, more), endpoint))) as JsonObject;
}

const servers: VendorServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe("reasoning levels", () => {
  const at = (
    wire: WireFormat,
    id: string,
    level: ReasoningLevel | null,
    keys: string[],
    maxTokens = 32_000,
  ): JsonObject => {
    const body = sent(wire, known(id), [user("hi")], { reasoning: level, maxTokens });
    return Object.fromEntries(keys.flatMap((key) => (body[key] === undefined ? [] : [[key, body[key]]])));
  };
  const adaptive = { type: "adaptive", display: "summarized" };
  test.each([
    ["anthropic/claude-sonnet-5-5", "high", { thinking: adaptive, output_config: { effort: "high" } }],
    ["anthropic/claude-sonnet-5-5", "off", { thinking: adaptive, output_config: { effort: "low" } }],
    ["anthropic/claude-opus-4-7", "off", { thinking: { type: "disabled" } }],
    ["anthropic/claude-haiku-4-5", "high", { thinking: { type: "enabled", budget_tokens: 24_576 } }],
    ["anthropic/claude-haiku-4-5", "off", {}],
    ["anthropic/claude-haiku-4-5", null, {}],
  ] as const)("anthropic: %s at %s", (id, level, expected) => {
    expect(at(anthropicFormat, id, level, ["thinking", "output_config"])).toEqual(expected);
  });
  test("anthropic: a budget leaves room for the answer and is left out where there is none", () => {
    expect(at(anthropicFormat, "anthropic/claude-haiku-4-5", "medium", ["thinking"], 6_000)).toEqual({
      thinking: { type: "enabled", budget_tokens: 3_000 },
    });
    expect(at(anthropicFormat, "anthropic/claude-haiku-4-5", "medium", ["thinking"], 2_000)).toEqual({});
  });
  test.each([
    [
      "openai/gpt-6.1-sol",
      "medium",
      { reasoning: { effort: "medium", summary: "auto" }, include: ["reasoning.encrypted_content"] },
    ],
    [
      "openai/gpt-6.1-sol",
      "off",
      { reasoning: { effort: "low", summary: "auto" }, include: ["reasoning.encrypted_content"] },
    ],
    ["openai/gpt-6-luna", "off", { reasoning: { effort: "none" }, include: ["reasoning.encrypted_content"] }],
    ["openai/gpt-5.3-chat-latest", "high", {}],
  ] as const)("responses: %s at %s", (id, level, expected) => {
    expect(at(responsesFormat, id, level, ["reasoning", "include"])).toEqual(expected);
  });
  const chatKeys = ["reasoning_effort", "thinking", "enable_thinking", "max_tokens", "max_completion_tokens"];
  test.each([
    ["deepseek/deepseek-flash", "medium", { reasoning_effort: "high", max_tokens: 32_000 }],
    ["deepseek/deepseek-flash", "off", { thinking: { type: "disabled" }, max_tokens: 32_000 }],
    ["moonshotai/kimi-k2.5", "low", { thinking: { type: "enabled" }, max_tokens: 32_000 }],
    ["moonshotai/kimi-k2.7-code", "off", { max_tokens: 32_000 }],
    ["alibaba/qwen3.7-plus", "off", { enable_thinking: false, max_tokens: 32_000 }],
    ["alibaba/qwen3.8-max", "high", { reasoning_effort: "xhigh", max_tokens: 32_000 }],
    ["mistral/mistral-medium-2604", "low", { reasoning_effort: "high", max_tokens: 32_000 }],
    ["mistral/mistral-medium-2604", "off", { reasoning_effort: "none", max_tokens: 32_000 }],
    ["google/gemini-2.5-flash", "off", { reasoning_effort: "none", max_tokens: 32_000 }],
    ["openai/gpt-6-luna", "low", { reasoning_effort: "low", max_completion_tokens: 32_000 }],
    ["xai/grok-build-0.1", "high", { max_tokens: 32_000 }],
  ] as const)("chat: %s at %s", (id, level, expected) => {
    expect(at(chatFormat, id, level, chatKeys)).toEqual(expected);
  });
});

describe("temperature", () => {
  test.each([
    ["anthropic", anthropicFormat],
    ["chat", chatFormat],
    ["responses", responsesFormat],
  ] as const)("%s: only where the model takes it", (_name, wire) => {
    const model = unknownModel("house", "m");
    expect(sent(wire, model, [user("hi")], { temperature: 0.7 })).not.toHaveProperty("temperature");
    expect(sent(wire, { ...model, temperature: true }, [user("hi")], { temperature: 0.7 }).temperature).toBe(0.7);
    expect(sent(wire, { ...model, temperature: true }, [user("hi")], { temperature: null })).not.toHaveProperty(
      "temperature",
    );
  });
  test("anthropic: not beside a thinking budget", () => {
    const haiku = known("anthropic/claude-haiku-4-5");
    expect(haiku.temperature).toBe(true);
    expect(
      sent(anthropicFormat, haiku, [user("hi")], { temperature: 0.2, reasoning: "high", maxTokens: 20_000 }),
    ).not.toHaveProperty("temperature");
    expect(sent(anthropicFormat, haiku, [user("hi")], { temperature: 0.2, reasoning: "off" }).temperature).toBe(0.2);
  });
});

describe("caches", () => {
  const long: Message[] = [user("a")];
  for (let step = 0; step < 9; step++)
    long.push(
      {
        role: "assistant",
        model: "x/y",
        content: [{ type: "tool_call", id: `c${step}`, name: "view", input: { path: "a" } }],
      },
      result(`c${step}`, `r${step}`),
    );

  test("anthropic: four marks, on tools, system and the last two messages of the user", () => {
    const body = sent(anthropicFormat, unknownModel("house", "m"), long);
    const marks = JSON.stringify(body).split('"cache_control"').length - 1;
    expect(marks).toBe(4);
    const messages = body.messages as JsonObject[];
    expect(messages.map((message) => JSON.stringify(message).includes("cache_control"))).toEqual([
      ...Array.from({ length: 16 }, () => false),
      true,
      false,
      true,
    ]);
  });
  test("OpenAI formats: the conversation's key, where the vendor has one", () => {
    expect(sent(responsesFormat, known("openai/gpt-6-luna"), [user("hi")]).prompt_cache_key).toBe("conversation-1");
    expect(sent(chatFormat, known("openai/gpt-6-luna"), [user("hi")]).prompt_cache_key).toBe("conversation-1");
    expect(sent(chatFormat, unknownModel("house", "m"), [user("hi")])).not.toHaveProperty("prompt_cache_key");
  });
});

describe("dialects", () => {
  const called = (id: string, model: string, more: object = {}): Message => ({
    role: "assistant",
    model,
    content: [
      { type: "reasoning", text: "hm", providerData: { format: "chat", ...more } },
      { type: "tool_call", id, name: "view", input: {} },
    ],
  });
  const calls = (body: JsonObject): JsonObject[] =>
    (body.messages as JsonObject[]).flatMap((message) => (message.tool_calls as JsonObject[] | undefined) ?? []);

  test("nine alphanumeric characters where the vendor wants them, the same on both sides", () => {
    const body = sent(chatFormat, known("mistral/mistral-medium-2604"), [
      user("hi"),
      called("toolu_01abc", "x/y"),
      result("toolu_01abc", "R"),
      called("Ab1Cd2Ef3", "x/y"),
      result("Ab1Cd2Ef3", "S"),
    ]);
    const messages = body.messages as JsonObject[];
    expect(calls(body).map((call) => call.id)).toEqual(["call00001", "Ab1Cd2Ef3"]);
    expect(messages.filter((message) => message.role === "tool").map((message) => message.tool_call_id)).toEqual([
      "call00001",
      "Ab1Cd2Ef3",
    ]);
  });
  test("own reasoning text goes back beside the calls only where the vendor wants it and only to its own model", () => {
    const flash = known("deepseek/deepseek-flash");
    const history = (model: string): Message[] => [user("hi"), called("c1", model), result("c1", "R")];
    expect(JSON.stringify(sent(chatFormat, flash, history(flash.id)))).toContain('"reasoning_content":"hm"');
    expect(JSON.stringify(sent(chatFormat, flash, history("moonshotai/kimi-k3")))).not.toContain("reasoning_content");
    const grok = known("xai/grok-4.3");
    expect(JSON.stringify(sent(chatFormat, grok, history(grok.id)))).not.toContain("reasoning_content");
  });
  test("signatures of calls go back to the model that made them; foreign calls carry the vendor's own mark", async () => {
    const argon = known("google/gemini-4-argon");
    const extra = { extra_content: { google: { thought_signature: "sig" } } };
    expect(
      calls(sent(chatFormat, argon, [user("hi"), called("c1", argon.id, { extras: [extra] }), result("c1", "R")]))[0],
    ).toMatchObject(extra);
    expect(
      calls(sent(chatFormat, argon, [user("hi"), called("c1", "x/y", { extras: [extra] }), result("c1", "R")]))[0],
    ).toMatchObject({ extra_content: { google: { thought_signature: "skip_thought_signature_validator" } } });
    expect(
      calls(sent(chatFormat, known("xai/grok-4.3"), [user("hi"), called("c1", "x/y"), result("c1", "R")]))[0],
    ).not.toHaveProperty("extra_content");
  });
  test("budget models do not think on in a loop that another model began", () => {
    const haiku = known("anthropic/claude-haiku-4-5");
    const begun: Message[] = [user("hi"), called("c1", "x/y"), result("c1", "R")];
    expect(sent(anthropicFormat, haiku, begun, { reasoning: "high", maxTokens: 20_000 })).not.toHaveProperty(
      "thinking",
    );
    expect(
      sent(anthropicFormat, haiku, [...begun, user("and now")], { reasoning: "high", maxTokens: 20_000 }),
    ).toHaveProperty("thinking");
  });
});

describe("loose servers", () => {
  const chunk = (delta: JsonObject, finish: string | null = null, more: JsonObject = {}): string =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }], ...more })}\r\n\r\n`;
  test("chat: calls without index or id, all arguments at once, no usage, comments and CRLF", async () => {
    const { createServer } = await import("node:http");
    const body = [
      ": keep-alive\r\n\r\n",
      chunk({ reasoning: "hm" }),
      chunk({ tool_calls: [{ function: { name: "view", arguments: '{"path":"a"}' } }] }),
      chunk({ tool_calls: [{ id: "x", function: { name: "view", arguments: '{"path":"b"}' } }] }),
      chunk({}, "stop"),
    ].join("");
    const server = createServer((_incoming, response) =>
      response.writeHead(200, { "content-type": "text/event-stream" }).end(body),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const url = typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}` : "";
    const stand = { baseUrl: () => `${url}/v1` } as unknown as VendorServer;
    const { provider, model } = await open("chat", stand);
    const end = ended(await ask(provider, model, [user("hi")]));
    expect(end.message.content).toMatchObject([
      { type: "reasoning", text: "hm" },
      { type: "tool_call", input: { path: "a" } },
      { type: "tool_call", id: "x", input: { path: "b" } },
    ]);
    expect(end.stopReason).toBe("tool_calls");
    expect(end.servedModel).toBeNull();
    expect(end.usage.input).toBeGreaterThan(0);
    expect(end.usage.output).toBeGreaterThan(0);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test("tool schemas and the order of tools pass unchanged", async () => {
    const server = await startVendorServer({ replies: [{ text: "ok" }] });
    servers.push(server);
    const { provider, model } = await open("anthropic", server);
    ended(
      await ask(provider, model, [user("hi")], {
        tools: [
          { ...VIEW, name: "zeta" },
          { ...VIEW, name: "alpha" },
        ],
      }),
    );
    expect(server.requests[0]?.tools).toEqual(["zeta", "alpha"]);
    expect((server.requests[0]?.body.tools as JsonObject[])[0]?.input_schema).toEqual(VIEW.schema);
  });
});
