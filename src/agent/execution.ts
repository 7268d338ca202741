// Carries an approved plan out: as one turn, or ticket by ticket; verifies; sends failures to the executor, then to the
// planner, then to the person. Only an Approval record that a person's act created lets it begin.

import { planHash } from "../plan/content.ts";
import { checkApprovable, isCovered, refusalOf } from "../plan/approval.ts";
import { driftReport } from "../plan/report.ts";
import { addNote, lockWorkspace, runStageTurn, type AgentContext, type StageTurnResult } from "./turn/turn.ts";
import { verifyTicket } from "./verification.ts";
import { executionOrder } from "../plan/workflow.ts";
import { planMarkdown, ticketMarkdown } from "../plan/markdown.ts";
import { ticketEntries } from "../plan/ticket-cost.ts";
import { BmoError, toErrorInfo } from "../util/errors.ts";
import type { AgentParts } from "./parts.ts";
import type { ApproveRequest, TurnResult } from "../types/agent.ts";
import type { ErrorInfo } from "../types/error.ts";
import type { DriftReport, Plan, PlanContent, Ticket } from "../types/plan.ts";
import type { SessionState } from "./session-state.ts";

/** How often the executor may try to mend a failed verification before the planner is asked. */
const EXECUTOR_TRIES = 2;
const CONTINUE = "The run was interrupted here. Look at what is already done and carry on with the approved plan.";

export interface ExecutionMemory {
  /** An approval in advance of this run, the plan it was for, and what it covered first. */
  standing: { plan: string; via: ApproveRequest["via"]; unscoped: boolean; content: PlanContent } | null;
  /** True while this run holds the workspace's execution lock. */
  locked: boolean;
  report: DriftReport | null;
}

/** Approves the plan at hand and executes it, or goes on with an approved one. @throws BmoError usage, locked. */
export async function approveAndExecute(
  context: AgentContext,
  memory: ExecutionMemory,
  request: ApproveRequest,
  signal: AbortSignal,
): Promise<TurnResult> {
  const { parts, state } = context;
  const settings = parts.settings().settings;
  const { plan: current, approval } = state.workflow;
  if (current?.state === "done") return { reason: "done", text: `Plan ${current.id} is already done.`, error: null };
  const plan = checkApprovable(current, request, settings.options.phase_model.strict);
  const approved =
    approval !== null && approval.hash === plan.hash && (plan.state === "approved" || plan.state === "executing");
  const continuing = approved && (request.tickets === null || sameTickets(request.tickets, approval.tickets));
  checkWorkspace(parts, plan);
  return holdingLock(context, memory, signal, () => {
    if (!continuing) recordApproval(context, plan, request);
    if ((request.via === "flag" || request.via === "configuration") && memory.standing?.plan !== plan.id)
      memory.standing = { plan: plan.id, via: request.via, unscoped: request.unscoped, content: plan.content };
    return execute(context, memory, continuing, request.note, signal);
  });
}

/** Paths of a plan mean the workspace it was made in. @throws BmoError usage elsewhere; nothing has changed then. */
function checkWorkspace(parts: AgentParts, plan: Plan | null): void {
  const own = parts.sessionWorkspace ?? parts.workspace;
  if (own !== parts.workspace)
    throw new BmoError(
      "usage",
      `plan ${plan?.id ?? ""} belongs to ${own}, not to ${parts.workspace}`,
      "Go there with -C, or make a new plan here in a session of its own.",
    );
}

/** One run executes in a workspace at a time; what a run starts while it holds the lock is its own. */
async function holdingLock(
  context: AgentContext,
  memory: ExecutionMemory,
  signal: AbortSignal,
  work: () => Promise<TurnResult>,
): Promise<TurnResult> {
  if (memory.locked) return work();
  const release = await lockWorkspace(context.parts, signal);
  memory.locked = true;
  try {
    return await work();
  } finally {
    memory.locked = false;
    release();
  }
}

/** Naming the same tickets again continues; naming others is a new approval of the same plan. */
function sameTickets(asked: string[], approved: string[] | null): boolean {
  return approved !== null && asked.length === approved.length && asked.every((id) => approved.includes(id));
}

