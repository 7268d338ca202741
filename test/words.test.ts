// What the program says to people and to models is plain English: none of the words that CONTRIBUTING.md lists.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";

const SOURCE = fileURLToPath(new URL("../src", import.meta.url));
const AVOIDED =
  /(?<!\bthere )\b(?:is|are) no\b(?! longer)|\b(?:stands|lies|goes on|going on|go on|anew|at hand|in force|whatever|of (?:its|their) own)\b/i;
/** What people type is data here, and a prompt that was measured stays as it is. */
const DATA = ["router/history-evidence.ts", "router/lexicon.ts", "router/never-kept.ts", "prompts/gate.ts"];

/** Texts of a file: strings and the fixed parts of templates, not imports. */
function textsOf(path: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) return;
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node))
      texts.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return texts;
}

test("no text of the program holds a word to avoid", () => {
  const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter(
    (name) => /\.tsx?$/.test(name) && !name.endsWith("-weights.ts") && !DATA.includes(name),
  );
  const found = files.flatMap((name) =>
    textsOf(join(SOURCE, name)).flatMap((text) => (AVOIDED.test(text) ? [`${name}: ${text}`] : [])),
  );
  expect(found).toEqual([]);
  expect(files.length).toBeGreaterThan(300);
});

test.each(["it is no folder", "goes on", "Nothing lies there", "a folder of its own"])("%j is found", (text) => {
  expect(text).toMatch(AVOIDED);
});

test.each(["there is no plan", "it is no longer active", "it continues"])("%j is not", (text) => {
  expect(text).not.toMatch(AVOIDED);
});
