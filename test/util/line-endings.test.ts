import fc from "fast-check";
import { expect, test } from "vitest";
import { normalizeEndings, replacePassage, restoreEndings } from "../../src/util/line-endings.ts";

const raw = fc
  .array(fc.constantFrom("a", "b", "", "cc", "\n", "\r\n", "\r"), { maxLength: 30 })
  .map((parts) => parts.join(""));

test("what is normalised comes back byte for byte", () => {
  fc.assert(
    fc.property(raw, (text) => {
      expect(restoreEndings(normalizeEndings(text))).toBe(text);
    }),
    { seed: 1, numRuns: 1_000 },
  );
});

test.each<[string, string, string, string, string]>([
  [
    "a line becomes two in a file of CRLF",
    "one\r\ntwo\r\nthree\r\n",
    "two",
    "2\nextra",
    "one\r\n2\r\nextra\r\nthree\r\n",
  ],
  ["in its first line", "one\r\ntwo\r\n", "one", "1\nextra", "1\r\nextra\r\ntwo\r\n"],
  ["in a last line without an end", "one\r\ntwo\r\nthree", "three", "3\nextra", "one\r\ntwo\r\n3\r\nextra"],
  ["of CR alone", "one\rtwo\rthree\r", "two", "2\nextra", "one\r2\rextra\rthree\r"],
  [
    "the lines around decide, not those far away",
    "a\nb\nc\nd\ne\nf\nx\r\ny\r\nz\r\nw\r\nv\r\nu\r\n",
    "w",
    "W\nextra",
    "a\nb\nc\nd\ne\nf\nx\r\ny\r\nz\r\nW\r\nextra\r\nv\r\nu\r\n",
  ],
  [
    "the passage's own lines decide before those around",
    "a\r\nb\r\nc\nd\ne\r\nf\r\n",
    "c\nd\ne",
    "C\nD\nextra\ne",
    "a\r\nb\r\nC\nD\nextra\ne\r\nf\r\n",
  ],
  ["a text of one line takes LF", "one", "one", "1\nextra", "1\nextra"],
])("new lines end as the others do: %s", (_name, raw, old, replacement, expected) => {
  const normal = normalizeEndings(raw);
  const start = normal.text.indexOf(old);
  expect(restoreEndings(replacePassage(normal, start, start + old.length, replacement))).toBe(expected);
});

test("a replacement keeps everything outside the passage, and one line end per newline", () => {
  fc.assert(
    fc.property(
      raw,
      fc.nat(30),
      fc.nat(30),
      fc.constantFrom("", "x", "x\ny", "\n", "a\nb\nc\n"),
      (text, from, length, replacement) => {
        const normal = normalizeEndings(text);
        const start = Math.min(from, normal.text.length);
        const end = Math.min(start + length, normal.text.length);
        const result = replacePassage(normal, start, end, replacement);
        expect(result.text).toBe(normal.text.slice(0, start) + replacement + normal.text.slice(end));
        expect(result.endings.length).toBe(result.text.split("\n").length - 1);
        const before = normal.text.slice(0, start).split("\n").length - 1;
        const after = normal.text.slice(end).split("\n").length - 1;
        expect(result.endings.slice(0, before)).toEqual(normal.endings.slice(0, before));
        expect(result.endings.slice(result.endings.length - after)).toEqual(
          normal.endings.slice(normal.endings.length - after),
        );
        if (replacement === normal.text.slice(start, end)) expect(restoreEndings(result)).toBe(text);
        expect(normalizeEndings(restoreEndings(result)).text).toBe(result.text);
      },
    ),
    { seed: 2, numRuns: 2_000 },
  );
});

test("a line added inside a CRLF file takes the line end of its neighbours", () => {
  const normal = normalizeEndings("one\r\ntwo\r\nthree\n");
  const edited = replacePassage(normal, 4, 7, "2\nextra");
  expect(restoreEndings(edited)).toBe("one\r\n2\r\nextra\r\nthree\n");
});