function recordApproval(context: AgentContext, plan: Plan, request: ApproveRequest): void {
  const { parts, state } = context;
  const approval = {
    plan_id: plan.id,
    hash: plan.hash,
    workspace: parts.workspace,
    session_id: state.log.id,
    via: request.via,
    tickets: request.tickets,
    note: request.note,
    unscoped: request.unscoped,
    at: parts.now().toISOString(),
  };
  state.append({ type: "approval", approval });
  state.change({ type: "plan_approved", approval });
  if (state.workflow.plan !== null) parts.emit({ type: "plan_approved", plan: state.workflow.plan, approval });
}

/** Text typed while an interrupted plan is executing steers the executor within the same scope. */
export async function steer(
  context: AgentContext,
  memory: ExecutionMemory,
  text: string,
  signal: AbortSignal,
): Promise<TurnResult> {
  checkWorkspace(context.parts, context.state.workflow.plan);
  return holdingLock(context, memory, signal, () => execute(context, memory, true, text, signal));
}

async function execute(
  context: AgentContext,
  memory: ExecutionMemory,
  continuing: boolean,
  note: string | null,
  signal: AbortSignal,
): Promise<TurnResult> {
  const { parts, state } = context;
  state.change({ type: "execution_started" });
  const { plan, approval } = state.workflow;
  if (plan === null || approval === null || state.workflow.stage !== "execute")
    throw new BmoError("internal", "execution began without an approved plan");
  if (planHash(plan.content) !== approval.hash)
    throw new BmoError(
      "usage",
      `plan ${plan.id} is not the one that was approved: its content was changed`,
      "Make a new plan; it needs its own approval.",
    );
  let result: ExecutionResult;
  try {
    if (!continuing) await checkpoint(context, `before plan ${plan.id}`, null);
    const order = executionOrder(plan, approval.tickets).filter((id) => state.workflow.plan?.tickets[id] !== "done");
    if (order.length === 0 && note === null) result = { kind: "verified", text: state.lastText };
    else if (order.length > 0 && parts.settings().settings.options.phase_model.unit === "ticket")
      result = await executeTickets(context, order, continuing, note, signal);
    else result = await executeWhole(context, order, continuing, note, signal);
  } catch (thrown) {
    state.change({ type: "execution_interrupted" });
    throw thrown;
  }
  await lookBetween(context);
  return finish(context, memory, result, signal);
}

/**
 * Tells what changed while the plan was executed and was nobody's of bmo; it stays, since the user may have done it.
 */
async function lookBetween({ parts, state }: AgentContext): Promise<void> {
  try {
    const { paths, processes, ignored } = await parts.changedBetween();
    state.changedBetween.push(...paths.filter((path) => !state.changedBetween.includes(path)));
    state.ignoredWritten.push(...ignored.filter((path) => !state.ignoredWritten.includes(path)));
    if (paths.length > 0)
      parts.emit({
        type: "notice",
        level: "warning",
        text: `changed between commands, by you or a program left running: ${paths.join(", ")}`,
      });
    if (processes.length > 0)
      parts.emit({
        type: "notice",
        level: "warning",
        text: `began while the plan was executed and still runs in the workspace: process ${processes.join(", ")}`,
      });
  } catch (thrown) {
    parts.emit({
      type: "notice",
      level: "warning",
      text: `what changed between commands could not be looked at: ${toErrorInfo(thrown).message}`,
    });
  }
}

async function checkpoint({ parts, state }: AgentContext, label: string, ticket: string | null): Promise<void> {
  const id = await parts.checkpoints.create(label, ticket);
  state.append({ type: "checkpoint", id, label, ticket });
}

/** How executing ended: with all verified, or with what stopped it. */
type ExecutionResult =
  | { kind: "verified"; text: string }
  | { kind: "replan"; by: "executor" | "verification"; reason: string; text: string }
  | { kind: "revise"; feedback: string; text: string }
  | { kind: "stopped"; result: TurnResult };

function ticketsOf(plan: Plan, ids: readonly string[]): Ticket[] {
  return ids.flatMap((id) => plan.content.tickets.find((ticket) => ticket.id === id) ?? []);
}

function startTicket(context: AgentContext, plan: Plan, ticket: Ticket): void {
  context.state.change({ type: "ticket_changed", ticket: ticket.id, state: "in_progress" });
  context.parts.emit({ type: "ticket_start", plan: plan.id, ticket: ticket.id, title: ticket.title });
}

