// Judges a bash command line: read-only, planned, to be asked about, refused. It decides whether to ask, never whether
// to contain: what a command does is bounded by the sandbox and the snapshot. Whatever is not understood is never
// read-only.

import { statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { GitConfigFacts, ShellSegment, ShellVerdict, TreeRead } from "../types/containment.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { isInside, realPathOf } from "../util/paths.ts";
import { parseArguments, type ParsedArguments } from "./command-grammar.ts";
import { BUILTINS, READ_ONLY_COMMANDS } from "./command-table.ts";
import { parseGit, pathsOfRevision } from "./git-table.ts";
import { commandMatches, parsePlanCommand, type Rule } from "./rules.ts";
import { isProgramItself } from "./program-files.ts";
import { reachOf } from "./reach.ts";
import { readShellLine, refusesCharacters, type Segment, type ShellLine } from "./shell-words.ts";

export interface ShellContext {
  /** Real path; the directory in which the command starts. */
  workspace: string;
  /** Real paths outside the workspace that may be read. */
  readRoots: string[];
  /** `commands[]` and `verify[]` of the approved tickets: rules or bare command lines. */
  planCommands: string[];
  /** What git would obey in that directory; asked only when the line calls git. */
  gitConfig(directory: string): GitConfigFacts;
  /** Whether a real path is a credential. */
  isProtected(realPath: string): boolean;
  /** PATH of the commands; absent: the system's folders. */
  searchPath?: string;
  /** Set where rules deny commands: the first words of those. */
  denied?: { programs: readonly string[] };
}

const USUAL_PATH = "/usr/local/bin:/usr/bin:/bin";
const MOST_DIRECTORIES = 32;

type SegmentVerdict = { readOnly: true; reads: TreeRead[] } | { readOnly: false; reason: string };

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
}

/** Why an operand may not be read, or its real path. */
function readable(operand: string, directory: string, context: ShellContext): { path: string } | { reason: string } {
  let path: string;
  try {
    path = realPathOf(isAbsolute(operand) ? operand : join(directory, operand));
  } catch (thrown) {
    if (thrown instanceof BmoError || systemErrorCode(thrown) !== undefined)
      return { reason: `${operand} cannot be resolved` };
    throw thrown;
  }
  if (operand === "/dev/null") return { path };
  if (![context.workspace, ...context.readRoots].some((root) => isInside(root, path)))
    return { reason: `${operand} is outside the workspace` };
  if (context.isProtected(path)) return { reason: `${operand} is a credential file` };
  return { path };
}

function judgePaths(parsed: ParsedArguments, directory: string, context: ShellContext): SegmentVerdict {
  const roots: string[] = [];
  for (const operand of parsed.paths) {
    if (operand === "-") continue;
    const result = readable(operand, directory, context);
    if ("reason" in result) return { readOnly: false, reason: result.reason };
    if (!isDirectory(result.path)) continue;
    if (parsed.filesOnly === true)
      return { readOnly: false, reason: `${operand} is a folder, and its content would be read` };
    roots.push(result.path);
  }
  const how = parsed.reads;
  if (how === "none") return { readOnly: true, reads: [] };
  if (how === "tracked" || parsed.paths.length === 0) roots.push(directory);
  return { readOnly: true, reads: roots.map((root) => ({ root, how, unhides: parsed.unhides ?? [] })) };
}

function judgeGit(argv: string[], directory: string, context: ShellContext): SegmentVerdict {
  const reading = parseGit(argv);
  if (typeof reading === "string") return { readOnly: false, reason: `${reading} is not known to be read-only` };
  let where = directory;
  for (const step of reading.directories) {
    const result = readable(step, where, context);
    if ("reason" in result || !isDirectory(result.path))
      return { readOnly: false, reason: `git -C ${step} leaves the workspace` };
    where = result.path;
  }
  if (reading.subcommand === "version") return { readOnly: true, reads: [] };
  const facts = context.gitConfig(where);
  if (facts.problem !== null)
    return {
      readOnly: false,
      reason: `the repository's git configuration holds ${facts.problem}, which may start a program`,
    };
  const paths = reading.parsed.paths.flatMap(pathsOfRevision).filter((path) => path !== "" && path !== "-");
  // Between places that no repository tracks, git compares the files themselves.
  const isPlainDiff =
    reading.subcommand === "diff" &&
    (facts.workTree === null || paths.some((path) => !isInside(facts.workTree ?? where, resolve(where, path))));
  return judgePaths({ ...reading.parsed, paths, filesOnly: isPlainDiff }, where, context);
}

