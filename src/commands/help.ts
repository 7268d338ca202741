// /help: all commands with their argument hints.

import { answer, table } from "./results.ts";
import type { CommandDefinition } from "../types/command.ts";

const KEYS = "Enter sends · Ctrl+J new line · Esc interrupts · Shift+Tab mode · @ files · ! shell · // a prompt that begins with /";

/** Made with the list it describes, because the list holds it. */
export function createHelpCommand(list: () => readonly CommandDefinition[]): CommandDefinition {
  return {
    name: "help",
    aliases: [],
    argumentHint: "",
    summary: "list the commands",
    readOnly: true,
    run() {
      const rows = list().map((command) => [`/${command.name}${command.argumentHint === "" ? "" : ` ${command.argumentHint}`}`, command.aliases.length === 0 ? command.summary : `${command.summary} (also ${command.aliases.map((alias) => `/${alias}`).join(", ")})`]);
      const data = list().map((command) => ({ name: command.name, aliases: command.aliases, argument_hint: command.argumentHint, summary: command.summary }));
      return Promise.resolve(answer(`${table(rows)}\n\n${KEYS}`, data));
    },
  };
}
