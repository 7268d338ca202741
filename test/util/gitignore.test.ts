import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { repositoryRoot } from "../../src/util/gitignore.ts";
import { walkFiles } from "../../src/util/walk.ts";

const made: string[] = [];
afterAll(() => made.forEach((path) => rmSync(path, { recursive: true, force: true })));

function repository(files: Record<string, string>): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "bmo-ignore-")));
  made.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  execFileSync("git", ["init", "-q"], { cwd: root });
  return root;
}

const signal = new AbortController().signal;

test("the walk lists what git itself would not ignore", async () => {
  const names = [
    "a.log",
    "b.txt",
    "build/x.js",
    "src/build/y.js",
    "src/a.log",
    "src/keep.log",
    "docs/deep/er/n.md",
    "docs/n.md",
    "tmp/cache/z",
    "tmp/keep/z",
    "sp ace.txt",
    "#hash",
    "!bang",
    "UPPER.LOG",
    "sub/own/a.c",
    "sub/own/b.o",
    "sub/b.o",
    "vendor/lib/i.h",
  ];
  const root = repository({
    ...Object.fromEntries(names.map((name) => [name, "x"])),
    ".gitignore":
      "*.log\n/build\n!src/keep.log\ndocs/**/n.md\ntmp/*\n!tmp/keep\n\\#hash\n\\!bang\nsp ace.txt \nvendor/\n!vendor/lib/i.h\n",
    "src/.gitignore": "!a.log\n",
    "sub/.gitignore": "/own/*.o\n",
  });
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\0")
    .filter((path) => path !== "");
  const { files, complete } = await walkFiles({ root, maxEntries: 1_000, signal });
  expect(files.map((path) => path.slice(root.length + 1)).sort()).toEqual(listed.sort());
  expect(complete).toBe(true);
});

const LINES: string[] = [
  "*.log",
  "/x",
  "x/",
  "!x",
  "a/b",
  "a/**",
  "**/b",
  "a/**/c",
  "a**",
  "a**/c",
  "**",
  "*",
  "/*",
  "!/*",
  "!*/",
  "#x",
  "\\#x",
  "\\!x",
  "x ",
  "x\\ ",
  "x\\",
  "[ab]",
  "[!a]",
  "[a-",
  "[[:digit:]]",
  "[]]",
  "a-b",
  "*-*",
  "a?",
  "a/?",
  "{a,b}",
  "a/",
  "/a/b/",
  "a/*/c",
  "a//b",
  " x",
  "\tx",
  "x\r",
  "\ufeffa",
  "../a",
  "./a",
  ".*",
  "!.b",
  "**/",
  "a/**/",
  "/",
  "//",
  "!",
  "\\",
  "*a*b",
  "b*/c",
  "a\\/b",
];
const NAMES = ["a", "b", "c", "x", "#x", "!x", "x ", "a-b", "ab", "]", "0", ".b", "{a,b}", "y.log"];

test.each(LINES)(
  "the line %j ignores what git ignores by it, at the top, in a folder, and after others",
  async (line) => {
    const tree: Record<string, string> = {};
    for (const name of NAMES) for (const folder of ["", "q/", "d a/"]) tree[`${folder}${name}`] = "x";
    // Names that are folders above are files here, and the other way round.
    for (const name of ["a", "b", "x"]) for (const below of ["b", "q/c", "a/b/c"]) tree[`w/${name}/${below}`] = "x";
    for (const text of [`*\n!*/\n!w/**\n${line}`, `${line}\n!b\n!/a`]) {
      const root = repository({ ...tree, ".gitignore": text, "w/.gitignore": line });
      const listed = execFileSync("git", ["ls-files", "-z", "--others", "--exclude-standard"], {
        cwd: root,
        encoding: "utf8",
      })
        .split("\0")
        .filter((path) => path !== "");
      const { files } = await walkFiles({ root, maxEntries: 10_000, signal });
      expect({ text, files: files.map((path) => path.slice(root.length + 1)).sort() }).toEqual({
        text,
        files: listed.sort(),
      });
    }
  },
);

test("a hostile line costs no more than its length times the path's", async () => {
  const root = repository({
    ["a".repeat(200)]: "x",
    ".gitignore": `${"*a".repeat(60)}b\n${"**/".repeat(60)}zz\n${"[!b]*".repeat(500)}b\n${"x".repeat(9_000)}\n`,
  });
  expect((await walkFiles({ root, maxEntries: 100, signal })).files.length).toBe(2);
});

test("bounds and aborts are told", async () => {
  const root = repository({ "a/1": "", "a/2": "", "b/3": "" });
  expect((await walkFiles({ root, maxEntries: 2, signal })).complete).toBe(false);
  expect(await walkFiles({ root, maxEntries: 100, signal: AbortSignal.abort() })).toEqual({
    files: [],
    complete: false,
  });
  expect(await repositoryRoot(join(root, "a"))).toBe(root);
});
