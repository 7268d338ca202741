import { expect, test } from "vitest";
import { textTable } from "../../src/util/text-table.ts";

test("columns are as wide as their widest cell, figures stand right, no line ends in blanks, short rows end early", () => {
  const rows = [["name", "cost", "note"], ["a", "$12.00", ""], ["longer", "$0.1", "x"], ["alone"]];
  expect(textTable(rows, [1]).split("\n")).toEqual(["name      cost  note", "a       $12.00", "longer    $0.1  x", "alone"]);
  expect(textTable([])).toBe("");
});
