// The options of a run of the agent, in the REPL or headless, and what they ask for. Reads nothing but what commander
// found; contradictions are refused here.

import { Option } from "commander";
import {
  choice,
  modelOption,
  permissionOptions,
  placeOptions,
  presetOption,
  readFlags,
  tierOption,
  type Flags,
  type GivenFlags,
} from "./flags.ts";
import { BmoError } from "../util/errors.ts";

export interface RunLine extends Flags {
  kind: "run";
  print: boolean;
  /** What the run begins with: the user's words, or the approval of the plan that was named. */
  start: { kind: "prompt"; words: readonly string[] } | { kind: "approval" };
  session: SessionWish;
  /** Approve in advance what this run plans; null = wait. */
  approve: { unscoped: boolean } | null;
  limits: { modelCalls: number | null; budgetUsd: number | null; seconds: number | null };
}

/** Which session was asked for. `pick`: the user chooses one. */
export type SessionWish =
  | { kind: "new" }
  | { kind: "latest"; fork: boolean }
  | { kind: "named"; id: string; fork: boolean }
  | { kind: "pick" }
  | { kind: "of_plan"; plan: string };

export interface GivenRun extends GivenFlags {
  print?: true;
  continue?: true;
  /** Without an id: true or empty. */
  resume?: true | string;
  forkSession?: true;
  approve?: true;
  approveUnscoped?: true;
  maxTurns?: number;
  maxBudgetUsd?: number;
  timeout?: number;
}

function above0(flags: string, description: string, whole = false): Option {
  const option = new Option(flags, description);
  return option.argParser((value: string) => {
    const number = Number(value);
    const message = `${option.long ?? flags} is "${value}"`;
    if (!Number.isFinite(number) || number <= 0) throw new BmoError("usage", message, "It takes a number above 0.");
    if (whole && !Number.isInteger(number)) throw new BmoError("usage", message, "It takes a whole number above 0.");
    return number;
  });
}

export function runOptions(): Option[] {
  return [
    new Option("-p, --print", "headless: print the result and exit"),
    choice("--output-format <format>", "what stdout carries", ["text", "json", "stream-json"]),
    new Option("--json", "same as --output-format json"),
    modelOption(),
    tierOption(),
    presetOption(),
    new Option("-c, --continue", "continue the last session of this workspace"),
    new Option("-r, --resume [id]", "continue that session; without an id, choose one (headless: exit 2)"),
    new Option("--fork-session", "with -c or -r: continue in a copy, which needs its own approval"),
    new Option("--plan", "staged workflow on"),
    new Option("--no-plan", "staged workflow off"),
    new Option("--approve", "approve in advance the plan that this run produces"),
    new Option("--approve-unscoped", "the same, also for a plan that names no files"),
    ...permissionOptions(),
    above0("--max-turns <n>", "model calls of this run at most", true),
    above0("--max-budget-usd <x>", "money of this run at most"),
    above0("--timeout <s>", "wall time of this run at most, in seconds"),
    ...placeOptions(),
    new Option("-q, --quiet", "nothing on stderr, not even errors; the exit code says it"),
    new Option("--verbose", "more on stderr"),
  ];
}

function sessionWish({ continue: latest, resume, forkSession }: GivenRun): SessionWish {
  const fork = forkSession === true;
  if (fork && latest === undefined && resume === undefined) {
    throw new BmoError("usage", "--fork-session needs -c or -r", "It continues in a copy of a session.");
  }
  if (latest === true && resume !== undefined) {
    throw new BmoError("usage", "-c and -r exclude each other", "Give one of them.");
  }
  if (latest === true) return { kind: "latest", fork };
  if (resume === undefined) return { kind: "new" };
  return resume === true || resume === "" ? { kind: "pick" } : { kind: "named", id: resume, fork };
}

/** @throws BmoError usage for options that contradict each other. */
export function readRun(given: GivenRun, words: readonly string[], approvesPlan: boolean): RunLine {
  const flags = readFlags(given);
  const [plan] = words;
  const wish = sessionWish(given);
  if ((given.approve ?? given.approveUnscoped) && flags.plan === false && flags.permissionMode !== "plan") {
    const flag = given.approve === true ? "--approve" : "--approve-unscoped";
    throw new BmoError("usage", `${flag} approves a plan, and --no-plan makes none`, "Give one of them.");
  }
  return {
    ...flags,
    kind: "run",
    print: given.print === true,
    start: approvesPlan ? { kind: "approval" } : { kind: "prompt", words },
    session: approvesPlan && plan !== undefined ? { kind: "of_plan", plan } : wish,
    approve: (given.approve ?? given.approveUnscoped) ? { unscoped: given.approveUnscoped === true } : null,
    limits: {
      modelCalls: given.maxTurns ?? null,
      budgetUsd: given.maxBudgetUsd ?? null,
      seconds: given.timeout ?? null,
    },
  };
}
