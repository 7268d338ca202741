// Names to models, keys to providers: what users write, and what each mistake answers.

import { afterEach, describe, expect, test } from "vitest";
import { BmoError } from "../../src/util/errors.ts";
import type { ProviderSettings } from "../../src/types/settings.ts";
import { startVendorServer, type VendorServer } from "../support/vendor-server.ts";
import { ask, ended, failed, KEY, registryWith, user } from "./support.ts";

const house: ProviderSettings = {
  type: "openai-compatible",
  base_url: "http://127.0.0.1:9/v1",
  models: [{ id: "qwen3-coder" }, { id: "mini", aliases: ["small"] }],
};

function refusal(run: () => unknown): BmoError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof BmoError) return thrown;
    throw thrown;
  }
  throw new Error("expected a refusal");
}

const servers: VendorServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe("names", () => {
  const registry = registryWith({
    house,
    other: { ...house, models: [{ id: "mini" }, { id: "openai/gpt-x" }] },
    open: { type: "openai-compatible", base_url: "http://127.0.0.1:9/v1" },
  });
  test.each([
    ["house/mini", "house/mini"],
    ["small", "house/mini"],
    ["qwen3-coder", "house/qwen3-coder"],
    ["claude-opus-4.7", "anthropic/claude-opus-4-7"],
    ["Claude Opus 4.7", "anthropic/claude-opus-4-7"],
    ["anthropic/claude-opus-4.7", "anthropic/claude-opus-4-7"],
    ["Anthropic/claude-sonnet-5-5", "anthropic/claude-sonnet-5-5"],
    ["gpt-5.2", "openai/gpt-5.2"],
    ["gpt-5-mini", "openai/gpt-5-mini"],
    ["gemini-3-pro", "google/gemini-3-pro-preview"],
    ["kimi-k2.5", "moonshotai/kimi-k2.5"],
    ["deepseek-reasoner", "deepseek/deepseek-reasoner"],
    ["claude-haiku-4-20250514", "anthropic/claude-haiku-4-5"],
    ["claude-sonnet-4-20250514", "anthropic/claude-sonnet-4-20250514"],
    ["claude-opus-4-5-20251101", "anthropic/claude-opus-4-5"],
    ["other/openai/gpt-x", "other/openai/gpt-x"],
    ["openrouter/anthropic/claude-sonnet-5-5", "openrouter/anthropic/claude-sonnet-5-5"],
    ["open/any:thing", "open/any:thing"],
    ["x-ai/grok-4.7", "xai/grok-4.7"],
  ])("%s means %s", (name, id) => {
    expect(registry.resolve(name, "model").model.id).toBe(id);
  });

  test.each([
    ["mini", /ambiguous: 2 providers/, /house\/mini.*other\/mini/],
    [
      "house/qwen3-codr",
      /provider house has no model `qwen3-codr`/,
      /Nearest: `house\/qwen3-coder`.*providers\.house\.models/,
    ],
    ["anthropic/claude-sonet-5-5", /provider anthropic has no model/, /`anthropic\/claude-sonnet-5-5`/],
    ["antropic/claude-opus-4-7", /no provider `antropic`/, /`anthropic`/],
    ["nothing-like-this-at-all", /no model `nothing-like-this-at-all`/, /bmo models/],
    ["", /empty/, /provider\/model/],
    ["house/", /no provider|no model/, /./],
  ])("%j is refused with what was meant", (name, message, hint) => {
    const error = refusal(() => registry.resolve(name, "options.phase_model.planning_model"));
    expect(error.code).toBe("configuration");
    expect(error.message).toMatch(message);
    expect(error.message).toContain("options.phase_model.planning_model");
    expect(error.hint).toMatch(hint);
  });

  test("a provider without a list takes any id, once with a notice that the price is unknown", () => {
    const first = registry.resolve("open/new-model", "model");
    expect(first.model).toMatchObject({
      wireId: "new-model",
      price: { input: null, output: null, cache_read: null, cache_write: null },
      contextWindow: null,
    });
    expect(first.notices).toEqual([expect.stringMatching(/`open\/new-model`; its price counts as unknown/)]);
    expect(registry.resolve("open/new-model", "model").notices).toEqual([]);
  });

  test("a dated snapshot of a known model keeps its id on the wire and its family's price", () => {
    const { model, notices } = registry.resolve("openai/gpt-6.1-sol-2026-10-30", "model");
    expect(model).toMatchObject({
      id: "openai/gpt-6.1-sol-2026-10-30",
      wireId: "gpt-6.1-sol-2026-10-30",
      price: { input: 2, output: 10 },
    });
    expect(notices).toHaveLength(1);
  });

  test("a retired model warns once, names its successor and is not replaced; one about to retire warns too", () => {
    const fresh = registryWith({});
    const { model, notices } = fresh.resolve("claude-sonnet-4", "model");
    expect(model.id).toBe("anthropic/claude-sonnet-4-20250514");
    expect(notices).toEqual([expect.stringMatching(/retired on 2026-06-15.*`anthropic\/claude-sonnet-5-5`/)]);
    expect(fresh.resolve("anthropic/claude-sonnet-4-20250514", "model").notices).toEqual([]);
    expect(fresh.resolve("claude-sonnet-4-5", "model").notices).toEqual([
      expect.stringMatching(/will be retired on 2026-11-30/),
    ]);
    expect(registryWith({}, { today: "2026-12-05" }).resolve("claude-sonnet-4-5", "model").notices).toEqual([
      expect.stringMatching(/was retired on 2026-11-30/),
    ]);
    expect(registryWith({}).resolve("claude-sonnet-5-5", "model").notices).toEqual([]);
  });
});

