// What the wire formats build the parts of an answer with: texts, objects, finished calls. Knows no format.

import { randomUUID } from "node:crypto";
import { jsonFault } from "../util/json-bounds.ts";
import type { Json, JsonObject } from "../types/json.ts";
import type { AssistantMessage, ToolCallBlock } from "../types/message.ts";
import type { StreamPart } from "../types/provider.ts";

/** Appends to the delta before where that is of the same kind: one chunk of the network gives few parts. */
export function pushDelta(parts: StreamPart[], type: "text_delta" | "reasoning_delta", text: string): void {
  if (text === "") return;
  const last = parts.at(-1);
  if (last?.type === type) last.text += text;
  else parts.push({ type, text });
}

/** A string of the wire; what is none counts as absent. */
export function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** null for what is no JSON object, or one that is nested beyond all bounds. */
export function parseObject(text: string): JsonObject | null {
  if (jsonFault(text) !== null) return null;
  try {
    const value = JSON.parse(text) as Json;
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null; // No JSON at all: what that means, the caller says.
  }
}

/** Longer names name no tool, and longer ids are no ids. */
const LONGEST_NAME = 200;

/**
 * A finished call. Argument text that is no JSON object is kept as `invalid`, never repaired; `cut` = the reply's limit
 * fell inside the call.
 */
export function toolCall(id: string, name: string, raw: string, cut: boolean): ToolCallBlock {
  const block = {
    type: "tool_call" as const,
    id: id === "" || id.length > LONGEST_NAME ? `call_${randomUUID().replaceAll("-", "").slice(0, 20)}` : id,
    name: name.slice(0, LONGEST_NAME),
  };
  const input = raw.trim() === "" && !cut ? {} : parseObject(raw);
  return input === null
    ? { ...block, input: {}, invalid: raw === "" ? "(cut off before any argument)" : raw }
    : { ...block, input };
}

/** Gives each call of a message an id of its own; some servers repeat one or send none. */
export function withUniqueIds(content: AssistantMessage["content"]): AssistantMessage["content"] {
  const used = new Set<string>();
  return content.map((block) => {
    if (block.type !== "tool_call") return block;
    const unique = used.has(block.id)
      ? { ...block, id: `call_${randomUUID().replaceAll("-", "").slice(0, 20)}` }
      : block;
    used.add(unique.id);
    return unique;
  });
}
