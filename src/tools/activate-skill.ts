// The tool `activate_skill`: the model asks for a skill by name; the host decides and loads it.

import type { ToolDefinition } from "../types/tool.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { createArgumentReader } from "./arguments.ts";

export const activateSkillTool: ToolDefinition<{ name: string }> = {
  spec: {
    name: "activate_skill",
    description: "Load one of the listed skills by name.",
    schema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
  },
  access: "host",
  stages: ["plan", "execute", "chat"],
  needs: "skills",
  parse(input) {
    const reader = createArgumentReader("activate_skill", input, ["name"]);
    return reader.finish({ name: reader.text("name") });
  },
  summarize: (input) => `skill: ${sanitizeLine(input.name)}`,
  target: () => ({ kind: "none", value: "" }),
  run: (input, context) => context.host.activateSkill(input.name),
};
