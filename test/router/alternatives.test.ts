import { describe, expect, it } from "vitest";
import { splitAlternatives } from "../../src/router/alternatives.ts";
import { STEMS } from "../../src/router/lexicon.ts";

describe("an expression in pieces", () => {
  it.each([
    ["a|b", ["a", "b"]],
    ["(?:a|b)|c", ["(?:a|b)", "c"]],
    ["[|(]x|[)|]y", ["[|(]x", "[)|]y"]],
    ["a\\|b|\\(c|[\\]|]d", ["a\\|b", "\\(c", "[\\]|]d"]],
    ["a|", ["a", ""]],
  ])("%s is cut outside groups and classes alone", (source, parts) => {
    expect(splitAlternatives(source)).toEqual(parts);
  });

  it("every class of the lexicon is cut into expressions that compile", () => {
    for (const source of Object.values(STEMS))
      for (const part of splitAlternatives(source)) expect(() => new RegExp(part, "u")).not.toThrow();
  });
});
