// Depth and size of JSON are judged alike before and after it is parsed, and in whatever pieces it comes.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { Json } from "../../src/types/json.ts";
import {
  createDepthWatch,
  jsonFault,
  JSON_DEPTH_LIMIT,
  JSON_MEMBER_LIMIT,
  valueFault,
} from "../../src/util/json-bounds.ts";

const deep = (levels: number, open: string, close: string, inner: string): string =>
  open.repeat(levels) + inner + close.repeat(levels);

test.each([
  ["lists", "[", "]", "1"],
  ["objects", '{"a":', "}", "1"],
  ["both", '[{"a":', "}]", "1"],
])("%s: at the limit they pass, one level above they do not", (_name, open, close, inner) => {
  const step = open.length === 6 ? 2 : 1;
  const within = deep(JSON_DEPTH_LIMIT / step, open, close, inner);
  const beyond = `[${within}]`;
  expect([jsonFault(within), valueFault(JSON.parse(within) as Json)]).toEqual([null, null]);
  expect(jsonFault(beyond)).toBe(`nested deeper than ${JSON_DEPTH_LIMIT} levels`);
  expect(valueFault(JSON.parse(beyond) as Json)).toBe(`nested deeper than ${JSON_DEPTH_LIMIT} levels`);
});

test("brackets, braces, commas and escaped quotes inside of strings count for nothing", () => {
  for (const text of [
    "[".repeat(1000),
    "{".repeat(1000),
    '\\"['.repeat(1000),
    ",".repeat(JSON_MEMBER_LIMIT * 2),
    "\\".repeat(999),
  ]) {
    const json = JSON.stringify({ [text]: [text] });
    expect(jsonFault(json)).toBeNull();
    expect(createDepthWatch()(Buffer.from(`data: ${json}\n\n`))).toBe(true);
  }
});

test("more members than the limit are refused, in one table or in many", () => {
  const wide = Array.from({ length: JSON_MEMBER_LIMIT + 2 }, () => 0);
  expect(jsonFault(JSON.stringify(wide))).toBe(`larger than ${JSON_MEMBER_LIMIT} members`);
  expect(valueFault(wide)).toBe(`larger than ${JSON_MEMBER_LIMIT} members`);
  expect(valueFault(Array.from({ length: 300 }, () => wide.slice(0, 300)))).toBe(
    `larger than ${JSON_MEMBER_LIMIT} members`,
  );
});

test("whatever JSON passes can be walked, copied and written again", () => {
  const passes = (text: string): void => {
    expect([jsonFault(text), valueFault(JSON.parse(text) as Json)]).toEqual([null, null]);
  };
  fc.assert(fc.property(fc.json({ maxDepth: 12 }), passes), { numRuns: 300, seed: 20261121 });
});

test("a stream is judged alike in one piece and byte by byte, with each line end, over several lines of one event, and anew after each event", () => {
  const fine = JSON.stringify({ a: [[1, '"[[', "]"]] });
  const streams: [string, boolean][] = ["\n", "\r\n", "\r"].flatMap((end): [string, boolean][] => [
    [`data: ${fine}${end}${end}`.repeat(200), true],
    [`data: [[[${end}data: [[[${end}${end}`.repeat(200), true],
    [`data: [[[${end}`.repeat(30), false],
    [`event: "${end}data: ${"[".repeat(80)}${end}${end}`, false],
    [`d"${end}data: ${"[".repeat(80)}${end}${end}`, false],
    [`: ${"[".repeat(500)}${end}`, true],
    [`data: "${"[".repeat(500)}"${end}${end}`, true],
  ]);
  for (const [text, passes] of streams) {
    const bytes = Buffer.from(text);
    expect(createDepthWatch()(bytes), JSON.stringify(text.slice(0, 40))).toBe(passes);
    const watch = createDepthWatch();
    expect([...bytes].every((byte) => watch(Uint8Array.of(byte)))).toBe(passes);
  }
});
