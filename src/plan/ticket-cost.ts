// What one ticket of a plan cost. Pure.

import { addUsd } from "../util/money.ts";
import type { LedgerEntry } from "../types/ledger.ts";
import type { Plan, TicketState } from "../types/plan.ts";

/**
 * The calls that a ticket cost: those of its own turns, and those of the turns for the whole plan where every other
 * ticket is skipped.
 * @param since turn in which the plan was first handed in; an earlier plan's ticket may have the same id.
 */
export function ticketEntries(plan: Plan, id: string, ledger: readonly LedgerEntry[], since: number): LedgerEntry[] {
  const isOnly = plan.content.tickets.every((ticket) => ticket.id === id || plan.tickets[ticket.id] === "skipped");
  const isOwn = ({ ticket, stage }: LedgerEntry): boolean =>
    ticket === id || (isOnly && ticket === null && stage === "execute");
  return ledger.filter((entry) => entry.turn > since && isOwn(entry));
}

/**
 * USD of a ticket's own calls. null = not known: a price is unknown, or the ticket was worked on in a turn that served
 * the whole plan, whose calls belong to no single ticket.
 */
export function ticketCost(entries: readonly Pick<LedgerEntry, "cost_usd">[], state: TicketState): number | null {
  const untouched = state === "open" || state === "skipped";
  if (entries.length === 0) return untouched ? 0 : null;
  return addUsd(entries.map((entry) => entry.cost_usd));
}
