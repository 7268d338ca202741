// The command line of contract section 2: which run was asked for. Reads nothing but its argument list.

import { Command, CommanderError, Option } from "commander";
import { splitRules } from "../permission/rules.ts";
import { looksLikeSessionId } from "../session/location.ts";
import { BmoError } from "../util/errors.ts";
import { SUBCOMMANDS } from "./subcommand-names.ts";
import { SUBCOMMAND_USAGE } from "./subcommand-usage.ts";
import type { PermissionMode } from "../types/settings.ts";

export interface CommandLine {
  kind: "run" | "subcommand" | "help";
  /** For `help`: the text, and whether the version was asked for instead. */
  text: string;
  version: boolean;
  subcommand: string | null;
  /** What follows the subcommand's name. */
  rest: string[];
  prompt: string[];
  print: boolean;
  format: "text" | "json" | "stream-json";
  model: string | null;
  tier: string | null;
  preset: string[];
  continue: boolean;
  /** undefined = not given; null = given without an id. */
  resume: string | null | undefined;
  fork: boolean;
  plan: boolean | null;
  approve: boolean;
  approveUnscoped: boolean;
  permissionMode: PermissionMode | null;
  allowedTools: string[];
  disallowedTools: string[];
  maxTurns: number | null;
  maxBudgetUsd: number | null;
  timeoutSeconds: number | null;
  addDirectories: string[];
  trust: boolean;
  directory: string | null;
  config: string | null;
  quiet: boolean;
  verbose: boolean;
}

function positive(label: string): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!Number.isFinite(number) || number <= 0)
      throw new BmoError("usage", `${label} is "${value}"`, "It takes a number above 0.");
    return number;
  };
}

function positiveWhole(label: string): (value: string) => number {
  return (value) => {
    const number = positive(label)(value);
    if (!Number.isInteger(number))
      throw new BmoError("usage", `${label} is "${value}"`, "It takes a whole number above 0.");
    return number;
  };
}

const collect = (value: string, earlier: string[] = []): string[] => [...earlier, value];
const collectRules = (value: string, earlier: string[] = []): string[] => [...earlier, ...splitRules(value)];

