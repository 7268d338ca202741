// Reads what `bmo route` is given: histories and labelled cases. Says file, line and field of whatever is wrong.

import { TIERS, type HistorySignal, type Tier } from "../types/route.ts";
import type { Json, JsonObject } from "../types/json.ts";
import type { LabelledCase } from "../router/evaluate.ts";
import { BmoError } from "../util/errors.ts";

export interface RouteCase extends LabelledCase {
  history: HistorySignal[];
  agent: string | null;
  /** The tier already in effect by a user's or skill's choice. */
  current: Tier | null;
}

/** One case per line; a broken line is exit 2, since a score over fewer cases would mislead. */
export function parseCases(text: string, path: string): RouteCase[] {
  const seen = new Set<string>();
  return jsonLines(text, path).map(({ value, where }) => {
    const id = stringField(value, "id", where);
    if (seen.has(id)) throw usage(`${where}: id "${id}" occurs twice.`);
    seen.add(id);
    const current = value["current"];
    const tier = isObject(current) ? current["tier"] : undefined;
    return {
      id,
      message: stringField(value, "message", where),
      label: stringField(value, "label", where),
      also_ok: strings(value["also_ok"]),
      kind: typeof value["kind"] === "string" ? value["kind"] : "-",
      history: Array.isArray(value["history"]) ? value["history"].map((item) => signal(item, where)) : [],
      agent: typeof value["agent"] === "string" ? value["agent"] : null,
      current: TIERS.find((one) => one === tier) ?? null,
    };
  });
}

/**
 * A JSON array or JSON lines of turns `{role, text}` and tool events `{tool, path?, command?, ok, output_excerpt?}`.
 */
export function parseHistory(text: string, path: string): HistorySignal[] {
  if (text.trimStart().startsWith("[")) {
    const value = parseJson(text, path);
    return Array.isArray(value) ? value.map((item, at) => signal(item, `${path}, item ${at + 1}`)) : [];
  }
  return jsonLines(text, path).map(({ value, where }) => signal(value, where));
}

function signal(item: Json, where: string): HistorySignal {
  if (!isObject(item)) throw usage(`${where}: a turn must be an object.`);
  const { tool, role, text, path, command, ok, output_excerpt: output } = item;
  if (typeof tool === "string") {
    return {
      role: "tool",
      tool,
      text: typeof output === "string" ? output : typeof text === "string" ? text : "",
      ...(typeof path === "string" ? { path } : {}),
      ...(typeof command === "string" ? { command } : {}),
      ...(typeof ok === "boolean" ? { ok } : {}),
    };
  }
  if (role !== "user" && role !== "assistant") throw usage(`${where}: needs "tool", or "role" with user or assistant.`);
  return { role, text: typeof text === "string" ? text : "" };
}

function jsonLines(text: string, path: string): { value: JsonObject; where: string }[] {
  return text.split("\n").flatMap((line, at) => {
    if (line.trim() === "") return [];
    const where = `${path}:${at + 1}`;
    const value = parseJson(line, where);
    if (!isObject(value)) throw usage(`${where}: not a JSON object.`);
    return [{ value, where }];
  });
}

function parseJson(text: string, where: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (thrown) {
    throw new BmoError(
      "usage",
      `${where}: not JSON (${thrown instanceof Error ? thrown.message : String(thrown)}).`,
      null,
      { cause: thrown },
    );
  }
}

function stringField(value: JsonObject, name: string, where: string): string {
  const field = value[name];
  if (typeof field !== "string") throw usage(`${where}: "${name}" must be a text.`);
  return field;
}

function strings(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function usage(message: string): BmoError {
  return new BmoError("usage", message, "The format of cases and histories is described in docs/routing.md.");
}
