// Checks one layer against the schema: unknown keys are dropped with a warning that names the nearest, wrong values end
// the start.

import * as z from "zod/mini";
import { BmoError } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import { spellingOf } from "./aliases.ts";
import { formatKey } from "./keys.ts";
import { isTable, type RawTable } from "./read-text.ts";
import { childrenOf, describeAllowed, knownPaths, layerSchema, schemaAt, type Schema } from "./schema.ts";

const SECRET_NAME = /key|token|secret|password|passwd|credential|auth|cookie/i;

/**
 * Whether a value at this path may be a secret and must not be printed. Header values and added variables may always
 * be.
 */
export function isSecretPath(path: readonly PropertyKey[]): boolean {
  const last = path.at(-1);
  if (path.includes("headers") || (path.includes("env") && path.includes("add"))) return true;
  return typeof last === "string" && last !== "key_command" && path[0] === "providers" && SECRET_NAME.test(last);
}

/** A value as an error message shows it. */
function describeValue(value: unknown, path: readonly PropertyKey[]): string {
  if (value instanceof Date) return "a date";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "a table";
  if (isSecretPath(path)) return `a ${typeof value}`;
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, segment) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[segment] : undefined,
    root,
  );
}

/**
 * Keys and tables elsewhere that are spelt just like this one, the shortest path first; else the nearest name among the
 * siblings.
 */
function suggestKeys(path: readonly string[], siblings: readonly string[]): string[] {
  const name = path.at(-1) ?? "";
  const spelt = knownPaths()
    .filter((known) => known.includes(name))
    .map((known) => known.slice(0, known.indexOf(name) + 1));
  const elsewhere = [
    ...new Set(spelt.sort((left, right) => left.length - right.length).map((known) => known.join("."))),
  ];
  if (elsewhere.length > 0) return elsewhere.slice(0, 2);
  return nearestNames(name, siblings, 1).map((sibling) => formatKey([...path.slice(0, -1), sibling]));
}

function dropUnknown(
  table: RawTable,
  schema: Schema,
  path: readonly string[],
  source: string,
  warnings: string[],
): void {
  const children = childrenOf(schema);
  if (children.kind === "none") return;
  for (const [key, value] of Object.entries(table)) {
    const known = children.kind === "any" ? key !== "__proto__" : Object.hasOwn(children.shape, key);
    const at = [...path, key];
    if (!known) {
      delete table[key];
      const near = suggestKeys(at, children.kind === "named" ? Object.keys(children.shape) : []);
      warnings.push(
        `${source}: unknown key ${formatKey(at)} is ignored${near.length > 0 ? `; did you mean ${near.join(" or ")}?` : ""}`,
      );
      continue;
    }
    const child = schemaAt([key], schema);
    if (child === undefined) continue;
    if (isTable(value)) dropUnknown(value, child, at, source, warnings);
    if (Array.isArray(value)) {
      value.forEach((member: unknown, index) => {
        const element = schemaAt([index], child);
        if (element !== undefined && isTable(member))
          dropUnknown(member, element, [...at, String(index)], source, warnings);
      });
    }
  }
}

/**
 * Drops unknown keys from `layer` (in place) and gives the warnings about them. `source` is a file, a variable or a
 * flag.
 * @throws BmoError configuration: source, key, value and what is allowed.
 */
export function validateLayer(layer: RawTable, source: string): string[] {
  const warnings: string[] = [];
  dropUnknown(layer, layerSchema, [], source, warnings);
  const result = z.safeParse(layerSchema, layer);
  const issue = result.error?.issues[0];
  if (issue === undefined) return warnings;
  const path = issue.path.map(String);
  const schema = schemaAt(issue.path) ?? layerSchema;
  const value = valueAt(layer, issue.path);
  const key = formatKey(path);
  const written = spellingOf(layer, key);
  if (value === undefined)
    throw new BmoError("configuration", `${source}: ${key} is missing`, `Allowed: ${describeAllowed(schema)}.`);
  throw new BmoError(
    "configuration",
    `${source}: ${key} is ${describeValue(value, issue.path)}; allowed: ${describeAllowed(schema)}`,
    written === null ? null : `There it is written as ${written}.`,
  );
}
