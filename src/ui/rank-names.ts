// Ranks names for what was typed, within the time between two keys also where there are a hundred thousand. Pure.

import type { Rank } from "./completion.ts";

/** More than these are not handed to the matcher: it takes about a microsecond and a kilobyte for each. */
const MOST_MATCHED = 3_000;
const MARKS = /\p{M}/gu;
/** Beyond ASCII a name is compared without its accents, as the matcher does. */
const PLAIN = /^[\0-\x7f]*$/;

const simplified = new WeakMap<readonly string[], string[]>();

function simplify(name: string): string {
  return PLAIN.test(name) ? name.toLowerCase() : name.normalize("NFD").replace(MARKS, "").toLowerCase();
}

function simplifiedNames(names: readonly string[]): string[] {
  const known = simplified.get(names) ?? names.map(simplify);
  simplified.set(names, known);
  return known;
}

/** Names that hold the query as it is, those first whose last part begins with it. */
function holding(names: readonly string[], query: string): string[] {
  const begins: string[] = [];
  const holds: string[] = [];
  for (const [index, text] of simplifiedNames(names).entries()) {
    const at = text.lastIndexOf(query);
    if (at === -1) continue;
    const list = at === 0 || text[at - 1] === "/" ? begins : holds;
    if (list.length < MOST_MATCHED) list.push(names[index] ?? "");
  }
  return [...begins, ...holds].slice(0, MOST_MATCHED);
}

/** How many characters of the text the query's own take up, in order, or null where they are not all there. */
function spanOf(text: string, query: string): number | null {
  let at = -1;
  let first = 0;
  for (let index = 0; index < query.length; index++) {
    at = text.indexOf(query[index] ?? "", at + 1);
    if (at === -1) return null;
    if (index === 0) first = at;
  }
  return at - first;
}

/** Names that hold the query's characters in order, close together. */
function scattered(names: readonly string[], query: string): string[] {
  const bySpan: string[][] = [];
  for (const [index, text] of simplifiedNames(names).entries()) {
    const span = spanOf(text, query);
    if (span === null) continue;
    const list = (bySpan[span] ??= []);
    if (list.length < MOST_MATCHED) list.push(names[index] ?? "");
  }
  const found: string[] = [];
  for (const list of bySpan) if (list !== undefined && found.length < MOST_MATCHED) found.push(...list);
  return found.slice(0, MOST_MATCHED);
}

/** @param match the matcher: the best `limit` of the names, best first */
export function createRank(match: Rank): Rank {
  return (query, names, limit) => {
    if (names.length <= MOST_MATCHED) return match(query, names, limit);
    const wanted = simplify(query);
    const found = holding(names, wanted);
    return match(query, found.length >= limit ? found : [...new Set([...found, ...scattered(names, wanted)])], limit);
  };
}
