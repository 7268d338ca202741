// The registry: models and providers by the names that users write. Builds each provider once, when it is first needed.

import { isAbsolute, resolve } from "node:path";
import type { ModelInfo, ModelRegistry, Provider } from "../types/provider.ts";
import type { ProviderSettings, Settings } from "../types/settings.ts";
import { BmoError } from "../util/errors.ts";
import { createRedactor } from "../util/redact.ts";
import { catalogModels, hasCatalog } from "./catalog.ts";
import { planKey, runForKey, secretsOf, type Environment } from "./credentials.ts";
import { placeOf, typeOf, writtenBaseUrl } from "./endpoint.ts";
import { applyModelSettings, unknownModel } from "./model-settings.ts";
import { resolveModel, retirementNotice, type KnownModels } from "./resolve.ts";
import type { Transport } from "./transport.ts";
import { findVendor, VENDORS } from "./vendors.ts";
import type { Endpoint, WireFormat } from "./wire.ts";

export interface RegistryInput {
  settings: Settings;
  environment: Environment;
  /** Runs a key command and gives its output. */
  runKeyCommand(command: string): Promise<string>;
  /** Told each secret value in use, before it is used, so that it can be kept out of everything shown or stored. */
  onKey(value: string): void;
  /** Where relative paths of the configuration start. */
  baseDirectory: string;
  now(): Date;
  /** Said where an unknown provider could have been one of an untrusted project. */
  unknownProviderHint?: string;
  /** Milliseconds before a second try where the server asks for nothing; for tests. */
  retryBaseMs?: number;
}

const RETRY_BASE_MS = 500;

async function loadWire(
  type: "anthropic" | "openai" | "openai-compatible",
  api: "responses" | "chat",
): Promise<WireFormat> {
  if (type === "anthropic") return (await import("./anthropic.ts")).anthropicFormat;
  if (type === "openai" && api === "responses") return (await import("./openai-responses.ts")).responsesFormat;
  return (await import("./openai-chat.ts")).chatFormat;
}

