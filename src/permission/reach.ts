// What a command line may start, seen through wrappers, shells, links and scripts: the words that deny rules are
// compared with, and what they cannot judge. Asked only where a deny rule for commands exists. Reads files; runs
// nothing.

import { basename } from "node:path";
import { endsInRunner, optionNames, readOptions } from "./option-words.ts";
import { CODE_MODULES, evaluatesSubscript, isHarmlessProgram, isInert } from "./program-words.ts";
import {
  isProgram,
  namedPrograms,
  programFiles,
  scriptText,
  type ProgramFile,
  type ProgramPlaces,
} from "./program-files.ts";
import {
  GIT_COMMANDS,
  GIT_HOOK_OPTIONS,
  GIT_PROGRAM_KEY,
  HOOK_OPTIONS,
  INTERPRETERS,
  RUNNERS,
  SHELLS,
  type Runner,
} from "./runner-table.ts";
import { readShellLine, refusesCharacters } from "./shell-words.ts";
import type { CommandReach } from "../types/containment.ts";

export interface ReachContext extends ProgramPlaces {
  /** First words of the deny rules. */
  deniedPrograms: readonly string[];
}

const DEEPEST = 12;
const MOST_COMMANDS = 20_000;

interface Reader {
  reach: CommandReach;
  context: ReachContext;
  denied: { name: string; files: ProgramFile[] }[];
  /** Lines within lines that are still to be read. */
  lines: { text: string; depth: number; inScript: boolean }[];
  commands: number;
}

function cannotJudge(reader: Reader, reason: string): void {
  reader.reach.unjudged ??= reason;
}

function addLine(reader: Reader, text: string, depth: number, inScript = false): void {
  if (depth >= DEEPEST) cannotJudge(reader, "it holds commands within commands too deep to be looked at");
  else reader.lines.push({ text, depth: depth + 1, inScript });
}

/** Names in the words of a program nobody knows: it may be one that starts them. */
function mention(reader: Reader, words: readonly string[]): void {
  for (const word of words)
    for (const token of word.split(/[^\w.+/@%~-]+/)) if (token !== "") reader.reach.mentioned.push(basename(token));
}

function isDeniedFile(reader: Reader, name: string): boolean {
  if (!name.includes("/")) return false;
  const files = programFiles(name, reader.context);
  return reader.denied.some((denied) => denied.files.some((program) => files.some((file) => isProgram(file, program))));
}

/** The program under the names that its file has, and what it is made of where that is a script of shell commands. */
function lookAtFile(reader: Reader, argv: readonly string[], depth: number, inScript: boolean): void {
  const [name = "", ...rest] = argv;
  const files = programFiles(name, reader.context);
  if (name.includes("/") && files.length === 0 && !inScript) cannotJudge(reader, `${name} is not there yet`);
  for (const file of files) {
    reader.reach.started.push([basename(file.path), ...rest]);
    for (const { name: denied, files: programs } of reader.denied)
      if (programs.some((program) => isProgram(file, program))) reader.reach.started.push([denied, ...rest]);
    if (name.includes("/")) readScript(reader, file, depth);
  }
}

function readScript(reader: Reader, file: ProgramFile, depth: number): void {
  const text = scriptText(file);
  if (text === null || depth >= DEEPEST) return;
  const interpreter = /^#!\s*(\S.*)$/m
    .exec(text.startsWith("#!") ? text.slice(0, 512) : "")?.[1]
    ?.trim()
    .split(/\s+/);
  if (interpreter !== undefined) visit(reader, [...interpreter, file.path], depth + 1, true);
  const name =
    basename(interpreter?.[0] ?? "sh") === "env"
      ? (interpreter?.findLast((word) => !word.startsWith("-")) ?? "")
      : (interpreter?.[0] ?? "sh");
  if (SHELLS.has(basename(name)) && refusesCharacters(text) === null) addLine(reader, text, depth, true);
}

