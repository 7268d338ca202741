// What the agent asks of a provider and what comes back. A provider never rejects: failure is the last part of its
// stream.

import type { AssistantMessage, Message } from "./message.ts";
import type { JsonObject } from "./json.ts";

/**
 * Tokens of one model call. `input` excludes what was read from or written to the cache: the four figures add up to
 * what was billed.
 */
export interface Usage {
  input: number;
  output: number;
  cache_read: number;
  cache_write: number;
}

/** USD per million tokens; `null` = unknown, never zero by default. */
export interface Price {
  input: number | null;
  output: number | null;
  cache_read: number | null;
  cache_write: number | null;
}

/** A dearer price that applies to the whole request once its input exceeds `above` tokens. */
export interface LongContextPrice {
  above: number;
  price: Partial<Price>;
}

export const PHASES = ["plan", "implement", "debug", "test", "refactor", "document", "small_edit"] as const;
export type Phase = (typeof PHASES)[number];

export type ReasoningLevel = "off" | "low" | "medium" | "high";
export const REASONING_LEVELS: readonly ReasoningLevel[] = ["off", "low", "medium", "high"];

/** One capability score: 0 to 100, the modelled chance that typical work of that phase is right at the first try. */
export interface CapabilityScore {
  value: number;
  estimate: boolean;
}

/** How a model takes a reasoning level on the wire; `none` = takes no parameter. */
export type ReasoningStyle = "none" | "effort" | "budget" | "toggle";

/**
 * Facts about one model as the catalogue and the user's configuration give them. Source: design/model-facts, dated in
 * the catalogue.
 */
export interface ModelInfo {
  /** Canonical `provider/model`; unique. */
  id: string;
  provider: string;
  /** The id that goes over the wire. */
  wireId: string;
  aliases: string[];
  /** Tokens; `null` = unknown. */
  contextWindow: number | null;
  maxOutput: number | null;
  price: Price;
  /** True where a figure of the price is no vendor's or catalogue's figure: shown with `~`. */
  priceEstimate: boolean;
  longContext: LongContextPrice | null;
  tools: boolean | null;
  vision: boolean | null;
  reasoning: ReasoningStyle;
  /** Values that the vendor accepts for its effort parameter, weakest first; empty where not known. */
  reasoningValues: string[];
  reasoningCanBeOff: boolean;
  /** Whether a temperature may be sent. */
  temperature: boolean;
  /** Smallest prefix in tokens that the vendor caches; `null` = unknown. */
  cacheMinTokens: number | null;
  /** Seconds that a cache entry lives; `null` = unknown. */
  cacheTtlSeconds: number | null;
  scores: Partial<Record<Phase, CapabilityScore>>;
  status: "current" | "legacy" | "deprecated" | "retired";
  /** ISO date of retirement, or null. */
  retires: string | null;
  /** Canonical id of the successor, or null. */
  replacedBy: string | null;
  source: string;
  confidence: "vendor" | "catalogue" | "second-hand" | "estimate" | "user";
}

/** A tool as it is described to a model. `schema` is a JSON Schema (draft 7) of type object. */
export interface ToolSpec {
  name: string;
  description: string;
  schema: JsonObject;
}

export interface ModelRequest {
  /** Facts of the model asked for; `model.wireId` is what the provider sends. */
  model: ModelInfo;
  system: string;
  messages: Message[];
  tools: ToolSpec[];
  maxTokens: number;
  /** Sent only where `model.temperature`. */
  temperature: number | null;
  reasoning: ReasoningLevel | null;
  /** Stable for a conversation; becomes the vendor's cache key where it has one. */
  cacheKey: string;
}

export type StopReason = "end" | "tool_calls" | "max_tokens" | "refusal";

export type ProviderErrorKind =
  | "credentials" // 401, 403
  | "model_not_found" // 404
  | "bad_request" // 400 and other 4xx
  | "context_overflow" // 400 that means the prompt is too long
  | "rate_limit" // 429 after retries
  | "overloaded" // 5xx after retries
  | "network" // refused, reset, name resolution, TLS, idle stall; after retries
  | "protocol" // the answer is not what the protocol says
  | "aborted";

export interface ProviderError {
  kind: ProviderErrorKind;
  /** HTTP status, or null when no answer came. */
  status: number | null;
  /** One sentence that names provider, model and cause; cleaned of control characters; never a key. */
  message: string;
  hint: string | null;
  /** Text that had already arrived when the stream broke. */
  partialText: string;
}

export type StreamPart =
  | { type: "text_delta"; text: string }
  | { type: "reasoning_delta"; text: string }
  /** Waiting before another try; deltas of the failed try are void. `delayMs` counts down from now. */
  /** `billable`: the try that failed may be billed all the same. */
  | { type: "retry"; attempt: number; maxAttempts: number; delayMs: number; reason: string; billable?: boolean }
  /** Last part on success. `servedModel` is the model name in the answer, or null where the protocol gives none. */
  | { type: "end"; message: AssistantMessage; usage: Usage; stopReason: StopReason; servedModel: string | null }
  /** Last part on failure. `usage` = what is known to have been billed. */
  | { type: "error"; error: ProviderError; usage: Usage | null };

export interface Provider {
  readonly id: string;
  /** True for scripted replies: said wherever a model is shown. */
  readonly scripted: boolean;
  /** Never rejects; ends after exactly one `end` or `error` part. */
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<StreamPart>;
  /** Cheap reachability probe for `bmo doctor`; never throws. */
  check(signal: AbortSignal): Promise<{ ok: boolean; detail: string }>;
}

/** Where models and providers are looked up; built from catalogue, vendors table and configuration. */
export interface ModelRegistry {
  /** All known models: configured providers and catalogue. */
  list(): ModelInfo[];
  /** Providers that are configured or have credentials, by id. */
  providers(): {
    id: string;
    configured: boolean;
    hasCredentials: boolean;
    keySource: string;
    type: string;
    baseUrl: string;
  }[];
  /**
   * Turns what a user wrote (`provider/id`, bare id, alias) into facts.
   * Each notice is given once; `quiet` neither gives it nor takes it away from whoever shows it.
   * @throws BmoError configuration (exit 2) with the nearest names: unknown provider, unknown id of a provider whose
   * models are listed, ambiguous bare id.
   */
  resolve(name: string, where: string, quiet?: boolean): { model: ModelInfo; notices: string[] };
  /** The provider that serves a model. @throws BmoError credentials (exit 6) when the key is missing. */
  provider(model: ModelInfo): Promise<Provider>;
}
