import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, symlinkSync, unlinkSync, writeFileSync, lstatSync, renameSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/types/json.ts";
import { createWorkspace } from "./tool-harness.ts";

async function edited(before: string | Uint8Array, input: JsonObject): Promise<string> {
  const workspace = createWorkspace();
  workspace.put("a.txt", before);
  await workspace.call("view", { path: "a.txt" });
  const result = await workspace.text("edit", { path: "a.txt", ...input });
  return result.startsWith("ERROR") ? result : Buffer.from(workspace.bytes("a.txt"), "latin1").toString("utf8");
}

describe("edit keeps what it does not change", () => {
  test.each<[string, string, JsonObject, string]>([
    ["plain", "one\ntwo\nthree\n", { old: "two", new: "2" }, "one\n2\nthree\n"],
    ["CRLF", "one\r\ntwo\r\nthree\r\n", { old: "one\ntwo", new: "1\nextra\n2" }, "1\r\nextra\r\n2\r\nthree\r\n"],
    ["CRLF given as CRLF", "one\r\ntwo\r\n", { old: "one\r\ntwo", new: "1\r\n2" }, "1\r\n2\r\n"],
    ["CR only", "one\rtwo\rthree", { old: "two\n", new: "2\nx\n" }, "one\r2\rx\rthree"],
    ["mixed ends, same count", "a\r\nb\nc\rd\n", { old: "a\nb\nc\nd", new: "A\nB\nC\nD" }, "A\r\nB\nC\rD\n"],
    ["mixed ends, a line more", "a\r\nb\nc\r\nd\r\n", { old: "b\nc", new: "b\nnew\nc" }, "a\r\nb\nnew\nc\r\nd\r\n"],
    ["text between a lone CR and an LF removed", "é\r$&\na", { old: "$&", new: "" }, "é\r\n\na"],
    [
      "text between lone CRs and LFs removed everywhere",
      "a\rx\nb\rx\n",
      { old: "x", new: "", replace_all: true },
      "a\r\n\nb\r\n\n",
    ],
    ["lines joined", "a\r\nb\r\nc\n", { old: "a\nb\nc", new: "abc" }, "abc\n"],
    ["byte order mark", "\ufeffone\ntwo\n", { old: "one", new: "1" }, "\ufeff1\ntwo\n"],
    ["no newline at the end", "one\ntwo", { old: "two", new: "2" }, "one\n2"],
    ["all removed", "one\n", { old: "one\n", new: "" }, ""],
    ["replace_all", "x y x\nx\n", { old: "x", new: "xx", replace_all: true }, "xx y xx\nxx\n"],
    ["line hint", "same\nother\nsame\n", { old: "same", new: "this", line: 3 }, "same\nother\nthis\n"],
    ["line hint inside a passage", "a\nb\nc\na\nb\n", { old: "a\nb", new: "x", line: 5 }, "a\nb\nc\nx\n"],
    [
      "marks of invisible characters",
      "a\u202eb\x1b[0m\n",
      { old: "a<U+202E>b<U+001B>[0m", new: "ab<U+001B>[1m" },
      "ab\x1b[1m\n",
    ],
    ["dollar signs are plain", "price\n", { old: "price", new: "$& $1 $$" }, "$& $1 $$\n"],
  ])("%s", async (_name, before, input, after) => {
    expect(await edited(before, input)).toBe(after);
  });
});

