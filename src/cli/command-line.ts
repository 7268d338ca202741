// The command line of contract section 2: declares options and subcommands to commander, and says what was asked for.
// Reads nothing but its argument list.

import { Command, CommanderError, Option } from "commander";
import { looksLikeSessionId } from "../session/location.ts";
import { BmoError } from "../util/errors.ts";
import { readFlags, sharedOptions, type Flags } from "./flags.ts";
import { readRun, runOptions, type GivenRun, type RunLine } from "./run-line.ts";
import { argumentsOf, usageOf } from "./usage.ts";
import { refuseStrayWord, usageError } from "./usage-error.ts";
import type { Subcommand } from "./subcommand.ts";

export type CommandLine =
  | { kind: "help"; text: string }
  | { kind: "version" }
  | RunLine
  | {
      kind: "subcommand";
      run: NonNullable<Subcommand["run"]>;
      words: readonly string[];
      options: object;
      flags: Flags;
    };

const AFTER_HELP = `
bmo <command> --help says how each is called. /help in the REPL lists its commands and keys.
Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 a plan awaits approval, 4 refused or rolled back,
5 limit, 6 credentials, 7 provider, 129/130/143 signals.
`;

/** Hears what commander comes to. */
interface Listener {
  /** The command that the words lead to; null for a run without a subcommand. */
  chosen(subcommand: Subcommand | null, command: Command): void;
  help(text: string): void;
}

const NOBODY: Listener = { chosen: () => undefined, help: () => undefined };

/** Declares options; `--json` and `--output-format` are one option under two names, of which the later one counts. */
function declareOptions(command: Command, options: readonly Option[]): Command {
  for (const option of options) command.addOption(option);
  return command.on("option:json", () => command.setOptionValue("outputFormat", "json"));
}

function declareSubcommand(
  parent: Command,
  subcommand: Subcommand,
  { inherited, isDefault }: { inherited: readonly Option[]; isDefault: boolean },
  listener: Listener,
): void {
  const { name, summary, details, actions = [] } = subcommand;
  const command = parent
    .command(name, { isDefault })
    .summary(summary)
    .description([`${summary[0]?.toUpperCase() ?? ""}${summary.slice(1)}.`, details ?? ""].join(" ").trim())
    .helpOption("-h, --help", "print this help")
    .helpCommand(false);
  for (const argument of subcommand.arguments ?? []) command.addArgument(argument);
  const runs = subcommand.run !== undefined || subcommand.approvesPlan === true;
  const options = [...(subcommand.options ?? []), ...inherited];
  declareOptions(command, subcommand.approvesPlan === true ? options : [...options, ...sharedOptions()]);
  command.exitOverride((thrown) => {
    throw usageError(thrown, command);
  });
  if (runs)
    command.action(() => {
      refuseStrayWord(command);
      listener.chosen(subcommand, command);
    });
  for (const [index, action] of actions.entries()) {
    const place = runs ? { inherited: [], isDefault: false } : { inherited: options, isDefault: index === 0 };
    declareSubcommand(command, action, place, listener);
  }
}

/** The whole command line as commander knows it. */
export function createProgram(subcommands: readonly Subcommand[], listener: Listener = NOBODY): Command {
  const program = new Command("bmo")
    .description(
      "A terminal coding agent: it plans, waits for /approve, then executes, each step on the model that fits.",
    )
    .argument("[prompt...]", "first message; with a pipe, text after the piped one")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .addHelpText("after", AFTER_HELP)
    .enablePositionalOptions()
    .allowExcessArguments(false)
    .configureHelp({
      subcommandTerm,
      optionDescription,
      argumentDescription: optionDescription,
      commandUsage: (command) => usageOf(command).join("\n       "),
    })
    .configureOutput({ writeOut: listener.help, writeErr: () => undefined });
  declareOptions(program, [
    ...runOptions(),
    new Option("-v, --version", "print the version (also -V)"),
    new Option("-V", "same as --version").hideHelp(),
  ]);
  program
    .action(() => listener.chosen(null, program))
    .exitOverride((thrown) => {
      throw usageError(thrown, program);
    });
  for (const subcommand of subcommands)
    declareSubcommand(program, subcommand, { inherited: [], isDefault: false }, listener);
  return program;
}

/** Below the program the names alone; an action with what it takes. */
function subcommandTerm(command: Command): string {
  return command.parent?.parent == null ? command.name() : [command.name(), ...argumentsOf(command)].join(" ");
}

function optionDescription({ description, argChoices }: Pick<Option, "description" | "argChoices">): string {
  return argChoices === undefined ? description : `${description}: ${argChoices.join(", ")}`;
}

/** Only what has an id's form is taken as the id of `--resume`; anything else is part of the prompt. */
function separateResume(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  const limit = end === -1 ? argv.length : end;
  return argv.flatMap((word, index) => {
    if (index >= limit || (word !== "-r" && word !== "--resume")) return [word];
    const next = argv[index + 1];
    return next !== undefined && !next.startsWith("-") && !looksLikeSessionId(next) ? ["--resume="] : [word];
  });
}

/** The options of a command and of those above it; the nearer one counts, and lists are joined. */
function optionsOf(command: Command): GivenRun & { version?: true; V?: true } {
  const above = command.parent === null ? {} : optionsOf(command.parent);
  const lists = Object.entries(command.opts()).map(([name, value]: [string, unknown]): [string, unknown] => {
    const earlier: unknown = Reflect.get(above, name);
    return [
      name,
      Array.isArray(value) && Array.isArray(earlier) ? [...(earlier as unknown[]), ...(value as unknown[])] : value,
    ];
  });
  return { ...above, ...Object.fromEntries(lists) };
}

/** Commander keeps one value for both. */
function refuseBothPlans(argv: readonly string[]): void {
  const end = argv.indexOf("--");
  const options = end === -1 ? argv : argv.slice(0, end);
  if (options.includes("--plan") && options.includes("--no-plan")) {
    throw new BmoError("usage", "--plan and --no-plan exclude each other", "Give one of them.");
  }
}

/** @throws BmoError usage with what is allowed. */
export function parseArguments(argv: readonly string[], subcommands: readonly Subcommand[]): CommandLine {
  const help: string[] = [];
  const chosen: { subcommand: Subcommand | null; command: Command }[] = [];
  const program = createProgram(subcommands, {
    chosen: (subcommand, command) => void chosen.push({ subcommand, command }),
    help: (text) => void help.push(text),
  });
  try {
    program.parse(separateResume(argv), { from: "user" });
  } catch (thrown) {
    if (thrown instanceof CommanderError && help.length > 0) return { kind: "help", text: help.join("") };
    throw thrown;
  }
  const [{ subcommand, command } = { subcommand: null, command: program }] = chosen;
  const options = optionsOf(command);
  if (options.version === true || options.V === true) return { kind: "version" };
  refuseBothPlans(argv);
  const words = command.args;
  // Without a `run` it is a run of the agent: one without a subcommand, or `bmo approve`.
  const run = subcommand?.run;
  if (run === undefined) return readRun(options, words, subcommand !== null);
  return { kind: "subcommand", run, words, options, flags: readFlags(options) };
}
