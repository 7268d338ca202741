// Dotted keys as they are shown and typed: `options.gate.enabled`, with quotes where a segment is no bare key.

import { BmoError } from "../util/errors.ts";

/** `["providers", "a b", "models"]` → `providers."a b".models`. */
export function formatKey(path: readonly string[]): string {
  return path.map((segment) => (/^[A-Za-z0-9_-]+$/.test(segment) ? segment : JSON.stringify(segment))).join(".");
}

/** The inverse of `formatKey`. @throws BmoError usage for what is no dotted key. */
export function parseKey(key: string): string[] {
  const segments: string[] = [];
  const pattern = /\s*(?:([A-Za-z0-9_-]+)|("(?:[^"\\]|\\.)*")|'([^']*)')\s*(\.|$)/gy;
  let end = false;
  while (!end) {
    const match = pattern.exec(key);
    if (match === null)
      throw new BmoError(
        "usage",
        `${JSON.stringify(key)} is not a configuration key`,
        "A key looks like options.gate.enabled; quote segments that hold other characters.",
      );
    segments.push(match[1] ?? (match[2] === undefined ? (match[3] ?? "") : unquote(match[2], key)));
    end = match[4] === "";
  }
  return segments;
}

function unquote(quoted: string, key: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch (cause) {
    throw new BmoError("usage", `${JSON.stringify(key)} is not a configuration key: ${quoted} is badly quoted`, null, {
      cause,
    });
  }
}
