// /cost: what the session used and cost, against the baseline.

import { answer } from "./results.ts";
import type { CommandDefinition } from "../types/command.ts";
import type { Json } from "../types/json.ts";

export const costCommand: CommandDefinition = {
  name: "cost",
  aliases: ["usage"],
  argumentHint: "",
  summary: "tokens and cost of this session",
  readOnly: true,
  run(_argument, { agent, services }) {
    const { ledger, totals } = agent.state();
    return Promise.resolve(answer(services.costText(ledger), JSON.parse(JSON.stringify(totals)) as Json));
  },
};
