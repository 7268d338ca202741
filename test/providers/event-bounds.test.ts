// The bytes of a stream of events come on whole, in whole events, with one kind of line end, and never beyond their
// bounds.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { wholeEvents } from "../../src/providers/event-bounds.ts";
import { STREAM_SIZE_LIMIT } from "../../src/providers/reply-bounds.ts";

async function* chunks(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array, void, undefined> {
  const points = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
    (left, right) => left - right,
  );
  for (const [index, from] of points.slice(0, -1).entries()) yield bytes.subarray(from, points[index + 1]);
}

async function given(source: AsyncIterable<Uint8Array>, limit?: number): Promise<string[]> {
  const texts: string[] = [];
  for await (const chunk of wholeEvents(source, limit)) texts.push(Buffer.from(chunk).toString("utf8"));
  return texts;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("whole events", () => {
  test("any line ends and cuts give the same bytes, an event at a time", async () => {
    const lines = fc.array(
      fc.string({ unit: "grapheme", minLength: 1 }).filter((value) => !/[\r\n]/.test(value)),
      { minLength: 1, maxLength: 5 },
    );
    const ends = fc.constantFrom("\n", "\r\n", "\r");
    await fc.assert(
      fc.asyncProperty(
        fc.array(lines, { minLength: 1, maxLength: 5 }),
        ends,
        fc.array(fc.nat(), { maxLength: 12 }),
        async (events, end, cuts) => {
          const written = events.map((event) => event.map((line) => line + end).join("") + end).join("");
          const texts = await given(chunks(encode(written), cuts));
          expect(texts.join("")).toBe(written.replaceAll(/\r\n?/g, "\n"));
          for (const text of texts) expect(text.endsWith("\n\n"), JSON.stringify(text)).toBe(true);
        },
      ),
      { numRuns: 300, seed: 7 },
    );
  });

  test("mixed line ends and CRLF that is cut in two", async () => {
    expect(await given(chunks(encode("data: 1\r\n\ndata: 2\r\r\ndata: 3\n\r\n"), [8, 9, 10, 19, 28]))).toEqual([
      "data: 1\n\n",
      "data: 2\n\n",
      "data: 3\n\n",
    ]);
  });

  test("what ends without a blank line comes last; what the source throws comes after the events before it", async () => {
    expect(await given(chunks(encode("data: 1\n\ndata: 2"), [11]))).toEqual(["data: 1\n\n", "data: 2"]);
    const seen: string[] = [];
    async function* cut(): AsyncGenerator<Uint8Array, void, undefined> {
      yield* chunks(encode("data: 1\n\ndata: 2"), []);
      throw new Error("cut");
    }
    const reading = async (): Promise<void> => {
      for await (const chunk of wholeEvents(cut())) seen.push(Buffer.from(chunk).toString());
    };
    await expect(reading()).rejects.toThrow("cut");
    expect(seen).toEqual(["data: 1\n\n"]);
  });
});

describe("bounds", () => {
  test("an event above the limit is refused, in one line, in many lines, in many chunks", async () => {
    await expect(given(chunks(encode(`data: ${"x".repeat(200)}`), []), 100)).rejects.toThrow(RangeError);
    await expect(
      given(chunks(encode("data: xxxxxxxxxxxxxxxxxxxx\n".repeat(9)), [40, 80, 120, 160]), 100),
    ).rejects.toThrow("an event is larger than 100 bytes");
    expect(
      await given(chunks(encode("data: xxxxxxxxxxxxxxxxxxxx\n\n".repeat(9)), [40, 80, 120, 160]), 100),
    ).toHaveLength(5);
  });

  test.each([
    "event: thread.run\ndata: {\n\n",
    "event:thread.run\r\rdata: {\r\r",
    ": x\n\n\ufeffevent: thread.run\ndata: {",
  ])("events that an SDK would print are refused: %j", async (text) => {
    await expect(given(chunks(encode(text), []))).rejects.toThrow("events of another interface");
  });

  test("the words of such an event inside an answer are an answer", async () => {
    const text = `data: {"text":"\\nevent: thread.run"}\n\n`;
    expect(await given(chunks(encode(text), []))).toEqual([text]);
  });

  test("a body above the size of a reply is refused, whatever its events", async () => {
    const event = encode(`: ${"x".repeat(65_534)}\n\n`);
    async function* endless(): AsyncGenerator<Uint8Array, void, undefined> {
      for (;;) {
        await Promise.resolve();
        yield event;
      }
    }
    let size = 0;
    const reading = async (): Promise<void> => {
      for await (const chunk of wholeEvents(endless())) size += chunk.length;
    };
    await expect(reading()).rejects.toThrow(RangeError);
    expect(size).toBeLessThanOrEqual(STREAM_SIZE_LIMIT);
    expect(size).toBeGreaterThan(STREAM_SIZE_LIMIT - 2 * event.length);
  });

  test("other work gets its turn while a server sends without end", async () => {
    let turns = 0;
    const count = (): void => {
      turns += 1;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    const event = encode(`: ${"x".repeat(65_534)}\n\n`);
    async function* many(): AsyncGenerator<Uint8Array, void, undefined> {
      for (let index = 0; index < 64; index++) yield await Promise.resolve(event);
    }
    await given(many());
    clearImmediate(timer);
    expect(turns).toBeGreaterThanOrEqual(8);
  });
});
