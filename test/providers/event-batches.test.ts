// What a pulling parser makes of chunks comes out as one array per chunk, whole, in order, and with its failure last.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batchedBody } from "../../src/providers/event-batches.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

async function* chunksOf(texts: string[], log: string[] = []): AsyncGenerator<Uint8Array, void, undefined> {
  for (const text of texts) {
    log.push(`read ${text}`);
    await Promise.resolve();
    yield encode(text);
  }
}

/** One event per letter; `!` throws. */
async function* letters(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  for await (const chunk of body) {
    for (const letter of new TextDecoder().decode(chunk).replaceAll(".", "")) {
      if (letter === "!") throw new Error("unreadable");
      yield letter;
    }
  }
}

async function collect(batches: AsyncIterable<unknown[]>): Promise<{ batches: unknown[][]; thrown: unknown }> {
  const seen: unknown[][] = [];
  try {
    for await (const batch of batches) seen.push(batch);
    return { batches: seen, thrown: null };
  } catch (thrown) {
    return { batches: seen, thrown };
  }
}

describe("batches", () => {
  test("one per chunk that has events, whatever the cuts", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c", ".") }), { maxLength: 12 }),
        async (texts) => {
          const { body, batches } = batchedBody(chunksOf(texts));
          const expected = texts.map((text) => [...text.replaceAll(".", "")]).filter((batch) => batch.length > 0);
          expect(await collect(batches(letters(body)))).toEqual({ batches: expected, thrown: null });
        },
      ),
      { numRuns: 200, seed: 7 },
    );
  });

  test("events before a failure come first, from the parser and from the network", async () => {
    const parser = batchedBody(chunksOf(["ab", "c!d", "e"]));
    expect(await collect(parser.batches(letters(parser.body)))).toEqual({
      batches: [["a", "b"], ["c"]],
      thrown: new Error("unreadable"),
    });
    async function* breaking(): AsyncGenerator<Uint8Array, void, undefined> {
      yield* chunksOf(["ab"]);
      throw new Error("cut");
    }
    const network = batchedBody(breaking());
    expect(await collect(network.batches(letters(network.body)))).toEqual({
      batches: [["a", "b"]],
      thrown: new Error("cut"),
    });
  });

  test("no further chunk is read before a batch is taken", async () => {
    const log: string[] = [];
    const { body, batches } = batchedBody(chunksOf(["a", "b", "c"], log));
    for await (const batch of batches(letters(body))) log.push(`took ${batch.join("")}`);
    expect(log.indexOf("read c")).toBeGreaterThan(log.indexOf("read b"));
    expect(log.filter((line) => line.startsWith("took"))).toEqual(["took a", "took b", "took c"]);
    expect(log.indexOf("read c")).toBeGreaterThan(log.indexOf("took a"));
  });

  test("more bytes without an event than one may have are refused; with events between them they are not", async () => {
    const silent = batchedBody(chunksOf(Array.from({ length: 30 }, () => "..........")), 100);
    expect((await collect(silent.batches(letters(silent.body)))).thrown).toBeInstanceOf(RangeError);
    const lively = batchedBody(chunksOf(Array.from({ length: 30 }, () => ".........a")), 100);
    expect((await collect(lively.batches(letters(lively.body)))).batches).toHaveLength(30);
  });
});
