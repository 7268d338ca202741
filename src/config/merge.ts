// Lays one layer over what is below it, remembering where each value came from. Knows nothing of files and trust.

import type { Origin } from "../types/settings.ts";
import { canonicalJson } from "../util/canonical-json.ts";
import { formatKey } from "./keys.ts";
import { isTable, type RawTable } from "./read-text.ts";

export interface Merged {
  values: RawTable;
  /** Dotted key → origin; for lists that combine, all origins, highest first. */
  origins: Record<string, Origin>;
}

/** Lists that combine over the layers, higher layer first. */
type Combination = "rules" | "models" | null;

export function combinationOf(path: readonly string[]): Combination {
  if (path.length === 2 && path[0] === "permissions" && (path[1] === "allow" || path[1] === "deny")) return "rules";
  return path.length === 3 && path[0] === "providers" && path[2] === "models" ? "models" : null;
}

function mergeTables(higher: RawTable, lower: RawTable): RawTable {
  const merged = Object.assign(Object.create(null) as RawTable, lower);
  for (const [key, value] of Object.entries(higher)) {
    const below = merged[key];
    merged[key] = isTable(value) && isTable(below) ? mergeTables(value, below) : value;
  }
  return merged;
}

/** Facts about the same id merge by key; the others follow in their order. */
function combineModels(higher: readonly unknown[], lower: readonly unknown[]): unknown[] {
  const rest = [...lower];
  const models = higher.map((model) => {
    const index = rest.findIndex((other) => isTable(other) && isTable(model) && other["id"] === model["id"]);
    const below = index === -1 ? undefined : rest.splice(index, 1)[0];
    return isTable(model) && isTable(below) ? mergeTables(model, below) : model;
  });
  return [...models, ...rest];
}

function combine(how: Combination, higher: unknown, lower: unknown): unknown {
  if (how === null || !Array.isArray(higher) || !Array.isArray(lower)) return higher;
  return how === "rules"
    ? [...new Set<unknown>([...(higher as unknown[]), ...(lower as unknown[])])]
    : combineModels(higher, lower);
}

export function valueAtPath(table: RawTable, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, segment) => (isTable(value) && Object.hasOwn(value, segment) ? value[segment] : undefined),
    table,
  );
}

/**
 * Whether setting the value would make a difference: one that stands there already, an empty list of rules or an empty
 * table makes none.
 */
export function isChange(values: RawTable, path: readonly string[], value: unknown): boolean {
  const below = valueAtPath(values, path);
  if (below === undefined) return true;
  if (isTable(value) && Object.keys(value).length === 0) return false;
  return canonicalJson(combine(combinationOf(path), value, below)) !== canonicalJson(below);
}

/** Sets one value of a higher layer, in place. An empty table only makes sure that there is one. */
export function setMerged(merged: Merged, path: readonly string[], value: unknown, origin: Origin): void {
  const last = path.at(-1);
  if (last === undefined) return;
  let table = merged.values;
  for (const segment of path.slice(0, -1)) {
    const next = Object.hasOwn(table, segment) ? table[segment] : undefined;
    table = table[segment] = isTable(next) ? next : (Object.create(null) as RawTable);
  }
  const below = Object.hasOwn(table, last) ? table[last] : undefined;
  const key = formatKey(path);
  if (isTable(value) && Object.keys(value).length === 0) {
    if (below === undefined) table[last] = value;
    return;
  }
  const how = combinationOf(path);
  table[last] = combine(how, value, below);
  const earlier = merged.origins[key];
  merged.origins[key] =
    how !== null && Array.isArray(below) && below.length > 0 && earlier !== undefined
      ? `${origin}, ${earlier}`
      : origin;
}

/** Values of one layer with their paths; an empty table is a value, so that `[providers.x]` counts as configured. */
export function flattenLayer(
  table: RawTable,
  prefix: readonly string[] = [],
): { path: string[]; key: string; value: unknown }[] {
  return Object.entries(table).flatMap(([key, value]) => {
    const path = [...prefix, key];
    return isTable(value) && Object.keys(value).length > 0
      ? flattenLayer(value, path)
      : [{ path, key: formatKey(path), value }];
  });
}
