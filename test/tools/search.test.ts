import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createWorkspace, type Workspace } from "./tool-harness.ts";
import { needRipgrep, NOTHING } from "../support/need.ts";

function fill(workspace: Workspace): Workspace {
  mkdirSync(join(workspace.root, ".git"));
  workspace.put(".git/notes", "needle in git\n");
  workspace.put(".gitignore", "*.log\nbuild/\n!keep.log\n/only-root.txt\n");
  workspace.put("a.ts", "first\nneedle one\nbetween\nneedle two\nlast\n");
  workspace.put("b.log", "needle ignored\n");
  workspace.put("keep.log", "needle kept\n");
  workspace.put("only-root.txt", "needle\n");
  workspace.put("sub/only-root.txt", "needle below\n");
  workspace.put("build/out.js", "needle built\n");
  workspace.put("sub/.gitignore", "local.*\n!local.md\n");
  workspace.put("sub/local.txt", "needle\n");
  workspace.put("sub/local.md", "Needle md\r\n");
  workspace.put("sub/deep/x.ts", "no match here\n");
  workspace.put(".hidden/h.ts", "needle hidden\n");
  workspace.put("data.bin", Buffer.from("needle\0binary\n"));
  workspace.put(".env", "needle=secret\n");
  workspace.put("ignored-repo/.git/HEAD", "x");
  workspace.put("ignored-repo/c.log", "needle in nested repository\n");
  workspace.protectedPaths.add(".env");
  symlinkSync("a.ts", join(workspace.root, "link.ts"));
  symlinkSync("..", join(workspace.root, "sub/up"));
  return workspace;
}

