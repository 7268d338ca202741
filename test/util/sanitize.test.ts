import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readMarks, sanitizeLine, sanitizeText, visibleText } from "../../src/util/sanitize.ts";

describe("sanitizeText", () => {
  test.each([
    ["plain\ttext\nß€漢字 😀", "plain\ttext\nß€漢字 😀"],
    ["\x1b[1;31mred\x1b[0m", "red"],
    ["\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "alink"],
    ["\x1b]52;c;aGk=\x07x", "x"],
    ["\x1bPq#0\x1b\\x\x1b_apc\x1b\\y\x1b^pm\x1b\\z", "xyz"],
    ["\x9b31mred\x9d0;t\x9cx", "redx"],
    ["\x1b]0;no end\nnext line", "\nnext line"],
    ["\x1b[?1049h\x1b[2J\x1b[Hx\x1bcy\x1b(Bz", "xyz"],
    ["10%\r20%\r100%\ndone", "100%\ndone"],
    ["abcdef\rxy", "xycdef"],
    ["abcdef\r\x1b[Kxy", "xy"],
    ["abcdef\x1b[2K\rxy", "xy"],
    ["line\r\nnext\r\r\nlast", "line\nnext\nlast"],
    ["N\bNA\bAM\bM", "NAM"],
    ["a\0b\x07c\x7fd\x85e", "abcde"],
    ["a\u202etxt.exe", "a<U+202E>txt.exe"],
    ["pass\u200bword \u2066x\u2069", "pass<U+200B>word <U+2066>x<U+2069>"],
    ["👩\u200d💻 a\u200db", "👩\u200d💻 a<U+200D>b"],
    ["tag\u{e0041}", "tag<U+E0041>"],
    ["\ufeffbom", "<U+FEFF>bom"],
    ["lone \ud800 surrogate", "lone \ufffd surrogate"],
  ])("%j", (raw, clean) => {
    expect(sanitizeText(raw)).toBe(clean);
  });

  test("leaves no control, escape or invisible character of any text, and is idempotent", () => {
    const hostile = fc.array(
      fc.oneof(
        fc.constantFrom(
          "\x1b",
          "[",
          "]",
          "0",
          ";",
          "m",
          "K",
          "\r",
          "\b",
          "\x1a",
          "\n",
          "\x9b",
          "\x9d",
          "\x07",
          "\\",
          "\u202e",
          "\u200d",
          "😀",
          "\ue000",
        ),
        fc.string({ unit: "binary" }),
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(hostile, (parts) => {
        const clean = sanitizeText(parts.join(""));
        expect(clean).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/);
        expect(sanitizeText(clean)).toBe(clean);
      }),
      { numRuns: 2_000, seed: 7 },
    );
  });

  test("one line stays one line", () => {
    expect(sanitizeLine("a\nb\tc\x1b[2J")).toBe("a\\nb c");
  });
});

describe("visibleText", () => {
  test("drops nothing: readMarks gives the characters back", () => {
    expect(visibleText("a\x1b[31m\u202eb\rc")).toBe("a<U+001B>[31m<U+202E>b<U+000D>c");
    expect(readMarks("a<U+001B>[31m<U+202E>b")).toBe("a\x1b[31m\u202eb");
    expect(readMarks("<U+0041> <U+FFFFFF>")).toBe("<U+0041> <U+FFFFFF>");
  });
});
