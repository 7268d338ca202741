// The counts at the end of a run, and what fails it.

import { expect, test } from "vitest";
import { judgeCounts, reasonOf, type RunCounts } from "./count-reporter.ts";

const counts = (more: Partial<RunCounts>): RunCounts => ({
  passed: 2500,
  failed: 0,
  skipped: [],
  secondTries: [],
  ...more,
});
const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `test ${index}`);

test.each([
  ["file > a (skipped: ripgrep is not installed)", "ripgrep is not installed"],
  ["around (skipped: not permitted here (unshare -rn)) > within", "not permitted here (unshare -rn)"],
  ["a test that was skipped: nobody says why", null],
])("the reason of %j", (name, reason) => {
  expect(reasonOf(name)).toBe(reason);
});

test("left out with a reason: listed below it, and the run may pass", () => {
  const skipped = [
    { name: "one", reason: "no tmux" },
    { name: "two", reason: "no root" },
    { name: "three", reason: "no tmux" },
  ];
  expect(judgeCounts(counts({ skipped }), false)).toEqual({
    lines: [
      "2 skipped: no tmux",
      "  one",
      "  three",
      "1 skipped: no root",
      "  two",
      "2500 passed, 0 failed, 3 skipped",
    ],
    ok: true,
  });
});

test("left out without a reason fails the run, unless the person chose tests by name", () => {
  const skipped = [{ name: "one", reason: null }];
  expect(judgeCounts(counts({ skipped }), false).ok).toBe(false);
  expect(judgeCounts(counts({ skipped }), true)).toEqual({ lines: ["2500 passed, 0 failed, 1 skipped"], ok: true });
});

test.each([
  [2500, 2, true],
  [2500, 3, false],
  [1999, 2, false],
  [10, 1, true],
  [10, 2, false],
])("of %i tests, %i second tries: passes %s", (passed, tries, ok) => {
  const judged = judgeCounts(counts({ passed, secondTries: names(tries) }), false);
  expect(judged.ok).toBe(ok);
  expect(judged.lines).toEqual(expect.arrayContaining(names(tries).map((name) => `  ${name}`)));
});
