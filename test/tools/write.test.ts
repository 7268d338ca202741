import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createWorkspace } from "./tool-harness.ts";

describe("write", () => {
  test("creates a file and its folders, byte for byte, and the next edit needs no view", async () => {
    const workspace = createWorkspace();
    const result = await workspace.call("write", { path: "src/deep/a.ts", content: "one\r\ntwo" });
    expect(result.content).toEqual([{ type: "text", text: "Created src/deep/a.ts (2 lines, 8 bytes)." }]);
    expect(result.changes).toEqual([{ path: "src/deep/a.ts", action: "create" }]);
    expect(result.display).toMatchObject([{ kind: "diff", added: 2, removed: 0 }]);
    expect(workspace.bytes("src/deep/a.ts")).toBe("one\r\ntwo");
    expect(workspace.asked).toEqual(["check create src/deep/a.ts", "pre-image src/deep/a.ts"]);
    expect(await workspace.text("edit", { path: "src/deep/a.ts", old: "one", new: "1" })).toContain("Edited");
    expect(workspace.bytes("src/deep/a.ts")).toBe("1\r\ntwo");
  });

  test("replaces a viewed file, keeps mode, byte order mark and line ends, and shows what changed", async () => {
    const workspace = createWorkspace();
    workspace.put("a.txt", "\ufeffone\r\ntwo\r\n", 0o755);
    expect(await workspace.text("write", { path: "a.txt", content: "x" })).toBe(
      "ERROR write: a.txt: exists and was not read in this session. View it first, or use edit",
    );
    await workspace.call("view", { path: "a.txt" });
    expect(await workspace.text("write", { path: "a.txt", content: "one\n2\n" })).toBe(
      "Replaced a.txt (2 lines, 11 bytes).\n1|one\n2+2",
    );
    expect(workspace.tree()["workspace/a.txt"]).toBe(`100755 \xef\xbb\xbfone\r\n2\r\n`);
    expect(await workspace.text("write", { path: "a.txt", content: "one\n2\n" })).toBe(
      "ERROR write: a.txt: holds exactly this content already; nothing to do",
    );
    workspace.put("a.txt", "changed\n");
    expect(await workspace.text("write", { path: "a.txt", content: "x" })).toBe(
      "ERROR write: a.txt: was changed on disk since it was read. View it again",
    );
  });

  test.each([
    ["x".repeat(256), /a name in the path is too long/],
    ["bad\nname", /a name holds a control character/],
    ["trailing.", /ends with a dot or a blank/],
    ["readme.MD", /differs from the existing README\.md only in case or Unicode form/],
    ["SRC/a.ts", /differs from the existing src only in case/],
    ["cafe\u0301.txt", /differs from the existing café\.txt only in case or Unicode form/],
    ["src", /src: is a directory, not a file/],
    ["new/", /ends like a folder/],
    ["README.md/x", /README\.md is a file, not a folder/],
    ["a\0b", /NUL/],
    ["loop/x", /loop of links/],
    ["../x", /is outside the workspace/],
  ])("refuses %j before anything is written", async (path, message) => {
    const workspace = createWorkspace();
    workspace.put("README.md", "x\n");
    workspace.put("café.txt", "x\n");
    mkdirSync(join(workspace.root, "src"));
    symlinkSync("loop", join(workspace.root, "loop"));
    const before = workspace.tree();
    expect(await workspace.text("write", { path, content: "y" })).toMatch(message);
    expect(workspace.tree()).toEqual(before);
  });

  test("names of 255 bytes and with odd characters work", async () => {
    const workspace = createWorkspace();
    for (const path of ["x".repeat(255), "ü 'quote\" $HOME;`.txt", "-rf"]) {
      expect((await workspace.call("write", { path, content: "ok" })).isError).toBe(false);
      expect(workspace.bytes(path)).toBe("ok");
      expect((await workspace.call("view", { path })).isError).toBe(false);
    }
  });

  test("a dangling link is created where it points, inside only", async () => {
    const workspace = createWorkspace();
    symlinkSync("target.txt", join(workspace.root, "inside"));
    symlinkSync("../target.txt", join(workspace.root, "outside"));
    expect(await workspace.text("write", { path: "inside", content: "x" })).toBe(
      "Created target.txt (1 line, 1 bytes).\nNote: inside leads through a link to target.txt.",
    );
    expect(await workspace.text("write", { path: "outside", content: "x" })).toContain("is outside the workspace");
    expect(Object.keys(workspace.tree())).toEqual([
      "workspace",
      "workspace/inside",
      "workspace/outside",
      "workspace/target.txt",
    ]);
  });

  test("folders made for a write that fails are taken back", async () => {
    const workspace = createWorkspace({
      onPreImage: () => mkdirSync(join(workspace.root, "taken/by/somebody.txt"), { recursive: true }),
    });
    expect(await workspace.text("write", { path: "taken/by/somebody.txt", content: "x" })).toMatch(
      /^ERROR write: .*nothing was written$/,
    );
    expect(Object.keys(workspace.tree())).toEqual([
      "workspace",
      "workspace/taken",
      "workspace/taken/by",
      "workspace/taken/by/somebody.txt",
    ]);
  });
});
