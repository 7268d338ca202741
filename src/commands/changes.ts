// /diff and /undo: what the session changed, and taking it back.

import { answer } from "./results.ts";
import type { CommandDefinition } from "../types/command.ts";

export const diffCommand: CommandDefinition = {
  name: "diff",
  aliases: [],
  argumentHint: "",
  summary: "show what the session changed",
  readOnly: true,
  async run(_argument, { services }) {
    const text = await services.diff();
    return answer(text === "" ? "The session has changed no file." : text);
  },
};

export const undoCommand: CommandDefinition = {
  name: "undo",
  aliases: [],
  argumentHint: "[all]",
  summary: "take back the last ticket, or all; your own changes are kept",
  readOnly: false,
  async run(argument, { services }) {
    const { text, exitCode } = await services.undo(argument);
    return answer(text, null, exitCode);
  },
};