function judgeSegment(segment: Segment, directory: string, context: ShellContext): SegmentVerdict {
  const [name = ""] = segment.argv;
  if (!segment.plain) return { readOnly: false, reason: `${segment.text} is more than literal words` };
  if (segment.inCi) return { readOnly: false, reason: "it assigns a variable" };
  // A rule may cover it, such as a commit with a message of several lines; unasked it never runs.
  if (segment.text.includes("\n")) return { readOnly: false, reason: "it has more than one line" };
  if (Object.hasOwn(READ_ONLY_COMMANDS, name) || name === "git") {
    if (!BUILTINS.has(name) && !isProgramItself(name, context.workspace, context.searchPath ?? USUAL_PATH))
      return {
        readOnly: false,
        reason: `${name} is found as a stand-in, which starts what a file of the project may name`,
      };
  }
  if (name === "git") return judgeGit(segment.argv, directory, context);
  const grammar = Object.hasOwn(READ_ONLY_COMMANDS, name) ? READ_ONLY_COMMANDS[name] : undefined;
  if (grammar === undefined) return { readOnly: false, reason: `${name} is not known to be read-only` };
  const parsed = parseArguments(segment.argv, grammar);
  if (typeof parsed === "string")
    return { readOnly: false, reason: `${name} with ${parsed} is not known to be read-only` };
  return judgePaths(parsed, directory, context);
}

/**
 * `cd <directory> && …`: the one change of directory that is followed; only at the head of a line without `||` and `;`.
 */
function leadingDirectory(segments: Segment[], operators: string[], context: ShellContext): string | null {
  const [first] = segments;
  if (first === undefined || first.argv[0] !== "cd") return null;
  const words = first.argv[1] === "--" ? first.argv.slice(2) : first.argv.slice(1);
  const [target] = words;
  if (!first.plain || target === undefined || words.length !== 1 || target.startsWith("-") || target === "")
    return null;
  if (operators[0] === "|" || operators.some((operator) => operator === ";" || operator === "||")) return null;
  const result = readable(target, context.workspace, context);
  return "path" in result && isDirectory(result.path) ? result.path : null;
}

function isSpelledOut(segment: Segment, plan: PlannedLine[]): boolean {
  return (
    segment.plain && plan.some((line) => line.words.length === 1 && line.words[0] === JSON.stringify(segment.argv))
  );
}

function isCovered(segment: Segment, rules: Rule[]): boolean {
  return segment.plain && rules.some((rule) => rule.pattern === null || commandMatches(rule.pattern, segment.argv));
}

/**
 * A command line of the plan as its words and operators: blanks, quotes and redirections of stderr do not tell two
 * apart.
 */
interface PlannedLine {
  text: string;
  /** JSON of each command's words, between them the operators; empty for what is more than plain commands. */
  words: string[];
}

function wordsOf(line: ShellLine): string[] {
  if (line.unclear !== null) return [];
  return line.segments.flatMap((segment, index) => [
    ...(index === 0 ? [] : [line.operators[index - 1] ?? ""]),
    JSON.stringify(segment.argv),
  ]);
}

/** Whether the line is one of the plan's, at most piped on into what only reads. */
function continues(line: ShellLine, planned: PlannedLine, segments: readonly ShellSegment[]): boolean {
  const words = wordsOf(line);
  if (
    planned.words.length === 0 ||
    words.length < planned.words.length ||
    !planned.words.every((word, index) => words[index] === word)
  )
    return false;
  const used = (planned.words.length + 1) / 2;
  return (
    line.operators.slice(used - 1).every((operator) => operator === "|") &&
    segments.slice(used).every((segment) => segment.readOnly)
  );
}

