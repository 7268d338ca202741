// How each command of the declared command line is called, for its help, for errors and for the page of commands.

import { sharedOptions } from "./flags.ts";
import { runOptions } from "./run-line.ts";
import type { Command, Option } from "commander";

export const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;

const takesRunOptions = ({ options }: Command): boolean =>
  runOptions().every(({ long }) => options.some((option) => option.long === long));

const takesActionsOnly = ({ commands, registeredArguments }: Command): boolean =>
  commands.length > 0 && registeredArguments.length === 0;

/**
 * The options that this command alone takes: neither those of every subcommand, nor those of a run, nor those that its
 * subcommand takes for all of its actions.
 */
export function ownOptions(command: Command): Option[] {
  if (takesRunOptions(command)) return [];
  const { parent } = command;
  const above = parent !== null && takesActionsOnly(parent) ? parent.options : [];
  const others = new Set([...sharedOptions(), ...above].map(({ long }) => long));
  return command.options.filter(({ long }) => !others.has(long));
}

export function argumentsOf(command: Command): string[] {
  return command.registeredArguments.map((one) => {
    const name = `${one.argChoices?.join("|") ?? one.name()}${one.variadic ? "…" : ""}`;
    return one.required ? `<${name}>` : `[${name}]`;
  });
}

/** `--name value`, with the words that the value may be where it is one of them. */
function optionTerm({ long, flags, argChoices = [] }: Option): string {
  const placeholder = /[<[].*$/.exec(flags)?.[0] ?? "";
  const isList = placeholder.includes(",");
  const value = argChoices.length > 0 && !isList ? argChoices.join("|") : placeholder;
  return `[${`${long ?? flags} ${value}`.trim()}]`;
}

/** What may follow a command's name. */
function signature(command: Command): string {
  const ofARun = takesRunOptions(command) ? ["[options of a run]"] : [];
  return [...argumentsOf(command), ...ownOptions(command).map(optionTerm), ...ofARun].join(" ");
}

/** One way to call a command: its path and what it takes, without its actions. */
export const wayOf = (command: Command): string => `${pathOf(command)} ${signature(command)}`.trim();

/** How a command is called, one line for each way. Options that every subcommand takes are left to its help. */
export function usageOf(command: Command): string[] {
  if (command.parent === null) return ["bmo [options] [prompt...]", "bmo <command> [...]"];
  const path = pathOf(command);
  const ways = command.commands.map((action) => `${action.name()} ${signature(action)}`.trim());
  if (ways.length === 0) return [wayOf(command)];
  if (!takesActionsOnly(command)) return [wayOf(command), ...ways.map((way) => `${path} ${way}`)];
  return [[`${path} [${ways.join(" | ")}]`, signature(command)].join(" ").trim()];
}