function endTicket(context: AgentContext, plan: Plan, ticket: Ticket, ticketState: "done" | "failed"): void {
  const { parts, state } = context;
  state.change({ type: "ticket_changed", ticket: ticket.id, state: ticketState });
  const costs = ticketEntries(state.workflow.plan ?? plan, ticket.id, state.ledger, state.planSince);
  const { cost_usd: costUsd, estimate: costEstimate } = parts.accounting.totals(costs);
  parts.emit({
    type: "ticket_end",
    plan: plan.id,
    ticket: ticket.id,
    state: ticketState,
    costUsd: costs.length === 0 ? null : costUsd,
    costEstimate,
  });
}

function handOver(context: AgentContext, plan: Plan, tickets: string[] | null, note: string | null): string {
  const lines = [`The user approved this plan. Carry it out.`, "", planMarkdown(plan, tickets)];
  if (note !== null && note !== "") lines.push("", `The user adds: ${note}`);
  if (context.parts.settings().settings.options.containment.mode === "enforce")
    lines.push("", "Only the files named above may be changed.");
  return lines.join("\n");
}

/** `unit = "plan"`: all tickets in one turn, then every verify command. */
async function executeWhole(
  context: AgentContext,
  order: string[],
  continuing: boolean,
  note: string | null,
  signal: AbortSignal,
): Promise<ExecutionResult> {
  const { parts, state } = context;
  const { plan, approval } = state.workflow;
  if (plan === null || approval === null) throw new BmoError("internal", "the plan vanished while it was executed");
  const tickets = ticketsOf(plan, order);
  const full = parts.settings().settings.options.phase_model.handoff === "full";
  const fresh = !continuing || !wasHandedOver(state, order);
  let conversation = state.conversationOf.execute ?? null;
  if (fresh) conversation = full ? (state.conversationOf.plan ?? null) : state.openConversation("execute", "handoff");
  // The conversation comes first: a ticket in progress then tells a resumed run that its conversation is there.
  for (const ticket of tickets) startTicket(context, plan, ticket);
  let message = fresh ? handOver(context, plan, approval.tickets, note) : (note ?? CONTINUE);
  let shown = note !== null && continuing ? note : `/approve ${plan.content.title}`;

  for (let attempt = 0; ; attempt++) {
    const turn = await runStageTurn(context, {
      stage: "execute",
      ticket: null,
      conversation,
      text: shown,
      messageParts: [message],
      signal,
    });
    conversation = turn.conversation;
    const stop = stopOf(context, turn) ?? revisionOf(context, turn.text);
    if (stop !== null) return stop;
    let failure = "";
    for (const ticket of tickets) {
      const verification = await verifyTicket(context, ticket, signal);
      if (signal.aborted) return { kind: "stopped", result: { reason: "aborted", text: turn.text, error: null } };
      const revision = revisionOf(context, turn.text);
      if (revision !== null) return revision;
      if (!verification.passed) {
        failure = verification.failure;
        if (attempt >= EXECUTOR_TRIES) endTicket(context, plan, ticket, "failed");
        break;
      }
      if (state.workflow.plan?.tickets[ticket.id] !== "done") endTicket(context, plan, ticket, "done");
    }
    if (failure === "") return { kind: "verified", text: turn.text };
    if (attempt >= EXECUTOR_TRIES) return { kind: "replan", by: "verification", reason: failure, text: turn.text };
    message = `${failure}\n\nMend it within the plan's files, or call request_replan.`;
    shown = "verification failed: trying again";
  }
}

