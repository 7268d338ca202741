// No text of a model moves the cursor, sets the title or fills the clipboard: every sequence, in every spelling, in
// every place.

import { describe, expect, test } from "vitest";
import { drawable, graphemes, width, wrap } from "../../src/ui/text.ts";
import { renderMarkdown } from "../../src/ui/markdown.ts";
import { createTheme } from "../../src/ui/theme.ts";

const SEQUENCES: Record<string, string> = {
  title: "\u001b]0;PWNED\u0007",
  "title by two": "\u001b]2;PWNED\u001b\\",
  clipboard: "\u001b]52;c;ZXZpbA==\u0007",
  link: "\u001b]8;;http://evil\u0007",
  colour: "\u001b[31m",
  erase: "\u001b[2J",
  cursor: "\u001b[1;1H",
  alternate: "\u001b[?1049h",
  report: "\u001b[6n",
  device: '\u001bP$q"p\u001b\\',
  reset: "\u001bc",
  mouse: "\u001b[?1003h",
  eight: "\u009b31m",
  "eight title": "\u009d0;PWNED\u009c",
  return: "\rEVIL",
  backspace: "\b\b\bEVIL",
  bell: "\u0007",
  bidi: "\u202eEVIL",
  isolate: "\u2066EVIL",
  "no width": "\u200bEVIL",
  delete: "\u007f",
  NUL: "\u0000",
  "line separator": "\u2028EVIL",
};
const codes = (text: string, write: (code: number) => string): string =>
  [...text].map((letter) => write(letter.codePointAt(0) ?? 0)).join("");
const controls = (text: string, write: (code: number) => string): string =>
  [...text]
    .map((letter) => (/[\p{Cc}\p{Cf}\u2028]/u.test(letter) ? write(letter.codePointAt(0) ?? 0) : letter))
    .join("");
const ENCODINGS: Record<string, (text: string) => string> = {
  raw: (text) => text,
  decimal: (text) => controls(text, (code) => `&#${code};`),
  "decimal with zeros": (text) => controls(text, (code) => `&#${String(code).padStart(7, "0")};`),
  hexadecimal: (text) => controls(text, (code) => `&#x${code.toString(16)};`),
  "hexadecimal in capitals": (text) =>
    controls(text, (code) => `&#X${code.toString(16).toUpperCase().padStart(6, "0")};`),
  "all by numbers": (text) => codes(text, (code) => `&#${code};`),
  "encoded twice": (text) => controls(text, (code) => `&amp;#${code};`),
  "encoded three times": (text) => controls(text, (code) => `&amp;amp;#x${code.toString(16)};`),
  "ampersand by number": (text) => controls(text, (code) => `&#38;#${code};`),
  "without an end": (text) => controls(text, (code) => `&#${code}`),
  named: (text) =>
    controls(
      text,
      (code) => ({ 0x202e: "&rlm;", 0x200b: "&ZeroWidthSpace;", 9: "&Tab;", 10: "&NewLine;" })[code] ?? `&#${code};`,
    ),
  "behind a backslash": (text) => controls(text, (code) => `\\&#${code};`),
};
const PLACES: Record<string, (text: string) => string> = {
  paragraph: (text) => `before ${text} after`,
  heading: (text) => `# ${text}`,
  underlined: (text) => `${text}\n===`,
  "list item": (text) => `- one\n  - ${text}\n1. ${text}`,
  task: (text) => `- [x] ${text}`,
  table: (text) => `| a | ${text} |\n| --- | --- |\n| ${text} | b |`,
  quote: (text) => `> > ${text}`,
  strong: (text) => `**${text}** _${text}_ ~~${text}~~`,
  "code span": (text) => `\`${text}\``,
  "code block": (text) => `\`\`\`ts ${text}\n${text}\n\`\`\``,
  "indented code": (text) => `    ${text}`,
  "link text": (text) => `[${text}](http://a.example)`,
  "link address": (text) => `[a](<http://a.example/${text}>) [b](http://a.example "${text}")`,
  "link by name": (text) => `[a]\n\n[a]: <http://${text}> "${text}"`,
  image: (text) => `![${text}](${text})`,
  "bare address": (text) => `<http://a.example/${text}> http://a.example/${text}`,
  HTML: (text) => `<b title="${text}">${text}</b>\n\n<div>${text}</div>\n\n<!-- ${text} -->`,
  footnote: (text) => `a[^1]\n\n[^1]: ${text}`,
};
const STYLE = /\u001b\[(?:1|2|3|4|9|22|23|24|29|3[0-9]|39)m/g;

describe.each(Object.entries(PLACES))("%s", (_place, put) => {
  test.each(Object.entries(ENCODINGS))(
    "%s: what is drawn holds characters and bmo's own styles alone",
    (_name, encode) => {
      for (const [name, sequence] of Object.entries(SEQUENCES)) {
        for (const colored of [false, true]) {
          const drawn = renderMarkdown(put(encode(sequence)), 60, createTheme(colored, "auto"), () => null);
          for (const line of drawn) {
            expect(line.replace(colored ? STYLE : /$^/, ""), name).not.toMatch(
              /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\u200b-\u200f]/u,
            );
            expect(line.includes("\u001b[31m"), name).toBe(false);
            expect(drawable(line)).toBe(line);
          }
        }
      }
    },
  );
});

