// Globs against the installed git as the judge, then what is added to git's (braces, code points, folded case) and the
// bounds.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileGlob, globProblem } from "../../src/util/path-glob.ts";

let repository: string;
beforeAll(() => {
  repository = mkdtempSync(join(tmpdir(), "bmo-glob-"));
  execFileSync("git", ["init", "-q", repository]);
});
afterAll(() => rmSync(repository, { recursive: true, force: true }));

/** Puts names into the index; no file needs to be there. */
function track(paths: readonly string[]): void {
  const git = (words: string[], input: string): void => void execFileSync("git", words, { cwd: repository, input });
  git(["read-tree", "--empty"], "");
  const blob = execFileSync("git", ["hash-object", "-w", "--stdin"], {
    cwd: repository,
    input: "",
    encoding: "utf8",
  }).trim();
  git(["update-index", "-z", "--index-info"], paths.map((path) => `100644 ${blob}\t${path}\0`).join(""));
}

/**
 * A pathspec also means the path of that very name and what is below it, syntax or not; only the rest is about globs.
 */
function besideItsName(pattern: string, paths: readonly string[], found: (path: string) => boolean): string[] {
  // ls-files takes off what stands before the first wildcard, and so reads `foo**` as `**`; the table below has that.
  const name = pattern.replace(/\/$/, "").toLowerCase();
  if (/^[^*?[\\]*[^/*?[\\]\*\*/.test(name)) return [];
  return paths.filter((path) => !`${path.toLowerCase()}/`.startsWith(`${name}/`) && found(path));
}

function byGit(pattern: string, paths: readonly string[], ignoreCase = false): string[] {
  const listed = execFileSync("git", ["ls-files", "-z", "--", `:(glob${ignoreCase ? ",icase" : ""})${pattern}`], {
    cwd: repository,
    encoding: "utf8",
  }).split("\0");
  return besideItsName(pattern, paths, (path) => listed.includes(path));
}

function byUs(pattern: string, paths: readonly string[], ignoreCase = false): string[] {
  return besideItsName(pattern, paths, compileGlob(pattern, { ignoreCase, braces: false }));
}

const NAMES = [
  "foo",
  "bar",
  "foobar",
  "f",
  "-",
  "---",
  "a-b",
  "my-file.ts",
  "package-lock.json",
  "prod-config/a.txt",
  "prod-config/deep/b.txt",
  "-adobe-courier-bold-o-normal--12-120-75-75-m-70-iso8859-1",
  "foo/bar",
  "foo/baz/bar",
  "foo/a/b/c/bar",
  "foo/bba/arr",
  "foo/b/a/r",
  "foobazbar",
  "deep/foo/bar/q",
  "deep/foo/bar/baz/x",
  "a/b/c/d",
  "XXX/adobe/courier/bold/o/12",
  "aaaaaaabababab",
  "foo*",
  "foo*bar",
  "f\\oo",
  "\\",
  "[ab]",
  "[",
  "]",
  "]foo",
  "foo]",
  "a]b",
  "^",
  "^ab",
  "!ab",
  "[!]a-]",
  "a",
  "b",
  "c",
  "d",
  "k",
  "z",
  "A",
  "Z",
  "M",
  "0",
  "5",
  "9",
  " ",
  "\t",
  ",",
  "_",
  "+",
  "t",
  "ten",
  "tEn",
  "five",
  "5five",
  ".env",
  ".env.prod",
  ".env-prod",
  "src/.hidden/x.ts",
  "src/foo1",
  "src/foo/deep/x",
  "src/foodeep/x",
  "a\\",
  "a\\b",
  "?",
  "a?c",
  "abc",
  "**",
  "{a,b}",
  "x{a",
  "[[:digit:]",
  ":",
  "p",
  "ab[c",
  "#x",
  "'q'",
  '"q"',
  "$x",
  "a b/c d",
];

/** Every construct, well and badly formed, in front, in the middle and at the end. */
const PATTERNS = [
  "foo",
  "bar",
  "???",
  "??",
  "*",
  "f*",
  "*f",
  "*foo*",
  "*ob*a*r*",
  "*ab",
  "foo\\*",
  "foo\\*bar",
  "f\\\\oo",
  "*[al]?",
  "[ten]",
  "**[!te]",
  "**[!ten]",
  "t[a-g]n",
  "t[!a-g]n",
  "t[^a-g]n",
  "a[]]b",
  "a[]-]b",
  "a[]a-]b",
  "]",
  "foo*bar",
  "foo**bar",
  "-*-*-*-*-*-*-12-*-*-*-m-*-*-*",
  "-*-*-*-*-*-*-12-*-*-*-*-*-*-*",
  "my-*.ts",
  "my-file.ts",
  "package-lock.json",
  "prod-config/**",
  "prod-config/*",
  ".env-*",
  ".env.*",
  "*-*",
  "[a-]*",
  "[-a]*",
  "[--0]",
  "[,-.]",
  "[+--]",
  "---",
  "a-?",
  "foo**",
  "**bar",
  "**foo",
  "foo/**arr",
  "foo**arr",
  "foo/*arr",
  "foo/**/bar",
  "foo/**/**/bar",
  "foo/b**",
  "foo*/**",
  "**/bar",
  "**/bar**",
  "**/bar/*",
  "**/bar/**",
  "**/bar/*/*",
  "**/**",
  "**/**/bar",
  "**",
  "***",
  "***/bar",
  "f/**",
  "foo/***",
  "*/bar/**",
  "*/foo/*/*/*",
  "*/**/**/x",
  "**/",
  "*/*",
  "*/*/*",
  "src/foo**",
  "src/foo**/x",
  "a/**/d",
  "a/**\\/d",
  "a/b/**/c/d",
  "a\\/b\\/c/d",
  "**\\/bar",
  "[[:alpha:]][[:digit:]][[:upper:]]",
  "[[:digit:][:upper:][:space:]]",
  "[[:lower:]]",
  "[[:xdigit:]]",
  "[[:alnum:]]*",
  "[[:punct:]]",
  "[[:graph:]]",
  "[[:print:]]",
  "[[:blank:]]",
  "[[:cntrl:]]",
  "[[:alpha:]-c]",
  "[a-c[:digit:]x-z]",
  "[![:alnum:]]",
  "[[:digit:]",
  "[[:nonsense:]]",
  "[[:digit]]",
  "[[:]]",
  "[[::]]",
  "[[:alpha:][:space:]]*",
  "[[:DIGIT:]]",
  "[:digit:]",
  "[[:digit:]]*five",
  "[\\-^]",
  "[\\\\-^]",
  "[\\]]",
  "[\\[]",
  "[\\\\]",
  "[\\]a]*",
  "a[\\]]b",
  "[a\\-c]",
  "[a-\\c]",
  "[\\a-\\c]",
  "[^\\]]",
  "[!\\]]*",
  "[]-a]",
  "[!]a-]",
  "[!]]*",
  "[^]a]",
  "[a-c]",
  "[c-a]",
  "[a-c-e]",
  "[a-]",
  "[-]",
  "[!-]",
  "[^]",
  "[!]",
  "[]",
  "[",
  "[a",
  "[!",
  "[a-",
  "[]-",
  "[]a-",
  "[a\\",
  "ab[c",
  "[[:",
  "[[:digit:",
  "foo[",
  "*[",
  "[ab",
  "[a/b]",
  "foo[/]bar",
  "foo[!x]bar",
  "foo[^a-z]bar",
  "foo?bar",
  "[?]",
  "[*]*",
  "a[?]c",
  "[ ]",
  "\\",
  "a\\",
  "a\\\\",
  "\\\\",
  "\\*",
  "\\*\\*",
  "\\[ab\\]",
  "\\[",
  "\\]",
  "\\?",
  "\\!ab",
  "!ab",
  "^ab",
  "\\-",
  "\\foo",
  "f\\o\\o",
  "foo\\",
  "*\\",
  "**\\",
  "{a,b}",
  "x{a",
  "[{]a,b}",
  "#x",
  "'q'",
  '"q"',
  "$x",
  "a b/c*",
  "[A-Z]",
  "[a-zA-Z]",
  "t?n",
  "T?N",
  ".*",
  "*.*",
  "*.ts",
  "**/*.ts",
  "**/.*",
  "**/.*/*",
  "src/**/*.ts",
  "*a*a*a*a*b",
  "*?",
  "?*",
  "*?*",
  "*??*",
  "**?",
  "?**",
  "?**/bar",
  "*/?**",
];

describe("as git's wildmatch", () => {
  test.each([
    ["case counts", false],
    ["case folded", true],
  ])("every construct, %s", (_name, ignoreCase) => {
    // git folds what it tests and not the class, so that its folded [A-Z] holds no letter but by its range; ours folds
    // both.
    const patterns = ignoreCase ? PATTERNS.filter((pattern) => !/\[[^\]]*[A-Za-z]/.test(pattern)) : PATTERNS;
    // The index holds no file below a file.
    for (const names of [
      NAMES.filter((name) => !NAMES.some((other) => other.startsWith(`${name}/`))),
      NAMES.filter((name) => !name.includes("/")),
    ]) {
      track(names);
      for (const pattern of patterns)
        expect({ pattern, found: byUs(pattern, names, ignoreCase) }).toEqual({
          pattern,
          found: byGit(pattern, names, ignoreCase),
        });
    }
    expect(patterns.length).toBeGreaterThan(100);
  });

  test("random globs over random names", () => {
    const letter = fc.constantFrom("a", "b", "A", "-", "]", "[", "!", "^", "\\", "*", "?", ".", "0", ":");
    const part = fc.oneof(
      { weight: 6, arbitrary: letter },
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          "*",
          "**",
          "/",
          "/**/",
          "/**",
          "**/",
          "?",
          "[a-b]",
          "[!a]",
          "[[:alpha:]]",
          "[\\]a]",
          "[]-a]",
          "\\/",
          "\\*",
          "[^-]",
          "[a\\-b]",
          "[[:x:]]",
          "[a[:digit:]-]",
        ),
      },
    );
    const glob = fc
      .array(part, { minLength: 1, maxLength: 7 })
      .map((parts) => parts.join(""))
      .filter((text) => !text.startsWith("/") && !text.includes("//") && !/(^|\/)\.{0,2}(\/|$)/.test(text));
    const name = fc
      .array(fc.constantFrom("a", "b", "ab", "-", "]", "[", "a-b", "\\", "A", "0", ".x", "!", "^a", "aab", "*"), {
        minLength: 1,
        maxLength: 3,
      })
      .map((parts) => parts.join("/"));
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { minLength: 12, maxLength: 30 }),
        fc.array(glob, { minLength: 3, maxLength: 6 }),
        (names, globs) => {
          const files = names.filter((one) => !names.some((other) => other.startsWith(`${one}/`)));
          track(files);
          for (const pattern of globs)
            expect({ pattern, found: byUs(pattern, files) }).toEqual({ pattern, found: byGit(pattern, files) });
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe("beyond git", () => {
  const cases: [string, string, boolean][] = [
    ["src/{a,b}.ts", "src/a.ts", true],
    ["src/{a,b}.ts", "src/c.ts", false],
    ["{*,**/*}", "x/y/z", true],
    ["{src,test}/**", "test/a/b", true],
    ["{a,{b,c}}-x", "c-x", true],
    ["{a}", "{a}", true],
    ["{a", "{a", true],
    ["\\{a,b\\}", "{a,b}", true],
    ["[{]a,b}", "{a,b}", true],
    ["{[,],x}", ",", true],
    ["{\\,,x}", ",", true],
    ["{,a}b", "b", true],
    ["{a/,}**", "q/r", true],
    ["src/{**,x}/y", "src/1/2/y", true],
    ["{a,b}{c,d}", "bd", true],
    ["a{b,c}**", "ab/x", false],
    ["foo**", "foo/bba/arr", false],
    ["foo**", "foobar", true],
    ["src/foo**", "src/foo/deep/x", false],
    ["src/foo**/x", "src/foo/deep/x", false],
    ["src/foo**/x", "src/foodeep/x", true],
    ["?", "ß", true],
    ["?", "😀", true],
    ["??", "😀", false],
    ["[à-ü]x", "éx", true],
    ["[😀-😂]", "😁", true],
    ["*é*", "caféteria", true],
    ["naïve-*", "naïve-file", true],
    [".*", ".env", true],
    ["**", ".git/x", true],
  ];
  test.each(cases)("%s on %s: %s", (glob, path, expected) => expect(compileGlob(glob)(path)).toBe(expected));
  test.each([
    ["É*", "éx"],
    ["[A-Z]*", "abc"],
    ["src/README*", "SRC/readme.md"],
    ["STRASSE", "strasse"],
  ])("case folded, %s holds %s", (glob, path) => {
    expect(compileGlob(glob, { ignoreCase: true })(path)).toBe(true);
    expect(compileGlob(glob)(path)).toBe(false);
  });

  test.each(["[", "src/[x", "a\\", "[[:nonsense:]]", "{a,[}", "[a-"])(
    "%j can never match, and is known as such",
    (glob) => expect(globProblem(glob)).toMatch(/class without its end|backslash/),
  );
  test.each(["a-b", "[x]", "{a", "[]]", "\\[", "**", "app/[id]/page.tsx"])("%j can", (glob) =>
    expect(globProblem(glob)).toBeNull(),
  );
  test.each([
    ["too long", "a".repeat(5_000)],
    ["too many alternatives", "{a,b}".repeat(12)],
    ["too many nested", `${"{a,".repeat(1_200)}${"}".repeat(1_200)}`],
    ["alternatives too long", `{${"a,".repeat(900)}a}${"x".repeat(900)}`],
  ])("%s is refused, never taken as matching nothing", (_name, glob) => {
    expect(() => compileGlob(glob)).toThrow(/the glob "/);
    expect(() => globProblem(glob)).toThrow(/the glob "/);
  });
});

describe("work is bounded", () => {
  /** Elements looked at, counted through the characters of the path that were read; no clock. */
  const hostile: [string, string, string][] = [
    ["stars in a row", "*a".repeat(1_000) + "b", "a".repeat(2_000)],
    ["stars alone", "*".repeat(2_000) + "z", "a".repeat(2_000)],
    ["folders", "**/".repeat(500) + "x", "d/".repeat(1_000) + "y"],
    ["folders with stars", "**/*a*a*b/".repeat(100) + "x", "aaaaaaaaaa/".repeat(180) + "y"],
    ["classes", "[!b]*".repeat(700) + "b", "a".repeat(2_000)],
    ["alternatives", "{*a*a*a,*b*b*b}".repeat(7) + "c", "ab".repeat(1_000)],
  ];
  test.each(hostile)("%s", (_name, glob, path) => {
    expect(compileGlob(glob)(path)).toBe(false);
  });
});
