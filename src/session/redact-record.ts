// Takes secrets out of a record before it is written. Pure.

import type { SessionRecord } from "../types/session.ts";

/**
 * Words of bmo's own, outside of what models and tools wrote: a key in use that equals one must not make the record
 * unreadable.
 */
const STRUCTURAL = new Set([
  "type",
  "kind",
  "role",
  "stage",
  "phase",
  "tier",
  "model",
  "served_model",
  "baseline_model",
  "at",
  "hash",
  "state",
]);
/** Below these everything is foreign text. */
const FOREIGN = new Set(["input", "providerData"]);

function redactValue(value: unknown, redact: (text: string) => string, foreign: boolean): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map((item) => redactValue(item, redact, foreign));
  return value === null || typeof value !== "object" ? value : redactMembers(value, redact, foreign);
}

function redactMembers(value: object, redact: (text: string) => string, foreign: boolean): object {
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      if (!foreign && typeof member === "string" && STRUCTURAL.has(key)) return [key, member];
      return [foreign ? redact(key) : key, redactValue(member, redact, foreign || FOREIGN.has(key))];
    }),
  );
}

/** The record with every text of people, models and tools passed through `redact`. */
export function redactRecord(record: SessionRecord, redact: (text: string) => string): object {
  return redactMembers(record, redact, false);
}
