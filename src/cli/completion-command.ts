// `bmo completion bash|zsh|fish`: prints a script that holds all words itself, so that completing never starts bmo. The
// words are those of the declared command line.

import { Argument, type Command, type Option } from "commander";
import { EXIT } from "../types/error.ts";
import { BmoError } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import type { Subcommand } from "./subcommand.ts";

/** What an option takes: nothing, one of some words, a file or folder, or text that cannot be guessed. */
type Value = { kind: "none" | "file" | "folder" | "text" } | { kind: "words"; words: readonly string[] };

interface OfferedOption {
  /** With their dashes. */
  names: string[];
  summary: string;
  value: Value;
}

interface Offered {
  name: string;
  summary: string;
}

/** What may follow a command's name. */
interface Node {
  /** The names that lead here, joined by a slash; empty for the program. */
  path: string;
  next: Offered[];
  options: OfferedOption[];
}

function valueOf({ required, optional, argChoices, flags }: Option): Value {
  if (!required && !optional) return { kind: "none" };
  if (argChoices !== undefined) return { kind: "words", words: argChoices };
  return { kind: /[<[]dir/.test(flags) ? "folder" : /[<[]file/.test(flags) ? "file" : "text" };
}

function optionsOf(command: Command): OfferedOption[] {
  const help = command.createHelp().visibleOptions(command);
  return [...new Set([...command.options, ...help])].map((option) => ({
    names: [option.short, option.long].filter((name) => name != null),
    summary: option.description,
    value: valueOf(option),
  }));
}

/** @param meant the action that a command without one means: what it takes follows the command's name too. */
function nodeOf(command: Command, path: string, meant: Command | undefined): Node {
  const actions = command.commands.map((action) => ({ name: action.name(), summary: action.summary() }));
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const options = [...optionsOf(command), ...(meant === undefined ? [] : optionsOf(meant))];
  const known = new Set<string>();
  return {
    path,
    next: [...actions, ...choices.map((name) => ({ name, summary: "" }))],
    options: options.filter(({ names }) => {
      const isNew = names.every((name) => !known.has(name));
      for (const name of names) known.add(name);
      return isNew;
    }),
  };
}

/** Every place of the command line, the program first. */
function nodesOf(program: Command): [Node, ...Node[]] {
  const below = program.commands.flatMap((command) => {
    const [first] = command.commands;
    const meant = command.registeredArguments.length === 0 ? first : undefined;
    const actions = command.commands.map((action) => nodeOf(action, `${command.name()}/${action.name()}`, undefined));
    return [nodeOf(command, command.name(), meant), ...actions];
  });
  return [nodeOf(program, "", undefined), ...below];
}

const wordsOf = ({ next, options }: Node): string[] => [
  ...next.map(({ name }) => name),
  ...options.flatMap(({ names }) => names),
];

/** The words that lead on, as patterns of a shell's `case` over "where we are/the word". */
const stepsOf = (nodes: readonly Node[]): string =>
  nodes
    .filter(({ path }) => path !== "")
    .map(({ path }) => (path.includes("/") ? path : `/${path}`))
    .join("|");

function bashValues({ path, options }: Node): string[] {
  return options.flatMap(({ names, value }) => {
    const pattern = names.map((name) => `${path}:${name}`).join("|");
    switch (value.kind) {
      case "none":
        return [];
      case "words":
        return [`    ${pattern}) COMPREPLY=($(compgen -W '${value.words.join(" ")}' -- "$current")); return ;;`];
      case "file":
        return [`    ${pattern}) COMPREPLY=($(compgen -f -- "$current")); return ;;`];
      case "folder":
        return [`    ${pattern}) COMPREPLY=($(compgen -d -- "$current")); return ;;`];
      case "text":
        return [`    ${pattern}) COMPREPLY=(); return ;;`];
    }
  });
}

function bashScript(program: Command): string {
  const [start, ...below] = nodesOf(program);
  const offers = below.map(
    (node) => `    ${node.path}) COMPREPLY=($(compgen -W '${wordsOf(node).join(" ")}' -- "$current")); return ;;`,
  );
  return `# bash completion for bmo; put into ~/.bashrc: source <(bmo completion bash)
_bmo() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" node="" index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$node/\${COMP_WORDS[index]}" in
      ${stepsOf(below)}) node="\${node:+$node/}\${COMP_WORDS[index]}" ;;
    esac
  done
  case "$node:$previous" in
${[start, ...below].flatMap(bashValues).join("\n")}
  esac
  case "$node" in
${offers.join("\n")}
  esac
  if [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W '${start.options.flatMap(({ names }) => names).join(" ")}' -- "$current"))
  else
    COMPREPLY=($(compgen -W '${start.next.map(({ name }) => name).join(" ")}' -- "$current"))
  fi
}
complete -o default -F _bmo bmo
`;
}

/** Text inside single quotes, with what _arguments would read as its own syntax taken care of. */
function zshText(text: string): string {
  return text.replace(/'/g, "'\\''").replace(/[[\]:]/g, "\\$&");
}

function zshValue(value: Value): string {
  switch (value.kind) {
    case "none":
      return "";
    case "words":
      return `:value:(${value.words.join(" ")})`;
    case "file":
      return ":file:_files";
    case "folder":
      return ":folder:_files -/";
    case "text":
      return ":text: ";
  }
}

function zshNode({ path, next, options }: Node): string {
  const declared = options.flatMap(({ names, summary, value }) =>
    names.map((name) => `        '${name}[${zshText(summary)}]${zshValue(value)}' \\`),
  );
  const offered = next.map(({ name, summary }) => `        '${name}:${zshText(summary)}'`);
  return `    '${path}')
      offered=(
${offered.join("\n")}
      )
      _arguments -C \\
${declared.join("\n")}
        '*: :->words' ;;`;
}

function zshScript(program: Command): string {
  const nodes = nodesOf(program);
  return `#compdef bmo
# zsh completion for bmo; put into ~/.zshrc after compinit: source <(bmo completion zsh)
_bmo() {
  local state word node=""
  local -a offered
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$node/$word" in
      ${stepsOf(nodes)}) node="\${node:+$node/}$word" ;;
    esac
  done
  case "$node" in
${nodes.map(zshNode).join("\n")}
  esac
  if [[ "$state" == words ]]; then
    (( \${#offered} )) && _describe 'command' offered
    _files
  fi
}
compdef _bmo bmo
`;
}

function fishText(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

function fishOption(condition: string, { names, summary, value }: OfferedOption): string {
  const flags = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(" ");
  const takes = {
    none: "",
    words: value.kind === "words" ? ` -x -a ${fishText(value.words.join(" "))}` : "",
    text: " -x",
    folder: " -x -a '(__fish_complete_directories)'",
    file: " -r",
  }[value.kind];
  return `complete -c bmo${condition} ${flags}${takes} -d ${fishText(summary)}`;
}

function fishNode({ path, next, options }: Node): string[] {
  const seen = path.split("/").map((name) => `__fish_seen_subcommand_from ${name}`);
  const here = path === "" ? "" : ` -n ${fishText(seen.join("; and "))}`;
  const offered = next.map(({ name, summary }) => {
    const condition = path === "" ? " -n __fish_use_subcommand" : here;
    return `complete -c bmo${condition} -a ${name} -d ${fishText(summary)}`;
  });
  return [...offered, ...options.map((option) => fishOption(here, option))];
}

function fishScript(program: Command): string {
  const lines = nodesOf(program).flatMap(fishNode).join("\n");
  return `# fish completion for bmo; put into ~/.config/fish/config.fish: bmo completion fish | source\n${lines}\n`;
}

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };
type Shell = keyof typeof SCRIPTS;
const isShell = (name: string): name is Shell => Object.hasOwn(SCRIPTS, name);

/** Text for the shell that completes what `program` declares. */
export function completionScript(shell: Shell, program: Command): string {
  return SCRIPTS[shell](program);
}

function readShell(name: string): Shell {
  if (isShell(name)) return name;
  const shells = Object.keys(SCRIPTS);
  const [near] = nearestNames(name, shells, 1);
  const usage = `bmo completion ${shells.join("|")}`;
  const hint = near === undefined ? usage : `Did you mean ${near}? ${usage}`;
  throw new BmoError("usage", `bmo completion does not take ${name}`, hint);
}

export const completionCommand: Subcommand = {
  name: "completion",
  summary: "print a completion script for bash, zsh or fish",
  details: "Its first lines say where to put it.",
  arguments: [new Argument("<shell>", "the name of a shell").choices(Object.keys(SCRIPTS)).argParser(readShell)],
  async run({ words, output, program }) {
    output.stdout(completionScript(readShell(words[0] ?? ""), await program()));
    return EXIT.done;
  },
};
