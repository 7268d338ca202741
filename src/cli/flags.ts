// The options that mean the same in a run and in a subcommand: where bmo works, what its configuration comes to, how
// much it says. Reads nothing but what commander found.

import { Option } from "commander";
import { PRESET_NAMES } from "../config/presets.ts";
import { splitRules } from "../permission/rules.ts";
import { TIERS } from "../types/route.ts";
import { BmoError } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import type { PermissionMode } from "../types/settings.ts";

export interface Flags {
  directory: string | null;
  /** That file as the project's configuration. */
  config: string | null;
  trust: boolean;
  addDirectories: string[];
  preset: string[];
  model: string | null;
  tier: string | null;
  /** The staged workflow on or off; null = as configured. */
  plan: boolean | null;
  permissionMode: PermissionMode | null;
  allowedTools: string[];
  disallowedTools: string[];
  format: "text" | "json" | "stream-json";
  quiet: boolean;
  verbose: boolean;
}

/** Under commander's names: what the options of `flagOptions` leave. */
export interface GivenFlags {
  cd?: string;
  config?: string;
  trust?: true;
  addDir?: string[];
  preset?: string;
  model?: string;
  tier?: string;
  plan?: boolean;
  permissionMode?: PermissionMode;
  approvalMode?: PermissionMode;
  dangerouslySkipPermissions?: true;
  allowedTools?: string[];
  disallowedTools?: string[];
  outputFormat?: Flags["format"];
  quiet?: true;
  verbose?: true;
}

const MODES = ["default", "acceptEdits", "plan", "bypassPermissions"] as const satisfies readonly PermissionMode[];

/** An option that takes one of some words. */
export function choice(flags: string, description: string, choices: readonly string[]): Option {
  const option = new Option(flags, description).choices(choices);
  return option.argParser((value: string) => {
    if (choices.includes(value)) return value;
    const [near] = value === "" ? [] : nearestNames(value, choices, 1);
    throw new BmoError(
      "usage",
      `${option.long ?? flags} ${value === "" ? "needs a value" : `cannot be ${value}`}; allowed: ${choices.join(", ")}`,
      near === undefined ? null : `Did you mean ${near}?`,
    );
  });
}

/** An option for which some words are offered, and which is checked where it is used. */
function suggestion(flags: string, description: string, words: readonly string[]): Option {
  return new Option(flags, description).choices(words).argParser((value: string) => value);
}

const collect = (value: string, earlier: string[] = []): string[] => [...earlier, value];
const collectRules = (value: string, earlier: string[] = []): string[] => [...earlier, ...splitRules(value)];

export const presetOption = (description = "preset or presets for this run"): Option =>
  suggestion("--preset <name[,name]>", description, PRESET_NAMES);
export const modelOption = (): Option =>
  new Option("-m, --model <provider/model>", "model for this run; auto hands over to the phase router");
export const tierOption = (): Option => suggestion("--tier <tier>", "tier for this run", TIERS);

/** What every subcommand takes, before or after its name. */
export function sharedOptions(): Option[] {
  return [
    new Option("--json", "stdout carries one JSON value"),
    ...placeOptions(),
    new Option("-q, --quiet", "nothing on stderr, not even errors; the exit code says it"),
    new Option("--verbose", "more on stderr"),
  ];
}

export function placeOptions(): Option[] {
  return [
    new Option("--trust", "trust this directory's project configuration for this run"),
    new Option("-C, --cd <dir>", "work in that directory; other paths of the command line are read before it"),
    new Option("--config <file>", "that file as the project's configuration, trusted"),
  ];
}

export function permissionOptions(): Option[] {
  return [
    choice("--permission-mode <mode>", "what is asked before it is done; also --approval-mode", MODES),
    choice("--approval-mode <mode>", "same as --permission-mode", MODES).hideHelp(),
    new Option(
      "--dangerously-skip-permissions",
      "same as --permission-mode bypassPermissions; the plan stage still writes nothing",
    ),
    new Option(
      "--allowedTools <rules>",
      "allow: 'bash(git *)', 'edit(src/**)', 'view'; comma-separated, repeatable",
    ).argParser(collectRules),
    new Option("--disallowedTools <rules>", "forbid, in the same form, repeatable; they win").argParser(collectRules),
    new Option("--add-dir <dir>", "a further directory that may be read; repeatable").argParser(collect),
  ];
}

function permissionMode({
  permissionMode,
  approvalMode,
  dangerouslySkipPermissions,
}: GivenFlags): Flags["permissionMode"] {
  const mode = permissionMode ?? approvalMode ?? null;
  // Plan mode is the strictest, so it wins over skipping.
  return dangerouslySkipPermissions === true && permissionMode !== "plan" && approvalMode !== "plan"
    ? "bypassPermissions"
    : mode;
}

export function readFlags(given: GivenFlags): Flags {
  return {
    directory: given.cd ?? null,
    config: given.config ?? null,
    trust: given.trust === true,
    addDirectories: given.addDir ?? [],
    preset: (given.preset ?? "").split(",").flatMap((name) => name.trim() || []),
    model: given.model ?? null,
    tier: given.tier ?? null,
    plan: given.plan ?? null,
    permissionMode: permissionMode(given),
    allowedTools: given.allowedTools ?? [],
    disallowedTools: given.disallowedTools ?? [],
    format: given.outputFormat ?? "text",
    quiet: given.quiet === true,
    verbose: given.verbose === true,
  };
}
