// What a list of sessions says about one of them, from its records. Pure.

import { fromMoney, NO_MONEY, toMoney } from "../util/money.ts";
import type { PlanState, WorkflowEvent } from "../types/plan.ts";
import type { SessionHeader, SessionSummary, StoredRecord } from "../types/session.ts";

const TITLE_LENGTH = 80;

/** Work, as opposed to commands and notices alone: only such a session is one to go on with. */
const WORK: readonly StoredRecord["type"][] = ["turn_start", "message", "shell", "plan"];

export function isWork(type: string): boolean {
  return WORK.some((one) => one === type);
}

function planState(before: PlanState | null, event: WorkflowEvent): PlanState | null {
  switch (event.type) {
    case "plan_stored":
      return event.plan.state;
    case "plan_approved":
      return "approved";
    case "execution_started":
      return before === "approved" ? "executing" : before;
    case "plan_finished":
      return event.state;
    case "plan_rejected":
      return "rejected";
    case "revision_requested":
      return before === "approved" || before === "executing" ? "awaiting_approval" : before;
    case "stage_reset":
      return null;
    case "workflow_switched":
    case "execution_interrupted":
    case "ticket_changed":
      return before;
  }
}

export function titleOf(text: string): string {
  const line = text.trim().split("\n")[0] ?? "";
  const characters = [...line.replaceAll(/\s+/g, " ")];
  return characters.length <= TITLE_LENGTH ? characters.join("") : `${characters.slice(0, TITLE_LENGTH - 1).join("")}…`;
}

/** A summary without what only the file system knows. */
export type RecordSummary = Omit<SessionSummary, "held_by" | "path">;

/** What must be read of a session for its summary. */
export const SUMMARIZED: ReadonlySet<string> = new Set([
  "turn_start",
  "cost",
  "workflow",
  "command",
] satisfies StoredRecord["type"][]);

/** What a summary has taken in so far, as JSON takes it. */
export interface FrozenSummary {
  models: string[];
  turns: number[];
  /** Units of money; null = a cost is unknown. */
  cost: string | null;
  estimate: boolean;
  title: string;
  command: string | null;
  plan: PlanState | null;
}

/** A summary that grows with the records. */
export interface Summarizer {
  add(record: StoredRecord): void;
  /** @param updatedAt time of the last record, null where there is none */
  summary(header: SessionHeader, updatedAt: string | null): RecordSummary;
  freeze(): FrozenSummary;
}

export function createSummarizer(before?: FrozenSummary): Summarizer {
  const models = new Set<string>(before?.models);
  const turns = new Set<number>(before?.turns);
  let cost = before === undefined ? NO_MONEY : before.cost === null ? null : BigInt(before.cost);
  let { estimate, title, command, plan } = before ?? { estimate: false, title: "", command: null, plan: null };
  return {
    add(record) {
      if (record.type === "turn_start") {
        turns.add(record.turn);
        if (title === "") title = titleOf(record.text);
      } else if (record.type === "cost") {
        models.add(record.entry.model);
        cost = cost === null || record.entry.cost_usd === null ? null : cost + toMoney(record.entry.cost_usd);
        estimate ||= record.entry.estimate;
      } else if (record.type === "workflow") {
        plan = planState(plan, record.event);
      } else if (record.type === "command") {
        command ??= record.text;
      }
    },
    summary: (header, updatedAt) => ({
      id: header.id,
      workspace: header.workspace,
      created_at: header.created_at,
      updated_at: updatedAt ?? header.created_at,
      title: title !== "" ? title : titleOf(command ?? ""),
      turns: turns.size,
      plan_state: plan,
      models: [...models],
      cost_usd: cost === null ? null : fromMoney(cost),
      cost_is_estimate: estimate,
    }),
    freeze: () => ({
      models: [...models],
      turns: [...turns],
      cost: cost === null ? null : String(cost),
      estimate,
      title,
      command,
      plan,
    }),
  };
}
