// How each subcommand is called, for its own --help and for the hints of its usage errors. Imports nothing.

export const SUBCOMMAND_USAGE = {
  demo: "bmo demo [--yes] [--keep] [--script <file>] [--json]",
  init: "bmo init [--yes] [--model <provider/model>] [--preset <name[,name]>] [--json]",
  doctor: "bmo doctor [--json]",
  models: "bmo models [part of an id] [--json]",
  route:
    'bmo route "<message>" [--history file] [--stage plan|execute|chat] [--model m] [--tier t] [--preset p] [--json] | bmo route replay <session> [--config file] | bmo route eval <cases.jsonl> [--what phase|gate|tier] [--predictions out.jsonl]',
  approve: "bmo approve <plan id | hash prefix> [options of a run]",
  sessions: "bmo sessions [list [--all] | show [id] | rm <id>… | export [id]] [--json]",
  stats: "bmo stats [--by day|stage|tier|phase|model|session] [--json]",
  config: "bmo config [show [key] | path | validate] [--config <file>] [--preset <name[,name]>] [--json]",
  checkpoint: "bmo checkpoint [list | diff [id] | restore <id>] [--json]",
  completion: "bmo completion bash|zsh|fish",
} as const;
