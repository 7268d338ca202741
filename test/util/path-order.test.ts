import fc from "fast-check";
import { expect, test } from "vitest";
import { comparePaths, firstPaths } from "../../src/util/path-order.ts";

const name = fc.string({ unit: fc.constantFrom("a", "b", ".", "-", "é", "🙂", " "), minLength: 1, maxLength: 4 });
const paths = fc.uniqueArray(
  fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
  { maxLength: 60 },
);

test("paths come as a walk that sorts each folder meets them", () => {
  expect(["a.ts", "a/x", "b", "a-b", "a/x.y", "a"].sort(comparePaths)).toEqual([
    "a",
    "a/x",
    "a/x.y",
    "a-b",
    "a.ts",
    "b",
  ]);
  fc.assert(
    fc.property(paths, (some) => {
      const byParts = [...some].sort((left, right) => {
        const [one, other] = [left.split("/"), right.split("/")];
        const at = one.findIndex((part, index) => part !== other[index]);
        if (at === -1) return one.length - other.length;
        const [mine, theirs] = [one[at] ?? "", other[at]];
        return theirs === undefined ? 1 : mine < theirs ? -1 : 1;
      });
      expect([...some].sort(comparePaths)).toEqual(byParts);
    }),
  );
});

test("the first paths are those of the whole order", () => {
  fc.assert(
    fc.property(paths, fc.integer({ min: 1, max: 20 }), (some, count) => {
      expect(firstPaths(some, count)).toEqual([...some].sort(comparePaths).slice(0, count));
    }),
  );
});
