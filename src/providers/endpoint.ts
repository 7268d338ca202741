// Puts together where and how one configured provider is called: type, address, headers, limits. Keys come from
// credentials.ts.

import type { ProviderSettings, ProviderType } from "../types/settings.ts";
import { BmoError } from "../util/errors.ts";
import { isLoopbackHost } from "../util/loopback.ts";
import { interpolated, type Environment } from "./credentials.ts";
import { PLAIN_DIALECT, type ChatDialect, type Vendor } from "./vendors.ts";

export interface Place {
  type: ProviderType;
  api: "responses" | "chat";
  /** Without a slash at the end; empty for a script. */
  baseUrl: string;
  headers: Record<string, string>;
  idleMs: number;
  maxRetries: number;
  dialect: ChatDialect;
}

const DEFAULT_RETRIES = 4;
const IDLE_SECONDS = 120;
/** A model on this machine may read a long prompt for minutes before its first byte. */
const LOCAL_IDLE_SECONDS = 600;
const TYPES: readonly ProviderType[] = ["anthropic", "openai", "openai-compatible", "script"];

function isLoopbackUrl(baseUrl: string): boolean {
  return URL.canParse(baseUrl) && isLoopbackHost(new URL(baseUrl).hostname);
}

/**
 * The type of a provider: as configured, else the vendor's, else compatible where a base URL is given. @throws BmoError
 * configuration
 */
export function typeOf(id: string, settings: ProviderSettings | undefined, vendor: Vendor | undefined): ProviderType {
  const type =
    settings?.type ??
    vendor?.type ??
    (settings?.file !== undefined ? "script" : settings?.base_url !== undefined ? "openai-compatible" : undefined);
  if (type === undefined || !TYPES.includes(type)) {
    throw new BmoError(
      "configuration",
      `providers.${id}.type ${type === undefined ? "is missing" : `= ${JSON.stringify(type)} is not allowed`}`,
      `Allowed: ${TYPES.join(", ")}.`,
    );
  }
  return type;
}

function positive(key: string, value: number, least: number): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < least)
    throw new BmoError(
      "configuration",
      `${key} = ${JSON.stringify(value)} is not allowed`,
      `${key} takes a number of at least ${least}.`,
    );
  return value;
}

/** What the vendor's own variable says; empty where it says nothing. */
function movedUrl(vendor: Vendor | undefined, environment: Environment): string {
  return vendor?.baseUrlVariable === undefined ? "" : (environment[vendor.baseUrlVariable] ?? "").trim();
}

/** The base URL as written, for lists; interpolation faults are left to `placeOf`. */
export function writtenBaseUrl(
  type: ProviderType,
  settings: ProviderSettings | undefined,
  vendor: Vendor | undefined,
  environment: Environment,
): string {
  const moved = movedUrl(vendor, environment);
  const official =
    type === "anthropic" ? "https://api.anthropic.com" : type === "openai" ? "https://api.openai.com/v1" : "";
  return settings?.base_url ?? (moved !== "" ? moved : (vendor?.baseUrl ?? official));
}

/** @throws BmoError configuration naming the key. */
export function placeOf(
  id: string,
  settings: ProviderSettings | undefined,
  vendor: Vendor | undefined,
  environment: Environment,
): Place {
  const type = typeOf(id, settings, vendor);
  const key = `providers.${id}`;
  const written = writtenBaseUrl(type, settings, vendor, environment);
  const origin =
    settings?.base_url === undefined && movedUrl(vendor, environment) !== ""
      ? (vendor?.baseUrlVariable ?? "")
      : `${key}.base_url`;
  const address = interpolated(written, origin, environment).trim().replace(/\/+$/, "");
  if (type !== "script") {
    if (address === "")
      throw new BmoError(
        "configuration",
        `${key}.base_url is missing`,
        `Provider ${id} is of type ${type}: it needs the address of its API, such as "http://127.0.0.1:8080/v1".`,
      );
    const url = URL.canParse(address) ? new URL(address) : null;
    if (url === null || (url.protocol !== "http:" && url.protocol !== "https:"))
      throw new BmoError(
        "configuration",
        `${origin} = ${JSON.stringify(written)} is not an http or https address`,
        'Write it like "https://api.example.com/v1".',
      );
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(settings?.headers ?? {}))
    headers[name.toLowerCase()] = interpolated(value, `${key}.headers.${name}`, environment);
  const idle =
    settings?.timeout_s === undefined
      ? isLoopbackUrl(address) && vendor?.needsKey !== true
        ? LOCAL_IDLE_SECONDS
        : IDLE_SECONDS
      : positive(`${key}.timeout_s`, settings.timeout_s, 0.001);
  const sameVendor = vendor !== undefined && vendor.type === type;
  return {
    type,
    api: settings?.api ?? vendor?.api ?? "responses",
    // The Anthropic format wants its address without /v1; one written with it means the same.
    baseUrl: type === "anthropic" ? address.replace(/\/v1$/, "") : address,
    headers,
    idleMs: Math.ceil(idle * 1000),
    maxRetries: Math.floor(
      settings?.max_retries === undefined ? DEFAULT_RETRIES : positive(`${key}.max_retries`, settings.max_retries, 0),
    ),
    dialect: sameVendor
      ? vendor.dialect
      : type === "openai"
        ? { ...PLAIN_DIALECT, maxTokensField: "max_completion_tokens", cacheKey: true }
        : PLAIN_DIALECT,
  };
}
