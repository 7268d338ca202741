// Models with made-up prices for the tests of this folder.

import type { ModelInfo, Price } from "../../src/types/provider.ts";

export function model(id: string, price: Partial<Price>, facts: Partial<ModelInfo> = {}): ModelInfo {
  return {
    id,
    provider: id.split("/")[0] ?? "",
    wireId: id.split("/")[1] ?? "",
    aliases: [],
    contextWindow: 200_000,
    maxOutput: 32_000,
    price: { input: null, output: null, cache_read: null, cache_write: null, ...price },
    priceEstimate: false,
    longContext: null,
    tools: true,
    vision: true,
    reasoning: "none",
    reasoningValues: [],
    reasoningCanBeOff: true,
    temperature: true,
    cacheMinTokens: 1_024,
    cacheTtlSeconds: 300,
    scores: {},
    status: "current",
    retires: null,
    replacedBy: null,
    source: "test",
    confidence: "user",
    ...facts,
  };
}

export const cheap = model("house/cheap", { input: 0.1, output: 0.5, cache_read: 0.01, cache_write: 0.125 });
export const dear = model("house/dear", { input: 3, output: 15, cache_read: 0.3, cache_write: 3.75 });
