// Turns what the configuration names (`provider/id`, bare id, `role:…`, `tier:…`, `auto`) into models. Must never let a
// tier or role name through to a provider, and never substitutes a model without a notice.

import { BmoError } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import type { ModelInfo, ModelRegistry } from "../types/provider.ts";
import type { Settings } from "../types/settings.ts";
import { parseTier, TIERS, type Tier } from "../types/route.ts";

/**
 * What the router is built from. Tables of the catalogue and prompts belong to folders that this one may not import.
 */
export interface RouterParts {
  registry: ModelRegistry;
  /** The default model for the providers that have credentials, by the catalogue's table; null = none known. */
  defaultModel(providerIds: string[]): string | null;
  /** Canonical or wire ids of a provider's capable and fast model; null where the catalogue knows none. */
  roles(provider: string): { capable: string | null; fast: string | null };
  /** `gatePrompt` and `classifyPrompt` of prompts/. */
  prompts: {
    gate(message: string): { system: string; user: string };
    classify(message: string): { system: string; user: string };
  };
  /** Milliseconds, for the stamp `decide_ms` alone. */
  now?: () => number;
  /** How long the small model may take before rules decide instead. Default 8,000 ms. */
  smallModelTimeoutMs?: number;
}

export type ModelSpec =
  { kind: "unset" } | { kind: "auto" } | { kind: "tier"; tier: Tier } | { kind: "pin"; model: ModelInfo; name: string };

export interface ModelBook {
  /** @throws BmoError configuration naming `key`. */
  spec(value: string | null, key: string): ModelSpec;
  /** The model bound to exactly this tier, or null when unset. */
  bound(tier: Tier): ModelInfo | null;
  /** @throws BmoError credentials or configuration when there is none. */
  defaultModel(): { model: ModelInfo; reason: string };
  /** The small model: routing model, or the gate's own. Null when unset or unusable (then a notice says so). */
  small(purpose: "gate" | "classify"): ModelInfo | null;
  /** Resolves without throwing; null when unknown. For candidate lists. */
  tryResolve(name: string): ModelInfo | null;
  /** Whether its provider is configured or has credentials. */
  isUsable(model: ModelInfo): boolean;
}

const TIER_KEYS = {
  balanced: "balanced_model",
  smart: "smart_model",
  coding: "coding_model",
  deep: "deep_model",
} as const;