describe("facts", () => {
  test("the user's facts win field by field over the catalogue", () => {
    const registry = registryWith({
      anthropic: {
        models: [
          {
            id: "claude-sonnet-5-5",
            context_window: 5000,
            price: { input: 7 },
            vision: false,
            scores: { plan: 12 },
            reasoning: false,
          },
        ],
      },
    });
    expect(registry.resolve("claude-sonnet-5-5", "model").model).toMatchObject({
      id: "anthropic/claude-sonnet-5-5",
      contextWindow: 5000,
      maxOutput: 128000,
      price: { input: 7, output: 10, cache_read: 0.1, cache_write: 2.5 },
      priceEstimate: false,
      vision: false,
      reasoning: "none",
      scores: { plan: { value: 12, estimate: false }, debug: { value: 84 } },
      confidence: "user",
    });
    expect(registry.list().filter((model) => model.id === "anthropic/claude-sonnet-5-5")).toHaveLength(1);
  });

  test.each([
    [{ price: { input: -1 } }, 'providers.house.models["m"].price.input = -1'],
    [{ price: { output: "cheap" } }, 'providers.house.models["m"].price.output = "cheap"'],
    [{ price: { cache_read: Number.NaN } }, 'providers.house.models["m"].price.cache_read'],
    [{ context_window: 0 }, 'providers.house.models["m"].context_window = 0'],
    [{ max_output: 1.5 }, 'providers.house.models["m"].max_output = 1.5'],
    [{ scores: { plan: 101 } }, 'providers.house.models["m"].scores.plan = 101'],
    [{ id: "" }, 'providers.house.models[""].id is missing'],
  ])("%j is refused by the name of its key", (facts, sentence) => {
    const error = refusal(() => registryWith({ house: { ...house, models: [{ id: "m", ...(facts as object) }] } }));
    expect(error.code).toBe("configuration");
    expect(error.message).toContain(sentence);
  });
});

