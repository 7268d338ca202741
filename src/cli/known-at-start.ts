// What the entry point knows without loading anything; the build asks here and writes both into it (scripts/build.mjs).

import { createProgram } from "./command-line.ts";
import { loadSubcommands, SUBCOMMANDS } from "./subcommands.ts";

export const subcommandNames = Object.keys(SUBCOMMANDS);

/** What `--help` prints on a terminal of that width. */
export async function helpText(columns: number): Promise<string> {
  let text = "";
  const program = createProgram(await loadSubcommands(), {
    chosen: () => undefined,
    help: (part) => void (text += part),
  });
  program.configureOutput({ getOutHelpWidth: () => columns }).outputHelp();
  return text;
}
