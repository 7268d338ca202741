// Finds the model that a user's spelling means: canonical id, bare id, alias. Never substitutes one model for another.

import type { ModelInfo } from "../types/provider.ts";
import { BmoError } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import { unknownModel } from "./model-settings.ts";

export interface KnownModels {
  /** Models of the configuration, by provider. */
  configured: ReadonlyMap<string, ModelInfo[]>;
  /** Models of the catalogue that the configuration does not name. */
  catalogue: () => ModelInfo[];
  /** Every provider that may stand before the slash. */
  providers: readonly string[];
  /** Whether ids that are not listed are refused for a provider. */
  isListed(provider: string): boolean;
  /** Said where an unknown provider could have been one of an untrusted project. */
  hint: string | null;
}

/** Spellings that mean the same: case, and `.` for `-` in version numbers. */
function normal(name: string): string {
  return name.trim().toLowerCase().replaceAll(".", "-").replaceAll(" ", "-");
}

/** `-20261001`, `-2026-10-01` or `-1001` of the same length: the date of a snapshot. */
const SNAPSHOT = /-(20\d{6}|20\d\d-\d\d-\d\d)$/;

function named(models: ModelInfo[], id: string): ModelInfo[] {
  const exact = models.filter((model) => model.wireId === id || model.id === `${model.provider}/${id}`);
  if (exact.length > 0) return exact;
  const alias = models.filter((model) => model.aliases.includes(id));
  if (alias.length > 0) return alias;
  const wanted = normal(id);
  return models.filter((model) =>
    [model.wireId, model.id.slice(model.provider.length + 1), ...model.aliases].some((name) => normal(name) === wanted),
  );
}

const all = (known: KnownModels): ModelInfo[] => [...[...known.configured.values()].flat(), ...known.catalogue()];
const quoted = (names: string[]): string => names.map((name) => `\`${name}\``).join(", ");

function nearestHint(name: string, known: KnownModels, provider: string | null): string {
  const ids = all(known)
    .filter((model) => provider === null || model.provider === provider)
    .flatMap((model) => [model.id, ...(provider === null ? [model.wireId] : [])]);
  const nearest = nearestNames(name, ids);
  const listed = provider === null ? [] : ids.slice(0, 5);
  const meant =
    nearest.length > 0
      ? `Nearest: ${quoted(nearest)}.`
      : listed.length > 0
        ? `Known: ${quoted(listed)}${ids.length > 5 ? " …" : ""}.`
        : "";
  const add =
    provider === null
      ? "`bmo models` lists what is known."
      : `A model that bmo does not know yet needs [[providers.${provider}.models]] id = "…" in the configuration.`;
  return `${meant} ${add}`.trim();
}

function inProvider(
  provider: string,
  id: string,
  name: string,
  where: string,
  known: KnownModels,
): { model: ModelInfo; notices: string[] } {
  const configured = known.configured.get(provider) ?? [];
  const catalogue = known.catalogue().filter((model) => model.provider === provider);
  const hits = named(configured, id);
  const found = (hits.length > 0 ? hits : named(catalogue, id))[0];
  if (found !== undefined) return { model: found, notices: [] };
  const family = SNAPSHOT.test(id) ? named([...configured, ...catalogue], id.replace(SNAPSHOT, ""))[0] : undefined;
  if (family !== undefined) {
    const model = { ...family, id: `${provider}/${id}`, wireId: id };
    return {
      model,
      notices: [
        `${where}: \`${name}\` is not in the catalogue; it is taken as a snapshot of \`${family.id}\`, with its price and limits.`,
      ],
    };
  }
  if (known.isListed(provider)) {
    throw new BmoError(
      "configuration",
      `${where}: provider ${provider} has no model \`${id}\``,
      nearestHint(`${provider}/${id}`, known, provider),
    );
  }
  return {
    model: unknownModel(provider, id),
    notices: [`${where}: nothing is known about \`${name}\`; its price counts as unknown.`],
  };
}

/** @throws BmoError configuration naming `where`, the name and the nearest known names. */
export function resolveModel(name: string, where: string, known: KnownModels): { model: ModelInfo; notices: string[] } {
  const wanted = name.trim();
  if (wanted === "")
    throw new BmoError(
      "configuration",
      `${where}: the model name is empty`,
      "Write `provider/model`; `bmo models` lists what is known.",
    );
  const slash = wanted.indexOf("/");
  const prefix = slash > 0 ? wanted.slice(0, slash) : null;
  const provider =
    prefix === null
      ? undefined
      : (known.providers.find((id) => id === prefix) ??
        known.providers.find((id) => id.toLowerCase() === prefix.toLowerCase()));
  if (provider !== undefined && slash + 1 < wanted.length)
    return inProvider(provider, wanted.slice(slash + 1), wanted, where, known);
  const configured = named([...known.configured.values()].flat(), wanted);
  const hits = configured.length > 0 ? configured : named(known.catalogue(), wanted);
  const [only, ...others] = hits;
  if (only !== undefined && others.length === 0) return { model: only, notices: [] };
  if (only !== undefined) {
    const ids = hits.map((model) => model.id);
    throw new BmoError(
      "configuration",
      `${where}: \`${wanted}\` is ambiguous: ${ids.length} providers have it`,
      `Write one of ${quoted(ids)}.`,
    );
  }
  if (prefix !== null) {
    const nearest = nearestNames(prefix, known.providers);
    const meant =
      nearest.length > 0 ? `Nearest: ${quoted(nearest)}.` : `Known providers: ${known.providers.join(", ")}.`;
    throw new BmoError(
      "configuration",
      `${where}: there is no provider \`${prefix}\` (in \`${wanted}\`)`,
      `${meant} Others are defined under [providers.${prefix}].${known.hint === null ? "" : ` ${known.hint}`}`,
    );
  }
  throw new BmoError("configuration", `${where}: no model \`${wanted}\` is known`, nearestHint(wanted, known, null));
}

const SOON_MS = 30 * 24 * 3_600_000;

/** What must be said when a model is used that is gone or about to go; null when nothing. It is never replaced. */
export function retirementNotice(model: ModelInfo, name: string, where: string, today: Date): string | null {
  const successor =
    model.replacedBy === null ? "" : ` Its successor is \`${model.replacedBy}\`; bmo does not switch by itself.`;
  const written = name === model.id || name === model.wireId ? `\`${name}\`` : `\`${name}\` (${model.id})`;
  const date = model.retires === null ? Number.NaN : Date.parse(model.retires);
  if (model.status === "retired" || date <= today.getTime())
    return `${where}: ${written} was retired${model.retires === null ? "" : ` on ${model.retires}`}; its provider will probably refuse it.${successor}`;
  if (model.status === "deprecated" || date - today.getTime() < SOON_MS)
    return `${where}: ${written} will be retired${model.retires === null ? "" : ` on ${model.retires}`}.${successor}`;
  return null;
}
