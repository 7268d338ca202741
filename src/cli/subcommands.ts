// The list of subcommands, each loaded when it is called: the names alone tell the entry point what must be loaded.

import type { Subcommand } from "./subcommand.ts";

/** By name, in the order of the help. */
export const SUBCOMMANDS: Readonly<Record<string, () => Promise<Subcommand>>> = {
  demo: async () => (await import("./demo-command.ts")).demoCommand,
  init: async () => (await import("./init-command.ts")).initCommand,
  doctor: async () => (await import("./doctor-command.ts")).doctorCommand,
  models: async () => (await import("./models-command.ts")).modelsCommand,
  route: async () => (await import("./route-command.ts")).routeCommand,
  approve: async () => (await import("./approve-command.ts")).approveCommand,
  sessions: async () => (await import("./sessions-command.ts")).sessionsCommand,
  stats: async () => (await import("./stats-command.ts")).statsCommand,
  config: async () => (await import("./config-command.ts")).configCommand,
  checkpoint: async () => (await import("./checkpoint-command.ts")).checkpointCommand,
  completion: async () => (await import("./completion-command.ts")).completionCommand,
};

export function loadSubcommands(names: readonly string[] = Object.keys(SUBCOMMANDS)): Promise<Subcommand[]> {
  return Promise.all(names.flatMap((name) => SUBCOMMANDS[name]?.() ?? []));
}
