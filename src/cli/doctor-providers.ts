// The rows of `bmo doctor` about keys and reachability. Asks each provider that could serve once; never prints a key.

import { missingVariable } from "../config/interpolate.ts";
import type { ModelInfo, ModelRegistry } from "../types/provider.ts";
import type { LoadedSettings } from "../types/settings.ts";
import { BmoError } from "../util/errors.ts";
import type { DoctorRow } from "./doctor-command.ts";

type ProviderFacts = ReturnType<ModelRegistry["providers"]>[number];

function keyRemedy(id: string, loaded: LoadedSettings): string {
  const variable = missingVariable(loaded.settings.providers[id]?.api_key ?? "");
  return variable === null
    ? `Set its key variable, or api_key or key_command in [providers.${id}].`
    : `Set ${variable}, which [providers.${id}] asks for.`;
}

async function checkOne(
  facts: ProviderFacts,
  model: ModelInfo | undefined,
  registry: ModelRegistry,
  loaded: LoadedSettings,
  timeoutMs: number,
): Promise<DoctorRow> {
  const name = `provider ${facts.id}`;
  if (!facts.hasCredentials)
    return { name, state: "warn", detail: "configured, but there is no key", remedy: keyRemedy(facts.id, loaded) };
  if (model === undefined)
    return {
      name,
      state: "warn",
      detail: `key from ${facts.keySource}; no model of it is known`,
      remedy: `List its models under [[providers.${facts.id}.models]], or name one as ${facts.id}/<id>.`,
    };
  try {
    const provider = await registry.provider(model);
    const { ok, detail } = await provider.check(AbortSignal.timeout(timeoutMs));
    if (ok) return { name, state: "ok", detail: `${detail} (key from ${facts.keySource})`, remedy: null };
    return { name, state: "fail", detail, remedy: `Check the key and ${facts.baseUrl}, the proxy, and the network.` };
  } catch (thrown) {
    if (!(thrown instanceof BmoError)) throw thrown;
    return { name, state: "fail", detail: thrown.message, remedy: thrown.hint ?? keyRemedy(facts.id, loaded) };
  }
}

/** A model of the provider to ask about: one that the configuration names, else any that is not retired. */
function pickModel(id: string, models: readonly ModelInfo[], loaded: LoadedSettings): ModelInfo | undefined {
  const own = models.filter(({ provider }) => provider === id);
  return (
    own.find((model) => model.id === loaded.settings.model) ?? own.find(({ status }) => status !== "retired") ?? own[0]
  );
}

/**
 * One row for the credentials as a whole where there are none, else one for each provider that is configured or has a
 * key.
 */
export async function checkProviders(
  registry: ModelRegistry,
  loaded: LoadedSettings,
  timeoutMs: number,
): Promise<DoctorRow[]> {
  const known = registry.providers().filter(({ configured, hasCredentials }) => configured || hasCredentials);
  const models = registry.list();
  const rows = await Promise.all(
    known.map((facts) => checkOne(facts, pickModel(facts.id, models, loaded), registry, loaded, timeoutMs)),
  );
  if (known.some(({ hasCredentials }) => hasCredentials)) return rows;
  return [
    {
      name: "credentials",
      state: "fail",
      detail: "no provider has a key",
      remedy:
        "Set a key variable such as ANTHROPIC_API_KEY or OPENAI_API_KEY, or run `bmo init`. `bmo demo` needs none.",
    },
    ...rows,
  ];
}
