// `bmo stats`: what all sessions used and cost, by day, stage, tier, phase, model or session. No model, no network.

import { EXIT, type ExitCode } from "../types/error.ts";
import { totalCosts } from "../ledger/ledger.ts";
import { COST_GROUPINGS, costTable, groupCosts, type CostGrouping, type SessionEntry } from "../ledger/report.ts";
import { listSessions } from "../session/list.ts";
import { scanSession } from "../session/reader.ts";
import { BmoError } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { printJson, type SubcommandIo } from "./subcommand-io.ts";

const USAGE = `bmo stats [--by ${COST_GROUPINGS.join("|")}] [--json]`;

function readGrouping(given: readonly string[]): CostGrouping {
  let by: CostGrouping = "model";
  for (let index = 0; index < given.length; index++) {
    const word = given[index] ?? "";
    if (word === "--json") continue;
    if (word !== "--by" && !word.startsWith("--by="))
      throw new BmoError("usage", `bmo stats does not take ${sanitizeLine(word)}`, USAGE);
    const value = word === "--by" ? (given[(index += 1)] ?? "") : word.slice("--by=".length);
    const known = COST_GROUPINGS.find((one) => one === value);
    if (known === undefined) {
      const [near] = nearestNames(value, COST_GROUPINGS);
      throw new BmoError(
        "usage",
        `--by takes ${COST_GROUPINGS.join(", ")}, got ${value === "" ? "nothing" : sanitizeLine(value)}`,
        near === undefined ? USAGE : `Did you mean ${near}?`,
      );
    }
    by = known;
  }
  return by;
}

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

/** `given` stands after the subcommand's name. @throws BmoError usage. */
export function runStatsCommand(given: readonly string[], io: SubcommandIo, dataDirectory: string): ExitCode {
  const by = readGrouping(given);
  const entries = allEntries(dataDirectory);
  const rows = groupCosts(entries, by);
  const totals = totalCosts(entries.map(({ entry }) => entry));
  if (io.json) printJson(io, { by, rows, totals });
  else if (rows.length === 0) io.stderr("bmo: no model was called yet\n");
  else io.stdout(`${costTable(by, rows, totals)}\n${totals.estimate ? "~ marks an estimated price.\n" : ""}`);
  return EXIT.done;
}
