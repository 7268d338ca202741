import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { phrases, splitAlternatives } from "../../src/router/alternatives.ts";
import { ABOUT, TALK, TALK_ELSEWHERE } from "../../src/router/gate-phrases.ts";
import { STEMS } from "../../src/router/lexicon.ts";

const folder = fileURLToPath(new URL("../../src/router", import.meta.url));
const cases = fileURLToPath(new URL("../../bench/router/cases", import.meta.url));

/** The text of every labelled case, whole and by sentence, in the gate's spelling. */
const texts = readdirSync(cases)
  .filter((name) => name.endsWith(".jsonl"))
  .flatMap((name) =>
    readFileSync(join(cases, name), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .flatMap((line) => {
        const { message } = JSON.parse(line) as { message?: string };
        const lower = (message ?? "").toLowerCase();
        return [lower, ...lower.split(/[.!?,]+\s*/u)];
      }),
  );

/** The sources of a list as its file writes them. */
function sourcesOf(name: string): string[] {
  const file = readFileSync(join(folder, "gate-phrases.ts"), "utf8");
  const [, name_ = ""] = /^const NAME = "(.*)";$/mu.exec(file) ?? [];
  const [, body = ""] = new RegExp(`^export const ${name} = phrases\\(\\n([\\s\\S]*?)\\n\\);$`, "mu").exec(file) ?? [];
  return body.split("\n").map((line) => {
    const text = line.trim().replace(/^["`]|["`],$/gu, "");
    return text.replaceAll("${NAME}", name_).replaceAll("\\\\", "\\").replaceAll('\\"', '"');
  });
}

describe("a list of phrases in pieces", () => {
  it.each([
    ["TALK", TALK],
    ["TALK_ELSEWHERE", TALK_ELSEWHERE],
    ["ABOUT", ABOUT],
  ] as const)("%s answers every labelled case as one expression of the same phrases does", (name, list) => {
    const sources = sourcesOf(name);
    expect(sources.length).toBeGreaterThan(10);
    const whole = new RegExp(`^(?:${sources.join("|")})$`, "u");
    const known = texts.filter((text) => whole.test(text));
    expect(known).not.toEqual([]);
    expect(texts.filter((text) => list.test(text))).toEqual(known);
  });

  it.each([
    ["a|b", ["a", "b"]],
    ["(?:a|b)|c", ["(?:a|b)", "c"]],
    ["[|(]x|[)|]y", ["[|(]x", "[)|]y"]],
    ["a\\|b|\\(c|[\\]|]d", ["a\\|b", "\\(c", "[\\]|]d"]],
    ["a|", ["a", ""]],
  ])("%s is cut outside groups and classes alone", (source, parts) => {
    expect(splitAlternatives(source)).toEqual(parts);
  });

  it.each([
    ["ab?c", "ac"],
    ["ab*c", "ac"],
    ["ab{0,1}c", "ac"],
    ["ab+c", "abbc"],
    ["a|", ""],
    ["(?:x|ab)c", "xc"],
  ])("%s matches %j, whose opening letters are not fixed", (source, text) => {
    expect(phrases("zz", source).test(text)).toBe(true);
    expect(phrases("zz", source).test(`${text}!`)).toBe(false);
  });

  it("every class of the lexicon is cut into expressions that compile", () => {
    for (const source of Object.values(STEMS))
      for (const part of splitAlternatives(source)) expect(() => new RegExp(part, "u")).not.toThrow();
  });
});
