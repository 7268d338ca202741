// A headless run, put together: prompt, session, agent, signals, limits; then headless/run does the work. Bundled by
// itself, so that such a run loads few files: see scripts/build.mjs.

import { createApp, type App, type RunFacts } from "./app.ts";
import { approveHint } from "./approve-hint.ts";
import { openAgent, type OpenedAgent } from "./create-app.ts";
import { chooseSession } from "./choose-session.ts";
import { approveCommand } from "./approve-command.ts";
import { parseArguments } from "./command-line.ts";
import { namedSubcommand } from "./first-words.ts";
import { earlyResult, failEarly } from "./fail-early.ts";
import { readPrompt, type PromptSource } from "./read-prompt.ts";
import { headlessAsk } from "../headless/ask.ts";
import { runHeadless } from "../headless/run.ts";
import { elapsedMs } from "../util/clock.ts";
import { sanitizeText } from "../util/sanitize.ts";
import { BmoError } from "../util/errors.ts";
import { EXIT, type ExitCode } from "../types/error.ts";
import type { RunLine } from "./run-line.ts";
import type { Agent } from "../types/agent.ts";

const SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hangup } as const;

/** A stop that comes before the turn has begun waits for it: nothing runs on past a signal or a limit. */
function stop(agent: Agent, reason: string): void {
  if (agent.busy()) void agent.abort(reason);
  else setTimeout(() => stop(agent, reason), 5).unref();
}

/**
 * Stops the turn, lets the session be saved, and remembers the exit code. A second signal waits only for what a command
 * left to be settled.
 */
function watchSignals(
  { agent, containment: { unsettled } }: OpenedAgent,
  say: (text: string) => void,
): { code(): ExitCode | null } {
  let code: ExitCode | null = null;
  let isLeaving = false;
  const leave = async (exitCode: ExitCode): Promise<void> => {
    isLeaving = true;
    const what = unsettled.what();
    if (what !== null) say(`waiting until the effects of ${what} are settled`);
    await unsettled.settled();
    process.exit(exitCode);
  };
  for (const [name, exitCode] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (code !== null && !isLeaving) void leave(code);
      if (code !== null) return;
      code = exitCode;
      const what = unsettled.what();
      if (what !== null) say(`ending ${what} and settling its effects`);
      stop(agent, `signal ${name}`);
    });
  }
  return { code: () => code };
}

/** A longer timer would go off at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function limitTime(agent: Agent, seconds: number | null): void {
  if (seconds === null) return;
  const timer = setTimeout(
    () => stop(agent, `limit: the time limit of ${seconds} s is reached`),
    Math.min(seconds * 1000, LONGEST_TIMER_MS),
  );
  timer.unref();
}

/** Signals that arrive before there is a session have nothing to save; the object that was promised still comes. */
function leaveOnEarlySignals({ format }: RunLine, startedAt: number): () => void {
  const handlers = Object.entries(SIGNALS).map(([name, exitCode]) => {
    const handler = (): void => {
      if (format !== "text") process.stdout.write(earlyResult(exitCode, null, startedAt));
      process.exit(exitCode);
    };
    process.on(name, handler);
    return { name, handler };
  });
  return () => {
    for (const { name, handler } of handlers) process.off(name, handler);
  };
}

/** A plan that no model can carry out must not be paid for: both stage models are looked up before the first call. */
async function checkStageModels(app: App): Promise<void> {
  const { settings } = app.loaded();
  const { planning_model, execution_model } = settings.options.phase_model;
  if ((planning_model ?? "") === "") return;
  const [{ createModelBook }, { resolveTier }, { routerTables }] = await Promise.all([
    import("../router/models.ts"),
    import("../router/tiers.ts"),
    import("./router-parts.ts"),
  ]);
  const registry = app.registry();
  const book = createModelBook(
    settings,
    { ...routerTables, registry: { ...registry, resolve: (name, where) => registry.resolve(name, where, true) } },
    () => undefined,
  );
  for (const [key, value] of [
    ["planning_model", planning_model],
    ["execution_model", execution_model],
  ] as const) {
    const spec = book.spec(value, `options.phase_model.${key}`);
    if (spec.kind === "tier") resolveTier(spec.tier, book);
  }
}

async function sourceOf({ start, quiet }: RunLine): Promise<PromptSource> {
  if (start.kind === "approval") return { prompt: null, command: null };
  const warn = (text: string): void => {
    if (!quiet) process.stderr.write(`bmo: ${text}\n`);
  };
  const source = await readPrompt(start.words, warn);
  if (source.prompt === null && source.command === null)
    throw new BmoError(
      "usage",
      "the prompt is empty",
      "Give one as an argument or pipe it in; bmo without arguments on a terminal opens the REPL.",
    );
  return source;
}

function nobodyPicks({ start }: RunLine): BmoError {
  const word = start.kind === "prompt" ? start.words[0] : undefined;
  const what =
    word === undefined
      ? "-r needs the id of a session when nobody is there to choose one"
      : `-r needs the id of a session; "${word}" does not have the form of one and was taken as the prompt`;
  return new BmoError("usage", what, "bmo sessions lists them; -c takes the last one.");
}

async function runHeadlessLine(line: RunLine, facts: RunFacts): Promise<ExitCode> {
  const stopWatching = leaveOnEarlySignals(line, facts.startedAt);
  const app = await createApp(line, facts);
  if (line.session.kind === "pick") throw nobodyPicks(line);
  const source = await sourceOf(line);
  if (source.prompt !== null) await checkStageModels(app);
  const session = await chooseSession(app, line.session);
  const opened = await openAgent(app, { session, ask: headlessAsk, headless: true, limits: line.limits });
  const { agent, context } = opened;
  const signals = watchSignals(opened, (text) => {
    if (!line.quiet) process.stderr.write(`bmo: ${sanitizeText(text)}\n`);
  });
  // Not before: where nobody listens for a moment, a signal that has arrived and is not yet told is lost.
  stopWatching();
  limitTime(agent, line.limits.seconds);
  const images = source.prompt === null ? [] : await opened.readImages(source.prompt);
  const code = await runHeadless(agent, context, {
    format: line.format,
    quiet: line.quiet,
    verbose: line.verbose,
    prompt: source.prompt === null ? null : { text: source.prompt, images },
    command: source.command,
    approve: line.approve,
    approveNow: line.start.kind === "approval" ? { unscoped: line.approve?.unscoped === true } : null,
    approveHint: (plan) => approveHint(plan, line, app.loaded().settings.options.phase_model.strict),
    startedAt: facts.startedAt,
    clock: elapsedMs,
    notices: opened.notices,
    signalCode: signals.code,
    writeOut: (text) => process.stdout.write(text),
    writeError: (text) => process.stderr.write(text),
  });
  await agent.close();
  return code;
}

/** A whole headless run from its arguments; never rejects. */
export async function runHeadlessArguments(argv: readonly string[], facts: RunFacts): Promise<ExitCode> {
  try {
    const named = namedSubcommand(argv, [approveCommand.name]);
    const line = parseArguments(argv, named === null ? [] : [approveCommand]);
    // The entry point has everything else answered where subcommands and their help are.
    if (line.kind !== "run") throw new BmoError("internal", `a ${line.kind} line reached a headless run`);
    return await runHeadlessLine(line, facts);
  } catch (thrown) {
    return failEarly(thrown, argv, facts.startedAt);
  }
}