/** `unit = "ticket"`: each ticket is its own turn with its own route and a fresh context. */
async function executeTickets(
  context: AgentContext,
  order: string[],
  continuing: boolean,
  note: string | null,
  signal: AbortSignal,
): Promise<ExecutionResult> {
  const { state } = context;
  const { plan } = state.workflow;
  if (plan === null) throw new BmoError("internal", "the plan vanished while it was executed");
  let text = "";
  let goingOn = continuing;
  for (const ticket of ticketsOf(plan, order)) {
    const resumed = goingOn && wasHandedOver(state, [ticket.id]);
    if (!resumed) await checkpoint(context, `before ticket ${ticket.id}`, ticket.id);
    let conversation = resumed ? (state.conversationOf.execute ?? null) : state.openConversation("execute", "ticket");
    startTicket(context, plan, ticket);
    let message = resumed ? (note ?? CONTINUE) : ticketHandOver(context, plan, ticket, note);
    goingOn = false;
    for (let attempt = 0; ; attempt++) {
      const turn = await runStageTurn(context, {
        stage: "execute",
        ticket: ticket.id,
        conversation,
        text: `${ticket.id}: ${ticket.title}`,
        messageParts: [message],
        signal,
      });
      conversation = turn.conversation;
      text = turn.text;
      const stop = stopOf(context, turn) ?? revisionOf(context, text);
      if (stop !== null) return stop;
      const verification = await verifyTicket(context, ticket, signal);
      if (signal.aborted) return { kind: "stopped", result: { reason: "aborted", text, error: null } };
      const revision = revisionOf(context, text);
      if (revision !== null) return revision;
      if (verification.passed) break;
      if (attempt >= EXECUTOR_TRIES) {
        endTicket(context, plan, ticket, "failed");
        return { kind: "replan", by: "verification", reason: verification.failure, text };
      }
      message = `${verification.failure}\n\nMend it within the ticket's files, or call request_replan.`;
    }
    state.reports[ticket.id] = text;
    endTicket(context, plan, ticket, "done");
  }
  return { kind: "verified", text };
}

/** The ticket, the plan's summary, and what earlier tickets reported: nothing else of the session. */
function ticketHandOver(context: AgentContext, plan: Plan, ticket: Ticket, note: string | null): string {
  const reports = plan.content.tickets.flatMap((other) => {
    const report = context.state.reports[other.id];
    return report === undefined ? [] : [`- ${other.id} (${other.title}): ${report}`];
  });
  const lines = [
    `The user approved the plan "${plan.content.title}". Carry out this one ticket of it.`,
    "",
    plan.content.summary,
    "",
    ticketMarkdown(ticket, null),
  ];
  if (reports.length > 0) lines.push("", "Earlier tickets reported:", ...reports);
  if (plan.content.decisions.length > 0)
    lines.push("", "Decisions:", ...plan.content.decisions.map((decision) => `- ${decision}`));
  const notes = new Set([context.state.workflow.approval?.note ?? "", note ?? ""].filter((one) => one !== ""));
  for (const one of notes) lines.push("", `The user adds: ${one}`);
  return lines.join("\n");
}

/** Whether the executor's conversation is that of these tickets and holds what it has to do. */
function wasHandedOver(state: SessionState, ids: readonly string[]): boolean {
  const conversation = state.conversationOf.execute;
  if (conversation === undefined || state.messages(conversation).length === 0) return false;
  return ids.length === 0 || ids.some((id) => state.workflow.plan?.tickets[id] === "in_progress");
}

/** Feedback that came where no tool follows: in the last answer, or while bmo verifies. */
function revisionOf({ signals }: AgentContext, text: string): ExecutionResult | null {
  const feedback = signals.revision;
  if (feedback === null) return null;
  signals.revision = null;
  return { kind: "revise", feedback, text };
}

function stopOf(context: AgentContext, turn: StageTurnResult): ExecutionResult | null {
  switch (turn.reason) {
    case "replan":
      return { kind: "replan", by: "executor", reason: context.signals.replanReason ?? "", text: turn.text };
    case "revise":
    case "done":
      return null;
    case "awaiting_approval":
    case "denied":
    case "limit":
    case "aborted":
    case "error":
      return { kind: "stopped", result: { reason: turn.reason, text: turn.text, error: turn.error } };
  }
}

