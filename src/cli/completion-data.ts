// The words that shell completion offers: options, their values, subcommands and what follows them. A test holds it
// against the help.

import { PRESET_NAMES } from "../config/presets.ts";
import { TIERS } from "../types/route.ts";
import { SUBCOMMANDS } from "./subcommand-names.ts";

/** What an option takes: nothing, one of some words, a file or folder, or text that cannot be guessed. */
export type OptionValue =
  | { kind: "none" }
  | { kind: "words"; words: readonly string[] }
  | { kind: "file" }
  | { kind: "folder" }
  | { kind: "text" };

export interface CompletionOption {
  names: readonly string[];
  summary: string;
  value: OptionValue;
}

const NONE: OptionValue = { kind: "none" };
const TEXT: OptionValue = { kind: "text" };
const words = (...list: string[]): OptionValue => ({ kind: "words", words: list });
const MODES = words("default", "acceptEdits", "plan", "bypassPermissions");
const option = (names: string, summary: string, value: OptionValue): CompletionOption => ({
  names: names.split(" "),
  summary,
  value,
});

export const OPTIONS: readonly CompletionOption[] = [
  option("-p --print", "headless: print the result and exit", NONE),
  option("--output-format", "what stdout carries", words("text", "json", "stream-json")),
  option("--json", "same as --output-format json", NONE),
  option("-m --model", "model for this run", TEXT),
  option("--tier", "tier for this run", words(...TIERS)),
  option("--preset", "preset for this run", words(...PRESET_NAMES)),
  option("-c --continue", "go on with the last session here", NONE),
  option("-r --resume", "go on with a session", TEXT),
  option("--fork-session", "go on in a copy", NONE),
  option("--plan", "staged workflow on", NONE),
  option("--no-plan", "staged workflow off", NONE),
  option("--approve", "approve the plan of this run in advance", NONE),
  option("--approve-unscoped", "also a plan that names no files", NONE),
  option("--permission-mode", "what is asked before it is done", MODES),
  option("--approval-mode", "same as --permission-mode", MODES),
  option("--dangerously-skip-permissions", "ask for nothing", NONE),
  option("--allowedTools", "rules that allow", TEXT),
  option("--disallowedTools", "rules that forbid", TEXT),
  option("--max-turns", "model calls at most", TEXT),
  option("--max-budget-usd", "money at most", TEXT),
  option("--timeout", "seconds at most", TEXT),
  option("--add-dir", "a further directory to read", { kind: "folder" }),
  option("--trust", "trust this project's configuration", NONE),
  option("-C --cd", "work in that directory", { kind: "folder" }),
  option("--config", "the project's configuration file", { kind: "file" }),
  option("-q --quiet", "nothing on stderr", NONE),
  option("--verbose", "more on stderr", NONE),
  option("-v -V --version", "print the version", NONE),
  option("-h --help", "print the help", NONE),
];

/** Words that may follow a subcommand's name. */
export const SUBCOMMAND_WORDS: Readonly<Record<string, readonly string[]>> = {
  demo: ["--yes", "--keep", "--script", "--json"],
  init: ["--yes", "--model", "--preset", "--json"],
  doctor: ["--json"],
  models: ["--json"],
  route: [
    "replay",
    "eval",
    "--history",
    "--stage",
    "--model",
    "--tier",
    "--preset",
    "--config",
    "--what",
    "--predictions",
    "--json",
  ],
  approve: ["--json", "--approve-unscoped"],
  sessions: ["list", "show", "rm", "export", "--all", "--json"],
  stats: ["--by", "--json"],
  config: ["show", "path", "validate", "--config", "--preset", "--json"],
  checkpoint: ["list", "diff", "restore", "--json"],
  completion: ["bash", "zsh", "fish"],
};

export const SUBCOMMAND_SUMMARIES: Readonly<Record<string, string>> = SUBCOMMANDS;
