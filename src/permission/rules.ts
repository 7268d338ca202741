// Permission rules such as `bash(git *)`, `edit(src/**)`, `view`: reading and matching; decides nothing by itself.
// Looks at the file system only to resolve the folders that a pattern names.

import { isAbsolute, join, normalize, relative } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import { compileGlob, globProblem, isGlob } from "../util/path-glob.ts";
import { isInside, realPathOf } from "../util/paths.ts";

const RULE_TOOLS = [
  "view",
  "edit",
  "multiedit",
  "write",
  "grep",
  "glob",
  "bash",
  "set_plan_artifact",
  "request_replan",
  "ask_question",
  "activate_skill",
] as const;
export type RuleTool = (typeof RULE_TOOLS)[number];

/** A rule as read. `pattern` null covers every use of the tool. */
export interface Rule {
  tool: RuleTool;
  pattern: string | null;
  text: string;
}

/** What a rule is compared with: one segment of a command line, or a real path. */
export type RuleSubject =
  | { tool: string; kind: "command"; argv: string[] }
  | { tool: string; kind: "path"; realPath: string; workspace: string; home: string | null }
  | { tool: string; kind: "none" };

const ALIASES: Record<string, RuleTool> = { read: "view", shell: "bash", search: "grep", plan: "set_plan_artifact" };
/** A rule for the key covers these tools too: who may edit a path may edit it by any file tool. */
const COVERS: Partial<Record<RuleTool, readonly string[]>> = { edit: ["edit", "multiedit", "write"], view: ["view"] };
const ALLOWED = "allowed: a tool name, or a tool with a pattern, such as bash(git *), edit(src/**), view";

/**
 * Reads one rule; the tool's name in any case.
 * @throws BmoError usage that says what is wrong and what is allowed.
 */
export function parseRule(text: string): Rule {
  const trimmed = text.trim();
  const match = /^([A-Za-z_]+)(?:\((.*)\))?$/s.exec(trimmed);
  if (match === null) throw new BmoError("usage", `permission rule "${trimmed}" cannot be read`, ALLOWED);
  const name = (match[1] ?? "").toLowerCase();
  const tool = ruleTool(name);
  if (tool === undefined) {
    const near = nearestNames(name, RULE_TOOLS, 1)[0];
    throw new BmoError(
      "usage",
      `permission rule "${trimmed}" names no tool of bmo`,
      `${near === undefined ? "" : `nearest: ${near}; `}allowed: ${RULE_TOOLS.join(", ")}`,
    );
  }
  const body = match[2]?.trim();
  if (body === "") throw new BmoError("usage", `permission rule "${trimmed}" has an empty pattern`, ALLOWED);
  if (body !== undefined && tool === "bash" && patternWords(body).length === 0)
    throw new BmoError("usage", `permission rule "${trimmed}" has an open quote`, ALLOWED);
  const pattern = body === undefined || body === "*" || (tool === "bash" && EVERY_COMMAND.test(body)) ? null : body;
  if (pattern !== null && tool !== "bash") checkPathPattern(tool, pattern, trimmed);
  return { tool, pattern, text: trimmed };
}

/** Patterns that no command escapes, other than `*` alone. */
const EVERY_COMMAND = /^(\*+|:\*|\*+\s+\*+)$/;

/** The tools whose calls are about a path; a pattern for any other would be compared with nothing. */
const PATH_TOOLS: readonly RuleTool[] = ["view", "edit", "multiedit", "write", "grep", "glob"];

/** A pattern that can match nothing would deny nothing: the rule is refused when it is read. */
function checkPathPattern(tool: RuleTool, pattern: string, text: string): void {
  if (!PATH_TOOLS.includes(tool))
    throw new BmoError(
      "usage",
      `permission rule "${text}" has a pattern, but ${tool} is about no path`,
      `allowed: ${tool} alone, or a pattern for bash, ${PATH_TOOLS.join(", ")}`,
    );
  let problem: string | null;
  try {
    problem = globProblem(pattern);
  } catch (thrown) {
    if (!(thrown instanceof BmoError)) throw thrown;
    const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
    throw new BmoError("usage", `permission rule "${shown}": ${thrown.message}`, "Use several shorter rules.", {
      cause: thrown,
    });
  }
  if (problem !== null)
    throw new BmoError("usage", `permission rule "${text}" can match no path: it ${problem}`, ALLOWED);
}

/** Splits `a(b, c), d` at the commas outside parentheses. */
export function splitRules(text: string): string[] {
  const rules: string[] = [];
  let depth = 0;
  let current = "";
  for (const character of text) {
    if (character === "(") depth++;
    if (character === ")") depth--;
    if (character === "," && depth <= 0) {
      rules.push(current);
      current = "";
    } else {
      current += character;
    }
  }
  rules.push(current);
  return rules.map((rule) => rule.trim()).filter((rule) => rule !== "");
}

/**
 * Reads a command entry of a plan: `bash`, a `bash(…)` rule, or a bare command line, which counts for just that line.
 * @throws BmoError usage for a rule that could cover no command.
 */
