// The tool `measure`: lines and bytes of one file, without reading it into the conversation.

import { readRegular } from "../util/regular-file.ts";
import type { ToolDefinition } from "../types/tool.ts";
import { createArgumentReader } from "./arguments.ts";
import { checkReadable, EDIT_CAP_BYTES, resolveTarget, withFileErrors } from "./file-access.ts";
import { errorOutput, textOutput } from "./output.ts";

interface MeasureInput {
  path: string;
}

export const measureTool: ToolDefinition<MeasureInput> = {
  spec: {
    name: "measure",
    description: "Lines and bytes of a file.",
    schema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
  },
  access: "read",
  parse(input) {
    const reader = createArgumentReader("measure", input, ["path"]);
    return reader.finish({ path: reader.text("path") });
  },
  summarize: (input) => `measure ${input.path}`,
  target: (input) => ({ kind: "path", value: input.path }),
  run(input, context) {
    const target = resolveTarget(input.path, context);
    return withFileErrors(target.shown, async () => {
      checkReadable(target, context);
      const file = await readRegular(target.realPath, EDIT_CAP_BYTES);
      if (file === null) return errorOutput(`${target.shown}: no such file`);
      return textOutput(`${target.shown}: ${file.bytes.toString("utf8").split("\n").length - 1} lines, ${file.bytes.length} bytes`);
    });
  },
};
