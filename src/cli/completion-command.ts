// `bmo completion bash|zsh|fish`: prints a script that holds all words itself, so that completing never starts bmo.

import { EXIT, type ExitCode } from "../types/error.ts";
import { BmoError } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import { OPTIONS, SUBCOMMAND_SUMMARIES, SUBCOMMAND_WORDS, type CompletionOption } from "./completion-data.ts";
import type { SubcommandIo } from "./subcommand-io.ts";

const SUBCOMMAND_NAMES = Object.keys(SUBCOMMAND_SUMMARIES);

function bashValues({ names, value }: CompletionOption): string[] {
  const pattern = names.join("|");
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
}

function bashScript(): string {
  return `# bash completion for bmo; put into ~/.bashrc: source <(bmo completion bash)
_bmo() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" subcommand="" index
  COMPREPLY=()
  case "$previous" in
${OPTIONS.flatMap(bashValues).join("\n")}
  esac
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "\${COMP_WORDS[index]}" in
      ${SUBCOMMAND_NAMES.join("|")}) subcommand="\${COMP_WORDS[index]}"; break ;;
    esac
  done
  case "$subcommand" in
${SUBCOMMAND_NAMES.map((name) => `    ${name}) COMPREPLY=($(compgen -W '${(SUBCOMMAND_WORDS[name] ?? []).join(" ")}' -- "$current")); return ;;`).join("\n")}
  esac
  if [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W '${OPTIONS.flatMap(({ names }) => names).join(" ")}' -- "$current"))
  else
    COMPREPLY=($(compgen -W '${SUBCOMMAND_NAMES.join(" ")}' -- "$current"))
  fi
}
complete -o default -F _bmo bmo
`;
}

/** Text inside single quotes, with what _arguments would read as its own syntax taken care of. */
function zshText(text: string): string {
  return text.replace(/'/g, "'\\''").replace(/[[\]:]/g, "\\$&");
}

function zshOption({ names, summary, value }: CompletionOption): string[] {
  const message =
    value.kind === "none"
      ? ""
      : value.kind === "words"
        ? `:value:(${value.words.join(" ")})`
        : value.kind === "file"
          ? ":file:_files"
          : value.kind === "folder"
            ? ":folder:_files -/"
            : ":text: ";
  return names.map((name) => `    '${name}[${zshText(summary)}]${message}'`);
}

function zshScript(): string {
  return `#compdef bmo
# zsh completion for bmo; put into ~/.zshrc after compinit: source <(bmo completion zsh)
_bmo() {
  local state
  local -a subcommands
  subcommands=(
${Object.entries(SUBCOMMAND_SUMMARIES)
  .map(([name, summary]) => `    '${name}:${zshText(summary)}'`)
  .join("\n")}
  )
  _arguments -C \\
${OPTIONS.flatMap(zshOption)
  .map((line) => `${line} \\`)
  .join("\n")}
    '1: :->first' \\
    '*: :->rest'
  case "$state" in
    first) _describe 'subcommand' subcommands; _files ;;
    rest)
      case "$words[2]" in
${SUBCOMMAND_NAMES.map((name) => `        ${name}) compadd -- ${(SUBCOMMAND_WORDS[name] ?? []).join(" ")} ;;`).join("\n")}
        *) _files ;;
      esac ;;
  esac
}
compdef _bmo bmo
`;
}

function fishText(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

function fishOption({ names, summary, value }: CompletionOption): string {
  const flags = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(" ");
  const takes =
    value.kind === "none"
      ? ""
      : value.kind === "words"
        ? ` -x -a ${fishText(value.words.join(" "))}`
        : value.kind === "text"
          ? " -x"
          : value.kind === "folder"
            ? " -x -a '(__fish_complete_directories)'"
            : " -r";
  return `complete -c bmo ${flags}${takes} -d ${fishText(summary)}`;
}

function fishScript(): string {
  const first = Object.entries(SUBCOMMAND_SUMMARIES).map(
    ([name, summary]) => `complete -c bmo -n __fish_use_subcommand -a ${name} -d ${fishText(summary)}`,
  );
  const rest = SUBCOMMAND_NAMES.map(
    (name) =>
      `complete -c bmo -n '__fish_seen_subcommand_from ${name}' -a ${fishText((SUBCOMMAND_WORDS[name] ?? []).join(" "))}`,
  );
  return `# fish completion for bmo; put into ~/.config/fish/config.fish: bmo completion fish | source\n${[...first, ...rest, ...OPTIONS.map(fishOption)].join("\n")}\n`;
}

const SCRIPTS: Readonly<Record<string, () => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** @throws BmoError usage for a shell that is not known. */
export function runCompletionCommand(given: readonly string[], io: SubcommandIo): ExitCode {
  const [shell, ...more] = given;
  const script = shell !== undefined && Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
  if (script === undefined || more.length > 0) {
    const near = shell === undefined ? [] : nearestNames(shell, Object.keys(SCRIPTS), 1);
    throw new BmoError(
      "usage",
      shell === undefined
        ? "bmo completion needs the name of a shell"
        : `bmo completion does not take ${more[0] ?? shell}`,
      `bmo completion ${Object.keys(SCRIPTS).join("|")}${near.length > 0 ? `; did you mean ${near[0] ?? ""}?` : ""}`,
    );
  }
  io.stdout(script());
  return EXIT.done;
}