function visitShell(reader: Reader, argv: readonly string[], depth: number, inScript: boolean): void {
  const clusters = argv
    .slice(1)
    .filter((word) => /^[-+][A-Za-z]*[oO]$/.test(word) || word === "--rcfile" || word === "--init-file");
  const { flags, rest } = readOptions(
    argv.map((word) => (/^\+[A-Za-z]+$/.test(word) ? `-${word.slice(1)}` : word)),
    new Set(["-o", "-O", "--rcfile", "--init-file", "--command", ...clusters]),
    new Set(),
  );
  const operand = argv[rest];
  if (flags.includes("-c") || flags.includes("--command")) {
    if (operand === undefined) cannotJudge(reader, `${argv[0] ?? "the shell"} is given no line`);
    else addLine(reader, operand, depth);
    return;
  }
  if (operand !== undefined && operand !== "-" && !flags.includes("-s")) {
    readScriptFile(reader, operand, depth, inScript);
    return;
  }
  if (!inScript && !(argv.length === 2 && /^--(version|help)$/.test(argv[1] ?? "")))
    cannotJudge(reader, `${argv[0] ?? "the shell"} runs what it reads from its input`);
}

function readScriptFile(reader: Reader, path: string, depth: number, inScript: boolean): void {
  const files = programFiles(path.includes("/") ? path : `./${path}`, reader.context);
  if (inScript) return;
  if (files.length === 0) cannotJudge(reader, `${path} is not a file that can be looked at`);
  for (const file of files) {
    const text = scriptText(file);
    if (text === null || refusesCharacters(text) !== null) cannotJudge(reader, `${path} cannot be read as a script`);
    else addLine(reader, text, depth, true);
  }
}

function visitRunner(reader: Reader, runner: Runner, argv: readonly string[], depth: number, inScript: boolean): void {
  const shell = optionNames(runner.shell);
  const { values, flags, rest: first } = readOptions(argv, optionNames(runner.valued), shell);
  // su takes its options behind the user's name too.
  const later = shell.size > 0 ? readOptions(argv, optionNames(runner.valued), shell, true).values : values;
  for (const value of new Set([...values, ...later])) addLine(reader, value, depth);
  if (runner.unjudged !== undefined && !inScript) cannotJudge(reader, `${argv[0] ?? ""}: ${runner.unjudged}`);
  if ([...optionNames(runner.lists)].some((name) => flags.includes(name))) return;
  let index = first;
  if (runner.assignments === true)
    while (/^[A-Za-z_]\w*=/.test(argv[index] ?? "") || argv[index] === "--" || argv[index] === "-") index++;
  index += runner.operands ?? 0;
  while (argv[index] === "--") index++;
  const rest = argv.slice(index);
  mention(reader, argv.slice(1));
  if (rest.length === 0) return;
  if (runner.joins === true) addLine(reader, rest.join(" "), depth);
  else visit(reader, rest, depth, inScript);
  if (runner.open !== true) return;
  reader.reach.open.push(rest);
  if (!inScript && endsInRunner(rest)) cannotJudge(reader, "the program's name comes from elsewhere");
  // The program's own name may come from the input: `xargs -I x x`.
  const place = readOptions(argv, new Set(), new Set(["-I", "--replace"])).values[0] ?? "{}";
  if (rest[0]?.includes(place) === true && !inScript) cannotJudge(reader, "the program's name comes from elsewhere");
}

function visitFind(reader: Reader, argv: readonly string[], depth: number, inScript: boolean): void {
  for (let index = 1; index < argv.length; index++) {
    const word = argv[index] ?? "";
    // What -delete does is what rm does.
    if (word === "-delete")
      reader.reach.started.push(
        ["rm", ...argv.slice(1, 2)],
        ["rm", "-rf", ...argv.slice(1, 2)],
        ["unlink", ...argv.slice(1, 2)],
      );
    if (!/^-(exec|execdir|ok|okdir)$/.test(word)) continue;
    const end = argv.findIndex((one, position) => position > index && (one === ";" || one === "+"));
    const inner = argv.slice(index + 1, end === -1 ? undefined : end);
    if (inner[0]?.includes("{}") === true) cannotJudge(reader, "the program's name comes from elsewhere");
    if (inner.length > 0) visit(reader, inner, depth, inScript);
    if (!inScript && endsInRunner(inner.filter((one) => one !== "{}")))
      cannotJudge(reader, "the program's name comes from elsewhere");
    reader.reach.open.push(inner);
  }
}

