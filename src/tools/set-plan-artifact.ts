// The tool `set_plan_artifact`: hands the plan to the host, which validates and stores it. The schema here is a
// description, not a check.

import type { JsonObject } from "../types/json.ts";
import type { ToolDefinition } from "../types/tool.ts";
import { sanitizeLine } from "../util/sanitize.ts";

const text = { type: "string" };
const texts = { type: "array", items: text };

export const setPlanArtifactTool: ToolDefinition<JsonObject> = {
  spec: {
    name: "set_plan_artifact",
    description:
      "Submit or revise the whole plan for approval; the only way. files: every path or glob to be touched. commands: rules for needed commands, e.g. bash(npm test *). acceptance: testable conditions. verify: commands that prove them.",
    schema: {
      type: "object",
      properties: {
        title: text,
        summary: text,
        tickets: {
          type: "array",
          items: {
            type: "object",
            properties: {
              id: text,
              title: text,
              detail: text,
              phase: { type: "string", enum: ["implement", "debug", "test", "refactor", "document", "small_edit"] },
              files: {
                type: "array",
                items: {
                  type: "object",
                  properties: { path: text, action: { type: "string", enum: ["create", "modify", "delete"] } },
                  required: ["path", "action"],
                },
              },
              commands: texts,
              acceptance: texts,
              verify: texts,
              depends_on: texts,
              out_of_scope: texts,
            },
            required: ["id", "title", "detail", "files", "acceptance", "out_of_scope"],
          },
        },
        network: { type: "boolean" },
        open_questions: texts,
        decisions: texts,
      },
      required: ["title", "summary", "tickets"],
    },
  },
  access: "host",
  stages: ["plan"],
  // Lenient here: the host names what is wrong with a plan, field by field, for models and for people who edit it
  // alike.
  parse: (input) => ({ ok: true, value: input }),
  summarize(input) {
    const title = typeof input["title"] === "string" ? input["title"] : "untitled";
    const tickets = Array.isArray(input["tickets"]) ? input["tickets"].length : 0;
    return `plan: ${sanitizeLine(title)} (${tickets} ${tickets === 1 ? "ticket" : "tickets"})`;
  },
  target: () => ({ kind: "none", value: "" }),
  run: (input, context) => context.host.storePlan(input),
};
