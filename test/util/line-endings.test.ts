import fc from "fast-check";
import { expect, test } from "vitest";
import { normalizeEndings, replacePassage, restoreEndings } from "../../src/util/line-endings.ts";

const raw = fc.array(fc.constantFrom("a", "b", "", "cc", "\n", "\r\n", "\r"), { maxLength: 30 }).map((parts) => parts.join(""));

test("what is normalised comes back byte for byte", () => {
  fc.assert(fc.property(raw, (text) => {
    expect(restoreEndings(normalizeEndings(text))).toBe(text);
  }), { seed: 1, numRuns: 1_000 });
});

test("a replacement keeps everything outside the passage, and one line end per newline", () => {
  fc.assert(
    fc.property(raw, fc.nat(30), fc.nat(30), fc.constantFrom("", "x", "x\ny", "\n", "a\nb\nc\n"), (text, from, length, replacement) => {
      const normal = normalizeEndings(text);
      const start = Math.min(from, normal.text.length);
      const end = Math.min(start + length, normal.text.length);
      const result = replacePassage(normal, start, end, replacement);
      expect(result.text).toBe(normal.text.slice(0, start) + replacement + normal.text.slice(end));
      expect(result.endings.length).toBe(result.text.split("\n").length - 1);
      const before = normal.text.slice(0, start).split("\n").length - 1;
      const after = normal.text.slice(end).split("\n").length - 1;
      expect(result.endings.slice(0, before)).toEqual(normal.endings.slice(0, before));
      expect(result.endings.slice(result.endings.length - after)).toEqual(normal.endings.slice(normal.endings.length - after));
      if (replacement === normal.text.slice(start, end)) expect(restoreEndings(result)).toBe(text);
    }),
    { seed: 2, numRuns: 2_000 },
  );
});
