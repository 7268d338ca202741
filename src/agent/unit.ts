// Carries the units of an approved plan out, the whole plan or ticket by ticket: hands over, attempts, verifies, and
// sends a failure back to the executor. What follows from the end is decided by execution.ts.

import { runStageTurn, type TurnEnd } from "./turn/turn.ts";
import { verifyTicket } from "./verification.ts";
import { planMarkdown, ticketMarkdown } from "../plan/markdown.ts";
import { ticketEntries } from "../plan/ticket-cost.ts";
import { BmoError } from "../util/errors.ts";
import type { AgentContext } from "./context.ts";
import type { LiveSession } from "./live-session.ts";
import type { TurnResult } from "../types/agent.ts";
import type { Plan, Ticket } from "../types/plan.ts";

/** How often the executor may try to mend a failed verification before the planner is asked. */
const EXECUTOR_TRIES = 2;
const CONTINUE = "The run was interrupted here. Look at what is already done and carry on with the approved plan.";

/** How executing ended: with all verified, or with what stopped it. */
export type ExecutionResult =
  | { kind: "verified"; text: string }
  | { kind: "replan"; by: "executor" | "verification"; reason: string; text: string }
  | { kind: "revise"; feedback: string; text: string }
  | { kind: "stopped"; result: TurnResult };

/** What is left of a plan, and how its execution was asked for. */
export interface Work {
  /** Tickets that are not done, in the order of their dependencies. */
  order: string[];
  /** True where an execution that was interrupted is continued. */
  continuing: boolean;
  /** What the user adds. */
  note: string | null;
}

/** What one conversation of the executor carries out. */
interface Unit {
  tickets: readonly Ticket[];
  /** The ticket on which turns are booked; null for the whole plan. */
  ticket: string | null;
  /** null = the executor's current one. */
  conversation: number | null;
  /** What the executor is told first. */
  message: string;
  /** What the user is shown of the first attempt, and of later ones. */
  shown: { first: string; again: string };
  /** Where a failure may be mended. */
  within: "the plan's files" | "the ticket's files";
}

/** Executes what is left of the approved plan, by `options.phase_model.unit`. */
export function executeUnits(context: AgentContext, work: Work, signal: AbortSignal): Promise<ExecutionResult> {
  const { plan } = context.state.workflow;
  if (plan === null) throw new BmoError("internal", "the plan vanished while it was executed");
  const { unit } = context.ports.settings.loaded().settings.options.phase_model;
  return work.order.length > 0 && unit === "ticket"
    ? executeTickets(context, plan, work, signal)
    : attempt(context, plan, wholePlan(context, plan, work), signal);
}

/** `unit = "ticket"`: each ticket is its own turn with its own route and a fresh context. */
async function executeTickets(
  context: AgentContext,
  plan: Plan,
  { order, continuing, note }: Work,
  signal: AbortSignal,
): Promise<ExecutionResult> {
  let result: ExecutionResult = { kind: "verified", text: "" };
  let isFirst = true;
  for (const ticket of ticketsOf(plan, order)) {
    const unit = await oneTicket(context, plan, ticket, { continuing: continuing && isFirst, note });
    isFirst = false;
    result = await attempt(context, plan, unit, signal);
    if (result.kind !== "verified") return result;
  }
  return result;
}

/** `unit = "plan"`: all tickets in one turn, then every verify command. */
function wholePlan(context: AgentContext, plan: Plan, { order, continuing, note }: Work): Unit {
  const { ports, state } = context;
  const tickets = ticketsOf(plan, order);
  const isFresh = !continuing || !wasHandedOver(state, order);
  const isFull = ports.settings.loaded().settings.options.phase_model.handoff === "full";
  let conversation = state.conversationOf.execute ?? null;
  if (isFresh) conversation = isFull ? (state.conversationOf.plan ?? null) : state.openConversation("handoff");
  // The conversation comes first: a ticket in progress then tells a resumed run that its conversation is there.
  for (const ticket of tickets) startTicket(context, plan, ticket);
  return {
    tickets,
    ticket: null,
    conversation,
    message: isFresh ? planHandOver(context, plan, state.workflow.approval?.tickets ?? null, note) : (note ?? CONTINUE),
    shown: {
      first: note !== null && continuing ? note : `/approve ${plan.content.title}`,
      again: "verification failed: trying again",
    },
    within: "the plan's files",
  };
}

async function oneTicket(
  context: AgentContext,
  plan: Plan,
  ticket: Ticket,
  { continuing, note }: Pick<Work, "continuing" | "note">,
): Promise<Unit> {
  const { state } = context;
  const isResumed = continuing && wasHandedOver(state, [ticket.id]);
  if (!isResumed) await checkpoint(context, `before ticket ${ticket.id}`, ticket.id);
  const conversation = isResumed ? (state.conversationOf.execute ?? null) : state.openConversation("ticket");
  startTicket(context, plan, ticket);
  const shown = `${ticket.id}: ${ticket.title}`;
  return {
    tickets: [ticket],
    ticket: ticket.id,
    conversation,
    message: isResumed ? (note ?? CONTINUE) : ticketHandOver(context, plan, ticket, note),
    shown: { first: shown, again: shown },
    within: "the ticket's files",
  };
}