describe("edit refuses and says what would help", () => {
  test.each<[string, string | Uint8Array, JsonObject, string]>([
    ["not found", "one\n", { old: "two", new: "2" }, `ERROR edit: a.txt: "old" was not found. View the file again.`],
    [
      "ambiguous",
      "x\ny\nx\n",
      { old: "x", new: "z" },
      `ERROR edit: a.txt: "old" occurs 2 times (lines 1, 3). Give more text around it, or "line" to choose one, or replace_all`,
    ],
    [
      "wrong line",
      "x\ny\nx\n",
      { old: "x", new: "z", line: 2 },
      `ERROR edit: a.txt: "old" is not at line 2 but at 1, 3`,
    ],
    [
      "twice in the line",
      "x x\n",
      { old: "x", new: "z", line: 1 },
      `ERROR edit: a.txt: "old" occurs 2 times at line 1; give more of the line`,
    ],
    ["same", "x\n", { old: "x", new: "x" }, `ERROR edit: a.txt: "old" and "new" are the same; nothing to do`],
    [
      "blanks differ",
      "if (a) {\n\treturn  b;\n}\n",
      { old: "if (a) {\n  return b;\n}", new: "c" },
      `ERROR edit: a.txt: "old" was not found.\nGive it in exactly this form (blanks or quotes differ):\n1|if (a) {\n2|\treturn  b;\n3|}`,
    ],
    [
      "line numbers copied",
      "alpha\nbeta\n",
      { old: "1|alpha\n2|beta", new: "c" },
      `ERROR edit: a.txt: "old" was not found.\nGive it without the line numbers, in exactly this form:\n1|alpha\n2|beta`,
    ],
    [
      "quotes and NFD",
      "caf\u00e9 \u201cx\u201d\n",
      { old: 'cafe\u0301 "x"', new: "c" },
      `ERROR edit: a.txt: "old" was not found.\nGive it in exactly this form (blanks or quotes differ):\n1|café “x”`,
    ],
    [
      "first line only",
      "begin\nreal\n",
      { old: "begin\nguess", new: "c" },
      `ERROR edit: a.txt: "old" was not found. Its first line is at line 1, but what follows differs.`,
    ],
    [
      "binary",
      new Uint8Array([0, 1, 2]),
      { old: "x", new: "y" },
      "ERROR edit: a.txt: was not read in this session. View it first",
    ],
    [
      "UTF-16",
      new Uint8Array([0xff, 0xfe, 0x61, 0]),
      { old: "a", new: "b" },
      "ERROR edit: a.txt: is UTF-16; only UTF-8 files are edited",
    ],
    [
      "Latin-1",
      new Uint8Array([0x61, 0xe9, 0x62]),
      { old: "a", new: "b" },
      "ERROR edit: a.txt: is not valid UTF-8; only UTF-8 files are edited",
    ],
    [
      "half a character",
      "x\n",
      { old: "x", new: "\ud800" },
      "ERROR edit: a.txt: the new text holds half a character (a lone surrogate)",
    ],
  ])("%s", async (_name, before, input, message) => {
    expect(await edited(before, input)).toBe(message);
  });

  test("without a read before, after a change on disk, and on anything that is no file", async () => {
    const workspace = createWorkspace();
    workspace.put("a.txt", "one\n");
    mkdirSync(join(workspace.root, "folder"));
    execFileSync("mkfifo", [join(workspace.root, "pipe")]);
    expect(await workspace.text("edit", { path: "a.txt", old: "one", new: "1" })).toBe(
      "ERROR edit: a.txt: was not read in this session. View it first",
    );
    await workspace.call("view", { path: "a.txt" });
    workspace.put("a.txt", "one!\n");
    expect(await workspace.text("edit", { path: "a.txt", old: "one", new: "1" })).toBe(
      "ERROR edit: a.txt: was changed on disk since it was read. View it again",
    );
    expect(await workspace.text("edit", { path: "folder", old: "one", new: "1" })).toBe(
      "ERROR edit: folder: is a directory, not a file",
    );
    expect(await workspace.text("edit", { path: "pipe", old: "one", new: "1" })).toBe(
      "ERROR edit: pipe: is a fifo, not a file",
    );
    expect(await workspace.text("edit", { path: "b.txt", old: "one", new: "1" })).toBe(
      "ERROR edit: b.txt: no such file; did you mean a.txt? Use write to create it.",
    );
    expect(workspace.asked).toEqual([]);
    expect(workspace.bytes("a.txt")).toBe("one!\n");
  });
});

