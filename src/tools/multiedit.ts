// The tool `multiedit`: several replacements, also across files; all of them or none.

import { sha256 } from "../util/canonical-json.ts";
import { BmoError } from "../util/errors.ts";
import { readRegular, type FileIdentity } from "../util/regular-file.ts";
import type { ToolContext, ToolDefinition } from "../types/tool.ts";
import { createArgumentReader } from "./arguments.ts";
import { describeEdit, planEdits, previewEdits, type EditRequest } from "./edit-plan.ts";
import { commitWrite, EDIT_CAP_BYTES, permitWrites, withFileErrors, type PendingWrite } from "./file-access.ts";
import { textOutput } from "../util/tool-output.ts";
import { sanitizeLine } from "../util/sanitize.ts";

interface MultieditInput {
  /** The file of edits that name none; the first one's where absent. */
  path: string;
  edits: EditRequest[];
}

interface Written {
  write: PendingWrite;
  original: Buffer;
  identity: FileIdentity;
}

/** Brings earlier files of a failed call back and looks whether they are. @returns what could not be restored. */
async function takeBack(written: readonly Written[], context: ToolContext): Promise<string[]> {
  const lost: string[] = [];
  for (const { write, original, identity } of [...written].reverse()) {
    try {
      await commitWrite({ ...write, bytes: original, expected: identity }, context);
      const now = await readRegular(write.target.realPath, EDIT_CAP_BYTES);
      if (now === null || sha256(now.bytes) !== sha256(original)) lost.push(write.target.shown);
    } catch (thrown) {
      lost.push(`${write.target.shown} (${thrown instanceof Error ? thrown.message : String(thrown)})`);
    }
  }
  return lost;
}

async function writeAll(
  writes: readonly { write: PendingWrite; original: Buffer }[],
  context: ToolContext,
): Promise<void> {
  const written: Written[] = [];
  for (const { write, original } of writes) {
    try {
      written.push({ write, original, identity: await commitWrite(write, context) });
    } catch (thrown) {
      const lost = await takeBack(written, context);
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      const outcome = lost.length === 0 ? "all files are as they were" : `could not be restored: ${lost.join(", ")}`;
      throw new BmoError("failed", `${write.target.shown}: ${reason}; ${outcome}`, null, { cause: thrown });
    }
  }
}

export const multieditTool: ToolDefinition<MultieditInput> = {
  spec: {
    name: "multiedit",
    description: "Several edits, in order, all or none; each may name its own path.",
    schema: {
      type: "object",
      properties: {
        path: { type: "string" },
        edits: {
          type: "array",
          items: {
            type: "object",
            properties: {
              path: { type: "string" },
              old: { type: "string" },
              new: { type: "string" },
              line: { type: "integer" },
              replace_all: { type: "boolean" },
            },
            required: ["old", "new"],
          },
        },
      },
      required: ["edits"],
    },
  },
  access: "write",
  stages: ["execute", "chat"],
  parse(input) {
    const reader = createArgumentReader("multiedit", input, ["path", "edits"]);
    const path = reader.optionalText("path");
    const edits = reader.objects("edits", ["path", "old", "new", "line", "replace_all"], (edit) => ({
      path: path === null ? edit.text("path") : (edit.optionalText("path") ?? path),
      old: edit.text("old"),
      new: edit.text("new", { empty: true }),
      line: edit.integer("line", 1, Number.MAX_SAFE_INTEGER),
      replaceAll: edit.flag("replace_all"),
    }));
    return reader.finish({ path: path ?? edits[0]?.path ?? "", edits });
  },
  summarize(input) {
    const paths = [...new Set(input.edits.map((edit) => edit.path))];
    return `multiedit ${sanitizeLine(paths.slice(0, 3).join(", "))}${paths.length > 3 ? `, … (${paths.length} files)` : ""} (${input.edits.length} edits)`;
  },
  target: (input) => ({ kind: "path", value: input.path }),
  targets: (input) => [...new Set(input.edits.map((edit) => edit.path))],
  preview: (input, context) => previewEdits(input.edits, context),
  run: (input, context) =>
    withFileErrors("multiedit", async () => {
      const planned = await planEdits(input.edits, context);
      const writes = planned.map((edit) => ({
        write: { target: edit.file, action: edit.action, bytes: edit.bytes, expected: edit.file.identity },
        original: edit.file.bytes,
      }));
      await permitWrites(
        writes.map(({ write }) => write),
        context,
      );
      await writeAll(writes, context);
      const described = await Promise.all(planned.map(describeEdit));
      const changes = planned.map((edit) => ({ path: edit.file.relativePath, action: edit.action }));
      const text = `Made ${input.edits.length} edits.\n${described.map((one) => one.text).join("\n")}`;
      return textOutput(
        text,
        described.map((one) => one.display),
        changes,
      );
    }),
};
