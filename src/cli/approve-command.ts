// `bmo approve`: a run of the agent that begins with the approval of a waiting plan. Takes the options of a run.

import { Argument } from "commander";
import { runOptions } from "./run-line.ts";
import type { Subcommand } from "./subcommand.ts";

export const approveCommand: Subcommand = {
  name: "approve",
  summary: "approve a waiting plan by id or hash prefix and execute it",
  details: "Takes the options of a run. On a terminal it opens the REPL at the execution.",
  arguments: [
    new Argument("<plan id | hash prefix>", "the id or a hash prefix of one plan; bmo sessions show prints both"),
  ],
  get options() {
    return runOptions();
  },
  approvesPlan: true,
};
