// What a list of sessions says about one of them, from its records. Pure.

import { addUsd } from "../util/money.ts";
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
export const SUMMARIZED: ReadonlySet<string> = new Set(["turn_start", "cost", "workflow", "command"] satisfies StoredRecord["type"][]);

/** A summary that grows with the records. */
export interface Summarizer {
  add(record: StoredRecord): void;
  summary(header: SessionHeader, updatedAt: string | null): RecordSummary;
}

export function createSummarizer(): Summarizer {
  const models = new Set<string>();
  const turns = new Set<number>();
  const costs: (number | null)[] = [];
  let estimate = false;
  let title = "";
  let command: string | null = null;
  let plan: PlanState | null = null;
  return {
    add(record) {
      if (record.type === "turn_start") {
        turns.add(record.turn);
        if (title === "") title = titleOf(record.text);
      } else if (record.type === "cost") {
        models.add(record.entry.model);
        costs.push(record.entry.cost_usd);
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
      cost_usd: addUsd(costs),
      cost_is_estimate: estimate,
    }),
  };
}
