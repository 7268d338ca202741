// /reject: drops the present plan.

import { answer } from "./results.ts";
import type { CommandDefinition } from "../types/command.ts";

export const rejectCommand: CommandDefinition = {
  name: "reject",
  aliases: [],
  argumentHint: "",
  summary: "drop the plan",
  readOnly: false,
  run(_argument, { agent }) {
    const { plan } = agent.state().workflow;
    agent.reject();
    return Promise.resolve(answer(`Plan ${plan?.id ?? ""} is rejected. The next text opens a new plan stage.`));
  },
};
