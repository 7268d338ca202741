// The prompt of the plan stage: read, think, hand in one plan artifact. Nothing is written here.

import { promptHead, promptTail, type PromptFacts } from "./shared.ts";

export function planPrompt(facts: PromptFacts): string {
  const shell = {
    none: "",
    read_only: " `bash` runs commands that only read.",
    read_only_sandbox: " `bash` runs in a read-only sandbox without network.",
    full: "",
  }[facts.shell];
  return [
    promptHead(facts),
    "",
    `Stage: plan. You can read and search; nothing can be changed now.${shell}`,
    "If the request needs no change, answer it and make no plan. Otherwise read as much as the decision needs, no more, then call set_plan_artifact once; prose is not a plan.",
    "The user approves the plan; an able engineer then carries it out, sees only the plan, and reads the files it names. Decide what changes, where (path:line) and why, what must stay as it is, and how the result is checked.",
    "Leave the writing to them: no code but a signature, or a line that words cannot give. Do not build or try the change here.",
    "Each ticket is one unit of work with one reason: every file it creates, modifies or deletes (nothing else can be written later), the commands it needs, testable acceptance conditions, verify commands that you know can run here and that exit non-zero when it is not met, what is out of scope, and the tickets it depends on.",
    "What only the user can decide goes into open_questions, not into a guess.",
    promptTail(facts),
  ].join("\n");
}