test("the last look leaves styles and takes every other control away", () => {
  for (const sequence of Object.values(SEQUENCES))
    expect(drawable(`a${sequence}b`).replaceAll("\u001b[31m", "")).not.toMatch(/\p{Cc}/u);
  expect(drawable("\u001b[1mbold\u001b[22m \u001b[36mblue\u001b[39m")).toBe(
    "\u001b[1mbold\u001b[22m \u001b[36mblue\u001b[39m",
  );
});

test("Markdown made to keep the lexer busy is shown as it stands, at once and whole", () => {
  for (const source of [
    "_a__b ".repeat(20_000),
    "[".repeat(100_000),
    "> ".repeat(50_000),
    "a.".repeat(20_000),
    "*a **b ".repeat(20_000),
    "\r".repeat(1_000_000),
    "x\u001b[K".repeat(200_000),
    `${"x".repeat(100_000)}\r${"\u001b[K".repeat(100_000)}`,
  ]) {
    expect(renderMarkdown(source, 80, createTheme(false, "auto"), () => null).every((line) => width(line) <= 80)).toBe(
      true,
    );
  }
});

const CLUSTERS = [
  "1\ufe0f\u20e3",
  "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}",
  "\u{1f44d}\u{1f3fd}",
  "\u{1f1e9}\u{1f1ea}",
  "\u2764\ufe0f",
  "e\u0301",
  "\u{1f441}\ufe0f\u200d\u{1f5e8}\ufe0f",
  "漢",
  "\u1112\u1161\u11ab",
  "a",
];

test("a row is never wider than asked, and no joined character is torn", () => {
  for (const cluster of CLUSTERS) {
    for (const other of CLUSTERS) {
      const text = `${cluster}${other}`.repeat(12);
      for (let columns = 2; columns <= 12; columns++) {
        const rows = wrap(text, columns);
        expect(rows.join("")).toBe(text);
        expect(rows.flatMap(graphemes)).toEqual(graphemes(text));
        expect(Math.max(...rows.map(width))).toBeLessThanOrEqual(columns);
      }
    }
  }
});

test("styles go on over the end of a row, and end with it", () => {
  const theme = createTheme(true, "auto");
  expect(wrap(theme.bold(`one ${theme.accent("two three")} four`), 8)).toEqual(
    [
      "\u001b[1mone \u001b[36mtwo\u001b[39m\u001b[22m",
      "\u001b[1m\u001b[36mthree\u001b[39m \u001b[22m",
      "\u001b[1mfour\u001b[22m",
    ].map((row, index) =>
      index === 0 ? (expect.stringMatching(/^\u001b\[1mone \u001b\[36mtwo ?\u001b\[39m\u001b\[22m$/) as string) : row,
    ),
  );
});