function createProgram(subcommands: Record<string, string>): Command {
  const program = new Command("bmo")
    .description(
      "A terminal coding agent: it plans, waits for /approve, then executes, each step on the model that fits.",
    )
    .argument("[prompt...]", "first message; with a pipe, text after the piped one")
    .usage("[options] [prompt...]")
    .option("-p, --print", "headless: print the result and exit")
    .addOption(new Option("--output-format <format>", "what stdout carries").choices(["text", "json", "stream-json"]))
    .option("--json", "same as --output-format json")
    .option("-m, --model <provider/model>", "model for this run; auto hands over to the phase router")
    .option("--tier <tier>", "tier for this run: balanced, coding, smart or deep")
    .option("--preset <names>", "preset or presets for this run, comma-separated")
    .option("-c, --continue", "go on with the last session of this workspace")
    .option("-r, --resume [id]", "go on with that session; without an id, choose one")
    .option("--fork-session", "with -c or -r: go on in a copy")
    .option("--plan", "staged workflow on")
    .option("--no-plan", "staged workflow off")
    .option("--approve", "approve in advance the plan that this run produces")
    .option("--approve-unscoped", "the same, also for a plan that names no files")
    .addOption(
      new Option("--permission-mode <mode>", "what is asked before it is done; also --approval-mode").choices([
        "default",
        "acceptEdits",
        "plan",
        "bypassPermissions",
      ]),
    )
    .addOption(
      new Option("--approval-mode <mode>", "same as --permission-mode")
        .choices(["default", "acceptEdits", "plan", "bypassPermissions"])
        .hideHelp(),
    )
    .option(
      "--dangerously-skip-permissions",
      "same as --permission-mode bypassPermissions; the plan stage still writes nothing",
    )
    .option(
      "--allowedTools <rules>",
      "allow: 'bash(git *)', 'edit(src/**)', 'view'; comma-separated, repeatable",
      collectRules,
    )
    .option("--disallowedTools <rules>", "forbid, in the same form; they win", collectRules)
    .option("--max-turns <n>", "model calls of this run at most", positiveWhole("--max-turns"))
    .option("--max-budget-usd <x>", "money of this run at most", positive("--max-budget-usd"))
    .option("--timeout <s>", "wall time of this run at most, in seconds", positive("--timeout"))
    .option("--add-dir <dir>", "a further directory that may be read; repeatable", collect)
    .option("--trust", "trust this directory's project configuration for this run")
    .option("-C, --cd <dir>", "work in that directory")
    .option("--config <file>", "that file as the project's configuration, trusted")
    .option("-q, --quiet", "nothing on stderr")
    .option("--verbose", "more on stderr")
    .option("-v, --version", "print the version (also -V)")
    .helpOption("-h, --help", "print this help")
    .enablePositionalOptions()
    .allowExcessArguments(false)
    .exitOverride()
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  for (const [name, description] of Object.entries(subcommands)) {
    program
      .command(name)
      .description(description)
      .argument("[args...]")
      .helpOption(false)
      .allowUnknownOption()
      .passThroughOptions();
  }
  // The same option under two names: the later one counts.
  program.on("option:json", () => program.setOptionValue("outputFormat", "json"));
  return program;
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

interface RawOptions {
  version?: true;
  print?: true;
  outputFormat?: "text" | "json" | "stream-json";
  model?: string;
  tier?: string;
  preset?: string;
  continue?: true;
  resume?: true | string;
  forkSession?: true;
  plan?: boolean;
  approve?: true;
  approveUnscoped?: true;
  permissionMode?: PermissionMode;
  approvalMode?: PermissionMode;
  dangerouslySkipPermissions?: true;
  allowedTools?: string[];
  disallowedTools?: string[];
  maxTurns?: number;
  maxBudgetUsd?: number;
  timeout?: number;
  addDir?: string[];
  trust?: true;
  cd?: string;
  config?: string;
  quiet?: true;
  verbose?: true;
}

const presetNames = (text: string): string[] =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");

type Taken = (line: CommandLine, value: string) => void;

const SHARED_FLAGS: Readonly<Record<string, (line: CommandLine) => void>> = {
  "--json": (line) => void (line.format = "json"),
  "--trust": (line) => void (line.trust = true),
  "-q": (line) => void (line.quiet = true),
  "--quiet": (line) => void (line.quiet = true),
  "--verbose": (line) => void (line.verbose = true),
};

const setDirectory: Taken = (line, value) => void (line.directory = value);
const setModel: Taken = (line, value) => void (line.model = value);

/**
 * What an option with a value sets for a subcommand, or undefined where that subcommand has its own or none of that
 * name.
 */
function sharedOption(name: string, subcommand: string | null, action: string | undefined): Taken | undefined {
  const ofRoute = subcommand === "route";
  switch (name) {
    case "-C":
    case "--cd":
      return setDirectory;
    case "--config":
      return ofRoute && action === "replay" ? undefined : (line, value) => void (line.config = value);
    case "--preset":
      return ofRoute || subcommand === "config" ? (line, value) => void (line.preset = presetNames(value)) : undefined;
    case "-m":
    case "--model":
      return ofRoute ? setModel : undefined;
    case "--tier":
      return ofRoute ? (line, value) => void (line.tier = value) : undefined;
    default:
      return undefined;
  }
}

/**
 * Takes in what a subcommand shares with the program, also where it follows the name, as two words or as
 * `--name=value`.
 */
function liftShared(rest: readonly string[], into: CommandLine): string[] {
  const left: string[] = [];
  for (let index = 0; index < rest.length; index++) {
    const word = rest[index] ?? "";
    const [, name = word, attached] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
    const flag = Object.hasOwn(SHARED_FLAGS, word) ? SHARED_FLAGS[word] : undefined;
    const take = sharedOption(name, into.subcommand, rest[0]);
    const value = attached ?? rest[index + 1];
    if (flag !== undefined) flag(into);
    else if (take !== undefined && value !== undefined) {
      take(into, value);
      if (attached === undefined) index += 1;
    } else left.push(word);
  }
  return left;
}

function subcommandHelp(name: string): string {
  const usage = Object.entries(SUBCOMMAND_USAGE).find(([known]) => known === name)?.[1] ?? `bmo ${name}`;
  return `Usage: ${usage.replaceAll(" | bmo ", "\n       bmo ")}\n\n${SUBCOMMANDS[name] ?? ""}; bmo --help lists the options of a run.\n`;
}

/** @throws BmoError usage with what is allowed. */
export function parseArguments(argv: readonly string[]): CommandLine {
  let program = createProgram(SUBCOMMANDS);
  let subcommand: string | null = null;
  let rest: string[] = [];
  let prompt: string[] = [];
  program.action((words: string[]) => {
    prompt = words;
  });
  for (const command of program.commands) {
    command.action((words: string[]) => {
      subcommand = command.name();
      rest = words;
    });
  }
  try {
    program.parse(separateResume(argv), { from: "user" });
    if (subcommand === "approve" && rest.some((word) => word.startsWith("-"))) {
      // It is a run like any other: options of a run count after its name too.
      program = createProgram({}).action((words: string[]) => {
        rest = words;
      });
      const name = argv.length - rest.length - 1;
      program.parse(separateResume(argv.filter((_word, index) => index !== name)), { from: "user" });
    }
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.code === "commander.helpDisplayed" || thrown.code === "commander.help")
      return {
        ...emptyLine(),
        kind: "help",
        text:
          subcommand === null
            ? program.helpInformation() +
              "\nbmo <command> --help says how each is called. /help in the REPL lists its commands and keys.\nExit codes: 0 done, 1 failed, 2 usage or configuration, 3 a plan awaits approval, 4 refused or rolled back,\n5 limit, 6 credentials, 7 provider, 129/130/143 signals.\n"
            : subcommandHelp(subcommand),
      };
    throw new BmoError("usage", thrown.message.replace(/^error: /, "").trim(), "bmo --help lists the options.");
  }
  if (subcommand !== null && subcommand !== "approve" && (rest.includes("--help") || rest[0] === "-h"))
    return { ...emptyLine(), kind: "help", text: subcommandHelp(subcommand) };
  const options = program.opts<RawOptions>();
  if (options.version === true) return { ...emptyLine(), kind: "help", version: true };
  const mode =
    options.dangerouslySkipPermissions === true && options.permissionMode !== "plan" && options.approvalMode !== "plan"
      ? "bypassPermissions"
      : (options.permissionMode ?? options.approvalMode ?? null);
  const line: CommandLine = {
    kind: subcommand === null ? "run" : "subcommand",
    text: "",
    version: false,
    subcommand,
    rest,
    prompt,
    print: options.print === true,
    format: options.outputFormat ?? "text",
    model: options.model ?? null,
    tier: options.tier ?? null,
    preset: presetNames(options.preset ?? ""),
    continue: options.continue === true,
    resume:
      options.resume === undefined
        ? undefined
        : options.resume === true || options.resume === ""
          ? null
          : options.resume,
    fork: options.forkSession === true,
    plan: argv.includes("--plan") || argv.includes("--no-plan") ? (options.plan ?? null) : null,
    approve: options.approve === true,
    approveUnscoped: options.approveUnscoped === true,
    permissionMode: mode,
    allowedTools: options.allowedTools ?? [],
    disallowedTools: options.disallowedTools ?? [],
    maxTurns: options.maxTurns ?? null,
    maxBudgetUsd: options.maxBudgetUsd ?? null,
    timeoutSeconds: options.timeout ?? null,
    addDirectories: options.addDir ?? [],
    trust: options.trust === true,
    directory: options.cd ?? null,
    config: options.config ?? null,
    quiet: options.quiet === true,
    verbose: options.verbose === true,
  };
  if (line.fork && !line.continue && line.resume === undefined)
    throw new BmoError("usage", "--fork-session needs -c or -r", "It goes on in a copy of a session.");
  if (line.plan !== null && argv.includes("--plan") && argv.includes("--no-plan")) {
    throw new BmoError("usage", "--plan and --no-plan exclude each other", "Give one of them.");
  }
  if ((line.approve || line.approveUnscoped) && line.plan === false && mode !== "plan") {
    const flag = line.approve ? "--approve" : "--approve-unscoped";
    throw new BmoError("usage", `${flag} approves a plan, and --no-plan makes none`, "Give one of them.");
  }
  if (line.continue && line.resume !== undefined)
    throw new BmoError("usage", "-c and -r exclude each other", "Give one of them.");
  if (subcommand !== null) line.rest = liftShared(rest, line);
  return line;
}

function emptyLine(): CommandLine {
  return {
    kind: "run",
    text: "",
    version: false,
    subcommand: null,
    rest: [],
    prompt: [],
    print: false,
    format: "text",
    model: null,
    tier: null,
    preset: [],
    continue: false,
    resume: undefined,
    fork: false,
    plan: null,
    approve: false,
    approveUnscoped: false,
    permissionMode: null,
    allowedTools: [],
    disallowedTools: [],
    maxTurns: null,
    maxBudgetUsd: null,
    timeoutSeconds: null,
    addDirectories: [],
    trust: false,
    directory: null,
    config: null,
    quiet: false,
    verbose: false,
  };
}
