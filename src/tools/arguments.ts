// Reads the arguments of a tool call. Strict on purpose: what is unknown, missing or of another type is named, never
// repaired.

import { nearestNames } from "../util/names.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import type { Json, JsonObject } from "../types/json.ts";

export type Parsed<Value> = { ok: true; value: Value } | { ok: false; message: string };

/** Reads fields one by one and collects what is wrong with them. */
export interface ArgumentReader {
  text(name: string, options?: { empty?: boolean; multiline?: boolean }): string;
  optionalText(name: string): string | null;
  integer(name: string, minimum: number, maximum: number): number | null;
  flag(name: string): boolean;
  texts(name: string): string[];
  /** Reads each object of a list with a reader of its own. */
  objects<Value>(name: string, allowed: readonly string[], read: (reader: ArgumentReader) => Value): Value[];
  /** The value, or all problems in one message. */
  finish<Value>(value: Value): Parsed<Value>;
}

function show(value: Json | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "an object";
  const text = sanitizeLine(JSON.stringify(value));
  return `${typeof value} ${text.length > 60 ? `${text.slice(0, 59)}…` : text}`;
}

export function createArgumentReader(tool: string, input: JsonObject, allowed: readonly string[]): ArgumentReader {
  return reader(
    input,
    allowed,
    "",
    [],
    (problems) => `${tool}: ${problems.join("; ")}. Arguments: ${allowed.join(", ") || "none"}.`,
  );
}

function reader(
  input: JsonObject,
  allowed: readonly string[],
  prefix: string,
  problems: string[],
  explain: (problems: string[]) => string,
): ArgumentReader {
  for (const name of Object.keys(input)) {
    if (allowed.includes(name)) continue;
    const near = nearestNames(name, allowed, 1)[0];
    problems.push(
      `unknown argument "${sanitizeLine(prefix + name)}"${near === undefined ? "" : ` (did you mean "${near}"?)`}`,
    );
  }
  // Own fields only: what an object inherits is no argument. `null` stands for absent, as some models send it.
  const field = (name: string): Json | undefined =>
    Object.hasOwn(input, name) ? (input[name] ?? undefined) : undefined;
  const wrong = (name: string, wanted: string, value: Json | undefined): void => {
    problems.push(
      value === undefined
        ? `"${prefix}${name}" is missing (${wanted})`
        : `"${prefix}${name}" must be ${wanted}, got ${show(value)}`,
    );
  };
  const readText = (name: string, value: Json | undefined): string | null => {
    if (typeof value === "string") return value;
    wrong(name, "a string", value);
    return null;
  };
  return {
    text(name, options = {}) {
      const value = readText(name, field(name));
      if (value === "" && options.empty !== true) wrong(name, "a non-empty string", value);
      return value ?? "";
    },
    optionalText(name) {
      const value = field(name);
      return value === undefined || value === "" ? null : readText(name, value);
    },
    integer(name, minimum, maximum) {
      const value = field(name);
      if (value === undefined) return null;
      if (typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum) return value;
      wrong(name, `a whole number from ${minimum} to ${maximum}`, value);
      return null;
    },
    flag(name) {
      const value = field(name);
      if (value === undefined || typeof value === "boolean") return value === true;
      wrong(name, "true or false", value);
      return false;
    },
    texts(name) {
      const value = field(name);
      if (value === undefined) return [];
      const list = Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
      if (!Array.isArray(value) || list.length !== value.length) wrong(name, "a list of strings", value);
      return list;
    },
    objects(name, fields, read) {
      const value = field(name);
      if (!Array.isArray(value) || value.length === 0) {
        wrong(name, "a non-empty list of objects", value);
        return [];
      }
      return value.flatMap((item, index) => {
        if (item === null || typeof item !== "object" || Array.isArray(item)) {
          wrong(`${name}[${index}]`, "an object", item);
          return [];
        }
        return [read(reader(item, fields, `${prefix}${name}[${index}].`, problems, explain))];
      });
    },
    finish: (value) => (problems.length === 0 ? { ok: true, value } : { ok: false, message: explain(problems) }),
  };
}
