// The tables of docs/command-line.md, from the declared command line itself.

import { ownOptions, wayOf } from "../../src/cli/usage.ts";
import { sharedOptions } from "../../src/cli/flags.ts";
import type { Command, Option } from "commander";

const cell = (text: string): string => text.replaceAll("|", "\\|");
const code = (text: string): string => `\`${cell(text)}\``;

function optionNames({ short, flags, long, argChoices = [] }: Option): string {
  const placeholder = /[<[].*$/.exec(flags)?.[0] ?? "";
  const value = argChoices.length > 0 && !placeholder.includes(",") ? argChoices.join("|") : placeholder;
  const names = [short, long].filter((name) => name != null);
  return names.map((name, index) => code(index === names.length - 1 ? `${name} ${value}`.trim() : name)).join(", ");
}

function table(head: [string, string], rows: readonly [string, string][]): string {
  return [head, ["---", "---"], ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

const optionTable = (options: readonly Option[]): string =>
  table(
    ["option", "meaning"],
    options.map((option) => [optionNames(option), cell(option.description)]),
  );

function rowOf(command: Command): [string, string] {
  const isAction = command.parent?.parent != null;
  const given = ownOptions(command).map((option) => `${optionNames(option)}: ${cell(option.description)}`);
  const taken = command.registeredArguments.map((one) => `${code(one.name())}: ${cell(one.description)}`);
  const does = isAction ? command.summary() : command.description();
  const way = isAction || command.commands.length === 0 || command.registeredArguments.length > 0;
  return [
    code((way ? wayOf(command) : command.name()).replace(/^bmo /, "")),
    [cell(does), ...taken, ...given].join("<br>"),
  ];
}

const hidden = (program: Command): Option[] => program.createHelp().visibleOptions(program);

/** What belongs between the marks of that name. */
export function commandTables(program: Command): Record<string, string> {
  const all = [...new Set([...program.options, ...hidden(program)])];
  return {
    "options of a run": optionTable(all),
    subcommands: table(
      ["subcommand", "does"],
      program.commands.flatMap((command) => [rowOf(command), ...command.commands.map(rowOf)]),
    ),
    "options of every subcommand": optionTable(sharedOptions()),
  };
}
