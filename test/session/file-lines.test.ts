// Lines are found at their offsets whatever their lengths, and in whatever order they are asked for.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openLines } from "../../src/session/file-lines.ts";
import { temporaryDirectory } from "./samples.ts";

test("each line of a file is given whole, in any order, from pieces that are shorter and longer than lines", () => {
  const path = join(temporaryDirectory(), "file");
  const line = fc.string({ unit: "grapheme", maxLength: 60 }).map((text) => text.replaceAll("\n", " "));
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 200 }),
      fc.gen(),
      (lines, size, pick) => {
        writeFileSync(path, lines.join("\n"));
        const places = lines.map(
          (_, index) => Buffer.byteLength(lines.slice(0, index).join("\n")) + (index === 0 ? 0 : 1),
        );
        const order = pick(() => fc.shuffledSubarray([...lines.keys()]));
        const reader = openLines(path, size);
        try {
          for (const indexes of [[...lines.keys()], order])
            expect(indexes.map((index) => reader.lineAt(places[index] ?? 0))).toEqual(
              indexes.map((index) => lines[index]),
            );
        } finally {
          reader.close();
        }
      },
    ),
  );
});
