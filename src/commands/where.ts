// /where: the files of this session, for whoever wants to look at them with other tools.

import { textTable } from "../util/text-table.ts";
import { answer } from "./results.ts";
import type { CommandDefinition } from "../types/command.ts";

export const whereCommand: CommandDefinition = {
  name: "where",
  aliases: [],
  argumentHint: "",
  summary: "where this session and the configuration lie on disk",
  readOnly: true,
  async run(_argument, { agent, services }) {
    const session = (await services.sessions()).find((one) => one.id === agent.sessionId);
    const rows = [
      ["workspace", agent.workspace],
      ["session", session?.path ?? "not written yet"],
      ["configuration", services.loaded().files.join(", ") || "no files"],
    ];
    return answer(textTable(rows), Object.fromEntries(rows.map(([label = "", value = ""]) => [label, value])));
  },
};