/** Options before the subcommand, some of them with values that git starts. */
function visitGit(reader: Reader, argv: readonly string[], depth: number, inScript: boolean): void {
  const setting = (text: string): void => {
    const equals = text.indexOf("=");
    if (equals === -1 || !GIT_PROGRAM_KEY.test(text.slice(0, equals))) return;
    addLine(reader, text.slice(equals + 1).replace(/^!/, ""), depth);
    if (!inScript) cannotJudge(reader, `git is told to start something by ${text.slice(0, equals)}`);
  };
  let index = 1;
  for (; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (!word.startsWith("-")) break;
    if (word === "-c") setting(argv[++index] ?? "");
    else if (/^-c./.test(word)) setting(word.slice(2));
    else if (/^--(exec-path=|config-env)/.test(word) && !inScript)
      cannotJudge(reader, `git with ${word} starts what that names`);
    else if (/^(-C|--git-dir|--work-tree|--namespace|--super-prefix|--attr-source|--list-cmds)$/.test(word)) index++;
  }
  const [subcommand = "", ...rest] = argv.slice(index);
  if (subcommand === "") return;
  reader.reach.started.push(["git", subcommand, ...rest], [`git-${subcommand}`, ...rest]);
  if (!GIT_COMMANDS.has(subcommand) && !inScript) cannotJudge(reader, `git ${subcommand} is an alias or a program`);
  if (/^(filter-branch|difftool|mergetool|daemon|send-email|svn|p4|instaweb)$/.test(subcommand) && !inScript)
    cannotJudge(reader, `git ${subcommand} starts other programs`);
  if (subcommand === "submodule" && rest.includes("foreach"))
    addLine(
      reader,
      rest
        .slice(rest.indexOf("foreach") + 1)
        .filter((word, position) => position > 0 || !word.startsWith("-"))
        .join(" "),
      depth,
    );
  if (subcommand === "bisect" && rest[0] === "run") visit(reader, rest.slice(1), depth, inScript);
  if (subcommand === "config") {
    const key = rest.findIndex((word) => GIT_PROGRAM_KEY.test(word));
    if (key !== -1 && rest[key + 1] !== undefined) setting(`${rest[key] ?? ""}=${rest[key + 1] ?? ""}`);
  }
  const hooks = Object.hasOwn(GIT_HOOK_OPTIONS, subcommand) ? GIT_HOOK_OPTIONS[subcommand] : undefined;
  if (hooks !== undefined) {
    for (const value of readOptions([subcommand, ...rest], new Set(), optionNames(hooks), true).values) {
      if (subcommand === "clone" && value.includes("=")) setting(value);
      else addLine(reader, value, depth);
    }
  }
  for (const word of rest) if (/^ext::/.test(word)) addLine(reader, word.slice(5), depth);
  if (rest.some((word) => /^ext::/.test(word)) && !inScript) cannotJudge(reader, "git is told to start a transport");
}

/** `npm exec`, `yarn dlx`, `pnpm exec` and their like. */
function visitPackageManager(reader: Reader, argv: readonly string[], depth: number, inScript: boolean): void {
  const at = argv.findIndex((word) => /^(exec|x|dlx|explore|env|create)$/.test(word));
  const { values } = readOptions(argv, new Set(), new Set(["-c", "--call", "--script-shell", "--shell-mode"]), true);
  for (const value of values) addLine(reader, value, depth);
  if (argv.some((word) => /^--?(script-shell|node-options|shell)\b/.test(word)) && !inScript)
    cannotJudge(reader, `${argv[0] ?? ""} is told by which shell to run scripts`);
  if (at === -1) return;
  mention(reader, argv.slice(at + 1));
  for (let index = at + 1; index < argv.length; index++)
    if (argv[index]?.startsWith("-") !== true) visit(reader, argv.slice(index), depth + 1, inScript);
}

