// The tool `request_replan`: the executor stops instead of guessing; the session goes back to planning.

import type { ToolDefinition } from "../types/tool.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { createArgumentReader } from "./arguments.ts";

export const requestReplanTool: ToolDefinition<{ reason: string }> = {
  spec: {
    name: "request_replan",
    description: "Stop and go back to planning when the plan cannot work as it is.",
    schema: { type: "object", properties: { reason: { type: "string" } }, required: ["reason"] },
  },
  access: "host",
  stages: ["execute"],
  parse(input) {
    const reader = createArgumentReader("request_replan", input, ["reason"]);
    return reader.finish({ reason: reader.text("reason") });
  },
  summarize: (input) => `replan: ${sanitizeLine(input.reason)}`,
  target: () => ({ kind: "none", value: "" }),
  run: (input, context) => context.host.requestReplan(input.reason),
};
