// `bmo demo`: the whole workflow on a sample project in a temporary folder, offline. Only the model's replies are
// scripted, and it says so first; tools, plan, approval, containment and the sample's test are real.

import { rmSync } from "node:fs";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join, resolve } from "node:path";
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
import type { CommandLine } from "./arguments.ts";
import type { Agent } from "../types/agent.ts";
import { SUBCOMMAND_USAGE } from "./subcommand-usage.ts";

const USAGE = SUBCOMMAND_USAGE.demo;
const PACE_MS = 12;
const SIGNALS: readonly NodeJS.Signals[] = ["SIGHUP", "SIGINT", "SIGTERM"];

interface DemoOptions {
  yes: boolean;
  /** Leaves the folder for looking at. */
  keep: boolean;
  /** Other scripted replies than those that ship. */
  script: string | null;
}

function readOptions(given: readonly string[]): DemoOptions {
  const options: DemoOptions = { yes: false, keep: false, script: null };
  for (let index = 0; index < given.length; index++) {
    const word = given[index] ?? "";
    const next = given[index + 1];
    if (word === "--yes" || word === "-y") options.yes = true;
    else if (word === "--keep") options.keep = true;
    else if (word === "--script" && next !== undefined) {
      options.script = resolve(process.cwd(), next);
      index += 1;
    } else throw new BmoError("usage", `bmo demo does not understand "${word}"`, USAGE);
  }
  return options;
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

export async function runDemoCommand(given: readonly string[], line: CommandLine, facts: RunFacts): Promise<ExitCode> {
  const options = readOptions(given);
  const json = line.format !== "text";
  const say = (text: string): void => {
    if (!json) process.stdout.write(`${text}\n`);
  };
  const asking = process.stdin.isTTY === true && process.stdout.isTTY === true && !options.yes && !json;
  const folder = await mkdtemp(join(tmpdir(), "bmo-demo-")).catch(
    refuse(`no folder for the sample project can be made in ${tmpdir()}`, "Set TMPDIR to a folder that you may write."),
  );
  const leave = (signal: NodeJS.Signals): void => {
    if (!options.keep) rmSync(folder, { recursive: true, force: true });
    process.exit(128 + constants.signals[signal]);
  };
  for (const name of SIGNALS) process.once(name, leave);
  try {
    say("bmo demo: the replies of both models are scripted; everything else is real. No key, no network.");
    const demo = await prepareDemo({ directory: folder, environment: process.env, paceMs: asking ? PACE_MS : 0 });
    if (options.script !== null)
      await copyFile(options.script, join(demo.home, "script.json")).catch(
        refuse(`--script ${options.script} cannot be read`, USAGE),
      );
    return await play(
      demo,
      { ...line, directory: demo.workspace, format: line.format, model: null, tier: null, preset: [], config: null },
      facts,
      { say, asking, json },
    );
  } finally {
    if (options.keep) say(`\nkept: ${folder}`);
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

interface Stage {
  say(text: string): void;
  asking: boolean;
  json: boolean;
}

async function play(
  demo: PreparedDemo,
  line: CommandLine,
  facts: RunFacts,
  { say, asking, json }: Stage,
): Promise<ExitCode> {
  const environment = { ...process.env };
  process.env["BMO_HOME"] = demo.home;
  for (const name of Object.keys(process.env))
    if (name.startsWith("BMO_") && name !== "BMO_HOME") delete process.env[name];
  const signal = new AbortController().signal;
  const before = await checkDemo(demo.workspace, environment, signal);
  say(`sample project: ${demo.workspace}\nits test before: ${before.passed ? "passes" : "fails"}\n\n> ${demo.prompt}`);
  const app = await createApp(line, facts);
  const { agent } = await openAgent(app, { session: { kind: "new" }, ask: headlessAsk, headless: true });
  const progress = createProgress({
    quiet: line.quiet || json,
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
    const after = await checkDemo(demo.workspace, environment, signal);
    const changed = agent.state().files.length > 0;
    say(`\nits test after: ${after.passed ? "passes" : "fails"}`);
    if (!after.passed) say(after.output);
    const code = after.passed && changed ? EXIT.done : EXIT.failed;
    if (json)
      process.stdout.write(
        `${JSON.stringify(resultJson({ sessionId: agent.sessionId, state: agent.state(), exitCode: code, text: result.text, data: { test_before: before.passed, test_after: after.passed, scripted: true }, error: result.error, warnings: [], durationMs: elapsedMs() - facts.startedAt }))}\n`,
      );
    return code;
  } finally {
    await agent.close();
  }
}
