// What a list of sessions says about one of them. Pure; the rest of it is in the session's state.

import { fromMoney, toMoney } from "../util/money.ts";
import type { SessionState } from "./state.ts";
import type { SessionRecord, SessionSummary, StoredRecord } from "../types/session.ts";

const TITLE_LENGTH = 80;

/** Work, as opposed to commands and notices alone: only such a session is continued by `-c`. */
const WORK: readonly StoredRecord["type"][] = ["turn_start", "message", "shell"];

export function isWork(type: string): boolean {
  return WORK.some((one) => one === type);
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
  "approval",
  "command",
] satisfies StoredRecord["type"][]);

/** What the records say for lists alone. */
export interface SummaryFacts {
  readonly title: string;
  /** The first command of the user. */
  readonly command: string | null;
  readonly models: readonly string[];
  readonly turns: number;
  /** Units of money; null = a cost is unknown. */
  readonly cost: string | null;
  /** A price behind the cost is an estimate. */
  readonly estimate: boolean;
}

export const EMPTY_SUMMARY: SummaryFacts = {
  title: "",
  command: null,
  models: [],
  turns: 0,
  cost: "0",
  estimate: false,
};

/**
 * The same object where the record says nothing for lists.
 * @param lastTurn number of the last turn before: a damaged file may name one twice.
 */
export function addToSummary(facts: SummaryFacts, record: SessionRecord, lastTurn: number): SummaryFacts {
  if (record.type === "turn_start") {
    const title = facts.title === "" ? titleOf(record.text) : facts.title;
    return { ...facts, title, turns: facts.turns + (record.turn > lastTurn ? 1 : 0) };
  }
  if (record.type === "cost") {
    const { model, cost_usd: cost, estimate } = record.entry;
    return {
      ...facts,
      models: facts.models.includes(model) ? facts.models : [...facts.models, model],
      cost: facts.cost === null || cost === null ? null : String(BigInt(facts.cost) + toMoney(cost)),
      estimate: facts.estimate || estimate,
    };
  }
  return record.type === "command" && facts.command === null ? { ...facts, command: record.text } : facts;
}

/** @param updatedAt time of the last record, null where there is none */
export function summaryOf(state: SessionState, createdAt: string, updatedAt: string | null): RecordSummary {
  const { title, command, models, turns, cost, estimate } = state.summary;
  return {
    id: state.origin.id,
    workspace: state.origin.workspace,
    created_at: createdAt,
    updated_at: updatedAt ?? createdAt,
    title: title !== "" ? title : titleOf(command ?? ""),
    turns,
    plan_state: state.workflow.plan?.state ?? null,
    models: [...models],
    cost_usd: cost === null ? null : fromMoney(BigInt(cost)),
    cost_is_estimate: estimate,
  };
}
