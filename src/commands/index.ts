// The list of slash commands, and running one by its line. Adding a command: one file, one line here.

import { nearestNames } from "../util/names.ts";
import { BmoError } from "../util/errors.ts";
import { approveCommand } from "./approve.ts";
import { diffCommand, undoCommand } from "./changes.ts";
import { costCommand } from "./cost.ts";
import { createHelpCommand } from "./help.ts";
import { initCommand } from "./init.ts";
import {
  configCommand,
  permissionsCommand,
  sessionsCommand,
  skillCommand,
  skillsCommand,
  toolsCommand,
} from "./lists.ts";
import { modelCommand } from "./model.ts";
import { planCommand } from "./plan.ts";
import { rejectCommand } from "./reject.ts";
import { compactCommand, exitCommand, newCommand, resumeCommand, verboseCommand } from "./simple.ts";
import { statusCommand } from "./status.ts";
import { tierCommand } from "./tier.ts";
import { whereCommand } from "./where.ts";
import { whyCommand } from "./why.ts";
import type { CommandContext, CommandDefinition, CommandResult } from "../types/command.ts";
import type { ParsedCommand } from "./parse.ts";

export const commands: readonly CommandDefinition[] = [
  createHelpCommand(() => commands),
  statusCommand,
  modelCommand,
  tierCommand,
  approveCommand,
  planCommand,
  rejectCommand,
  whyCommand,
  whereCommand,
  costCommand,
  diffCommand,
  undoCommand,
  newCommand,
  compactCommand,
  resumeCommand,
  sessionsCommand,
  skillsCommand,
  skillCommand,
  toolsCommand,
  permissionsCommand,
  configCommand,
  initCommand,
  verboseCommand,
  exitCommand,
];

export function findCommand(name: string): CommandDefinition | undefined {
  return commands.find((command) => command.name === name || command.aliases.includes(name));
}

/**
 * Runs a parsed command; `/<name>` of a skill activates it where no command has that name. @throws BmoError usage for
 * an unknown name, with the nearest ones and `/help`.
 */
export async function runCommand(parsed: ParsedCommand, context: CommandContext): Promise<CommandResult> {
  const command = findCommand(parsed.name);
  if (command !== undefined) {
    await context.agent.refresh();
    const result = await command.run(parsed.argument, context);
    await context.agent.refresh();
    return result;
  }
  const skills = await context.services.skills();
  if (skills.some((skill) => skill.name === parsed.name)) return skillCommand.run(parsed.name, context);
  const near = nearestNames(parsed.name, [
    ...commands.flatMap((one) => [one.name, ...one.aliases]),
    ...skills.map((skill) => skill.name),
  ]).map((name) => `/${name}`);
  const hint =
    near.length > 0 ? `Did you mean ${near.join(" or ")}? /help lists all commands.` : "/help lists all commands.";
  throw new BmoError("usage", `unknown command /${parsed.name}`, hint);
}
