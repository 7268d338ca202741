// The subcommands with what each does. Imports nothing: the entry point looks here before anything is loaded.

export const SUBCOMMANDS: Record<string, string> = {
  demo: "run the whole workflow offline on a sample project",
  init: "set up credentials and presets",
  doctor: "check configuration, keys, providers, tools and terminal",
  models: "list models with prices and windows",
  route: "say which model a message would go to, and why; offline",
  approve: "approve a waiting plan by id or hash prefix and execute it",
  sessions: "list, show, remove or export sessions",
  stats: "cost and usage over all sessions",
  config: "show, locate or validate the configuration",
  checkpoint: "list, compare or restore checkpoints",
  completion: "print a completion script for bash, zsh or fish",
};
