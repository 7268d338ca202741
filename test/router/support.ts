// A small registry, settings and contexts for the router's tests: real objects, no catalogue and no network.

import type { RouterParts } from "../../src/router/index.ts";
import type { ModelInfo, ModelRegistry, Phase, Price } from "../../src/types/provider.ts";
import type { AskSmallModel, RouteContext } from "../../src/types/route.ts";
import type { Settings } from "../../src/types/settings.ts";
import { BmoError } from "../../src/util/errors.ts";
import { plainSettings } from "../support/settings.ts";

export function model(
  id: string,
  facts: {
    price?: [number, number] | null;
    scores?: Partial<Record<Phase, number>>;
    all?: number;
    extra?: Partial<ModelInfo>;
  } = {},
): ModelInfo {
  const [provider = "", ...rest] = id.split("/");
  const price: Price =
    facts.price === null
      ? { input: null, output: null, cache_read: null, cache_write: null }
      : priceOf(facts.price ?? [1, 5]);
  const phases: Phase[] = ["plan", "implement", "debug", "test", "refactor", "document", "small_edit"];
  const values =
    facts.all === undefined ? (facts.scores ?? {}) : Object.fromEntries(phases.map((phase) => [phase, facts.all ?? 0]));
  return {
    id,
    provider,
    wireId: rest.join("/"),
    aliases: [],
    contextWindow: 200_000,
    maxOutput: 32_000,
    price,
    priceEstimate: false,
    longContext: null,
    tools: true,
    vision: true,
    reasoning: "none",
    reasoningValues: [],
    reasoningCanBeOff: true,
    temperature: true,
    cacheMinTokens: 1024,
    cacheTtlSeconds: 300,
    scores: Object.fromEntries(Object.entries(values).map(([phase, value]) => [phase, { value, estimate: false }])),
    status: "current",
    retires: null,
    replacedBy: null,
    source: "test",
    confidence: "user",
    ...facts.extra,
  };
}

function priceOf([input, output]: [number, number]): Price {
  return { input, output, cache_read: input / 10, cache_write: input * 1.25 };
}

export function registryOf(
  models: ModelInfo[],
  credentials: string[] = [...new Set(models.map((one) => one.provider))],
): ModelRegistry {
  return {
    list: () => models,
    providers: () =>
      [...new Set(models.map((one) => one.provider))].map((id) => ({
        id,
        configured: true,
        hasCredentials: credentials.includes(id),
        keySource: "test",
        type: "openai-compatible",
        baseUrl: "",
      })),
    resolve: (name, where) => {
      const found = models.filter((one) => one.id === name || one.wireId === name || one.aliases.includes(name));
      const [only] = found;
      if (only === undefined || found.length > 1)
        throw new BmoError(
          "configuration",
          `${where}: ${only === undefined ? "unknown" : "ambiguous"} model "${name}".`,
        );
      return { model: only, notices: [] };
    },
    provider: () => Promise.reject(new BmoError("credentials", "no provider in this test")),
  };
}

export function partsOf(models: ModelInfo[], more: Partial<RouterParts> = {}): RouterParts {
  return {
    registry: registryOf(models),
    defaultModel: () => null,
    roles: () => ({ capable: null, fast: null }),
    prompts: {
      gate: (message) => ({ system: "gate", user: message }),
      classify: (message) => ({ system: "classify", user: message }),
    },
    now: () => 0,
    ...more,
  };
}

export function settings(change: (value: Settings) => void = () => undefined): Settings {
  const value = plainSettings("house/default");
  change(value);
  return value;
}

export function context(change: Partial<RouteContext> = {}): RouteContext {
  return {
    settings: settings(),
    message: "why does the login crash with a TypeError",
    history: [],
    stage: "chat",
    workflowEnabled: false,
    turn: 1,
    plan: null,
    ticket: null,
    pending: false,
    overrides: { model: null, tier: null },
    skill: null,
    needs: { tools: true, vision: false, contextTokens: 2_000 },
    previous: null,
    ...change,
  };
}

/** A small model that answers from a list and remembers what it was asked. */
export function answering(...answers: (string | Error)[]): {
  ask: AskSmallModel;
  asked: { model: string; system: string; user: string }[];
} {
  const asked: { model: string; system: string; user: string }[] = [];
  const ask: AskSmallModel = (info, prompt) => {
    asked.push({ model: info.id, ...prompt });
    const answer = answers[asked.length - 1] ?? new Error("asked too often");
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { ask, asked };
}

export const NEVER = new AbortController().signal;
