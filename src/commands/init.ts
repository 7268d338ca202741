// /init: has the model write AGENTS.md for this project, through the same plan and approval as any other change.

import { turnAnswer } from "./results.ts";
import type { CommandDefinition } from "../types/command.ts";

const TASK = [
  "Write AGENTS.md in the workspace root for coding agents that will work here: what the project is, how to build, test and lint it, its layout, and its habits that are not obvious from the files.",
  "At most 60 lines; only what you found in the files. If AGENTS.md exists, improve it and keep what is still true.",
].join(" ");

export const initCommand: CommandDefinition = {
  name: "init",
  aliases: [],
  argumentHint: "",
  summary: "write AGENTS.md for this project",
  readOnly: false,
  async run(_argument, { agent }) {
    return turnAnswer(await agent.submit({ text: TASK, images: [] }), agent.state().outcome);
  },
};
