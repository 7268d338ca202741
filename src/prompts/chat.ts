// The prompt while the staged workflow is off: answer or act directly, under the present permissions.

import { promptHead, promptTail, type PromptFacts } from "./shared.ts";

export function chatPrompt(facts: PromptFacts): string {
  return [
    promptHead(facts),
    "",
    "Do what the user asks, no more. View a file before you edit it; an edit's result shows the changed lines.",
    "Check your work with the project's own tests where there are some. A refused action is the user's decision: do not work around it.",
    promptTail(facts),
  ].join("\n");
}
