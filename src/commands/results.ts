// Shapes that commands answer with.

import { EXIT, type ExitCode } from "../types/error.ts";
import type { CommandAction, CommandResult } from "../types/command.ts";
import type { Json } from "../types/json.ts";

export function answer(text: string, data: Json = null, exitCode: ExitCode = EXIT.done): CommandResult {
  return { text, data, exitCode, action: { type: "none" } };
}

export function act(action: CommandAction, text = ""): CommandResult {
  return { text, data: null, exitCode: EXIT.done, action };
}

/** A grant as a person reads it: an extension of the scope is kept with the hash of its plan. */
export function grantText(grant: string): { rule: string; ofPlan: boolean } {
  const scope = /^scope\(\S+ ([\s\S]+)\)$/.exec(grant);
  return { rule: scope?.[1] ?? grant, ofPlan: scope !== null };
}