describe.each([
  ["ripgrep", process.env["PATH"] ?? "", needRipgrep()],
  ["own walker", "/nowhere", NOTHING],
])("search by %s", (_name, searchPath, program) => {
  const create = (): Workspace => fill(createWorkspace({ searchPath }));

  test.skipIf(program.missing)(
    program.title("grep respects .gitignore, skips .git, links, binaries and credentials"),
    async () => {
      expect(await create().text("grep", { pattern: "needle" })).toBe(
        [
          ".hidden/h.ts",
          "1|needle hidden",
          "a.ts",
          "2|needle one",
          "4|needle two",
          "ignored-repo/c.log",
          "1|needle in nested repository",
          "keep.log",
          "1|needle kept",
          "sub/only-root.txt",
          "1|needle below",
        ].join("\n"),
      );
    },
  );

  test.skipIf(program.missing)(
    program.title("grep takes case, glob, path, context and files named outright"),
    async () => {
      const workspace = create();
      expect(await workspace.text("grep", { pattern: "needle", glob: "*.md", ignore_case: true })).toBe(
        "sub/local.md\n1|Needle md",
      );
      expect(await workspace.text("grep", { pattern: "[Nn]eedle md$", path: "sub" })).toBe("sub/local.md\n1|Needle md");
      expect(await workspace.text("grep", { pattern: "needle", glob: "sub/**" })).toBe(
        "sub/only-root.txt\n1|needle below",
      );
      expect(await workspace.text("grep", { pattern: "two|^first", path: "a.ts", context: 1 })).toBe(
        "a.ts\n1|first\n2-needle one\n3-between\n4|needle two\n5-last",
      );
      expect(await workspace.text("grep", { pattern: "needle", path: "b.log" })).toBe("b.log\n1|needle ignored");
      expect(await workspace.text("grep", { pattern: "needle", path: "build" })).toBe("build/out.js\n1|needle built");
      expect(await workspace.text("grep", { pattern: "nothing like it" })).toBe("No match.");
      expect(await workspace.text("grep", { pattern: "-e" })).toBe("No match.");
      expect(await workspace.text("grep", { pattern: "(" })).toMatch(
        /^ERROR grep: "pattern" is not a valid regular expression: /,
      );
      expect(await workspace.text("grep", { pattern: "x", path: "nowhere" })).toMatch(
        /^ERROR grep: nowhere: no such file/,
      );
      expect(await workspace.text("grep", { pattern: "needle", path: ".env" })).toMatch(
        /^ERROR grep: credential files are not read/,
      );
    },
  );

  test.skipIf(program.missing)(program.title("glob by name at any depth, by path, within a folder"), async () => {
    const workspace = create();
    expect(await workspace.text("glob", { pattern: "*.ts" })).toBe(".hidden/h.ts\na.ts\nsub/deep/x.ts");
    expect(await workspace.text("glob", { pattern: "sub/**" })).toBe(
      "sub/.gitignore\nsub/deep/x.ts\nsub/local.md\nsub/only-root.txt",
    );
    expect(await workspace.text("glob", { pattern: "*.{md,log}" })).toBe("ignored-repo/c.log\nkeep.log\nsub/local.md");
    expect(await workspace.text("glob", { pattern: `${workspace.root}/sub/*/x.*` })).toBe("sub/deep/x.ts");
    expect(await workspace.text("glob", { pattern: "x.ts", path: "sub" })).toBe("sub/deep/x.ts");
    expect(await workspace.text("glob", { pattern: "*.rs" })).toBe("No file.");
    expect(await workspace.text("glob", { pattern: "*", path: "a.ts" })).toBe(
      `ERROR glob: a.ts: "path" must be a folder`,
    );
  });

  test.skipIf(program.missing)(
    program.title("files come in path order, also where more were found than are kept"),
    async () => {
      const workspace = createWorkspace(searchPath === undefined ? {} : { searchPath });
      const names = ["b", "a.ts", "a/x", "a/x.y", "a-b", "c/d/e", "c/d.e"];
      for (const name of names) workspace.put(name, "needle\n");
      expect((await workspace.text("glob", { pattern: "**" })).split("\n")).toEqual([
        "a/x",
        "a/x.y",
        "a-b",
        "a.ts",
        "b",
        "c/d/e",
        "c/d.e",
      ]);
      expect(
        (await workspace.text("grep", { pattern: "needle" })).split("\n").filter((line) => !line.includes("|")),
      ).toEqual(["a/x", "a/x.y", "a-b", "a.ts", "b", "c/d/e", "c/d.e"]);
      for (let index = 0; index < 40; index++)
        workspace.put(`long/${String(index).padStart(2, "0")}`, `needle ${"x".repeat(1_000)}\n`.repeat(400));
      const found = (await workspace.text("grep", { pattern: "needle x" })).split("\n");
      expect([found[0], found.filter((line) => !line.includes("|")).length, found.at(-1)]).toEqual([
        "long/00",
        2,
        expect.stringMatching(/^\[more than these /),
      ]);
    },
  );

  test.skipIf(program.missing)(program.title("caps"), async () => {
    const workspace = createWorkspace(searchPath === undefined ? {} : { searchPath });
    workspace.put("many.txt", "needle\n".repeat(1_000));
    workspace.put("wide.txt", `needle ${"x".repeat(10_000)}\n`);
    for (let index = 0; index < 310; index++) workspace.put(`f/${String(index).padStart(3, "0")}`, "");
    const found = (await workspace.text("grep", { pattern: "needle" })).split("\n");
    expect([found[0], found.length, found.at(-1)]).toEqual([
      "many.txt",
      202,
      "[more than these 200 matches; narrow pattern, path or glob]",
    ]);
    expect((await workspace.text("grep", { pattern: "needle", path: "wide.txt" })).length).toBeLessThan(450);
    const listed = (await workspace.text("glob", { pattern: "f/*" })).split("\n");
    expect([listed.length, listed.at(-1)]).toEqual([301, "[… 10 more; narrow the pattern]"]);
  });

  test.skipIf(program.missing)(
    program.title("outside a repository a .gitignore counts too; above the repository it does not"),
    async () => {
      const workspace = createWorkspace(searchPath === undefined ? {} : { searchPath });
      workspace.put("../.gitignore", "*.txt\n");
      workspace.put(".gitignore", "x.*\n");
      workspace.put("x.txt", "");
      workspace.put("y.txt", "");
      expect(await workspace.text("glob", { pattern: "*.txt" })).toBe("y.txt");
      execFileSync("mkdir", ["-p", join(workspace.root, "../.git"), join(workspace.root, "sub")]);
      workspace.put("sub/z.txt", "");
      workspace.put("sub/z.md", "");
      expect(await workspace.text("glob", { pattern: "z.*", path: "sub" })).toBe("sub/z.md");
    },
  );
});

describe("own search", () => {
  test("a pattern that backtracks without end is stopped and said", async () => {
    const workspace = createWorkspace({ searchPath: "/nowhere" });
    workspace.put("a.txt", `${"a".repeat(40)}!\n`);
    expect(await workspace.text("grep", { pattern: "^(a+)+$" })).toBe(
      "[more than these 0 matches; narrow pattern, path or glob]",
    );
  });
});
