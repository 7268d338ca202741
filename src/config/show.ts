// The merged configuration as rows for people: key, value, origin. Must never show a secret.

import type { LoadedSettings } from "../types/settings.ts";
import { flattenLayer } from "./merge.ts";
import { isTable, type RawTable } from "./read-text.ts";
import { isSecretPath } from "./validate.ts";
import { missingVariable } from "./interpolate.ts";

export interface ConfigRow {
  key: string;
  /** As JSON: texts are quoted, lists bracketed; secrets are asterisks. */
  value: string;
  origin: string;
}

const MASK = "********";

/** A reference that is still open is no secret and tells what is missing. */
function maskText(text: string): string {
  const variable = missingVariable(text);
  return text === "" || (variable !== null && text === `\${${variable}}`) ? text : MASK;
}

/** Takes user and password out of addresses, and every known secret out of any text. */
function scrub(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === "string") {
    const withoutLogin = value.replace(/(\w+:\/\/)[^/@\s]+@/g, `$1${MASK}@`);
    return secrets.reduce((text, secret) => text.replaceAll(secret, MASK), withoutLogin);
  }
  if (Array.isArray(value)) return value.map((member: unknown) => scrub(member, secrets));
  if (isTable(value))
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, scrub(member, secrets)]));
  return value;
}

/** Every key with its value and origin, sorted as in the documentation; keys without a value are included as `null`. */
export function configRows(loaded: LoadedSettings): ConfigRow[] {
  const leaves = flattenLayer(loaded.settings as unknown as RawTable).filter(
    ({ value }) => !isTable(value) || Object.keys(value).length === 0,
  );
  const secrets = leaves.flatMap(({ path, value }) =>
    isSecretPath(path) && typeof value === "string" && value.length >= 6 ? [value] : [],
  );
  return leaves.map(({ path, key, value }) => ({
    key,
    value: JSON.stringify(isSecretPath(path) && typeof value === "string" ? maskText(value) : scrub(value, secrets)),
    origin: loaded.origins[key] ?? "default",
  }));
}
