// `bmo demo`: the whole workflow on a sample project in a temporary folder, offline. Only the model's replies are
// scripted, and it says so first; tools, plan, approval, containment and the sample's test are real.

import { rmSync } from "node:fs";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Option } from "commander";
import { checkDemo, prepareDemo, type PreparedDemo } from "../demo/demo.ts";
import { headlessAsk } from "../headless/ask.ts";
import { createProgress } from "../headless/progress.ts";
import { resultJson } from "../headless/json.ts";
import { elapsedMs } from "../util/clock.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { labelEvent, modelLabel } from "../util/model-label.ts";
import { planMarkdown } from "../plan/markdown.ts";
import { formatUsd } from "../util/money.ts";
import { EXIT, type ExitCode } from "../types/error.ts";
import { createApp, type RunFacts } from "./app.ts";
import { openAgent } from "./create-app.ts";
import type { Flags } from "./flags.ts";
import type { Agent } from "../types/agent.ts";
import type { Subcommand } from "./subcommand.ts";

const PACE_MS = 12;
const NO_LIMITS = { modelCalls: null, budgetUsd: null, seconds: null };
const SIGNALS: readonly NodeJS.Signals[] = ["SIGHUP", "SIGINT", "SIGTERM"];

interface DemoOptions {
  yes?: true;
  /** Leaves the folder for looking at. */
  keep?: true;
  /** Other scripted replies than those that ship. */
  script?: string;
}

/** null = approved; otherwise how the demo ends. */
async function waitForApproval(say: (text: string) => void): Promise<ExitCode | null> {
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  let interrupted = false;
  terminal.once("SIGINT", () => {
    interrupted = true;
    terminal.close();
  });
  // Ctrl+C and Ctrl+D close the terminal; its question would then never be answered.
  const closed = new Promise<string>((resolve) => terminal.once("close", () => resolve("/exit")));
  try {
    for (;;) {
      const typed = (
        await Promise.race([terminal.question("Type /approve to carry the plan out, /reject to leave: "), closed])
      ).trim();
      if (typed === "/approve") return null;
      if (typed === "/reject" || typed === "/exit") return interrupted ? EXIT.interrupted : EXIT.awaitingApproval;
      say("Nothing happens before /approve.");
    }
  } finally {
    terminal.close();
  }
}

function report(agent: Agent, say: (text: string) => void): void {
  const state = agent.state();
  say("\nRoutes");
  for (const route of state.routes)
    say(
      `  turn ${route.turn} (${route.stage}): ${modelLabel(route.model, state.settings)} because ${route.reason}; ${formatUsd(route.cost_usd, route.cost_is_estimate)}`,
    );
  const planning = state.routes.find((route) => route.stage === "plan")?.model ?? "none";
  const executing = state.routes.find((route) => route.stage === "execute")?.model ?? "none";
  say(`  planning model: ${planning}, execution model: ${executing}`);
  say(
    `Cost\n  ${formatUsd(state.totals.cost_usd, state.totals.estimate)} at example prices; all on ${state.totals.baseline_model ?? "one model"}: ${formatUsd(state.totals.baseline_cost_usd, state.totals.baseline_estimate)}; saved ${state.totals.savings_pct ?? "unknown"} %`,
  );
  say("Files");
  for (const file of state.files) say(`  ${file.action} ${file.path}${file.in_scope ? "" : " (outside the plan)"}`);
  if (state.files.length === 0) say("  none");
}

