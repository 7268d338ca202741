import { applyPatch } from "diff";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { changedLines, compareTexts, diffBlock } from "../../src/tools/changed-lines.ts";

const text = fc
  .array(fc.constantFrom("a", "b", "c", "a", "", "longer line"), { maxLength: 40 })
  .chain((lines) => fc.boolean().map((end) => lines.join("\n") + (end && lines.length > 0 ? "\n" : "")));

describe("a change of any two texts", () => {
  test("as a patch turns the one into the other, with the counts it names", async () => {
    await fc.assert(
      fc.asyncProperty(text, text, async (before, after) => {
        fc.pre(before !== after);
        const block = diffBlock("x", await compareTexts(before, after));
        if (block.kind !== "diff") throw new Error("a diff was asked for");
        expect(applyPatch(before, block.patch)).toBe(after);
        const lines = block.patch.split("\n").slice(2);
        expect([block.added, block.removed]).toEqual([
          lines.filter((line) => line.startsWith("+")).length,
          lines.filter((line) => line.startsWith("-")).length,
        ]);
      }),
      { seed: 3, numRuns: 1_000 },
    );
  });

  test("as a listing numbers the lines of the new text rightly", async () => {
    await fc.assert(
      fc.asyncProperty(text, text, async (before, after) => {
        const lines = after.split("\n");
        for (const shown of changedLines(await compareTexts(before, after)).split("\n")) {
          const match = /^(\d+)[|+](.*)$/.exec(shown);
          if (match !== null) expect(match[2]).toBe(lines[Number(match[1]) - 1]);
        }
      }),
      { seed: 4, numRuns: 1_000 },
    );
  });
});

test("a new file is a patch from nothing", async () => {
  expect(diffBlock("a.ts", await compareTexts(null, "one\ntwo\n"))).toEqual({
    kind: "diff",
    path: "a.ts",
    patch: "--- /dev/null\n+++ b/a.ts\n@@ -0,0 +1,2 @@\n+one\n+two\n",
    added: 2,
    removed: 0,
  });
});
