// A run without a person: one prompt or one command in, the result alone on stdout, everything else on stderr, an exit
// code that says how it ended. It never asks and never waits for anyone.

import { setImmediate as nextTurn } from "node:timers/promises";
import { parseCommand, unescapePrompt } from "../commands/parse.ts";
import { BmoError, exitCodeOf, toErrorInfo } from "../util/errors.ts";
import { planMarkdown } from "../plan/markdown.ts";
import { safeJson, sanitizeText } from "../util/sanitize.ts";
import { reportText } from "../plan/report.ts";
import { EXIT, type ErrorInfo, type ExitCode } from "../types/error.ts";
import { labelEvent } from "../util/model-label.ts";
import { createProgress } from "./progress.ts";
import { eventJson, resultJson } from "./json.ts";
import type { Agent, TurnResult, UserInput } from "../types/agent.ts";
import type { CommandContext, CommandResult } from "../types/command.ts";
import type { Json } from "../types/json.ts";
import type { Plan } from "../types/plan.ts";

export type OutputFormat = "text" | "json" | "stream-json";

export interface HeadlessRequest {
  format: OutputFormat;
  quiet: boolean;
  verbose: boolean;
  /** The whole prompt, or null for a resumed run that only approves. */
  prompt: UserInput | null;
  /** A slash command line, recognised by the caller from argument text or one-line piped text alone. */
  command: string | null;
  /** `--approve`, `--approve-unscoped`. */
  approve: { unscoped: boolean } | null;
  /** `bmo approve <id>`: execute the present plan. */
  approveNow: { unscoped: boolean } | null;
  /** How the plan that awaits approval is approved from another process. */
  approveHint(plan: Plan): string;
  startedAt: number;
  clock(): number;
  notices: string[];
  /** Exit code of a signal that ended the run; it goes before all others. */
  signalCode(): ExitCode | null;
  writeOut(text: string): void;
  writeError(text: string): void;
}

interface Ending {
  text: string;
  data: Json;
  error: ErrorInfo | null;
  exitCode: ExitCode;
}

export async function runHeadless(agent: Agent, context: CommandContext, given: HeadlessRequest): Promise<ExitCode> {
  // Names of files reach stderr too; none moves a cursor there.
  const request: HeadlessRequest = { ...given, writeError: (text) => given.writeError(sanitizeText(text)) };
  const progress = createProgress({ quiet: request.quiet, verbose: request.verbose, write: request.writeError });
  for (const notice of request.notices) progress.note(notice);
  const unsubscribe = agent.subscribe((event) => {
    if (request.format === "stream-json") request.writeOut(`${safeJson(eventJson(event))}\n`);
    progress.event(labelEvent(event, agent.state().settings));
    // What was approved in advance is shown all the same; stdout stays free for the result.
    if (
      event.type === "plan_approved" &&
      event.approval.via !== "command" &&
      event.approval.via !== "subcommand" &&
      !request.quiet
    )
      request.writeError(`${planMarkdown(event.plan)}\n`);
  });
  if (request.format === "stream-json") {
    const start = eventJson({
      type: "session_start",
      sessionId: agent.sessionId,
      workspace: agent.workspace,
      resumed: agent.state().turns > 0,
    });
    request.writeOut(`${safeJson(start)}\n`);
  }
  let ending: Ending;
  try {
    ending = await perform(agent, context, request, (text) => progress.note(text));
  } catch (thrown) {
    const error = toErrorInfo(thrown);
    ending = { text: "", data: null, error, exitCode: exitCodeOf(error.code) };
    if (error.code === "internal" && thrown instanceof Error && request.verbose)
      request.writeError(`${thrown.stack ?? ""}\n`);
  }
  unsubscribe();
  // A signal that came during the last of the work is seen only in the next turn of the event loop.
  await nextTurn();
  ending = { ...ending, exitCode: request.signalCode() ?? ending.exitCode };
  report(agent, request, ending, progress.note);
  return ending.exitCode;
}

/** A session without a turn is not one that `-c` takes, so a choice made in it would be lost without a word. */
const COMMANDS_ONLY =
  "this session holds commands only and -c will not take it: give the choice as an option of the run that has the request";

/** What a slash command may choose for later turns, in a form that can be compared. */
function choicesOf(agent: Agent): string {
  const { overrides, skill, workflow } = agent.state();
  return JSON.stringify([overrides, skill, workflow.enabled]);
}