async function runDemo(options: DemoOptions, flags: Flags, facts: RunFacts): Promise<ExitCode> {
  const json = flags.format !== "text";
  const say = (text: string): void => {
    if (!json) process.stdout.write(`${text}\n`);
  };
  const asking = process.stdin.isTTY === true && process.stdout.isTTY === true && options.yes !== true && !json;
  const folder = await mkdtemp(join(tmpdir(), "bmo-demo-")).catch(
    refuse(`no folder for the sample project can be made in ${tmpdir()}`, "Set TMPDIR to a folder that you may write."),
  );
  const leave = (signal: NodeJS.Signals): void => {
    if (options.keep !== true) rmSync(folder, { recursive: true, force: true });
    process.exit(128 + constants.signals[signal]);
  };
  for (const name of SIGNALS) process.once(name, leave);
  try {
    say("bmo demo: the replies of both models are scripted; everything else is real. No key, no network.");
    const demo = await prepareDemo({ directory: folder, environment: process.env, paceMs: asking ? PACE_MS : 0 });
    if (options.script !== undefined) {
      const script = resolve(process.cwd(), options.script);
      await copyFile(script, join(demo.home, "script.json")).catch(
        refuse(`--script ${script} cannot be read`, "It takes a file of replies; docs/configuration.md says how."),
      );
    }
    const own = { directory: demo.workspace, config: null, preset: [], model: null, tier: null };
    return await play(demo, { ...flags, ...own }, facts, { say, asking, json });
  } finally {
    if (options.keep === true) say(`\nkept: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
    for (const name of SIGNALS) process.off(name, leave);
  }
}

/** What the file system refuses is the caller's to mend. */
function refuse(message: string, hint: string): (thrown: unknown) => never {
  return (thrown) => {
    throw new BmoError("usage", `${message} (${systemErrorCode(thrown) ?? "unknown error"})`, hint, { cause: thrown });
  };
}

/** What the person in front of it sees. */
interface Show {
  say(text: string): void;
  asking: boolean;
  json: boolean;
}

async function play(demo: PreparedDemo, flags: Flags, facts: RunFacts, { say, asking, json }: Show): Promise<ExitCode> {
  const ownSettings = Object.entries(process.env).filter(([name]) => !name.startsWith("BMO_"));
  const environment = { ...Object.fromEntries(ownSettings), BMO_HOME: demo.home };
  const signal = new AbortController().signal;
  const before = await checkDemo(demo.workspace, process.env, signal);
  say(`sample project: ${demo.workspace}\nits test before: ${before.passed ? "passes" : "fails"}\n\n> ${demo.prompt}`);
  const app = await createApp(flags, facts, environment);
  const { agent } = await openAgent(app, {
    session: { kind: "new" },
    ask: headlessAsk,
    headless: true,
    limits: NO_LIMITS,
  });
  const progress = createProgress({
    quiet: flags.quiet || json,
    verbose: false,
    write: (text) => process.stderr.write(text),
  });
  agent.subscribe((event) => progress.event(labelEvent(event, agent.state().settings)));
  try {
    let result = await agent.submit({ text: demo.prompt, images: [] });
    const { plan } = agent.state().workflow;
    if (result.reason === "awaiting_approval" && plan !== null) {
      say(`\n${planMarkdown(plan)}`);
      const refused = asking ? await waitForApproval(say) : null;
      if (refused !== null) return refused;
      say(asking ? "" : "> /approve   (given by the demo itself)");
      result = await agent.approve({ via: asking ? "command" : "demo", tickets: null, note: null, unscoped: false });
    }
    if (result.text !== "") say(`\n${result.text}`);
    if (result.error !== null) process.stderr.write(`bmo: ${result.error.message}\n`);
    report(agent, say);
    const after = await checkDemo(demo.workspace, process.env, signal);
    const changed = agent.state().files.length > 0;
    say(`\nits test after: ${after.passed ? "passes" : "fails"}`);
    if (!after.passed) say(after.output);
    const code = after.passed && changed ? EXIT.done : EXIT.failed;
    if (json)
      process.stdout.write(
        `${JSON.stringify(
          resultJson({
            sessionId: agent.sessionId,
            state: agent.state(),
            exitCode: code,
            text: result.text,
            data: { test_before: before.passed, test_after: after.passed, scripted: true },
            error: result.error,
            warnings: [],
            durationMs: elapsedMs() - facts.startedAt,
          }),
        )}\n`,
      );
    return code;
  } finally {
    await agent.close();
  }
}

export const demoCommand: Subcommand<DemoOptions> = {
  name: "demo",
  summary: "run the whole workflow offline on a sample project",
  details:
    "The project is in a temporary folder; only the replies of the models are scripted. It waits for /approve; with --yes, or without a terminal, it approves itself. Exit 1 if the sample's test fails afterwards.",
  options: [
    new Option("-y, --yes", "approve without asking"),
    new Option("--keep", "leave the folder"),
    new Option("--script <file>", "other replies"),
  ],
  run: ({ options, flags, facts }) => runDemo(options, flags, facts),
};