export function parsePlanCommand(text: string): { rule: Rule } | { line: string } {
  const trimmed = text.trim();
  const called = /^([A-Za-z_]+)\s*(\(.*\))?$/s.exec(trimmed);
  const tool = called === null ? undefined : ruleTool(called[1] ?? "");
  if (called === null || tool === undefined) return { line: trimmed };
  if (tool === "bash") return { rule: parseRule(`bash${called[2] ?? ""}`) };
  // `view` and `write` are commands of some systems, and none of them takes its words in brackets.
  if (called[2] === undefined && !TOOLS_BESIDE_COMMANDS.has(trimmed)) return { line: trimmed };
  throw new BmoError(
    "usage",
    `"${trimmed}" is about the tool ${tool} and covers no command`,
    "A plan's commands are command lines or rules for bash, such as npm test, bash(npm run *), bash; files are named under files.",
  );
}

/** Names of tools that nobody means as a command. */
const TOOLS_BESIDE_COMMANDS: ReadonlySet<string> = new Set([
  "edit",
  "multiedit",
  "view",
  "write",
  "glob",
  "set_plan_artifact",
  "request_replan",
  "ask_question",
  "activate_skill",
]);

function ruleTool(name: string): RuleTool | undefined {
  const lower = name.toLowerCase();
  return RULE_TOOLS.find((known) => known === lower) ?? ALIASES[lower];
}

/**
 * The words of a command pattern, quotes taken off; a quoted `*` stands for itself, `git:*` for `git *`. Empty when a
 * quote is left open.
 */
function patternWords(text: string): { text: string; literal: boolean }[] {
  const pattern = text.endsWith(":*") ? `${text.slice(0, -2)} *` : text;
  const words: { text: string; literal: boolean }[] = [];
  const expression = /'([^']*)'|"([^"]*)"|([^\s'"]+)|(\s+)|(['"])/gy;
  let open = false;
  for (const match of pattern.matchAll(expression)) {
    if (match[5] !== undefined) return [];
    if (match[4] !== undefined) {
      open = false;
      continue;
    }
    const quoted = match[1] ?? match[2];
    const piece = { text: quoted ?? match[3] ?? "", literal: quoted !== undefined };
    const last = words.at(-1);
    if (open && last !== undefined)
      words[words.length - 1] = { text: last.text + piece.text, literal: last.literal || piece.literal };
    else words.push(piece);
    open = true;
  }
  return words;
}

/** The pieces between the stars in order, each as early as possible: one pass over the word. */
function wordMatches(pattern: { text: string; literal: boolean }, word: string): boolean {
  if (pattern.literal || !pattern.text.includes("*")) return pattern.text === word;
  const pieces = pattern.text.split("*");
  const first = pieces[0] ?? "";
  const last = pieces.at(-1) ?? "";
  if (word.length < first.length + last.length || !word.startsWith(first) || !word.endsWith(last)) return false;
  const inner = word.slice(first.length, word.length - last.length);
  let position = 0;
  for (const piece of pieces.slice(1, -1)) {
    const found = inner.indexOf(piece, position);
    if (found === -1) return false;
    position = found + piece.length;
  }
  return true;
}

/** Word by word: a `*` inside a word stays in that word, a last word `*` (or `git:*`) covers any further words. */
export function commandMatches(pattern: string, argv: string[]): boolean {
  const words = patternWords(pattern);
  if (words.length === 0) return false;
  const last = words.at(-1);
  const open = last !== undefined && !last.literal && (last.text === "*" || last.text === "**");
  const fixed = open ? words.slice(0, -1) : words;
  if (open ? argv.length < fixed.length : argv.length !== fixed.length) return false;
  return fixed.every((word, index) => wordMatches(word, argv[index] ?? ""));
}

/**
 * The name of a program without the folders before it; case does not count, since some file systems do not count it.
 */
function programName(word: string): string {
  return word.slice(word.lastIndexOf("/") + 1).toLowerCase();
}

/** The same words with the options before the first subcommand left out, and with what may be their values. */
function withoutLeadingOptions(argv: readonly string[]): string[][] {
  const [program = "", ...rest] = argv;
  const found: string[][] = [];
  for (let index = 0; index < rest.length; index++) {
    if (rest[index]?.startsWith("-") !== true && (index === 0 || rest[index - 1]?.startsWith("-") !== true)) break;
    found.push([program, ...rest.slice(index + 1)]);
  }
  return found;
}

/**
 * Whether a deny rule means the command: under any path of the program, and behind options that stand before what the
 * rule names.
 */
