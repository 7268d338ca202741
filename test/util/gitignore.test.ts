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
  const names = ["a.log", "b.txt", "build/x.js", "src/build/y.js", "src/a.log", "src/keep.log", "docs/deep/er/n.md", "docs/n.md", "tmp/cache/z", "tmp/keep/z", "sp ace.txt", "#hash", "!bang", "UPPER.LOG", "sub/own/a.c", "sub/own/b.o", "sub/b.o", "vendor/lib/i.h"];
  const root = repository({
    ...Object.fromEntries(names.map((name) => [name, "x"])),
    ".gitignore": "*.log\n/build\n!src/keep.log\ndocs/**/n.md\ntmp/*\n!tmp/keep\n\\#hash\n\\!bang\nsp ace.txt \nvendor/\n!vendor/lib/i.h\n",
    "src/.gitignore": "!a.log\n",
    "sub/.gitignore": "/own/*.o\n",
  });
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" }).split("\0").filter((path) => path !== "");
  const { files, complete } = await walkFiles({ root, maxEntries: 1_000, signal });
  expect(files.map((path) => path.slice(root.length + 1)).sort()).toEqual(listed.sort());
  expect(complete).toBe(true);
});

test("bounds and aborts are told", async () => {
  const root = repository({ "a/1": "", "a/2": "", "b/3": "" });
  expect((await walkFiles({ root, maxEntries: 2, signal })).complete).toBe(false);
  expect(await walkFiles({ root, maxEntries: 100, signal: AbortSignal.abort() })).toEqual({ files: [], complete: false });
  expect(await repositoryRoot(join(root, "a"))).toBe(root);
});
