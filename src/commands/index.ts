// The list of slash commands, and running one by its line. Adding a command: one file, one line here.

import { nearestNames } from "../util/names.ts";
import { BmoError } from "../util/errors.ts";
import type { CommandContext, CommandDefinition, CommandResult } from "../types/command.ts";
import type { ParsedCommand } from "./parse.ts";

export const commands: readonly CommandDefinition[] = [];

export function findCommand(name: string): CommandDefinition | undefined {
  return commands.find((command) => command.name === name || command.aliases.includes(name));
}

/** Runs a parsed command. @throws BmoError usage for an unknown name, with the nearest ones and `/help`. */
export async function runCommand(parsed: ParsedCommand, context: CommandContext): Promise<CommandResult> {
  const command = findCommand(parsed.name);
  if (command === undefined) {
    const near = nearestNames(parsed.name, commands.flatMap((one) => [one.name, ...one.aliases])).map((name) => `/${name}`);
    const hint = near.length > 0 ? `Did you mean ${near.join(" or ")}? /help lists all commands.` : "/help lists all commands.";
    throw new BmoError("usage", `unknown command /${parsed.name}`, hint);
  }
  return command.run(parsed.argument, context);
}
