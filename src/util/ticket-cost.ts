// What one ticket of a plan cost. Pure.

import { addUsd } from "./money.ts";
import type { LedgerEntry } from "../types/ledger.ts";
import type { TicketState } from "../types/plan.ts";

/**
 * USD of a ticket's own calls. null = not known: a price is unknown, or the ticket was worked on in a turn that served the
 * whole plan, whose calls belong to no single ticket.
 */
export function ticketCost(entries: readonly Pick<LedgerEntry, "cost_usd">[], state: TicketState): number | null {
  const untouched = state === "open" || state === "skipped";
  if (entries.length === 0) return untouched ? 0 : null;
  return addUsd(entries.map((entry) => entry.cost_usd));
}