function visitInterpreter(reader: Reader, family: string, argv: readonly string[], inScript: boolean): void {
  mention(reader, argv.slice(1));
  if (inScript) return;
  if (/^(awk|gawk|mawk|nawk)$/.test(family)) {
    if (!isHarmlessProgram("awk", argv)) cannotJudge(reader, `the program given to ${argv[0] ?? ""} may start others`);
    return;
  }
  if (family === "jq" || (argv.length === 2 && /^(-v|-V|--version|--help|-h)$/.test(argv[1] ?? ""))) return;
  const code = optionNames(INTERPRETERS[family]);
  const glued = [...code].filter((name) => name.length === 2).map((name) => name.slice(1));
  // In a cluster too: -ne, -Sc, -wle.
  const isCode = (word: string): boolean =>
    code.has(word) ||
    (word.startsWith("--") && code.has(word.split("=")[0] ?? "")) ||
    (/^-[A-Za-z]/.test(word) && !word.startsWith("--") && [...word.slice(1)].some((letter) => glued.includes(letter)));
  const words = argv.slice(1);
  const file = words.findIndex((word) => !word.startsWith("-"));
  const options = file === -1 ? words : words.slice(0, file);
  if (options.some(isCode) || (family === "deno" && words[0] === "eval"))
    cannotJudge(reader, `${argv[0] ?? ""} is given code`);
  else if (family === "python" && CODE_MODULES.has(words[words.indexOf("-m") + 1] ?? ""))
    cannotJudge(reader, `${argv[0] ?? ""} is given code`);
  else if (file === -1 && !options.some((word) => /^(-m|--test$|--run$|--watch$|--version$|--help$)/.test(word)))
    cannotJudge(reader, `${argv[0] ?? ""} runs what it reads from its input`);
  else if (/^(\/dev\/|\/proc\/)/.test(words[file] ?? ""))
    cannotJudge(reader, `${argv[0] ?? ""} runs what it reads from its input`);
}

