// `bmo stats`: what all sessions used and cost, by day, stage, tier, phase, model or session. No model, no network.

import { EXIT, type ExitCode } from "../types/error.ts";
import { totalCosts } from "../ledger/ledger.ts";
import { COST_GROUPINGS, costTable, groupCosts, type CostGrouping, type SessionEntry } from "../ledger/report.ts";
import { listSessions } from "../session/list.ts";
import { scanSession } from "../session/reader.ts";
import { choice } from "./flags.ts";
import { printJson, type Subcommand, type SubcommandIo } from "./subcommand.ts";

const COSTS: ReadonlySet<string> = new Set(["cost"]);

/** Every call of every session once: a copied session repeats the calls of its original under their ids. */
function allEntries(dataDirectory: string): SessionEntry[] {
  const sessions = listSessions(dataDirectory).sort((left, right) => (left.id < right.id ? -1 : 1));
  const byId = new Map<string, SessionEntry>();
  for (const { id, path } of sessions) {
    scanSession(path, COSTS, (record) => {
      if (record.type === "cost" && !byId.has(record.entry.id))
        byId.set(record.entry.id, { session: id, entry: record.entry });
    });
  }
  return [...byId.values()];
}

function showStats(by: CostGrouping, io: SubcommandIo, dataDirectory: string): ExitCode {
  const entries = allEntries(dataDirectory);
  const rows = groupCosts(entries, by);
  const totals = totalCosts(entries.map(({ entry }) => entry));
  if (io.json) printJson(io, { by, rows, totals });
  else if (rows.length === 0) io.stderr("bmo: no model was called yet\n");
  else io.stdout(`${costTable(by, rows, totals)}\n${totals.estimate ? "~ marks an estimated price.\n" : ""}`);
  return EXIT.done;
}

export const statsCommand: Subcommand<{ by?: CostGrouping }> = {
  name: "stats",
  summary: "cost and usage over all sessions",
  options: [choice("--by <what>", "what each row sums up; by default the model", COST_GROUPINGS)],
  async run({ options, io, app }) {
    const { dataDirectory } = await app();
    return showStats(options.by ?? "model", io(), dataDirectory);
  },
};
