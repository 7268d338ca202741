// The catalogue's data: complete, consistent, sourced, and spelled as users spell it.

import { describe, expect, test } from "vitest";
import { PHASES } from "../../src/types/provider.ts";
import { catalogModels, defaultModel, hasCatalog, roleDefaults } from "../../src/providers/catalog.ts";
import { VENDORS } from "../../src/providers/vendors.ts";

const models = catalogModels(new Date("2026-11-21"));
const byId = new Map(models.map((model) => [model.id, model]));
const normal = (name: string): string => name.toLowerCase().replaceAll(".", "-").replaceAll(" ", "-");

describe("rows", () => {
  test("ids are unique, providers are vendors of the table, and every name means one model", () => {
    expect(models).toHaveLength(69);
    expect(byId.size).toBe(69);
    expect(
      models.filter((model) => !VENDORS.some((vendor) => vendor.id === model.provider)).map((model) => model.id),
    ).toEqual([]);
    const owners = new Map<string, Set<string>>();
    for (const model of models)
      for (const name of [model.wireId, model.id.slice(model.provider.length + 1), ...model.aliases])
        owners.set(normal(name), (owners.get(normal(name)) ?? new Set()).add(model.id));
    expect([...owners].filter(([, ids]) => ids.size > 1).map(([name]) => name)).toEqual([]);
  });

  test.each(models.map((model) => [model.id, model] as const))("%s has possible figures and a source", (_id, model) => {
    expect(model.source).not.toBe("");
    expect(["vendor", "catalogue", "second-hand", "estimate"]).toContain(model.confidence);
    expect(model.price.input).toBeGreaterThan(0);
    expect(model.price.output ?? 0).toBeGreaterThanOrEqual(model.price.input ?? 0);
    if (model.price.cache_read !== null) expect(model.price.cache_read).toBeLessThan(model.price.input ?? 0);
    expect(model.contextWindow).toBeGreaterThanOrEqual(128_000);
    if (model.longContext !== null) {
      expect(model.longContext.above).toBeGreaterThan(0);
      expect(model.longContext.price.input).toBeGreaterThan(model.price.input ?? 0);
    }
    if (model.reasoning === "effort") expect(model.reasoningValues.length).toBeGreaterThan(0);
    const scored = PHASES.filter((phase) => model.scores[phase] !== undefined);
    expect([0, PHASES.length]).toContain(scored.length);
    if (model.replacedBy !== null) expect(byId.has(model.replacedBy)).toBe(true);
    if (model.status === "retired") expect(model.replacedBy).not.toBeNull();
    expect(model.priceEstimate).toBe(model.confidence === "second-hand");
  });

  test("scores without a benchmark of their own are marked", () => {
    const opus = byId.get("anthropic/claude-opus-4-7")?.scores;
    expect(opus?.implement).toEqual({ value: 72, estimate: false });
    expect(opus?.document).toEqual({ value: 88, estimate: true });
    expect(byId.get("deepseek/deepseek-chat")?.scores.plan).toEqual({ value: 35, estimate: true });
  });
});

describe("dates", () => {
  test("a dated price change holds from its day on", () => {
    const price = (day: string): number | null | undefined =>
      catalogModels(new Date(day)).find((model) => model.id === "google/gemini-4-argon")?.price.input;
    expect([price("2026-11-30"), price("2026-12-01"), price("2027-06-01")]).toEqual([2, 4, 4]);
  });

  test("a model is retired from its day on", () => {
    const status = (day: string): string | undefined =>
      catalogModels(new Date(day)).find((model) => model.id === "openai/gpt-5-mini")?.status;
    expect([status("2026-12-10"), status("2026-12-11")]).toEqual(["legacy", "retired"]);
  });
});

describe("roles", () => {
  test("every provider of the catalogue has living models for both roles", () => {
    for (const provider of new Set(models.map((model) => model.provider))) {
      const roles = roleDefaults(provider);
      expect(hasCatalog(provider)).toBe(true);
      for (const id of [roles.capable, roles.fast])
        expect(byId.get(id ?? "")).toMatchObject({ provider, status: "current" });
    }
    expect(roleDefaults("ollama")).toEqual({ capable: null, fast: null });
  });

  test("the default model follows the credentials that are there", () => {
    expect(defaultModel(["openai", "anthropic"])).toBe("anthropic/claude-sonnet-5-5");
    expect(defaultModel(["groq", "deepseek", "openai"])).toBe("openai/gpt-6.1-sol");
    expect(defaultModel(["ollama", "openrouter"])).toBeNull();
    expect(defaultModel([])).toBeNull();
  });
});
