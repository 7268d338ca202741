// What a stream gives within one turn of the event loop comes as one array, in order, and with its failure last.

import { setImmediate as nextTurn } from "node:timers/promises";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batches } from "../../src/providers/batches.ts";

/** The values of each inner array without waiting, and a turn of the event loop between the arrays; `!` throws. */
async function* turns(script: readonly string[], log: string[] = []): AsyncGenerator<string, void, undefined> {
  for (const [index, letters] of script.entries()) {
    if (index > 0) {
      await nextTurn();
      await nextTurn();
    }
    for (const letter of letters) {
      if (letter === "!") throw new Error("unreadable");
      log.push(`gave ${letter}`);
      yield letter;
    }
  }
}

async function collect(source: AsyncIterable<string>): Promise<{ seen: string[]; thrown: unknown }> {
  const seen: string[] = [];
  try {
    for await (const batch of batches(source)) seen.push(batch.join(""));
    return { seen, thrown: null };
  } catch (thrown) {
    return { seen, thrown };
  }
}

describe("batches", () => {
  test("one for each turn that gives something, whole and in order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 40 }), { maxLength: 8 }),
        async (script) => {
          expect(await collect(turns(script))).toEqual({
            seen: script.filter((letters) => letters !== ""),
            thrown: null,
          });
        },
      ),
      { numRuns: 100, seed: 7 },
    );
  });

  test("what was given before a failure comes before it", async () => {
    expect(await collect(turns(["ab", "c!d", "e"]))).toEqual({ seen: ["ab", "c"], thrown: new Error("unreadable") });
    expect(await collect(turns(["!"]))).toEqual({ seen: [], thrown: new Error("unreadable") });
    expect(await collect(turns(["ab", "!"]))).toEqual({ seen: ["ab"], thrown: new Error("unreadable") });
  });

  test("a consumer that is slow holds the source back", async () => {
    const log: string[] = [];
    for await (const batch of batches(turns(["a", "b", "c"], log))) {
      log.push(`took ${batch.join("")}`);
      for (let turn = 0; turn < 10; turn++) await nextTurn();
    }
    expect(log).toEqual(["gave a", "took a", "gave b", "took b", "gave c", "took c"]);
  });

  test("a failure that comes while the consumer is busy is met by the consumer alone", async () => {
    const unhandled: unknown[] = [];
    const note = (thrown: unknown): void => void unhandled.push(thrown);
    process.on("unhandledRejection", note);
    const reading = (async () => {
      for await (const batch of batches(turns(["a", "!"])))
        for (let turn = 0; turn < 10 * batch.length; turn++) await nextTurn();
    })();
    await expect(reading).rejects.toThrow("unreadable");
    await nextTurn();
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });
});
