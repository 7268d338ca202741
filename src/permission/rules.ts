// Permission rules such as `bash(git *)`, `edit(src/**)`, `view`: reading and matching. Pure; decides nothing by itself.

import { isAbsolute, join, relative } from "node:path";
import { BmoError } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import { compileGlob } from "../util/path-glob.ts";
import { isInside } from "../util/paths.ts";

const RULE_TOOLS = [
  "view", "edit", "multiedit", "write", "grep", "glob", "bash", "set_plan_artifact", "request_replan", "ask_question", "activate_skill",
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
  const tool = RULE_TOOLS.find((known) => known === name) ?? ALIASES[name];
  if (tool === undefined) {
    const near = nearestNames(name, RULE_TOOLS, 1)[0];
    throw new BmoError("usage", `permission rule "${trimmed}" names no tool of bmo`, `${near === undefined ? "" : `nearest: ${near}; `}allowed: ${RULE_TOOLS.join(", ")}`);
  }
  const body = match[2]?.trim();
  if (body === "") throw new BmoError("usage", `permission rule "${trimmed}" has an empty pattern`, ALLOWED);
  if (body !== undefined && tool === "bash" && patternWords(body).length === 0) throw new BmoError("usage", `permission rule "${trimmed}" has an open quote`, ALLOWED);
  const pattern = body === undefined || body === "*" ? null : body;
  return { tool, pattern, text: trimmed };
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

/** Reads a command entry of a plan: a `bash(…)` rule, or a bare command line, which counts for just that line. */
export function parsePlanCommand(text: string): { rule: Rule } | { line: string } {
  const trimmed = text.trim();
  return /^(bash|shell)\s*\(.*\)$/is.test(trimmed) ? { rule: parseRule(trimmed.replace(/\s+\(/, "(")) } : { line: trimmed };
}

/** The words of a command pattern, quotes taken off; a quoted `*` stands for itself. Empty when a quote is left open. */
function patternWords(pattern: string): { text: string; literal: boolean }[] {
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
    if (open && last !== undefined) words[words.length - 1] = { text: last.text + piece.text, literal: last.literal || piece.literal };
    else words.push(piece);
    open = true;
  }
  return words;
}

function wordMatches(pattern: { text: string; literal: boolean }, word: string): boolean {
  if (pattern.literal || !pattern.text.includes("*")) return pattern.text === word;
  const source = pattern.text.split("*").map((piece) => piece.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  return new RegExp(`^${source.join(".*")}$`, "s").test(word);
}

/** Word by word: a `*` inside a word stays in that word, a last word `*` (or `git:*`) covers any further words. */
export function commandMatches(pattern: string, argv: string[]): boolean {
  const words = patternWords(pattern.endsWith(":*") ? `${pattern.slice(0, -2)} *` : pattern);
  if (words.length === 0) return false;
  const last = words.at(-1);
  const open = last !== undefined && !last.literal && (last.text === "*" || last.text === "**");
  const fixed = open ? words.slice(0, -1) : words;
  if (open ? argv.length < fixed.length : argv.length !== fixed.length) return false;
  return fixed.every((word, index) => wordMatches(word, argv[index] ?? ""));
}

function pathMatches(pattern: string, subject: { realPath: string; workspace: string; home: string | null }): boolean {
  let glob = pattern;
  if (glob.startsWith("~/")) {
    if (subject.home === null) return false;
    glob = join(subject.home, glob.slice(2));
  }
  let path: string;
  if (isAbsolute(glob)) path = subject.realPath;
  else {
    if (!isInside(subject.workspace, subject.realPath)) return false;
    path = relative(subject.workspace, subject.realPath);
    glob = glob.replace(/^(\.\/)+/, "");
  }
  glob = glob.replace(/\/+$/, "").normalize("NFC");
  const test = path.normalize("NFC");
  // A directory covers what lies below it.
  return compileGlob(glob)(test) || compileGlob(`${glob}/**`)(test);
}

/** Whether the rule covers the subject. A command rule with a pattern needs the subject to be a command, a path rule a path. */
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
  "bash", "sh", "zsh", "dash", "env", "sudo", "doas", "xargs", "eval", "exec", "source", ".", "command", "nohup", "time", "timeout", "nice", "node", "python",
  "python3", "perl", "ruby", "php", "deno", "bun", "npx", "rm", "find", "awk", "ssh", "docker", "setsid", "stdbuf", "script", "watch",
]);

/** The rule to offer for "allow for this session": first word and a subcommand that is no option, then anything. */
export function suggestCommandRule(argv: string[]): string | null {
  if (RUNS_ANYTHING.has(argv[0] ?? "")) return null;
  const words = argv.slice(0, argv[1] !== undefined && /^[a-z][\w:-]*$/.test(argv[1]) ? 2 : 1);
  if (words.length === 0 || words.some((word) => !/^[\w./:@+-]+$/.test(word))) return null;
  return `bash(${[...words, "*"].join(" ")})`;
}
