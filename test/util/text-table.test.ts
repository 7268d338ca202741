import { expect, test } from "vitest";
import stringWidth from "string-width";
import { textTable } from "../../src/util/text-table.ts";
import { textWidth } from "../../src/util/text-width.ts";
import { formatTokens } from "../../src/util/token-count.ts";

test("columns are as wide as their widest cell, figures stand right, no line ends in blanks, short rows end early", () => {
  const rows = [["name", "cost", "note"], ["a", "$12.00", ""], ["longer", "$0.1", "x"], ["alone"]];
  expect(textTable(rows, [1]).split("\n")).toEqual([
    "name      cost  note",
    "a       $12.00",
    "longer    $0.1  x",
    "alone",
  ]);
  expect(textTable([])).toBe("");
});

test("cells are measured in columns of a terminal", () => {
  expect(
    textTable(
      [
        ["源/文件.ts", "1", "x"],
        ["a.ts", "12", "y"],
      ],
      [1],
    ).split("\n"),
  ).toEqual(["源/文件.ts   1  x", "a.ts        12  y"]);
});

test.each([
  "",
  "plain",
  "源/文件.ts",
  "ｆｕｌｌ",
  "ｶﾀｶﾅ",
  "カタカナー",
  "한국어",
  "한국어".normalize("NFD"),
  "é",
  "e\u0301",
  "ünïcödé",
  "😀",
  "👍🏽",
  "👩‍👩‍👧",
  "🇩🇪🇫🇷",
  "❤️",
  "❤",
  "1️⃣",
  "©",
  "✅ done",
  "a\u200bb",
  "「引用」",
  "…–—",
  "ไทย",
  "עברית",
  "𠀀",
  "ㄅㄆ",
  "☃",
])("%j is as wide as the full measure says", (text) => {
  expect(textWidth(text)).toBe(stringWidth(text));
});

test("numbers of tokens: never 1000k, no idle decimal", () => {
  expect(
    [0, 999, 1000, 8192, 9999, 12_345, 262_144, 999_499, 999_500, 1_000_000, 1_048_576, 1_500_000, 12_300_000].map(
      formatTokens,
    ),
  ).toEqual(["0", "999", "1k", "8.2k", "10k", "12k", "262k", "999k", "1M", "1M", "1M", "1.5M", "12M"]);
});
