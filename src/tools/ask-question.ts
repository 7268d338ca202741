// The tool `ask_question`: puts one question to the person, where there is one.

import type { ToolDefinition } from "../types/tool.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { createArgumentReader } from "./arguments.ts";

interface QuestionInput {
  question: string;
  options: string[];
}

export const askQuestionTool: ToolDefinition<QuestionInput> = {
  spec: {
    name: "ask_question",
    description: "Ask the user one question that only they can answer.",
    schema: {
      type: "object",
      properties: { question: { type: "string" }, options: { type: "array", items: { type: "string" } } },
      required: ["question"],
    },
  },
  access: "host",
  stages: ["plan", "execute", "chat"],
  parse(input) {
    const reader = createArgumentReader("ask_question", input, ["question", "options"]);
    return reader.finish({ question: reader.text("question"), options: reader.texts("options") });
  },
  summarize: (input) => `question: ${sanitizeLine(input.question)}`,
  target: () => ({ kind: "none", value: "" }),
  run: (input, context) => context.host.askQuestion(input.question, input.options),
};
