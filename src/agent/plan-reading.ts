// Reads a plan that was handed in: its content as containment checks it, and its commands as the permission rules they
// are.

import { validatePlan, type PlanReading } from "../plan/content.ts";
import { parsePlanCommand } from "../permission/rules.ts";
import { BmoError } from "../util/errors.ts";
import { allowsEveryCommand } from "../plan/every-command.ts";

/** Why the entry could never cover a command, or null. */
function commandProblem(command: string): string | null {
  try {
    parsePlanCommand(command);
    return null;
  } catch (thrown) {
    if (thrown instanceof BmoError) return `${thrown.message}${thrown.hint === null ? "" : ` (${thrown.hint})`}`;
    throw thrown;
  }
}

/**
 * As `validatePlan`; entries of `commands` that cover nothing and rules among `verify` are problems too, those that
 * cover everything are flagged.
 */
export function readPlan(input: unknown, workspace: string): PlanReading {
  const reading = validatePlan(input, workspace);
  if (!reading.ok) return reading;
  const problems: string[] = [];
  const flags = [...reading.flags];
  reading.content.tickets.forEach((ticket, index) => {
    ticket.commands.forEach((command, position) => {
      const problem = commandProblem(command);
      if (problem !== null) problems.push(`tickets[${index}].commands[${position}]: ${problem}`);
      else if (allowsEveryCommand(command)) flags.push(`ticket ${ticket.id} allows every command (${command})`);
    });
    ticket.verify.forEach((command, position) => {
      if (/^(bash|shell)\s*(\(.*\))?$/is.test(command))
        problems.push(
          `tickets[${index}].verify[${position}]: ${JSON.stringify(command)} is a rule; verify holds command lines that are run, such as npm test`,
        );
    });
  });
  return problems.length > 0 ? { ok: false, problems } : { ...reading, flags };
}
