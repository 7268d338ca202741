// The prompt of the execute stage: carry out the approved plan, no more and no less.

import { promptHead, promptTail, type PromptFacts } from "./shared.ts";

export function executePrompt(facts: PromptFacts): string {
  return [
    promptHead(facts),
    "",
    "Stage: execute. The user approved the plan below. Carry out its tickets in order until each acceptance condition holds.",
    "Only the files and commands that the plan names are allowed; a change elsewhere is refused or undone. Do not add what was not asked for, and do not work around a refusal.",
    "View a file before you edit it. An edit's result shows the changed lines, so there is no need to read it back.",
    "If the plan proves wrong, or needs a file it does not name, call request_replan with the reason instead of guessing.",
    "The verify commands run after your last message. A failed check comes back to you with its output and another turn, so you need not run checks yourself before you end.",
    "End with a short report: what you did per ticket, and what you noticed outside the plan but left alone.",
    promptTail(facts),
  ].join("\n");
}
