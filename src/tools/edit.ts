// The tool `edit`: replaces one passage of a file that was read.

import type { ToolDefinition } from "../types/tool.ts";
import { createArgumentReader } from "./arguments.ts";
import { describeEdit, planEdits, previewEdits, type EditRequest } from "./edit-plan.ts";
import { commitWrite, permitWrites, withFileErrors } from "./file-access.ts";
import { textOutput } from "../util/tool-output.ts";
import { sanitizeLine } from "../util/sanitize.ts";

export const editTool: ToolDefinition<EditRequest> = {
  spec: {
    name: "edit",
    description:
      "Replace exact text in a file you have viewed. old must be unique, unless line (a line it touches) or replace_all is given. Shows the changed lines.",
    schema: {
      type: "object",
      properties: {
        path: { type: "string" },
        old: { type: "string" },
        new: { type: "string" },
        line: { type: "integer" },
        replace_all: { type: "boolean" },
      },
      required: ["path", "old", "new"],
    },
  },
  access: "write",
  stages: ["execute", "chat"],
  parse(input) {
    const reader = createArgumentReader("edit", input, ["path", "old", "new", "line", "replace_all"]);
    const value = {
      path: reader.text("path"),
      old: reader.text("old"),
      new: reader.text("new", { empty: true }),
      line: reader.integer("line", 1, Number.MAX_SAFE_INTEGER),
      replaceAll: reader.flag("replace_all"),
    };
    return reader.finish(value);
  },
  summarize: (input) => `edit ${sanitizeLine(input.path)}`,
  target: (input) => ({ kind: "path", value: input.path }),
  preview: (input, context) => previewEdits([input], context),
  run: (input, context) =>
    withFileErrors("edit", async () => {
      const [edit] = await planEdits([input], context);
      if (edit === undefined) throw new Error("a single edit plans a single file");
      const write = { target: edit.file, action: edit.action, bytes: edit.bytes, expected: edit.file.identity };
      await permitWrites([write], context);
      await commitWrite(write, context);
      const { text, display } = await describeEdit(edit);
      return textOutput(`Edited ${text}`, [display], [{ path: edit.file.relativePath, action: edit.action }]);
    }),
};
