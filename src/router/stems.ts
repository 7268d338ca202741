// Finds which word classes of the lexicon occur in a text. Built for speed: alternatives are bucketed by their first
// two letters and tried only where a word starts with them; the result is the same as one large alternation per class.

import { splitAlternatives } from "./alternatives.ts";
import { STEMS } from "./lexicon.ts";

type Matcher = { name: string; literal: string } | { name: string; pattern: RegExp };

const PLAIN = /^[\p{L}\p{M} '-]+$/u;
const buckets = new Map<string, Matcher[]>();
for (const [name, alternatives] of Object.entries(STEMS)) {
  for (const part of splitAlternatives(alternatives)) {
    const matcher = PLAIN.test(part) ? { name, literal: part } : { name, pattern: new RegExp(part, "uy") };
    for (const key of keysOf(part)) buckets.set(key, [...(buckets.get(key) ?? []), matcher]);
  }
}

/** The first two characters that a match can start with; "" where they are not fixed. */
function keysOf(part: string): string[] {
  const fixed = /^[\p{L}][\p{L} '-](?![?*{])/u.exec(part);
  return [fixed === null ? "" : fixed[0]];
}

const ANYWHERE = buckets.get("") ?? [];

function matchesAt(matcher: Matcher, text: string, at: number): boolean {
  if ("literal" in matcher) return text.startsWith(matcher.literal, at);
  matcher.pattern.lastIndex = at;
  return matcher.pattern.test(text);
}

/** The classes that match at exactly this position. */
export function classesAt(text: string, at: number): Set<string> {
  const found = new Set<string>();
  for (const matcher of buckets.get(text.slice(at, at + 2)) ?? [])
    if (!found.has(matcher.name) && matchesAt(matcher, text, at)) found.add(matcher.name);
  for (const matcher of ANYWHERE) if (!found.has(matcher.name) && matchesAt(matcher, text, at)) found.add(matcher.name);
  return found;
}

/** Class → position of its first match, where a word starts. */
export function firstClasses(text: string): Map<string, number> {
  const first = new Map<string, number>();
  for (const word of text.matchAll(/[\p{L}\p{N}]+/gu)) {
    for (const name of classesAt(text, word.index)) if (!first.has(name)) first.set(name, word.index);
  }
  return first;
}
