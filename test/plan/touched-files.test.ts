// What was recorded of files, path by path.

import { expect, test } from "vitest";
import { touchedFiles } from "../../src/plan/touched-files.ts";
import { Sequence } from "../../src/util/sequence.ts";
import type { TouchedFile } from "../../src/types/agent.ts";

const touch = (path: string, action: TouchedFile["action"], more: Partial<TouchedFile> = {}): TouchedFile => ({
  path,
  action,
  in_scope: true,
  rolled_back: false,
  ...more,
});

test("the last touch of a path counts, in the place of the first; what was created stays created", () => {
  expect(
    touchedFiles([
      touch("a", "create"),
      touch("b", "modify"),
      touch("a", "modify"),
      touch("b", "delete"),
      touch("c", "modify", { in_scope: false, rolled_back: true }),
      touch("a", "delete"),
    ]),
  ).toEqual([touch("a", "delete"), touch("b", "delete"), touch("c", "modify", { in_scope: false, rolled_back: true })]);
});

test("a list that has grown is merged again, and the list before it is as it was", () => {
  const before = Sequence.of([touch("a", "create")]);
  expect(touchedFiles(before)).toEqual([touch("a", "create")]);
  const after = before.add(touch("a", "modify")).add(touch("b", "modify"));
  expect(touchedFiles(after)).toEqual([touch("a", "create"), touch("b", "modify")]);
  expect(touchedFiles(before)).toEqual([touch("a", "create")]);
});
