// Where a provider's key comes from, and the values that must never be shown. Reads only the environment it is handed.

import type { ProviderSettings } from "../types/settings.ts";
import { BmoError } from "../util/errors.ts";
import type { Vendor } from "./vendors.ts";

export type Environment = Record<string, string | undefined>;

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** Replaces `${NAME}` by the environment's value; `missing` = names without one. */
export function interpolate(text: string, environment: Environment): { value: string; missing: string[] } {
  const missing: string[] = [];
  const value = text.replace(VARIABLE, (_match, name: string) => {
    const found = environment[name];
    if (found === undefined || found === "") missing.push(name);
    return found ?? "";
  });
  return { value, missing };
}

/** Interpolates a value that is no key. @throws BmoError configuration naming key and variable. */
export function interpolated(text: string, key: string, environment: Environment): string {
  const { value, missing } = interpolate(text, environment);
  if (missing.length > 0)
    throw new BmoError(
      "configuration",
      `${key} uses the variable ${missing.join(", ")}, which is not set`,
      `Set it, or write the value into ${key}.`,
    );
  return value;
}

export interface KeyPlan {
  /** A place or command that will give the key; null = none is there. */
  source: string | null;
  /** The value where it is at hand without running anything. */
  value: string | null;
  command: string | null;
  /** The key goes as a bearer token (ANTHROPIC_AUTH_TOKEN). */
  bearer: boolean;
  /** Why there is none, for the sentence of exit 6. */
  missing: string[];
}

/** Variable first named in `${…}`, for sentences; else the configuration key. */
function sourceOf(text: string, key: string): string {
  const names = [...text.matchAll(VARIABLE)].map((match) => match[1] ?? "");
  return names.length === 0 ? key : names.join(", ");
}

/**
 * Order: api_key, key_command, the vendor's usual variables. Those variables belong to the vendor's own entry only, so
 * that no other provider's server is ever handed its key.
 */
export function planKey(
  id: string,
  settings: ProviderSettings | undefined,
  vendor: Vendor | undefined,
  environment: Environment,
): KeyPlan {
  const none: KeyPlan = { source: null, value: null, command: null, bearer: false, missing: [] };
  const key = `providers.${id}.api_key`;
  if (settings?.api_key !== undefined && settings.api_key !== "") {
    const { value, missing } = interpolate(settings.api_key, environment);
    if (missing.length > 0) return { ...none, missing };
    return { ...none, source: sourceOf(settings.api_key, key), value: value.trim() };
  }
  if (settings?.key_command !== undefined && settings.key_command !== "")
    return { ...none, source: `providers.${id}.key_command`, command: settings.key_command };
  const variables = vendor?.keyVariables ?? [];
  const found = variables.find((name) => (environment[name] ?? "").trim() !== "");
  if (found === undefined) return { ...none, missing: variables };
  return { ...none, source: found, value: (environment[found] ?? "").trim(), bearer: found.endsWith("_AUTH_TOKEN") };
}

const SECRET_HEADER = /auth|key|token|secret|cookie|pass|credential|sign/i;
/** What is shorter is a word, such as the name of a team. */
const SHORTEST_SECRET = 12;
/** Headers whose values are public by their purpose; what any other one holds may open a door. */
const PUBLIC_HEADER =
  /^(accept|content|anthropic|openai)(-|$)|^(http-referer|referer|origin|user-agent|x-title|x-stainless-.*)$/i;

/** A header's value, and what a scheme before it wraps: the token, and both halves of a name with password. */
function headerSecrets(value: string): string[] {
  const [, scheme = "", credentials = ""] = /^(\S+)\s+(\S+)$/.exec(value.trim()) ?? [];
  if (scheme === "") return [value.trim()];
  if (scheme.toLowerCase() !== "basic") return [value.trim(), credentials];
  const decoded = Buffer.from(credentials, "base64").toString("utf8");
  return [value.trim(), credentials, decoded, decoded.slice(decoded.indexOf(":") + 1)];
}

/** Values in headers and URLs that are secrets by their place. */
export function secretsOf(headers: Record<string, string>, baseUrl: string): string[] {
  const secrets = Object.entries(headers)
    .filter(
      ([name, value]) => SECRET_HEADER.test(name) || (!PUBLIC_HEADER.test(name) && value.length >= SHORTEST_SECRET),
    )
    .flatMap(([, value]) => headerSecrets(value));
  if (URL.canParse(baseUrl)) {
    const url = new URL(baseUrl);
    if (url.password !== "") secrets.push(decodeURIComponent(url.password));
    for (const [name, value] of url.searchParams) if (/key|token|secret/i.test(name)) secrets.push(value);
  }
  return secrets.filter((secret) => secret.length > 0);
}

/** Runs the key command. @throws BmoError credentials */
export async function runForKey(
  id: string,
  command: string,
  run: (command: string) => Promise<string>,
): Promise<string> {
  let output: string;
  try {
    output = await run(command);
  } catch (thrown) {
    if (thrown instanceof BmoError) throw thrown;
    throw new BmoError(
      "credentials",
      `providers.${id}.key_command failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      "Run the command by hand to see why.",
      { cause: thrown },
    );
  }
  const key = output.split(/\r?\n/, 1)[0]?.trim() ?? "";
  if (key === "")
    throw new BmoError(
      "credentials",
      `providers.${id}.key_command printed no key`,
      "The first line of its output must be the key.",
    );
  return key;
}
