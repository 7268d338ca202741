// Costs as tables.

import { expect, test } from "vitest";
import { costText, groupCosts, COST_GROUPINGS } from "../../src/ledger/report.ts";
import type { LedgerEntry } from "../../src/types/ledger.ts";

function entry(id: string, facts: Partial<LedgerEntry>): LedgerEntry {
  return {
    id,
    turn: 1,
    step: 1,
    route: null,
    purpose: "main",
    stage: "plan",
    phase: null,
    tier: "smart",
    ticket: null,
    model: "a/one",
    served_model: null,
    usage: { input: 1_200_000, output: 10, cache_read: 0, cache_write: 0 },
    cost_usd: 0.1,
    estimate: false,
    baseline_model: "a/top",
    baseline_cost_usd: 0.2,
    switch_penalty_usd: null,
    at: "2026-11-20T23:59:59.000Z",
    ...facts,
  };
}

const entries = [
  { session: "s1", entry: entry("1", {}) },
  {
    session: "s1",
    entry: entry("2", {
      model: "a/two",
      stage: "execute",
      tier: null,
      phase: "debug",
      cost_usd: 0.2,
      at: "2026-11-21T00:00:00.000Z",
      switch_penalty_usd: 0.05,
    }),
  },
  {
    session: "s2",
    entry: entry("3", {
      model: "a/two",
      stage: "execute",
      cost_usd: 0.3,
      estimate: true,
      at: "2026-11-19T00:00:00.000Z",
    }),
  },
];

test("groups by each key", () => {
  const keys = Object.fromEntries(
    COST_GROUPINGS.map((by) => [by, groupCosts(entries, by).map((row) => [row.key, row.calls, row.cost_usd])]),
  );
  expect(keys).toEqual({
    day: [
      ["2026-11-19", 1, 0.3],
      ["2026-11-20", 1, 0.1],
      ["2026-11-21", 1, 0.2],
    ],
    stage: [
      ["execute", 2, 0.5],
      ["plan", 1, 0.1],
    ],
    tier: [
      ["smart", 2, 0.4],
      ["none", 1, 0.2],
    ],
    phase: [
      ["none", 2, 0.4],
      ["debug", 1, 0.2],
    ],
    model: [
      ["a/two", 2, 0.5],
      ["a/one", 1, 0.1],
    ],
    session: [
      ["s1", 2, 0.3],
      ["s2", 1, 0.3],
    ],
  });
});

test("the text of /cost: tables, baseline, negative savings, penalties, unknown and estimated prices", () => {
  expect(costText([])).toBe("No model was called in this session.");
  expect(costText(entries.map((one) => one.entry))).toBe(
    [
      "model  calls      input  cache read  cache write  output      cost  baseline    saved",
      "a/two      2  2,400,000           0            0      20  ~$0.5000   $0.4000  -25.0 %",
      "a/one      1  1,200,000           0            0      10   $0.1000   $0.2000   50.0 %",
      "total      3  3,600,000           0            0      30  ~$0.6000   $0.6000    0.0 %",
      "",
      "stage    calls      input  cache read  cache write  output      cost  baseline    saved",
      "execute      2  2,400,000           0            0      20  ~$0.5000   $0.4000  -25.0 %",
      "plan         1  1,200,000           0            0      10   $0.1000   $0.2000   50.0 %",
      "total        3  3,600,000           0            0      30  ~$0.6000   $0.6000    0.0 %",
      "",
      "Cost ~$0.6000; the same on a/top $0.6000; saved 0.0 %.",
      "Of it $0.0500 because switching models made a cache cold (1 call).",
      "~ marks an estimated price.",
    ].join("\n"),
  );
  const text = costText([
    entry("1", { cost_usd: null, baseline_cost_usd: null, baseline_model: null, model: "b/new" }),
  ]);
  expect(text).toContain("Cost unknown; the same on a baseline model unknown; saved unknown.");
  expect(text).toContain("No price is known for b/new");
});