function visitBuiltin(
  reader: Reader,
  name: string,
  argv: readonly string[],
  depth: number,
  inScript: boolean,
): boolean {
  if (!inScript && evaluatesSubscript(name, argv)) cannotJudge(reader, `${name} evaluates what is in a subscript`);
  switch (name) {
    case "eval":
      addLine(reader, argv.slice(argv[1] === "--" ? 2 : 1).join(" "), depth);
      return true;
    case "trap":
      addLine(reader, argv[argv[1] === "--" ? 2 : 1] ?? "", depth);
      return true;
    case "source":
    case ".": {
      const path = argv[argv[1] === "--" ? 2 : 1];
      if (path === undefined || /^\/(dev|proc)\//.test(path)) cannotJudge(reader, `${name} runs what it reads`);
      else readScriptFile(reader, path, depth, inScript);
      return true;
    }
    case "alias":
      for (const word of argv.slice(1))
        if (word.includes("=")) addLine(reader, word.slice(word.indexOf("=") + 1), depth);
      return true;
    default:
      return false;
  }
}

const CONTAINERS =
  /^(docker|podman|nerdctl|kubectl|oc|lxc|incus|vagrant|limactl|multipass|machinectl|adb|heroku|flyctl|fly|distrobox|toolbox)$/;

function visit(reader: Reader, words: readonly string[], depth: number, inScript: boolean): void {
  const [name = ""] = words;
  if (name === "") return;
  if (++reader.commands > MOST_COMMANDS || depth > DEEPEST) {
    cannotJudge(reader, "it holds more commands than are looked at");
    return;
  }
  const program = basename(name);
  const argv = [program, ...words.slice(1)];
  reader.reach.started.push([...words], argv);
  lookAtFile(reader, words, depth, inScript);
  if (!inScript)
    for (const word of words.slice(1))
      if (isDeniedFile(reader, word.replace(/^[-\w]+=/, "")))
        cannotJudge(reader, `${word} is a program that a rule denies`);
  const lower = program.toLowerCase();
  const family = lower.replace(/[-\d.]+$/, "") === "" ? lower : lower.replace(/[-\d.]+$/, "");
  if (visitBuiltin(reader, lower, argv, depth, inScript)) return;
  const hooks = Object.hasOwn(HOOK_OPTIONS, lower) ? HOOK_OPTIONS[lower] : undefined;
  if (hooks !== undefined) {
    for (const value of readOptions(argv, new Set(), optionNames(hooks), true).values)
      addLine(reader, value.replace(/^exec=/, "").replace(/^[|!]/, ""), depth);
    mention(reader, argv.slice(1));
  }
  if (SHELLS.has(lower) || SHELLS.has(family)) visitShell(reader, argv, depth, inScript);
  else if (/^(ld-linux.*|ld\.so.*|ld-musl.*|ld64?\.so.*|ld-.*\.so.*)$/.test(lower))
    visitRunner(
      reader,
      { valued: "--library-path --preload --audit --argv0 --inhibit-rpath --glibc-hwcaps-prepend --glibc-hwcaps-mask" },
      argv,
      depth,
      inScript,
    );
  else if (Object.hasOwn(RUNNERS, lower)) visitRunner(reader, RUNNERS[lower] ?? {}, argv, depth, inScript);
  else if (lower === "find" || lower === "gfind") visitFind(reader, argv, depth, inScript);
  else if (lower === "fd" || lower === "fdfind") visitFd(reader, argv, depth, inScript);
  else if (lower === "git") visitGit(reader, argv, depth, inScript);
  else if (
    /^(npm|pnpm|yarn|bun|mise|nix|direnv|pyenv|rbenv|uv|poetry|pipenv|bundle|hatch|pdm|rye|conda|dotenv|op|doppler|asdf|cargo)$/.test(
      lower,
    )
  )
    visitPackageManager(reader, argv, depth, inScript);
  else if (Object.hasOwn(INTERPRETERS, lower) || Object.hasOwn(INTERPRETERS, family))
    visitInterpreter(reader, Object.hasOwn(INTERPRETERS, lower) ? lower : family, argv, inScript);
  else if (lower === "sed" || lower === "gsed") {
    if (!inScript && !isHarmlessProgram("sed", argv)) cannotJudge(reader, "the script given to sed may start programs");
  } else if (lower === "make" || lower === "gmake") {
    mention(reader, argv.slice(1));
    if (
      !inScript &&
      argv.some(
        (word, index) => /^--eval|\$\(|^\.?SHELL|^-f-|^MAKE/.test(word) || (word === "-f" && argv[index + 1] === "-"),
      )
    )
      cannotJudge(reader, "make is given code");
  } else if (CONTAINERS.test(lower)) {
    mention(reader, argv.slice(1));
    if (!inScript && argv.some((word) => /^(exec|run|ssh|attach|shell|enter|debug|cp)$/.test(word)))
      cannotJudge(reader, `${program} runs what an image or another machine holds`);
  } else if (!isInert(lower, argv)) mention(reader, argv.slice(1));
}

function visitFd(reader: Reader, argv: readonly string[], depth: number, inScript: boolean): void {
  const at = argv.findIndex((word) => /^(-[a-zA-Z]*[xX]|--exec(-batch)?)$/.test(word));
  mention(
    reader,
    argv.filter((word) => /^(-[xX]|--exec)/.test(word)),
  );
  if (at === -1) return;
  const inner = argv.slice(at + 1);
  if (!inScript && endsInRunner(inner.filter((one) => !/^\{.*\}$/.test(one))))
    cannotJudge(reader, "the program's name comes from elsewhere");
  if (inner[0]?.includes("{") === true) cannotJudge(reader, "the program's name comes from elsewhere");
  if (inner.length > 0) visit(reader, inner, depth, inScript);
  reader.reach.open.push(inner);
}

/** Everything that the line may start, as far as its words say. */
export async function reachOf(command: string, context: ReachContext): Promise<CommandReach> {
  const reach: CommandReach = { started: [], open: [], mentioned: [], unjudged: null };
  const denied = context.deniedPrograms.flatMap((name) => namedPrograms(name, context));
  const reader: Reader = { reach, context, denied, lines: [{ text: command, depth: 0, inScript: false }], commands: 0 };
  for (let next = reader.lines.pop(); next !== undefined; next = reader.lines.pop()) {
    if (next.text.trim() === "") continue;
    if (refusesCharacters(next.text) !== null) {
      cannotJudge(reader, "it holds text that is not a line for a shell");
      continue;
    }
    const line = await readShellLine(next.text);
    // The outermost line is judged as a whole elsewhere; of a script only what it says outright counts.
    if (next.depth > 0 && !next.inScript && line.unclear !== null)
      cannotJudge(reader, `${next.text.slice(0, 60)}: ${line.unclear}`);
    for (const { argv, complete } of line.commands) {
      visit(reader, argv, next.depth, next.inScript);
      if (!complete && argv.length > 0) reach.open.push([basename(argv[0] ?? ""), ...argv.slice(1)]);
    }
    if (reader.commands > MOST_COMMANDS) break;
  }
  return reach;
}