export function createRegistry(input: RegistryInput): ModelRegistry {
  const { settings, environment } = input;
  const built = new Map<string, Promise<Provider>>();
  const said = new Set<string>();
  const secrets = new Set<string>();
  const redactor = createRedactor();
  let transport: Transport | null = null;
  let catalogue: ModelInfo[] | null = null;

  const keep = (value: string): void => {
    if (value === "" || secrets.has(value)) return;
    secrets.add(value);
    redactor.add(value);
    input.onKey(value);
  };
  const settingsOf = (id: string): ProviderSettings | undefined =>
    Object.hasOwn(settings.providers, id) ? settings.providers[id] : undefined;
  const fullCatalogue = (): ModelInfo[] => (catalogue ??= catalogModels(input.now()));

  const configured = new Map<string, ModelInfo[]>();
  for (const [id, provider] of Object.entries(settings.providers)) {
    const ids = new Set<string>();
    const models = (provider.models ?? []).flatMap((model, index) => {
      const key = `providers.${id}.models[${JSON.stringify(model.id ?? index)}]`;
      if (typeof model.id !== "string" || model.id.trim() === "")
        throw new BmoError(
          "configuration",
          `${key}.id is missing`,
          "Each model needs the id that its provider knows it by.",
        );
      if (ids.has(model.id)) return [];
      ids.add(model.id);
      const known = hasCatalog(id)
        ? fullCatalogue().find(
            (one) => one.provider === id && (one.wireId === model.id || one.id === `${id}/${model.id}`),
          )
        : undefined;
      return [applyModelSettings(known ?? unknownModel(id, model.id), model, key)];
    });
    if (models.length > 0) configured.set(id, models);
  }
  // Both lists are asked for at every step and cannot change while the registry lives.
  let unnamed: ModelInfo[] | null = null;
  const unconfigured = (): ModelInfo[] => {
    if (unnamed !== null) return unnamed;
    const named = new Set([...configured.values()].flat().map((model) => model.id));
    return (unnamed = fullCatalogue().filter((model) => !named.has(model.id)));
  };
  const known: KnownModels = {
    configured,
    catalogue: unconfigured,
    providers: [...new Set([...Object.keys(settings.providers), ...VENDORS.map((vendor) => vendor.id)])],
    isListed: (provider) => configured.has(provider) || hasCatalog(provider),
    hint: input.unknownProviderHint ?? null,
  };

  // Every key that is at hand is reported at once: text may carry one that no request has used yet.
  for (const id of known.providers) {
    const own = settingsOf(id);
    const { value } = planKey(id, own, findVendor(id), environment);
    if (value !== null) keep(value);
    for (const secret of secretsOf(own?.headers ?? {}, own?.base_url ?? "")) if (!secret.includes("${")) keep(secret);
  }

  const needsKey = (id: string): boolean => {
    const own = settingsOf(id);
    const vendor = findVendor(id);
    const type = typeOf(id, own, vendor);
    if (type === "script") return false;
    if (Object.keys(own?.headers ?? {}).some((name) => /^(authorization|x-api-key|api-key)$/i.test(name))) return false;
    if (vendor !== undefined && (own?.type === undefined || own.type === vendor.type)) return vendor.needsKey;
    return type !== "openai-compatible" && own?.base_url === undefined;
  };

  const build = async (model: ModelInfo): Promise<Provider> => {
    const id = model.provider;
    const own = settingsOf(id);
    const vendor = findVendor(id);
    const place = placeOf(id, own, vendor, environment);
    if (place.type === "script") {
      if (own?.file === undefined || own.file === "")
        throw new BmoError(
          "configuration",
          `providers.${id}.file is missing`,
          "A provider of type script needs the file with its replies.",
        );
      const file = isAbsolute(own.file) ? own.file : resolve(input.baseDirectory, own.file);
      return (await import("./script.ts")).createScriptProvider(id, file);
    }
    const plan = planKey(id, own, vendor, environment);
    const key = plan.command === null ? plan.value : await runForKey(id, plan.command, input.runKeyCommand);
    if (key === null && (needsKey(id) || plan.missing.some((name) => own?.api_key?.includes(name) === true))) {
      const variables = plan.missing.join(" or ");
      const what =
        own?.api_key !== undefined && own.api_key !== ""
          ? `providers.${id}.api_key uses ${variables}, which is not set`
          : variables === ""
            ? `providers.${id}.api_key is not set`
            : `${variables} is not set`;
      throw new BmoError(
        "credentials",
        `No key for provider ${id}, which serves ${model.id}: ${what}`,
        `Set ${variables === "" ? `[providers.${id}] api_key or key_command` : `${variables}, or [providers.${id}] api_key or key_command`}. \`bmo doctor\` shows which keys are found.`,
      );
    }
    if (key !== null && /[\r\n\u0000]|[^\u0020-\u00ff]/.test(key))
      throw new BmoError(
        "credentials",
        `The key from ${plan.source ?? id} contains characters that no key has (a line break?)`,
        `Check ${plan.source ?? `providers.${id}.api_key`}.`,
      );
    if (key !== null) keep(key);
    for (const secret of secretsOf(place.headers, place.baseUrl)) keep(secret);
    const endpoint: Endpoint = {
      provider: id,
      baseUrl: place.baseUrl,
      key,
      bearer: plan.bearer,
      keySource: plan.source,
      headers: place.headers,
      idleMs: place.idleMs,
      retry: { maxRetries: place.maxRetries, baseMs: input.retryBaseMs ?? RETRY_BASE_MS },
      dialect: place.dialect,
      alternatives: (asked) =>
        [
          ...(configured.get(id) ?? []),
          ...unconfigured().filter((one) => one.provider === id && one.status === "current"),
        ]
          .filter((one) => one.id !== asked.id)
          .map((one) => one.id),
      redact: redactor.redact,
    };
    const [wire, { createHttpProvider }, { createTransport }] = await Promise.all([
      loadWire(place.type, place.api),
      import("./wire.ts"),
      import("./transport.ts"),
    ]);
    return createHttpProvider(wire, endpoint, (transport ??= createTransport(environment)));
  };

  const describeProviders = (): ReturnType<ModelRegistry["providers"]> =>
    known.providers.flatMap((id) => {
      const own = settingsOf(id);
      const vendor = findVendor(id);
      const plan = planKey(id, own, vendor, environment);
      if (own === undefined && plan.source === null) return [];
      const type = own?.type ?? vendor?.type ?? (own?.file !== undefined ? "script" : "openai-compatible");
      const hasKey = plan.source !== null;
      const keyless =
        !hasKey &&
        plan.missing.every((name) => own?.api_key?.includes(name) !== true) &&
        (type === "script" || !needsKey(id));
      return [
        {
          id,
          type,
          configured: own !== undefined,
          hasCredentials: hasKey || keyless,
          keySource:
            plan.source ??
            (keyless
              ? "none needed"
              : plan.missing.length > 0
                ? `${plan.missing.join(" or ")} (not set)`
                : `providers.${id}.api_key (not set)`),
          baseUrl: type === "script" ? (own?.file ?? "") : safeUrl(writtenBaseUrl(type, own, vendor, environment)),
        },
      ];
    });
  let described: ReturnType<ModelRegistry["providers"]> | null = null;

  return {
    list: () => [...[...configured.values()].flat(), ...unconfigured()],
    providers: () => (described ??= describeProviders()),
    resolve: (name, where, quiet = false) => {
      const { model, notices } = resolveModel(name, where, known);
      if (quiet) return { model, notices: [] };
      const retirement = retirementNotice(model, name.trim(), where, input.now());
      // Scripted replies have no price, and say so wherever they are shown.
      const unlisted = settingsOf(model.provider)?.type === "script" ? [] : notices;
      const fresh = [
        ...unlisted.map((text) => ({ key: `unlisted ${model.id}`, text })),
        ...(retirement === null ? [] : [{ key: `retired ${model.id}`, text: retirement }]),
      ].filter(({ key }) => !said.has(key));
      for (const { key } of fresh) said.add(key);
      return { model, notices: fresh.map(({ text }) => text) };
    },
    provider: (model) => {
      const there = built.get(model.provider);
      if (there !== undefined) return there;
      const fresh = build(model);
      built.set(model.provider, fresh);
      // A failure is not kept: the key may be there at the next try.
      fresh.catch(() => built.delete(model.provider));
      return fresh;
    },
  };
}

/** A URL without name, password and query, for lists. */
function safeUrl(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}
