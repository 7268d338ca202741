// How deep and how large JSON from outside may be, judged before anything walks it. Pure; knows nothing of what the
// JSON means.

import type { Json } from "../types/json.ts";

/** Levels of nesting that text from outside may have. Tool arguments need five; every walk over JSON here recurses. */
export const JSON_DEPTH_LIMIT = 64;
/** Members and items of one value: a plan of a hundred tickets has about three thousand. */
export const JSON_MEMBER_LIMIT = 50_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

const opens = (code: number): boolean => code === 0x5b || code === 0x7b;
const closes = (code: number): boolean => code === 0x5d || code === 0x7d;

/** What is wrong with the size of a JSON text, as the end of a sentence; null when it may be parsed. */
export function jsonFault(text: string): string | null {
  let depth = 0;
  let members = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (quoted) {
      if (code === BACKSLASH) at += 1;
      else if (code === QUOTE) quoted = false;
    } else if (code === QUOTE) quoted = true;
    else if (code === COMMA) members += 1;
    else if (opens(code)) depth += 1;
    else if (closes(code)) depth -= 1;
    if (depth > JSON_DEPTH_LIMIT) return `nested deeper than ${JSON_DEPTH_LIMIT} levels`;
    if (members > JSON_MEMBER_LIMIT) return `larger than ${JSON_MEMBER_LIMIT} members`;
  }
  return null;
}

/** The same for a value that is parsed already. */
export function valueFault(value: Json): string | null {
  let members = 0;
  const visit = (one: Json, depth: number): string | null => {
    if (one === null || typeof one !== "object") return null;
    if (depth >= JSON_DEPTH_LIMIT) return `nested deeper than ${JSON_DEPTH_LIMIT} levels`;
    for (const member of Array.isArray(one) ? one : Object.values(one)) {
      members += 1;
      if (members > JSON_MEMBER_LIMIT) return `larger than ${JSON_MEMBER_LIMIT} members`;
      const fault = visit(member, depth + 1);
      if (fault !== null) return fault;
    }
    return null;
  };
  return visit(value, 0);
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Watches the bytes of a stream of events for nesting that would exhaust memory while it is parsed. Lines of one event
 * count together, a blank line begins the next one, and lines that carry no data are passed over.
 */
export function createDepthWatch(limit = JSON_DEPTH_LIMIT): (chunk: Uint8Array) => boolean {
  let depth = 0;
  let quoted = false;
  let escaped = false;
  let column = 0;
  let isData = false;
  let afterReturn = false;
  return (chunk) => {
    for (const code of chunk) {
      if (code === LINE_FEED || code === CARRIAGE_RETURN) {
        // The second half of CRLF ends nothing.
        const half = code === LINE_FEED && afterReturn;
        if (!half && column === 0) depth = 0;
        afterReturn = code === CARRIAGE_RETURN;
        column = 0;
        quoted = false;
        escaped = false;
        continue;
      }
      afterReturn = false;
      if (column === 0) isData = code === 0x64;
      column = 1;
      if (!isData) continue;
      if (quoted) {
        if (escaped) escaped = false;
        else if (code === BACKSLASH) escaped = true;
        else if (code === QUOTE) quoted = false;
      } else if (code === QUOTE) quoted = true;
      else if (opens(code)) depth += 1;
      else if (closes(code)) depth = Math.max(0, depth - 1);
      if (depth > limit) return false;
    }
    return true;
  };
}