export function commandDenied(pattern: string, argv: readonly string[]): boolean {
  const [program = "", ...rest] = argv;
  const named = [programName(program), ...rest];
  const own = pattern
    .trim()
    .replace(/^\S*\/(?=[^\s*/]+(\s|$))/, "")
    .replace(/^[^\s'"]+/, (word) => word.toLowerCase());
  return [pattern, own].some(
    (one) =>
      commandMatches(one, [...argv]) ||
      commandMatches(one, named) ||
      withoutLeadingOptions(named).some((words) => commandMatches(one, words)),
  );
}

/** Whether words that are to be appended could make the command one that the rule means. */
export function commandMayBecomeDenied(pattern: string, argv: readonly string[]): boolean {
  const words = patternWords(pattern);
  return words.every(
    (word, index) =>
      index >= argv.length ||
      (index === words.length - 1 && word.text === "*") ||
      wordMatches(
        index === 0 ? { ...word, text: programName(word.text) } : word,
        index === 0 ? programName(argv[0] ?? "") : (argv[index] ?? ""),
      ),
  );
}

/** Whether the name is that of the program a rule is about. */
export function namesProgram(pattern: string, name: string): boolean {
  const [first] = patternWords(pattern);
  return first !== undefined && wordMatches({ ...first, text: programName(first.text) }, programName(name));
}

/** First words of the deny rules for commands: names of programs, stars included. */
export function deniedPrograms(rules: readonly Rule[]): string[] {
  return rules.flatMap((rule) =>
    rule.tool === "bash" && rule.pattern !== null ? (patternWords(rule.pattern)[0]?.text ?? []) : [],
  );
}

/** The pattern as an absolute glob in normal form; null where it begins with `~` and there is no home. */
function absolutePattern(
  pattern: string,
  { workspace, home }: { workspace: string; home: string | null },
): string | null {
  if (pattern === "~" || pattern.startsWith("~/"))
    return home === null ? null : normalize(join(home, pattern.slice(1)));
  return normalize(isAbsolute(pattern) ? pattern : join(workspace, pattern));
}

/**
 * The same with the folders before the first wildcard resolved: paths that are compared are real ones, what a rule
 * names may be a link.
 */
function resolvedPattern(glob: string): string {
  const parts = glob.split("/");
  const firstGlob = parts.findIndex(isGlob);
  const fixed = firstGlob === -1 ? parts : parts.slice(0, firstGlob);
  try {
    return [realPathOf(fixed.join("/") || "/").replace(/\/$/, ""), ...parts.slice(fixed.length)].join("/");
  } catch (thrown) {
    if (thrown instanceof BmoError || systemErrorCode(thrown) !== undefined) return glob;
    throw thrown;
  }
}

function pathMatches(pattern: string, subject: { realPath: string; workspace: string; home: string | null }): boolean {
  const glob = absolutePattern(pattern, subject)?.replace(/\/+$/, "").normalize("NFC");
  if (glob === undefined) return false;
  const path = subject.realPath.normalize("NFC");
  // A relative pattern is about the workspace, even where that lies in a folder whose name holds a wildcard.
  const root = subject.workspace.normalize("NFC");
  return [glob, resolvedPattern(glob).normalize("NFC")].some((one) => {
    const isRelative = isInside(root, one);
    if (isRelative && !isInside(root, path)) return false;
    const [names, test] = isRelative ? [relative(root, one), relative(root, path)] : [one, path];
    // What is named outright needs no wildcard to be read; a directory covers what is below it.
    return (
      names === test || test.startsWith(`${names}/`) || compileGlob(names)(test) || compileGlob(`${names}/**`)(test)
    );
  });
}

/**
 * Whether the rule covers the subject. A command rule with a pattern needs the subject to be a command, a path rule a
 * path.
 */
export function matchesRule(rule: Rule, subject: RuleSubject): boolean {
  const covered = COVERS[rule.tool] ?? [rule.tool];
  if (!covered.includes(subject.tool)) return false;
  if (rule.pattern === null) return true;
  if (subject.kind === "command") return commandMatches(rule.pattern, subject.argv);
  if (subject.kind === "path") return pathMatches(rule.pattern, subject);
  return false;
}

/** Programs that run whatever follows: a standing rule for them would cover everything. */
const RUNS_ANYTHING = new Set([
  "bash",
  "sh",
  "zsh",
  "dash",
  "env",
  "sudo",
  "doas",
  "xargs",
  "eval",
  "exec",
  "source",
  ".",
  "command",
  "nohup",
  "time",
  "timeout",
  "nice",
  "node",
  "python",
  "python3",
  "perl",
  "ruby",
  "php",
  "deno",
  "bun",
  "npx",
  "rm",
  "find",
  "awk",
  "ssh",
  "docker",
  "setsid",
  "stdbuf",
  "script",
  "watch",
]);

/** The rule to offer for "allow for this session": first word and a subcommand that is no option, then anything. */
export function suggestCommandRule(argv: string[]): string | null {
  if (RUNS_ANYTHING.has(argv[0] ?? "")) return null;
  const words = argv.slice(0, argv[1] !== undefined && /^[a-z][\w:-]*$/.test(argv[1]) ? 2 : 1);
  if (words.length === 0 || words.some((word) => !/^[\w./:@+-]+$/.test(word))) return null;
  return `bash(${[...words, "*"].join(" ")})`;
}
