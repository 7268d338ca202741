// What commander refuses, in bmo's words: which command, which word, what is allowed instead.

import { BmoError } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import { pathOf, usageOf } from "./usage.ts";
import type { Command, CommanderError } from "commander";

const hintOf = (command: Command, near: string | null): string => {
  const usage = command.parent === null ? "bmo --help lists the options." : usageOf(command).join(" | ");
  return near === null ? usage : `Did you mean ${near}? ${usage}`;
};

function refusal(code: string, message: string, command: Command): { message: string; near: string | null } {
  const path = pathOf(command);
  const quoted = /'([^']*)'/.exec(message)?.[1] ?? "";
  const near = /\(Did you mean (?:one of )?(.*)\?\)/.exec(message)?.[1] ?? null;
  switch (code) {
    case "commander.unknownOption":
      return { message: `${path} does not take ${quoted}`, near };
    case "commander.optionMissingArgument":
      return { message: `${quoted.replace(/^-\w, /, "").split(" ")[0] ?? quoted} needs a value`, near };
    case "commander.missingArgument":
      return { message: `${path} needs ${command.registeredArguments[0]?.description ?? quoted}`, near };
    case "commander.excessArguments": {
      const [first] = command.registeredArguments;
      const extra = command.args[command.registeredArguments.length] ?? "";
      const takes = first === undefined ? "takes no argument, got" : `takes one ${first.name()}, got also`;
      return { message: `${path} ${takes} ${extra}`, near };
    }
    default:
      return { message: message.replace(/^error: /, "").trim(), near };
  }
}

/** The word that was given where an action belongs, if an action is reached only because none was named. */
function strayWord(command: Command): string | null {
  const { parent } = command;
  const isNamed = parent?.parent == null || parent.registeredArguments.length > 0 || parent.args[0] === command.name();
  return isNamed ? null : (command.args[0] ?? null);
}

/** @throws BmoError usage for a word that names none of the actions. */
export function refuseStrayWord(command: Command): void {
  const word = strayWord(command);
  const { parent } = command;
  if (word === null || parent === null) return;
  const names = parent.commands.map((action) => action.name());
  const [near] = nearestNames(word, names, 1);
  throw new BmoError("usage", `${pathOf(parent)} has no action ${word}`, hintOf(parent, near ?? null));
}

/**
 * What commander ended with, as an error of bmo; a help that was asked for is handed back as it is.
 *
 * @throws BmoError usage for a word that names no action.
 */
export function usageError(thrown: CommanderError, command: Command): Error {
  if (thrown.code === "commander.helpDisplayed") return thrown;
  if (thrown.code === "commander.excessArguments") refuseStrayWord(command);
  const { message, near } = refusal(thrown.code, thrown.message, command);
  return new BmoError("usage", message, hintOf(command, near), { cause: thrown });
}
