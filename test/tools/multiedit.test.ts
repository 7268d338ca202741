import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { multieditTool } from "../../src/tools/multiedit.ts";
import type { JsonObject } from "../../src/types/json.ts";
import { createWorkspace } from "./tool-harness.ts";

describe("multiedit", () => {
  test("makes edits in order, each on the result of the one before, across files", async () => {
    const workspace = createWorkspace();
    workspace.put("a.txt", "one\r\ntwo\r\n");
    workspace.put("b.txt", "one\n");
    for (const path of ["a.txt", "b.txt"]) await workspace.call("view", { path });
    const edits: JsonObject[] = [
      { old: "one", new: "1" },
      { old: "1\ntwo", new: "1\n2" },
      { path: "b.txt", old: "one", new: "uno" },
    ];
    const result = await workspace.call("multiedit", { path: "a.txt", edits });
    expect(result.isError).toBe(false);
    expect(result.changes).toEqual([
      { path: "a.txt", action: "modify" },
      { path: "b.txt", action: "modify" },
    ]);
    expect(result.content).toEqual([{ type: "text", text: "Made 3 edits.\na.txt:\n1+1\n2+2\nb.txt:\n1+uno" }]);
    expect([workspace.bytes("a.txt"), workspace.bytes("b.txt")]).toEqual(["1\r\n2\r\n", "uno\n"]);
    expect(workspace.asked).toEqual(["check modify a.txt", "check modify b.txt", "pre-image a.txt", "pre-image b.txt"]);
  });

  test("one bad edit, one refusal: nothing is written at all", async () => {
    const workspace = createWorkspace();
    workspace.put("a.txt", "one\n");
    workspace.put("b.txt", "one\n");
    for (const path of ["a.txt", "b.txt"]) await workspace.call("view", { path });
    const before = workspace.tree();
    expect(
      await workspace.text("multiedit", {
        edits: [
          { path: "a.txt", old: "one", new: "1" },
          { path: "b.txt", old: "zz", new: "1" },
        ],
      }),
    ).toBe(`ERROR multiedit: edit 2 of 2: b.txt: "old" was not found. View the file again. (nothing was changed)`);
    workspace.refused.set("b.txt", "not in the plan");
    expect(
      await workspace.text("multiedit", {
        edits: [
          { path: "a.txt", old: "one", new: "1" },
          { path: "b.txt", old: "one", new: "1" },
        ],
      }),
    ).toBe("ERROR multiedit: b.txt: not in the plan");
    expect(workspace.tree()).toEqual(before);
  });

  test("a failure in the middle of writing restores the files written before it", async () => {
    const workspace = createWorkspace({
      onPreImage: (path) => {
        if (path === "b.txt") writeFileSync(join(workspace.root, "b.txt"), "the user was here\n");
      },
    });
    workspace.put("a.txt", "one\n", 0o640);
    workspace.put("b.txt", "one\n");
    for (const path of ["a.txt", "b.txt"]) await workspace.call("view", { path });
    const text = await workspace.text("multiedit", {
      edits: [
        { path: "a.txt", old: "one", new: "1" },
        { path: "b.txt", old: "one", new: "1" },
      ],
    });
    expect(text).toBe(
      "ERROR multiedit: b.txt: the file was changed on disk meanwhile; nothing was written; all files are as they were",
    );
    expect(workspace.tree()).toEqual({
      workspace: "40755 ",
      "workspace/a.txt": "100640 one\n",
      "workspace/b.txt": "100644 the user was here\n",
    });
    // What was restored counts as read: the next edit needs no new view.
    expect(await workspace.text("edit", { path: "a.txt", old: "one", new: "1" })).toBe("Edited a.txt:\n1+1");
  });

  test("names every path for the policy, and every problem of its arguments", () => {
    const parsed = multieditTool.parse({
      edits: [
        { path: "a", old: "x", new: "" },
        { path: "b", old: "x", new: "" },
        { path: "a", old: "y", new: "" },
      ],
    });
    expect(parsed.ok && multieditTool.targets?.(parsed.value)).toEqual(["a", "b"]);
    expect(multieditTool.parse({ edits: [{ old: 3, new: "x", extra: true }, "no"] })).toEqual({
      ok: false,
      message: `multiedit: unknown argument "edits[0].extra"; "edits[0].path" is missing (a string); "edits[0].old" must be a string, got number 3; "edits[1]" must be an object, got string "no". Arguments: path, edits.`,
    });
    expect(multieditTool.parse({ edits: [] })).toEqual({
      ok: false,
      message: `multiedit: "edits" must be a non-empty list of objects, got a list of 0. Arguments: path, edits.`,
    });
  });
});
