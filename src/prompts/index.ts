// Prompts by stage. An unknown stage is an error: no stage borrows another's prompt.

import { BmoError } from "../util/errors.ts";
import { chatPrompt } from "./chat.ts";
import { executePrompt } from "./execute.ts";
import { planPrompt } from "./plan.ts";
import type { PromptFacts } from "./shared.ts";

const PROMPTS: Record<string, (facts: PromptFacts) => string> = {
  plan: planPrompt,
  execute: executePrompt,
  chat: chatPrompt,
};

/** @throws BmoError internal for a stage without a prompt. */
export function stagePrompt(stage: string, facts: PromptFacts): string {
  const prompt = PROMPTS[stage];
  if (prompt === undefined)
    throw new BmoError(
      "internal",
      `no prompt for stage "${stage}"`,
      `Stages with a prompt: ${Object.keys(PROMPTS).join(", ")}.`,
    );
  return prompt(facts);
}
