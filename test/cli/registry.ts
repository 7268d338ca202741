// A small registry: real objects that implement the interface, for subcommands that are handed one.

import type { ModelInfo, ModelRegistry, Provider } from "../../src/types/provider.ts";
import { BmoError } from "../../src/util/errors.ts";

export function modelInfo(id: string, facts: Partial<ModelInfo> = {}): ModelInfo {
  const [provider = "", wireId = ""] = id.split("/");
  return {
    id,
    provider,
    wireId,
    aliases: [],
    contextWindow: 200_000,
    maxOutput: 32_000,
    price: { input: 3, output: 15, cache_read: 0.3, cache_write: 3.75 },
    priceEstimate: false,
    longContext: null,
    tools: true,
    vision: false,
    reasoning: "none",
    reasoningValues: [],
    reasoningCanBeOff: true,
    temperature: true,
    cacheMinTokens: null,
    cacheTtlSeconds: null,
    scores: {},
    status: "current",
    retires: null,
    replacedBy: null,
    source: "test",
    confidence: "catalogue",
    ...facts,
  };
}

export interface ProviderFacts {
  id: string;
  hasCredentials: boolean;
  check?: { ok: boolean; detail: string };
}

export function createTestRegistry(models: ModelInfo[], providers: ProviderFacts[]): ModelRegistry {
  return {
    list: () => models,
    providers: () =>
      providers.map(({ id, hasCredentials }) => ({
        id,
        configured: true,
        hasCredentials,
        keySource: hasCredentials ? `${id.toUpperCase()}_API_KEY` : "",
        type: "openai-compatible",
        baseUrl: `http://127.0.0.1/${id}`,
      })),
    resolve: (name, where) => {
      const model = models.find(({ id }) => id === name);
      if (model === undefined) throw new BmoError("configuration", `${where}: unknown model ${name}`);
      return { model, notices: [] };
    },
    provider: ({ provider: id }) => {
      const check = providers.find((one) => one.id === id)?.check;
      if (check === undefined) throw new BmoError("credentials", `no key for ${id}`, "Set one.");
      const provider: Provider = {
        id,
        scripted: true,
        async *stream() {
          yield {
            type: "error",
            usage: null,
            error: { kind: "bad_request", status: null, message: "not for requests", hint: null, partialText: "" },
          };
          await Promise.resolve();
        },
        check: () => Promise.resolve(check),
      };
      return Promise.resolve(provider);
    },
  };
}
