// Which names a query finds in a very large tree: those that the matcher finds among all, or at least none that it
// would not.

import fc from "fast-check";
import fuzzysort from "fuzzysort";
import { expect, test } from "vitest";
import type { Rank } from "../../src/ui/completion.ts";
import { createRank } from "../../src/ui/rank-names.ts";

const match: Rank = (query, names, limit) => fuzzysort.go(query, names, { limit }).map(({ target }) => target);
const filler = Array.from({ length: 20_000 }, (_, index) => `pile/${Math.floor(index / 100)}/item-${index}.txt`);

test("in a tree too large for the matcher a name is found as in a small one: whole, begun, scattered, accented, in any case", () => {
  const wanted = ["src/containment/survey.ts", "docs/Résumé.md", "SRC/Wide Name.ts"];
  const names = [...filler, ...wanted];
  const rank = createRank(match);
  for (const [query, name] of [
    ["survey", wanted[0]],
    ["containment/sur", wanted[0]],
    ["SURVEY.ts", wanted[0]],
    ["surveyts", wanted[0]],
    ["resume", wanted[1]],
    ["Résu", wanted[1]],
    ["wide", wanted[2]],
  ] as const) {
    expect([query, rank(query, names, 50)]).toEqual([query, expect.arrayContaining([name])]);
  }
});

test("whatever is typed, nothing is offered that the matcher would not take, nothing twice, no more than asked for", () => {
  const rank = createRank(match);
  const letter = fc.constantFrom("p", "i", "l", "e", "/", "-", "1", "9", ".", "t", "x", "é", "Q");
  fc.assert(
    fc.property(fc.string({ unit: letter, minLength: 1, maxLength: 8 }), (query) => {
      const found = rank(query, filler, 50);
      expect(new Set(found).size).toBe(found.length);
      expect(found.length).toBeLessThanOrEqual(50);
      expect(found.length > 0).toBe(match(query, filler, 1).length > 0);
      expect(found.every((name) => match(query, [name], 1).length === 1)).toBe(true);
    }),
    { numRuns: 60 },
  );
});