/** The plan's commands. What is no rule of today, from a plan of before, counts for just that line. */
async function readPlan(commands: readonly string[]): Promise<{ rules: Rule[]; lines: PlannedLine[] }> {
  const rules: Rule[] = [];
  const lines: PlannedLine[] = [];
  for (const command of commands) {
    const entry = planEntry(command);
    if ("rule" in entry) rules.push(entry.rule);
    else
      lines.push({
        text: entry.line,
        words: refusesCharacters(entry.line) === null ? wordsOf(await readShellLine(entry.line)) : [],
      });
  }
  return { rules, lines };
}

function planEntry(command: string): { rule: Rule } | { line: string } {
  try {
    return parsePlanCommand(command);
  } catch (thrown) {
    if (thrown instanceof BmoError) return { line: command.trim() };
    throw thrown;
  }
}

/**
 * Where the line may be when it starts a program by a relative path: its `cd`s, taken from any of the places before.
 */
function startDirectories(commands: readonly { argv: string[] }[], workspace: string): string[] {
  const places = new Set([workspace]);
  for (const { argv } of commands) {
    const target = /^(cd|pushd)$/.test(argv[0] ?? "") ? argv.slice(1).find((word) => !word.startsWith("-")) : undefined;
    if (target === undefined || places.size > MOST_DIRECTORIES) continue;
    for (const place of [...places]) places.add(resolve(place, target));
  }
  return [...places];
}

/**
 * Judges one command line as `bash -c` would run it in the workspace. Reads the file system to resolve operands; runs
 * nothing.
 */
export async function judgeCommand(command: string, context: ShellContext): Promise<ShellVerdict> {
  const nothing = { segments: [], spelledOut: false, understood: false, announced: [], reach: null, reads: [] };
  const refused = refusesCharacters(command);
  if (refused !== null) return { ...nothing, verdict: "refuse", reason: refused };
  const line = await readShellLine(command);
  const { rules, lines } = await readPlan(context.planCommands);
  const directory = leadingDirectory(line.segments, line.operators, context);
  const reads: TreeRead[] = [];
  const problems: string[] = [];
  const segments: ShellSegment[] = line.segments.map((segment, index) => {
    const isStep = directory !== null && index === 0;
    const verdict: SegmentVerdict = isStep
      ? { readOnly: true, reads: [] }
      : judgeSegment(segment, directory ?? context.workspace, context);
    if (verdict.readOnly) reads.push(...verdict.reads);
    else problems.push(verdict.reason);
    return {
      argv: segment.argv,
      text: segment.text,
      plain: segment.plain,
      readOnly: verdict.readOnly,
      planned: isSpelledOut(segment, lines) || isCovered(segment, rules),
    };
  });
  const reach =
    context.denied === undefined
      ? null
      : await reachOf(command.trim(), {
          directories: startDirectories(line.commands, context.workspace),
          searchPath: context.searchPath ?? USUAL_PATH,
          deniedPrograms: context.denied.programs,
        });
  const spelledOut =
    lines.some((planned) => planned.text === command.trim() || continues(line, planned, segments)) ||
    (line.unclear === null &&
      line.segments.every((segment, index) => segments[index]?.readOnly === true || isSpelledOut(segment, lines)));
  const result = { segments, spelledOut, understood: line.unclear === null, announced: line.announced, reach, reads };
  if (line.unclear === null && problems.length === 0)
    return { ...result, verdict: "read_only", reason: "it only reads" };
  if (spelledOut) return { ...result, verdict: "planned", reason: "the approved plan names this command" };
  if (rules.some((rule) => rule.pattern === null))
    return { ...result, verdict: "planned", reason: "the approved plan allows every command" };
  if (line.unclear === null && segments.every((segment) => segment.planned || segment.readOnly)) {
    return { ...result, verdict: "planned", reason: "the approved plan names its commands" };
  }
  return { ...result, verdict: "ask", reason: line.unclear ?? problems[0] ?? "it is not known to be read-only" };
}
