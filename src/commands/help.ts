// /help: all commands with their argument hints.

import { answer } from "./results.ts";
import type { CommandDefinition } from "../types/command.ts";

const KEYS =
  "Enter sends · Ctrl+J new line · Esc interrupts · Shift+Tab mode · @ files · ! shell · // a prompt that begins with /";

const USAGE_COLUMN = 20;

/** Made with the list it describes, because the list holds it. */
export function createHelpCommand(list: () => readonly CommandDefinition[]): CommandDefinition {
  return {
    name: "help",
    aliases: [],
    argumentHint: "",
    summary: "list the commands",
    readOnly: true,
    run() {
      const rows = list().flatMap((command) => {
        const usage = `/${command.name}${command.argumentHint === "" ? "" : ` ${command.argumentHint}`}`;
        const summary =
          command.aliases.length === 0
            ? command.summary
            : `${command.summary} (also ${command.aliases.map((alias) => `/${alias}`).join(", ")})`;
        // A long usage stands on a line of its own, so that it does not push all summaries to the right.
        return usage.length <= USAGE_COLUMN
          ? [[usage.padEnd(USAGE_COLUMN), summary]]
          : [[usage], ["".padEnd(USAGE_COLUMN), summary]];
      });
      const data = list().map((command) => ({
        name: command.name,
        aliases: command.aliases,
        argument_hint: command.argumentHint,
        summary: command.summary,
      }));
      return Promise.resolve(answer(`${rows.map((row) => row.join("  ")).join("\n")}\n\n${KEYS}`, data));
    },
  };
}
