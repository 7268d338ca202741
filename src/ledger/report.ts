// Costs by stage, tier, phase, model, day or session, as data and as plain text tables. Pure.

import { fromMoney, formatUsd, toMoney } from "../util/money.ts";
import { textTable } from "../util/text-table.ts";
import { totalCosts } from "./ledger.ts";
import type { CostTotals, LedgerEntry } from "../types/ledger.ts";
import type { Usage } from "../types/provider.ts";

export const COST_GROUPINGS = ["day", "stage", "tier", "phase", "model", "session"] as const;
export type CostGrouping = (typeof COST_GROUPINGS)[number];

export interface CostRow extends CostTotals {
  key: string;
}

export interface SessionEntry {
  session: string;
  entry: LedgerEntry;
}

function keyOf({ session, entry }: SessionEntry, by: CostGrouping): string {
  switch (by) {
    case "day":
      return entry.at.slice(0, 10);
    case "stage":
      return entry.stage;
    case "tier":
      return entry.tier ?? "none";
    case "phase":
      return entry.phase ?? "none";
    case "model":
      return entry.model;
    case "session":
      return session;
  }
}

/** One row per key; days and sessions in their order, the rest dearest first, unknown costs before known ones. */
export function groupCosts(entries: readonly SessionEntry[], by: CostGrouping): CostRow[] {
  const groups = new Map<string, LedgerEntry[]>();
  for (const one of entries) {
    const key = keyOf(one, by);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one.entry]);
    else group.push(one.entry);
  }
  const rows = [...groups].map(([key, group]) => ({ key, ...totalCosts(group) }));
  const byKey = (left: CostRow, right: CostRow): number => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0);
  const cost = (row: CostRow): number => row.cost_usd ?? Number.POSITIVE_INFINITY;
  return rows.sort((left, right) =>
    by === "day" || by === "session" || cost(left) === cost(right) ? byKey(left, right) : cost(right) - cost(left),
  );
}

function formatCount(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

function formatPercent(percent: number | null): string {
  return percent === null ? "unknown" : `${percent.toFixed(1)} %`;
}

function usageCells(usage: Usage): string[] {
  return [usage.input, usage.cache_read, usage.cache_write, usage.output].map(formatCount);
}

function rowCells(label: string, totals: CostTotals): string[] {
  return [
    label,
    formatCount(totals.calls),
    ...usageCells(totals.usage),
    formatUsd(totals.cost_usd, totals.estimate),
    formatUsd(totals.baseline_cost_usd, totals.baseline_estimate),
    formatPercent(totals.savings_pct),
  ];
}

/** Rows and their sum, for `bmo stats` and `/cost`. */
export function costTable(by: CostGrouping, rows: readonly CostRow[], totals: CostTotals): string {
  const cells = rows.map((row) => rowCells(row.key, row));
  if (rows.length > 1) cells.push(rowCells("total", totals));
  const figures = ["calls", "input", "cache read", "cache write", "output", "cost", "baseline", "saved"];
  return textTable(
    [[by, ...figures], ...cells],
    figures.map((_title, index) => index + 1),
  );
}

/** Sum of the known penalties, how many calls paid one, and whether an estimated price is among them. */
function penalties(entries: readonly LedgerEntry[]): { count: number; usd: number; estimate: boolean } {
  const paid = entries.flatMap((entry) =>
    entry.switch_penalty_usd === null || entry.switch_penalty_usd === 0
      ? []
      : [{ usd: entry.switch_penalty_usd, estimate: entry.estimate }],
  );
  return {
    count: paid.length,
    usd: fromMoney(paid.reduce((sum, { usd }) => sum + toMoney(usd), 0n)),
    estimate: paid.some((one) => one.estimate),
  };
}

/** Text of `/cost`: by model and by stage, the baseline, and what is unknown or estimated. */
export function costText(entries: readonly LedgerEntry[], totals: CostTotals = totalCosts(entries)): string {
  if (entries.length === 0) return "No model was called in this session.";
  const rows = entries.map((entry) => ({ session: "", entry }));
  const lines = [costTable("model", groupCosts(rows, "model"), totals)];
  const stages = groupCosts(rows, "stage");
  if (stages.length > 1) lines.push("", costTable("stage", stages, totals));
  lines.push("");
  lines.push(
    `Cost ${formatUsd(totals.cost_usd, totals.estimate)}; the same on ${totals.baseline_model ?? "a baseline model"} ${formatUsd(totals.baseline_cost_usd, totals.baseline_estimate)}; saved ${formatPercent(totals.savings_pct)}.`,
  );
  const { count, usd, estimate } = penalties(entries);
  if (count > 0)
    lines.push(
      `Of it ${formatUsd(usd, estimate)} because switching models made a cache cold (${count} ${count === 1 ? "call" : "calls"}).`,
    );
  const unpriced = [...new Set(entries.filter((entry) => entry.cost_usd === null).map((entry) => entry.model))];
  if (unpriced.length > 0)
    lines.push(`No price is known for ${unpriced.join(", ")}: give one in [[providers.<name>.models]].`);
  if (totals.estimate || totals.baseline_estimate) lines.push("~ marks an estimated price.");
  return lines.join("\n");
}