async function perform(
  agent: Agent,
  context: CommandContext,
  request: HeadlessRequest,
  note: (text: string) => void,
): Promise<Ending> {
  if (request.command !== null) {
    const parsed = parseCommand(request.command);
    if (parsed === null) throw new BmoError("internal", `not a command: ${request.command}`);
    const { runCommand } = await import("../commands/index.ts");
    agent.recordCommand(request.command);
    const before = choicesOf(agent);
    const answered = await runCommand(parsed, context);
    if (agent.state().turns === 0 && choicesOf(agent) !== before) note(COMMANDS_ONLY);
    // A plan that a command had made is this run's too; one that an approved plan grew into while it was executed is
    // not.
    if (answered.exitCode !== EXIT.awaitingApproval || request.approve === null || parsed.name === "approve")
      return commandEnding(agent, answered);
    return turnEnding(
      agent,
      await approveInAdvance(
        agent,
        request.approve,
        { reason: "awaiting_approval", text: answered.text, error: null },
        note,
      ),
    );
  }
  if (request.approveNow !== null)
    return turnEnding(
      agent,
      await agent.approve({ via: "subcommand", tickets: null, note: null, unscoped: request.approveNow.unscoped }),
    );
  if (request.prompt === null)
    throw new BmoError("usage", "there is no prompt", "Give one as an argument or pipe it in.");
  const result = await agent.submit({ ...request.prompt, text: unescapePrompt(request.prompt.text) });
  return turnEnding(
    agent,
    result.reason === "awaiting_approval" && request.approve !== null
      ? await approveInAdvance(agent, request.approve, result, note)
      : result,
  );
}

/** What cannot be approved in advance still awaits a person: exit 3, with the reason on stderr. */
async function approveInAdvance(
  agent: Agent,
  approve: { unscoped: boolean },
  planned: TurnResult,
  note: (text: string) => void,
): Promise<TurnResult> {
  try {
    return await agent.approve({ via: "flag", tickets: null, note: null, unscoped: approve.unscoped });
  } catch (thrown) {
    if (!(thrown instanceof BmoError) || thrown.code !== "usage") throw thrown;
    note(`not approved in advance: ${thrown.message}`);
    return planned;
  }
}

function turnEnding(agent: Agent, result: TurnResult): Ending {
  const state = agent.state();
  const { plan } = state.workflow;
  const awaiting = result.reason === "awaiting_approval" && plan !== null;
  return {
    text: awaiting ? planMarkdown(plan) : result.text,
    data: null,
    error: result.error,
    exitCode: state.outcome,
  };
}

function commandEnding(agent: Agent, result: CommandResult): Ending {
  const { workflow } = agent.state();
  const awaiting = result.exitCode === EXIT.awaitingApproval && workflow.plan !== null;
  return {
    text: awaiting && workflow.plan !== null ? planMarkdown(workflow.plan) : result.text,
    data: result.data,
    error: result.error ?? null,
    exitCode: result.exitCode,
  };
}

function report(agent: Agent, request: HeadlessRequest, ending: Ending, note: (text: string) => void): void {
  const state = agent.state();
  const { plan, enabled } = state.workflow;
  if (ending.error !== null && !request.quiet) {
    request.writeError(`bmo: ${ending.error.message}\n`);
    if (ending.error.hint !== null) request.writeError(`     ${ending.error.hint}\n`);
  }
  if (state.report !== null && !request.quiet) request.writeError(`${reportText(state.report)}\n`);
  if (plan !== null && plan.state === "awaiting_approval") note(request.approveHint(plan));
  if (plan === null && enabled && request.prompt !== null && ending.exitCode === EXIT.done) note("no plan was made");
  if (request.format === "text") {
    const text = sanitizeText(ending.text);
    if (text !== "") request.writeOut(text.endsWith("\n") ? text : `${text}\n`);
    return;
  }
  const result = resultJson({
    sessionId: agent.sessionId,
    state,
    exitCode: ending.exitCode,
    text: ending.text,
    data: ending.data,
    error: ending.error,
    warnings: request.notices,
    durationMs: request.clock() - request.startedAt,
  });
  request.writeOut(`${safeJson(result)}\n`);
}
