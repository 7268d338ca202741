// Carries an approved plan out: as one turn, or ticket by ticket; verifies; sends failures to the executor, then to the
// planner, then to the person. Only an Approval record that a person's act created lets it begin.

import { planHash } from "../plan/content.ts";
import { checkApprovable, isCovered, refusalOf } from "../plan/approval.ts";
import { driftReport } from "../plan/report.ts";
import { runStageTurn, type TurnEnd } from "./turn/turn.ts";
import { checkpoint, endTicket, executeUnits, type ExecutionResult } from "./unit.ts";
import { lockWorkspace } from "./workspace-lock.ts";
import { executionOrder } from "../plan/workflow.ts";
import { userMessage } from "./messages.ts";
import { BmoError, toErrorInfo } from "../util/errors.ts";
import type { AgentContext } from "./context.ts";
import type { ApproveRequest, TurnResult } from "../types/agent.ts";
import type { ErrorInfo } from "../types/error.ts";
import type { DriftReport, Plan, PlanContent } from "../types/plan.ts";

export interface ExecutionMemory {
  /** An approval in advance of this run, the plan it was for, and what it covered first. */
  standing: { plan: string; via: ApproveRequest["via"]; unscoped: boolean; content: PlanContent } | null;
  /** True while this run holds the workspace's execution lock. */
  locked: boolean;
  report: DriftReport | null;
}

/** Approves the present plan and executes it, or goes on with an approved one. @throws BmoError usage, locked. */
export async function approveAndExecute(
  context: AgentContext,
  memory: ExecutionMemory,
  request: ApproveRequest,
  signal: AbortSignal,
): Promise<TurnResult> {
  const { ports, state } = context;
  const settings = ports.settings.loaded().settings;
  const { plan: current, approval } = state.workflow;
  if (current?.state === "done") return { reason: "done", text: `Plan ${current.id} is already done.`, error: null };
  const plan = checkApprovable(current, request, settings.options.phase_model.strict);
  const approved =
    approval !== null && approval.hash === plan.hash && (plan.state === "approved" || plan.state === "executing");
  const continuing = approved && (request.tickets === null || sameTickets(request.tickets, approval.tickets));
  checkWorkspace(context, plan);
  return holdingLock(context, memory, signal, () => {
    if (!continuing) recordApproval(context, plan, request);
    if ((request.via === "flag" || request.via === "configuration") && memory.standing?.plan !== plan.id)
      memory.standing = { plan: plan.id, via: request.via, unscoped: request.unscoped, content: plan.content };
    return execute(context, memory, continuing, request.note, signal);
  });
}

/** Paths of a plan mean the workspace it was made in. @throws BmoError usage elsewhere; nothing has changed then. */
function checkWorkspace({ ports }: AgentContext, plan: Plan | null): void {
  const own = ports.session.workspace;
  const { workspace } = ports.surroundings;
  if (own !== workspace)
    throw new BmoError(
      "usage",
      `plan ${plan?.id ?? ""} belongs to ${own}, not to ${workspace}`,
      "Go there with -C, or make a new plan here in a separate session.",
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
  const release = await lockWorkspace(context, signal);
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
  const { ports, state, emit } = context;
  const approval = {
    plan_id: plan.id,
    hash: plan.hash,
    workspace: ports.surroundings.workspace,
    session_id: state.log.id,
    via: request.via,
    tickets: request.tickets,
    note: request.note,
    unscoped: request.unscoped,
    at: ports.surroundings.now().toISOString(),
  };
  state.append({ type: "approval", approval });
  state.change({ type: "plan_approved", approval });
  if (state.workflow.plan !== null) emit({ type: "plan_approved", plan: state.workflow.plan, approval });
}

/** Text typed while an interrupted plan is executing steers the executor within the same scope. */
export async function steer(
  context: AgentContext,
  memory: ExecutionMemory,
  text: string,
  signal: AbortSignal,
): Promise<TurnResult> {
  checkWorkspace(context, context.state.workflow.plan);
  return holdingLock(context, memory, signal, () => execute(context, memory, true, text, signal));
}

async function execute(
  context: AgentContext,
  memory: ExecutionMemory,
  continuing: boolean,
  note: string | null,
  signal: AbortSignal,
): Promise<TurnResult> {
  const { state } = context;
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
    else result = await executeUnits(context, { order, continuing, note }, signal);
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
async function lookBetween({ ports, state, emit }: AgentContext): Promise<void> {
  try {
    const { paths, processes, ignored } = await ports.guard.changedBetween();
    if (paths.length > 0 || ignored.length > 0) state.append({ type: "changed_between", changed: paths, ignored });
    if (paths.length > 0)
      emit({
        type: "notice",
        level: "warning",
        text: `changed between commands, by you or a program left running: ${paths.join(", ")}`,
      });
    if (processes.length > 0)
      emit({
        type: "notice",
        level: "warning",
        text: `began while the plan was executed and still runs in the workspace: process ${processes.join(", ")}`,
      });
  } catch (thrown) {
    emit({
      type: "notice",
      level: "warning",
      text: `what changed between commands could not be looked at: ${toErrorInfo(thrown).message}`,
    });
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
      const limit = context.ports.settings.loaded().settings.options.phase_model.max_replans;
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
    hint: "Say how to continue; a new plan is made.",
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
    context.state.addMessage(conversation, userMessage([text]));
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
  turn: TurnEnd,
  signal: AbortSignal,
): Promise<TurnResult> {
  const { ports, state, emit } = context;
  const { plan } = state.workflow;
  const reason = turn.reason === "replan" || turn.reason === "revise" ? "done" : turn.reason;
  if (reason !== "awaiting_approval" || plan === null) return { reason, text: turn.text, error: turn.error };
  const { standing } = memory;
  if (
    standing?.plan === plan.id &&
    isCovered(standing.content, plan.content, ports.surroundings.workspace) &&
    !signal.aborted
  ) {
    const request: ApproveRequest = { via: standing.via, tickets: null, note: null, unscoped: standing.unscoped };
    const refusal = refusalOf(plan, request, ports.settings.loaded().settings.options.phase_model.strict);
    if (refusal !== null) {
      emit({ type: "notice", level: "warning", text: `not approved in advance: ${refusal}` });
      return { reason: "awaiting_approval", text: turn.text, error: null };
    }
    emit({
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