/** One unit: a turn of the executor, the verify commands, and another turn while a failure may still be mended. */
async function attempt(context: AgentContext, plan: Plan, unit: Unit, signal: AbortSignal): Promise<ExecutionResult> {
  let { conversation, message } = unit;
  for (let tries = 0; ; tries++) {
    const turn = await runStageTurn(context, {
      stage: "execute",
      ticket: unit.ticket,
      conversation,
      text: tries === 0 ? unit.shown.first : unit.shown.again,
      messageParts: [message],
      signal,
    });
    conversation = turn.conversation;
    const { text } = turn;
    const stop = stopOf(context, turn) ?? revisionOf(context, text);
    if (stop !== null) return stop;
    let failure: { ticket: Ticket; text: string } | null = null;
    for (const ticket of unit.tickets) {
      const verification = await verifyTicket(context, ticket, signal);
      if (signal.aborted) return { kind: "stopped", result: { reason: "aborted", text, error: null } };
      const revision = revisionOf(context, text);
      if (revision !== null) return revision;
      if (!verification.passed) {
        failure = { ticket, text: verification.failure };
        break;
      }
      if (unit.ticket !== null) context.state.append({ type: "ticket_report", ticket: ticket.id, text });
      if (context.state.workflow.plan?.tickets[ticket.id] !== "done") endTicket(context, plan, ticket, "done");
    }
    if (failure === null) return { kind: "verified", text };
    if (tries >= EXECUTOR_TRIES) {
      endTicket(context, plan, failure.ticket, "failed");
      return { kind: "replan", by: "verification", reason: failure.text, text };
    }
    message = `${failure.text}\n\nMend it within ${unit.within}, or call request_replan.`;
  }
}

function stopOf(context: AgentContext, turn: TurnEnd): ExecutionResult | null {
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

/** Feedback that came where no tool follows: in the last answer, or while bmo verifies. */
function revisionOf({ signals }: AgentContext, text: string): ExecutionResult | null {
  const feedback = signals.revision;
  if (feedback === null) return null;
  signals.revision = null;
  return { kind: "revise", feedback, text };
}

export async function checkpoint({ ports, state }: AgentContext, label: string, ticket: string | null): Promise<void> {
  const id = await ports.guard.checkpoints.create(label, ticket);
  state.append({ type: "checkpoint", id, label, ticket });
}

function ticketsOf(plan: Plan, ids: readonly string[]): Ticket[] {
  return ids.flatMap((id) => plan.content.tickets.find((ticket) => ticket.id === id) ?? []);
}

function startTicket(context: AgentContext, plan: Plan, ticket: Ticket): void {
  context.state.change({ type: "ticket_changed", ticket: ticket.id, state: "in_progress" });
  context.emit({ type: "ticket_start", plan: plan.id, ticket: ticket.id, title: ticket.title });
}

export function endTicket(context: AgentContext, plan: Plan, ticket: Ticket, ticketState: "done" | "failed"): void {
  const { ports, state, emit } = context;
  state.change({ type: "ticket_changed", ticket: ticket.id, state: ticketState });
  const costs = ticketEntries(state.workflow.plan ?? plan, ticket.id, state.ledger, state.progress.since);
  const { cost_usd: costUsd, estimate: costEstimate } = ports.models.accounting.totals(costs);
  emit({
    type: "ticket_end",
    plan: plan.id,
    ticket: ticket.id,
    state: ticketState,
    costUsd: costs.length === 0 ? null : costUsd,
    costEstimate,
  });
}

/** Whether the executor's conversation is that of these tickets and holds what it has to do. */
function wasHandedOver(state: LiveSession, ids: readonly string[]): boolean {
  const conversation = state.conversationOf.execute;
  if (conversation === undefined || state.messages(conversation).length === 0) return false;
  return ids.length === 0 || ids.some((id) => state.workflow.plan?.tickets[id] === "in_progress");
}

function planHandOver(context: AgentContext, plan: Plan, tickets: string[] | null, note: string | null): string {
  const lines = [`The user approved this plan. Carry it out.`, "", planMarkdown(plan, tickets)];
  if (note !== null && note !== "") lines.push("", `The user adds: ${note}`);
  if (context.ports.settings.loaded().settings.options.containment.mode === "enforce")
    lines.push("", "Only the files named above may be changed.");
  return lines.join("\n");
}

/** The ticket, the plan's summary, and what earlier tickets reported: nothing else of the session. */
function ticketHandOver(context: AgentContext, plan: Plan, ticket: Ticket, note: string | null): string {
  const reports = plan.content.tickets.flatMap((other) => {
    const report = context.state.progress.reports[other.id];
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