describe("edit as a guarded write", () => {
  test("asks the host, keeps the mode, shows the changed lines, remembers what it wrote", async () => {
    const workspace = createWorkspace();
    workspace.put("run.sh", "#!/bin/sh\necho one\necho two\necho three\necho four\n", 0o750);
    await workspace.call("view", { path: "run.sh" });
    const result = await workspace.call("edit", { path: "run.sh", old: "echo two\n", new: "echo 2\necho 2b\n" });
    expect(result.content).toEqual([
      { type: "text", text: "Edited run.sh:\n1|#!/bin/sh\n2|echo one\n3+echo 2\n4+echo 2b\n5|echo three\n6|echo four" },
    ]);
    expect(result.changes).toEqual([{ path: "run.sh", action: "modify" }]);
    expect(result.display).toMatchObject([{ kind: "diff", path: "run.sh", added: 2, removed: 1 }]);
    expect(workspace.asked).toEqual(["check modify run.sh", "pre-image run.sh"]);
    expect(workspace.tree()).toEqual({
      workspace: "40755 ",
      "workspace/run.sh": "100750 #!/bin/sh\necho one\necho 2\necho 2b\necho three\necho four\n",
    });
    expect(await workspace.text("edit", { path: "run.sh", old: "echo 2b\n", new: "" })).toBe(
      "Edited run.sh:\n2|echo one\n3|echo 2\n  (1 removed)\n4|echo three\n5|echo four",
    );
  });

  test("a refusal of the host, a read-only file and a credential file leave the bytes alone", async () => {
    const workspace = createWorkspace();
    workspace.put("a.txt", "one\n");
    workspace.put("locked.txt", "one\n", 0o444);
    workspace.put(".env", "KEY=1\n");
    for (const path of ["a.txt", "locked.txt", ".env"]) await workspace.call("view", { path });
    const before = workspace.tree();
    workspace.refused.set("a.txt", "not in the plan");
    workspace.protectedPaths.add(".env");
    expect(await workspace.text("edit", { path: "a.txt", old: "one", new: "1" })).toBe(
      "ERROR edit: a.txt: not in the plan",
    );
    expect(await workspace.text("edit", { path: "locked.txt", old: "one", new: "1" })).toBe(
      "ERROR edit: locked.txt: is read-only (mode 444); the user has to allow writing first",
    );
    expect(await workspace.text("edit", { path: ".env", old: "1", new: "2" })).toBe(
      "ERROR edit: .env: credential files are not written",
    );
    expect(workspace.tree()).toEqual(before);
    expect(workspace.asked).toEqual(["check modify a.txt"]);
  });

  test("never writes into .git or outside the workspace, also through links", async () => {
    const workspace = createWorkspace();
    workspace.put(".git/config", "[core]\n");
    workspace.put("sub/.GIT/hooks/x", "x\n");
    writeFileSync(join(workspace.root, "..", "outside.txt"), "out\n");
    symlinkSync("../outside.txt", join(workspace.root, "link"));
    symlinkSync(".git", join(workspace.root, "innocent"));
    const before = workspace.tree();
    for (const path of [
      ".git/config",
      "sub/.GIT/hooks/x",
      "innocent/config",
      "innocent/new",
      "link",
      "../outside.txt",
      join(workspace.root, "../outside.txt"),
    ]) {
      await workspace.call("view", { path });
      expect(await workspace.text("edit", { path, old: "[core]", new: "x" })).toMatch(
        /^ERROR edit: .*(never write into \.git|is outside the workspace)/,
      );
      expect(await workspace.text("write", { path, content: "x" })).toMatch(
        /^ERROR write: .*(never write into \.git|is outside the workspace)/,
      );
    }
    expect(workspace.tree()).toEqual(before);
    expect(workspace.asked).toEqual([]);
  });

  test("through a link inside the workspace the target changes, the link stays, and the result says so", async () => {
    const workspace = createWorkspace();
    workspace.put("real.txt", "one\n");
    symlinkSync("real.txt", join(workspace.root, "link.txt"));
    await workspace.call("view", { path: "link.txt" });
    expect(await workspace.text("edit", { path: "link.txt", old: "one", new: "1" })).toBe(
      "Edited real.txt:\n1+1\nNote: link.txt leads through a link to real.txt.",
    );
    expect(lstatSync(join(workspace.root, "link.txt")).isSymbolicLink()).toBe(true);
    expect(workspace.bytes("real.txt")).toBe("1\n");
  });

  test("a hard link is named", async () => {
    const workspace = createWorkspace();
    const path = workspace.put("a.txt", "one\n");
    linkSync(path, join(workspace.root, "b.txt"));
    await workspace.call("view", { path: "a.txt" });
    expect(await workspace.text("edit", { path: "a.txt", old: "one", new: "1" })).toContain(
      "Note: the file had 2 hard links; the others keep the old content.",
    );
    expect([workspace.bytes("a.txt"), workspace.bytes("b.txt")]).toEqual(["1\n", "one\n"]);
  });

  test("a file or folder replaced by a link between check and write does not redirect the write", async () => {
    for (const swap of ["file", "folder"]) {
      const workspace = createWorkspace({
        onPreImage() {
          if (swap === "file") {
            unlinkSync(join(workspace.root, "sub/a.txt"));
            symlinkSync("../../outside.txt", join(workspace.root, "sub/a.txt"));
          } else {
            renameSync(join(workspace.root, "sub"), join(workspace.root, "gone"));
            symlinkSync("../elsewhere", join(workspace.root, "sub"));
          }
        },
      });
      mkdirSync(join(workspace.root, "../elsewhere"));
      writeFileSync(join(workspace.root, "../elsewhere/a.txt"), "one\n");
      writeFileSync(join(workspace.root, "../outside.txt"), "one\n");
      workspace.put("sub/a.txt", "one\n");
      await workspace.call("view", { path: "sub/a.txt" });
      expect(await workspace.text("edit", { path: "sub/a.txt", old: "one", new: "1" })).toMatch(
        /^ERROR edit: .*meanwhile; nothing was written$/,
      );
      const tree = workspace.tree();
      expect([tree["outside.txt"], tree["elsewhere/a.txt"]]).toEqual(["100644 one\n", "100644 one\n"]);
      expect(Object.keys(tree).filter((path) => path.includes(".bmo-"))).toEqual([]);
    }
  });

  test("the preview is the diff, or throws why there is none", async () => {
    const { editTool } = await import("../../src/tools/edit.ts");
    const workspace = createWorkspace();
    workspace.put("a.txt", "one\n");
    await workspace.call("view", { path: "a.txt" });
    const request = { path: "a.txt", old: "one", new: "1", line: null, replaceAll: false };
    expect(await editTool.preview?.(request, workspace.context)).toMatchObject([
      { kind: "diff", path: "a.txt", added: 1, removed: 1 },
    ]);
    await expect(editTool.preview?.({ ...request, old: "zz" }, workspace.context)).rejects.toMatchObject({
      code: "failed",
      message: `a.txt: "old" was not found. View the file again.`,
    });
    expect(workspace.bytes("a.txt")).toBe("one\n");
  });
});