export function createModelBook(settings: Settings, parts: RouterParts, notice: (text: string) => void): ModelBook {
  const { registry } = parts;

  const resolve = (name: string, where: string): ModelInfo => {
    const { model, notices } = registry.resolve(name, where);
    for (const text of notices) notice(text);
    return model;
  };

  const tryResolve = (name: string): ModelInfo | null => {
    try {
      return registry.resolve(name, "candidates", true).model;
    } catch (thrown) {
      if (thrown instanceof BmoError) return null;
      throw thrown;
    }
  };

  const homeProvider = (): string | null => {
    const name = settings.model?.trim() ?? "";
    if (name !== "" && name !== "auto" && !name.includes(":")) return tryResolve(name)?.provider ?? null;
    const chosen = parts.defaultModel(usableProviders());
    return chosen === null ? (usableProviders()[0] ?? null) : (tryResolve(chosen)?.provider ?? null);
  };

  const usableProviders = (): string[] =>
    registry
      .providers()
      .filter((one) => one.hasCredentials)
      .map((one) => one.id);

  const role = (name: string, key: string): ModelInfo => {
    if (name !== "capable" && name !== "fast") {
      throw new BmoError("configuration", `${key}: unknown role "${name}".`, "Allowed: role:capable, role:fast.");
    }
    const own = settings.options.roles[name]?.trim() ?? "";
    if (own !== "") return concrete(own, `options.roles.${name}`);
    const provider = homeProvider();
    const id = provider === null ? null : parts.roles(provider)[name];
    if (provider !== null && id !== null)
      return resolve(id.includes("/") ? id : `${provider}/${id}`, `role ${name} of ${provider}`);
    const fallback = defaultModel();
    notice(
      `No ${name} model is known${provider === null ? "" : ` for provider ${provider}`}; ${key} uses the default model ${fallback.model.id}. Set options.roles.${name} to choose one.`,
    );
    return fallback.model;
  };

  const concrete = (value: string, key: string): ModelInfo => {
    const name = value.trim();
    if (name.startsWith("role:")) return role(name.slice(5), key);
    if (name.startsWith("tier:") || name === "auto") {
      throw new BmoError(
        "configuration",
        `${key} = "${name}" does not name a model.`,
        "Allowed: provider/model, a bare model id, role:capable, role:fast.",
      );
    }
    if (parseTier(name) !== null && tryResolve(name) === null) {
      throw new BmoError(
        "configuration",
        `${key} = "${name}" names a tier, not a model.`,
        `Where a tier is allowed it is written "tier:${name.toLowerCase()}".`,
      );
    }
    return resolve(name, key);
  };

  const spec = (value: string | null, key: string): ModelSpec => {
    const name = value?.trim() ?? "";
    if (name === "") return { kind: "unset" };
    if (name.toLowerCase() === "auto") return { kind: "auto" };
    if (/^tier:/i.test(name)) {
      const tier = parseTier(name.slice(5));
      if (tier === null) {
        const near = nearestNames(name.slice(5), TIERS, 1)[0];
        throw new BmoError(
          "configuration",
          `${key} = "${name}": unknown tier.`,
          `Allowed: ${TIERS.map((one) => `tier:${one}`).join(", ")}${near === undefined ? "" : `; nearest: tier:${near}`}.`,
        );
      }
      return { kind: "tier", tier };
    }
    return { kind: "pin", model: concrete(name, key), name };
  };

  const bound = (tier: Tier): ModelInfo | null => {
    const value = settings.options.model_router[TIER_KEYS[tier]]?.trim() ?? "";
    return value === "" ? null : concrete(value, `options.model_router.${TIER_KEYS[tier]}`);
  };

  const defaultModel = (): { model: ModelInfo; reason: string } => {
    const own = settings.model?.trim() ?? "";
    if (own !== "" && own.toLowerCase() !== "auto")
      return { model: concrete(own, "model"), reason: "default model of the configuration" };
    const providers = usableProviders();
    const chosen = parts.defaultModel(providers);
    if (chosen !== null)
      return {
        model: resolve(chosen, "default model"),
        reason:
          providers.length === 0
            ? "default model of the catalogue; no credentials were found"
            : `default model for the credentials found (${providers.join(", ")})`,
      };
    const configured = registry
      .providers()
      .filter((one) => one.configured)
      .map((one) => one.id);
    const listed =
      registry.list().find((model) => configured.includes(model.provider) && providers.includes(model.provider)) ??
      registry.list().find((model) => configured.includes(model.provider));
    if (listed !== undefined) {
      notice(`No default model is set; using ${listed.id}, the first one configured. Set "model" to choose.`);
      return { model: listed, reason: "no default model is set: the first model configured" };
    }
    throw new BmoError(
      "credentials",
      "No model can be chosen: no default model is configured and no provider has credentials.",
      'Set a provider\'s key (for example ANTHROPIC_API_KEY), set "model" in the configuration, or run `bmo init`.',
    );
  };

  const small = (purpose: "gate" | "classify"): ModelInfo | null => {
    const gateName = settings.options.gate.model?.trim() ?? "";
    const routingName = settings.options.model_router.routing_model?.trim() ?? "";
    const [name, key] =
      purpose === "gate" && gateName !== ""
        ? [gateName, "options.gate.model"]
        : [routingName, "options.model_router.routing_model"];
    if (name === "") return null;
    try {
      return concrete(name, key);
    } catch (thrown) {
      if (!(thrown instanceof BmoError)) throw thrown;
      notice(`${thrown.message} Rules decide instead.`);
      return null;
    }
  };

  const reachable = new Set(
    registry
      .providers()
      .filter((one) => one.configured || one.hasCredentials)
      .map((one) => one.id),
  );
  const isUsable = (model: ModelInfo): boolean => reachable.has(model.provider);

  return { spec, bound, defaultModel, small, tryResolve, isUsable };
}
