// How much of a request was billed again only because the model was switched: a single model would have read it from
// its cache. Follows one prefix per conversation; knows nothing of prices.

import { promptTokens } from "./price.ts";
import type { ModelInfo, Usage } from "../types/provider.ts";

const DEFAULT_TTL_SECONDS = 300;
const DEFAULT_SMALLEST_PREFIX = 1_024;

interface Prefix {
  model: string;
  tokens: number;
  /** Milliseconds; until then the previous model's cache would have held. */
  warmUntil: number;
}

export interface CacheSwitches {
  /**
   * Takes note of a call. Returns the tokens that a warm cache would have served; null when the model was not switched.
   */
  observe(conversation: string, model: ModelInfo, usage: Usage, now: Date): number | null;
  /** Takes note of a call of an earlier run. */
  remember(conversation: string, model: Pick<ModelInfo, "id" | "cacheTtlSeconds">, usage: Usage, at: Date): void;
}

export function createCacheSwitches(): CacheSwitches {
  const prefixes = new Map<string, Prefix>();
  const remember: CacheSwitches["remember"] = (conversation, model, usage, at) => {
    prefixes.set(conversation, {
      model: model.id,
      tokens: promptTokens(usage) + usage.output,
      warmUntil: at.getTime() + (model.cacheTtlSeconds ?? DEFAULT_TTL_SECONDS) * 1000,
    });
  };
  return {
    remember,
    observe(conversation, model, usage, now) {
      const before = prefixes.get(conversation);
      const tokens = promptTokens(usage);
      remember(conversation, model, usage, now);
      if (before === undefined || before.model === model.id) return null;
      const reusable = Math.min(before.tokens, tokens);
      if (now.getTime() > before.warmUntil || reusable < (model.cacheMinTokens ?? DEFAULT_SMALLEST_PREFIX)) return 0;
      return Math.max(0, reusable - usage.cache_read);
    },
  };
}

/** The same usage with `cold` tokens read from the cache instead of written to it or billed as plain input. */
export function warmUsage(usage: Usage, cold: number): Usage {
  const fromWrite = Math.min(cold, usage.cache_write);
  const fromInput = Math.min(cold - fromWrite, usage.input);
  return {
    ...usage,
    input: usage.input - fromInput,
    cache_write: usage.cache_write - fromWrite,
    cache_read: usage.cache_read + fromWrite + fromInput,
  };
}
