// The built-in catalogue: reads catalog-data.json and turns its rows into model facts. Holds no fact of its own.

import {
  PHASES,
  type CapabilityScore,
  type ModelInfo,
  type Phase,
  type Price,
  type ReasoningStyle,
} from "../types/provider.ts";
import data from "./catalog-data.json" with { type: "json" };

/** One row of the data file. Prices in USD per million tokens; dates ISO; absent = not found in any source. */
interface CatalogRow {
  id: string;
  wire?: string;
  aliases: string[];
  context: number | null;
  output: number | null;
  price: Price;
  long_context?: { above: number } & Partial<Price>;
  price_change?: { from: string } & Partial<Price>;
  tools: boolean | null;
  vision: boolean | null;
  temperature: boolean;
  reasoning?: ReasoningStyle;
  reasoning_values?: string[];
  reasoning_off?: boolean;
  cache_min_tokens?: number;
  cache_ttl_s?: number;
  scores?: Partial<Record<Phase, number>>;
  /** Phases whose score rests on the model's general level alone. */
  estimated?: "all" | Phase[];
  status: ModelInfo["status"];
  retires?: string;
  replaced_by?: string;
  source: number;
  confidence: ModelInfo["confidence"];
}

interface Catalog {
  roles: Record<string, { capable: string; fast: string; strongest: string }>;
  sources: string[];
  models: CatalogRow[];
}

const catalog = data as Catalog;

/** Providers in the order in which one is chosen when several have credentials and no model is configured. */
const DEFAULT_ORDER = [
  "anthropic",
  "openai",
  "google",
  "deepseek",
  "moonshotai",
  "alibaba",
  "xai",
  "zai",
  "minimax",
  "mistral",
];

function scoresOf(row: CatalogRow): Partial<Record<Phase, CapabilityScore>> {
  const scores: Partial<Record<Phase, CapabilityScore>> = {};
  for (const phase of PHASES) {
    const value = row.scores?.[phase];
    if (value !== undefined)
      scores[phase] = { value, estimate: row.estimated === "all" || (row.estimated?.includes(phase) ?? false) };
  }
  return scores;
}

function toModelInfo(row: CatalogRow, day: string): ModelInfo {
  const slash = row.id.indexOf("/");
  const { from, ...changed } = row.price_change ?? { from: "9999" };
  const { above, ...longPrice } = row.long_context ?? { above: 0 };
  const over = row.retires !== undefined && row.retires <= day;
  return {
    id: row.id,
    provider: row.id.slice(0, slash),
    wireId: row.wire ?? row.id.slice(slash + 1),
    aliases: row.aliases,
    contextWindow: row.context,
    maxOutput: row.output,
    price: from <= day ? { ...row.price, ...changed } : row.price,
    priceEstimate: row.confidence === "estimate" || row.confidence === "second-hand",
    longContext: row.long_context === undefined ? null : { above, price: longPrice },
    tools: row.tools,
    vision: row.vision,
    reasoning: row.reasoning ?? "none",
    reasoningValues: row.reasoning_values ?? [],
    reasoningCanBeOff: row.reasoning_off ?? false,
    temperature: row.temperature,
    cacheMinTokens: row.cache_min_tokens ?? null,
    cacheTtlSeconds: row.cache_ttl_s ?? null,
    scores: scoresOf(row),
    status: over ? "retired" : row.status,
    retires: row.retires ?? null,
    replacedBy: row.replaced_by ?? null,
    source: catalog.sources[row.source] ?? "",
    confidence: row.confidence,
  };
}

/** All models of the catalogue as they stand on `today`: dated price changes and retirements are applied. */
export function catalogModels(today: Date = new Date()): ModelInfo[] {
  const day = today.toISOString().slice(0, 10);
  return catalog.models.map((row) => toModelInfo(row, day));
}

/** Whether the catalogue lists the models of a provider. */
export function hasCatalog(provider: string): boolean {
  return catalog.roles[provider] !== undefined;
}

/** What `capable` and `fast` mean for a provider; null where the catalogue does not know it. */
export function roleDefaults(provider: string): { capable: string | null; fast: string | null } {
  const roles = catalog.roles[provider];
  return { capable: roles?.capable ?? null, fast: roles?.fast ?? null };
}

/** Default model when none is configured: the capable one of the first known provider that has credentials. */
export function defaultModel(providersWithCredentials: string[]): string | null {
  const provider = DEFAULT_ORDER.find((id) => providersWithCredentials.includes(id));
  return provider === undefined ? null : roleDefaults(provider).capable;
}