describe("keys", () => {
  test("a missing key is exit 6 and names the variable, never another provider's", async () => {
    const registry = registryWith(
      { mine: { type: "anthropic", base_url: "http://127.0.0.1:9", api_key: "${MY_KEY}" } },
      { environment: { OPENAI_API_KEY: "sk-openai-key-1234" } },
    );
    const model = registry.resolve("claude-sonnet-5-5", "model").model;
    await expect(registry.provider(model)).rejects.toMatchObject({
      code: "credentials",
      message: expect.stringMatching(/provider anthropic.*ANTHROPIC_API_KEY.*not set/) as string,
    });
    await expect(registry.provider(registry.resolve("mine/x", "model").model)).rejects.toMatchObject({
      code: "credentials",
      message: expect.stringMatching(/providers\.mine\.api_key uses MY_KEY/) as string,
    });
    expect(registry.providers()).toEqual([
      {
        id: "mine",
        type: "anthropic",
        configured: true,
        hasCredentials: false,
        keySource: "MY_KEY (not set)",
        baseUrl: "http://127.0.0.1:9",
      },
      {
        id: "openai",
        type: "openai",
        configured: false,
        hasCredentials: true,
        keySource: "OPENAI_API_KEY",
        baseUrl: "https://api.openai.com/v1",
      },
    ]);
  });

  test("a vendor's variable is for the vendor's own entry: another server of that type never gets the key", async () => {
    const server = await startVendorServer({ replies: [{ text: "hi" }] });
    servers.push(server);
    const registry = registryWith(
      { mine: { type: "anthropic", base_url: server.url } },
      { environment: { ANTHROPIC_API_KEY: KEY } },
    );
    const { model } = registry.resolve("mine/x", "model");
    ended(await ask(await registry.provider(model), model, [user("hi")]));
    expect(JSON.stringify(server.requests[0]?.headers)).not.toContain(KEY);
  });

  test.each([
    ["anthropic", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "claude-sonnet-5-5", "x-api-key", KEY],
    ["anthropic", "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "claude-sonnet-5-5", "authorization", `Bearer ${KEY}`],
    ["openai", "OPENAI_BASE_URL", "OPENAI_API_KEY", "gpt-6-luna", "authorization", `Bearer ${KEY}`],
  ])("%s: %s and %s are honoured", async (provider, baseVariable, keyVariable, id, header, value) => {
    const server = await startVendorServer({ keys: [KEY], replies: [{ text: "hi" }] });
    servers.push(server);
    const keys: string[] = [];
    const registry = registryWith(
      {},
      {
        environment: {
          [baseVariable]: provider === "anthropic" ? `${server.url}/` : `${server.url}/v1`,
          [keyVariable]: KEY,
        },
        keys,
      },
    );
    const { model } = registry.resolve(id, "model");
    ended(await ask(await registry.provider(model), model, [user("hi")]));
    expect(server.requests[0]?.headers[header]).toBe(value);
    expect(keys).toEqual([KEY]);
  });

  test("a key command runs once, only when needed; its first line is the key", async () => {
    const server = await startVendorServer({ keys: [KEY], replies: [{ text: "1" }, { text: "2" }] });
    servers.push(server);
    const ran: string[] = [];
    const keys: string[] = [];
    const registry = registryWith(
      {
        house: {
          type: "anthropic",
          base_url: server.url,
          key_command: "pass show x",
          headers: { "X-Team": "${TEAM}", Cookie: "session-abcdef" },
        },
      },
      {
        keys,
        environment: { TEAM: "blue" },
        runKeyCommand: (command) => {
          ran.push(command);
          return Promise.resolve(`${KEY}\nmore\n`);
        },
      },
    );
    const { model } = registry.resolve("house/m", "model");
    expect(ran).toEqual([]);
    for (const text of ["1", "2"])
      expect(ended(await ask(await registry.provider(model), model, [user("hi")])).message.content).toEqual([
        { type: "text", text },
      ]);
    expect(ran).toEqual(["pass show x"]);
    expect(keys).toEqual(["session-abcdef", KEY]);
    expect(server.requests[0]?.headers).toMatchObject({ "x-team": "blue", cookie: "session-abcdef" });
  });

  test("a key command that fails or prints nothing is exit 6; a later try may succeed", async () => {
    let output: () => Promise<string> = () => Promise.reject(new Error("gpg: no secret key"));
    const registry = registryWith(
      { house: { type: "anthropic", base_url: "http://127.0.0.1:9", key_command: "pass x" } },
      { runKeyCommand: () => output() },
    );
    const { model } = registry.resolve("house/m", "model");
    await expect(registry.provider(model)).rejects.toMatchObject({
      code: "credentials",
      message: expect.stringContaining("gpg: no secret key") as string,
    });
    output = () => Promise.resolve("\n");
    await expect(registry.provider(model)).rejects.toMatchObject({
      code: "credentials",
      message: expect.stringContaining("printed no key") as string,
    });
    output = () => Promise.resolve("key-1\n");
    expect((await registry.provider(model)).id).toBe("house");
  });

  test("a key refused by the server names its source", async () => {
    const server = await startVendorServer({ keys: ["right"] });
    servers.push(server);
    const registry = registryWith({}, { environment: { ANTHROPIC_BASE_URL: server.url, ANTHROPIC_API_KEY: KEY } });
    const { model } = registry.resolve("claude-sonnet-5-5", "model");
    expect(failed(await ask(await registry.provider(model), model, [user("hi")])).error).toMatchObject({
      kind: "credentials",
      status: 401,
      hint: "Check the key in ANTHROPIC_API_KEY.",
    });
  });

  test.each([
    [{ base_url: "not a url" }, /base_url = "not a url"/],
    [{ base_url: "ftp://x/y" }, /base_url/],
    [{ base_url: "${NOWHERE}/v1" }, /base_url uses the variable NOWHERE/],
    [{ base_url: "http://127.0.0.1:9", headers: { "x-a": "${NOWHERE}" } }, /headers\.x-a uses the variable NOWHERE/],
    [{ base_url: "http://127.0.0.1:9", timeout_s: -1 }, /timeout_s = -1/],
    [{ base_url: "http://127.0.0.1:9", max_retries: -2 }, /max_retries = -2/],
    [{ type: "gemini" as never, base_url: "http://127.0.0.1:9" }, /type = "gemini"/],
    [{ type: "openai-compatible" as const }, /base_url is missing/],
    [{ type: "script" as const }, /file is missing/],
  ])("%j is refused only when the provider is used", async (settings, sentence) => {
    const registry = registryWith({ house: settings, fine: house });
    expect(registry.resolve("fine/mini", "model").model.id).toBe("fine/mini");
    await expect((async () => registry.provider(registry.resolve("house/m", "model").model))()).rejects.toMatchObject({
      code: "configuration",
      message: expect.stringMatching(sentence) as string,
    });
  });
});