async function finish(
  context: AgentContext,
  memory: ExecutionMemory,
  result: ExecutionResult,
  signal: AbortSignal,
): Promise<TurnResult> {
  const { state } = context;
  switch (result.kind) {
    case "stopped":
      state.change({ type: "execution_interrupted" });
      report(context, memory);
      return result.result;
    case "verified":
      state.change({ type: "plan_finished", state: "done" });
      report(context, memory);
      tellPlanner(context, `The approved plan was executed. Report: ${result.text}`);
      return { reason: "done", text: result.text, error: null };
    case "revise":
      state.change({ type: "revision_requested", by: "user" });
      report(context, memory);
      return planAgain(
        context,
        memory,
        `The user stopped the execution of the plan and says: ${result.feedback}`,
        result.feedback,
        signal,
      );
    case "replan": {
      const limit = context.parts.settings().settings.options.phase_model.max_replans;
      if (state.workflow.replans >= limit) return giveUp(context, memory, result.reason, result.text);
      state.change({ type: "revision_requested", by: result.by });
      report(context, memory);
      const why =
        result.by === "executor"
          ? `The executor stopped and asks for a new plan: ${result.reason}`
          : `Executing the plan failed: ${result.reason}`;
      const planned = await planAgain(
        context,
        memory,
        `${why}\n\nLook at the files as they are now and hand in a revised plan, or say why it cannot be done.`,
        `plan again: ${result.reason}`,
        signal,
      );
      // A planner that only talks has given up; a revision that was covered has been executed by now.
      const executed = state.workflow.plan?.state === "done";
      return planned.reason === "done" && !executed ? giveUp(context, memory, result.reason, planned.text) : planned;
    }
  }
}

function giveUp(context: AgentContext, memory: ExecutionMemory, reason: string, text: string): TurnResult {
  const { plan } = context.state.workflow;
  // A failed check has named its ticket; an executor that stopped leaves those that were being worked on.
  if (plan !== null && !Object.values(plan.tickets).includes("failed")) {
    for (const ticket of plan.content.tickets)
      if (plan.tickets[ticket.id] === "in_progress") endTicket(context, plan, ticket, "failed");
  }
  context.state.change({ type: "plan_finished", state: "failed" });
  report(context, memory);
  const error: ErrorInfo = {
    code: "failed",
    message: `the plan could not be completed: ${reason}`,
    hint: "Say how to go on; a new plan is made.",
  };
  return { reason: "error", text, error };
}

function report(context: AgentContext, memory: ExecutionMemory): void {
  const { plan } = context.state.workflow;
  if (plan !== null) memory.report = driftReport(plan, context.state.progress, context.state.ledger);
}

/** The planning conversation learns how its plan ended, so that the next request can build on it. */
function tellPlanner(context: AgentContext, text: string): void {
  const conversation = context.state.conversationOf.plan;
  if (conversation !== undefined && conversation !== context.state.conversationOf.execute)
    addNote(context.state, conversation, text);
}

/** A planning turn with the reason; an approval in advance covers a revision that is not wider. */
async function planAgain(
  context: AgentContext,
  memory: ExecutionMemory,
  message: string,
  shown: string,
  signal: AbortSignal,
): Promise<TurnResult> {
  const turn = await runStageTurn(context, {
    stage: "plan",
    ticket: null,
    conversation: null,
    text: shown,
    messageParts: [message],
    signal,
  });
  return afterPlanning(context, memory, turn, signal);
}

/** Announces a stored plan; executes it at once only where an approval in advance covers it. */
export async function afterPlanning(
  context: AgentContext,
  memory: ExecutionMemory,
  turn: StageTurnResult,
  signal: AbortSignal,
): Promise<TurnResult> {
  const { state, parts } = context;
  const { plan } = state.workflow;
  const reason = turn.reason === "replan" || turn.reason === "revise" ? "done" : turn.reason;
  if (reason !== "awaiting_approval" || plan === null) return { reason, text: turn.text, error: turn.error };
  const { standing } = memory;
  if (standing?.plan === plan.id && isCovered(standing.content, plan.content, parts.workspace) && !signal.aborted) {
    const request: ApproveRequest = { via: standing.via, tickets: null, note: null, unscoped: standing.unscoped };
    const refusal = refusalOf(plan, request, parts.settings().settings.options.phase_model.strict);
    if (refusal !== null) {
      parts.emit({ type: "notice", level: "warning", text: `not approved in advance: ${refusal}` });
      return { reason: "awaiting_approval", text: turn.text, error: null };
    }
    parts.emit({
      type: "notice",
      level: "info",
      text: "The approval in advance covers this revision: it is not wider than the first plan.",
    });
    return holdingLock(context, memory, signal, () => {
      recordApproval(context, plan, request);
      return execute(context, memory, false, null, signal);
    });
  }
  return { reason: "awaiting_approval", text: turn.text, error: null };
}
