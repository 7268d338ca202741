// Shapes that commands answer with.

import { EXIT, type ExitCode } from "../types/error.ts";
import { exitCodeOf } from "../util/errors.ts";
import type { TurnResult } from "../types/agent.ts";
import type { CommandAction, CommandResult } from "../types/command.ts";
import type { Json } from "../types/json.ts";
import type { Grant } from "../types/permission.ts";

export function answer(text: string, data: Json = null, exitCode: ExitCode = EXIT.done): CommandResult {
  return { text, data, exitCode, action: { type: "none" } };
}

/** How a turn ended that a command started. `outcome`: the code of the run as it stands. */
export function turnAnswer(result: TurnResult, outcome: ExitCode): CommandResult {
  return result.error === null
    ? answer(result.text, null, outcome)
    : { ...answer(result.text, null, exitCodeOf(result.error.code)), error: result.error };
}

export function act(action: CommandAction, text = ""): CommandResult {
  return { text, data: null, exitCode: EXIT.done, action };
}

/** A grant as a person reads it. */
export function grantText(grant: Grant): string {
  return grant.kind === "rule" ? grant.rule : `${grant.action} ${grant.path}`;
}
