// Reads a bash command line into literal argument lists, by a real parser; what is not literal is named, never guessed.

import type { Assignment, Command, ParsedScript, Redirection, SyntaxNode, Word } from "unbash";

/**
 * One simple command of the line. `plain` when nothing but literal words (and redirections to /dev/null) belongs to it.
 */
export interface Segment {
  argv: string[];
  text: string;
  plain: boolean;
  /** `CI=1` or `CI=true` stands before it: what is planned stays planned, but nothing with it is read-only. */
  inCi: boolean;
}

export interface ShellLine {
  segments: Segment[];
  /** Operators between the segments; one fewer than segments. */
  operators: ("|" | "&&" | "||" | ";")[];
  /** Why the line is more than literal simple commands joined by `| && || ;`, or null. */
  unclear: string | null;
  /** Names and literal leading words of every command anywhere in the line, substitutions included; for deny rules. */
  announced: string[][];
  /** Every simple command anywhere in the line. */
  commands: ReadCommand[];
}

export interface ReadCommand {
  /** Its words as far as they are literal. */
  argv: string[];
  /** Whether those are all. */
  complete: boolean;
}

const LONGEST_LINE = 64_000;
/** Controls, and blanks of other alphabets, which shells and people read differently. */
const UNPRINTABLE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff9-\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Why a line is refused before it is read, or null. */
export function refusesCharacters(command: string): string | null {
  if (command.length > LONGEST_LINE) return `the command is longer than ${LONGEST_LINE} characters`;
  const found = UNPRINTABLE.exec(command);
  if (found === null) return null;
  return `the command holds the unprintable character U+${(found[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The word's value when bash would take it as it stands, else null. */
function literalValue(word: Word): string | null {
  let masked = "";
  if (word.parts === undefined) masked = word.text;
  else {
    for (const part of word.parts) {
      if (part.type === "SingleQuoted") masked += "Q";
      else if (part.type === "DoubleQuoted" && part.parts.every((child) => child.type === "Literal")) masked += "Q";
      else if (part.type === "Literal") masked += part.text;
      else return null;
    }
  }
  if (masked === "[" || masked === "]") return word.value;
  const bare = masked.replace(/\\[^\n]/g, "Q");
  if (/[\\$`*?[\]{}()<>&|;"'\n]/.test(bare) || /(^|[=:])~/.test(bare) || bare.startsWith("#")) return null;
  return word.value;
}

function isHarmless(redirection: Redirection): boolean {
  if (redirection.type !== "Redirect" || redirection.target === undefined) return false;
  const target = redirection.target.text;
  const descriptor = redirection.descriptor;
  if (descriptor !== undefined && (descriptor.type !== "FileDescriptor" || descriptor.value > 2)) return false;
  switch (redirection.operator) {
    case ">":
    case ">>":
    case "&>":
      return target === "/dev/null";
    case "<":
      return target === "/dev/null" && (descriptor === undefined || descriptor.value === 0);
    case ">&":
      return target === "1" || target === "2";
    default:
      return false;
  }
}

const RESERVED = new Set(
  "! { } [[ ]] case coproc do done elif else esac fi for function if in select then time until while".split(" "),
);

/**
 * Blanks the spans that were read; what is left of a plain list is operators and blanks, with a blank between words; no
 * line break but inside quotes.
 */
function isFullyRead(source: string, spans: readonly { pos: number; end: number }[]): boolean {
  let rest = "";
  let position = 0;
  for (const { pos, end } of [...spans].sort((left, right) => left.pos - right.pos)) {
    if (pos < position) return false;
    rest += `${source.slice(position, pos)}W`;
    position = end;
  }
  rest += source.slice(position);
  return !rest.includes("WW") && /^(?:W|[ \t]|\|[|&]?|&&|;)*$/.test(rest) && spans.every(({ pos, end }) => end > pos);
}

function readCommand(command: Command, source: string): { segment: Segment; unclear: string | null } {
  const text = source.slice(command.pos, command.end);
  const argv: string[] = [];
  let unclear: string | null = null;
  const words: (Word | Assignment)[] = command.name === undefined ? [] : [command.name, ...command.args];
  let literalSoFar = true;
  for (const word of words) {
    const value = word.type === "Word" ? literalValue(word) : null;
    if (value === null) {
      unclear ??= `${source.slice(word.pos, word.end)} is not a literal word`;
      literalSoFar = false;
    } else if (literalSoFar) argv.push(value);
  }
  if (command.name === undefined) unclear ??= "it has no command name";
  else if (RESERVED.has(command.name.text)) unclear ??= `${command.name.text} is a reserved word`;
  else if (argv[0]?.startsWith("%") === true) unclear ??= `${argv[0]} names a job`;
  const inCi =
    command.prefix.length > 0 &&
    command.name !== undefined &&
    command.prefix.every((part) => /^CI=(1|true)$/.test(source.slice(part.pos, part.end)));
  if (!inCi && command.prefix.some((part) => part.type === "Assignment")) unclear = "it assigns a variable";
  const redirection = command.redirects.find((one) => !isHarmless(one));
  if (redirection !== undefined) unclear = `it redirects (${source.slice(redirection.pos, redirection.end)})`;
  return { segment: { argv, text, plain: unclear === null, inCi }, unclear };
}

interface Reader {
  source: string;
  line: ShellLine;
  spans: { pos: number; end: number }[];
}

function readNode(node: SyntaxNode, reader: Reader): string | null {
  switch (node.type) {
    case "Command": {
      const { segment, unclear } = readCommand(node, reader.source);
      reader.line.segments.push(segment);
      reader.spans.push(
        ...(segment.inCi ? node.prefix : []),
        ...(node.name === undefined ? [] : [node.name]),
        ...node.args,
        ...node.redirects,
      );
      return unclear;
    }
    case "Pipeline": {
      if (node.prefixes.length > 0) return `${reader.source.slice(node.pos, node.pos + 6)}… has a prefix`;
      let unclear: string | null = null;
      node.commands.forEach((command, index) => {
        // `|&` is `2>&1 |`, and redirections of stderr do not tell two lines apart.
        if (index > 0) reader.line.operators.push("|");
        const problem = readNode(command, reader);
        unclear ??= problem;
      });
      return unclear;
    }
    case "AndOr": {
      let unclear: string | null = null;
      node.commands.forEach((command, index) => {
        const operator = node.operators[index - 1];
        if (operator !== undefined) reader.line.operators.push(operator);
        const problem = readNode(command, reader);
        unclear ??= problem;
      });
      return unclear;
    }
    default:
      return `it holds ${node.type}`;
  }
}

/** Programs that run the words behind them, with how many words of their own may stand before. */
const WRAPPERS = new Set(
  "sudo doas env nohup time timeout nice ionice setsid stdbuf xargs command exec builtin eval".split(" "),
);

function unwrapped(argv: string[]): string[][] {
  const found = [argv];
  if (!WRAPPERS.has(argv[0] ?? "")) return found;
  for (let index = 1; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (!word.startsWith("-") && !word.includes("=") && !/^\d+[smhd]?$/.test(word)) found.push(argv.slice(index));
  }
  return found;
}

async function parse(
  command: string,
): Promise<{ script: ParsedScript; forEachChild: typeof import("unbash").forEachChild }> {
  const { parse: parseScript, forEachChild } = await import("unbash");
  return { script: parseScript(command), forEachChild };
}

/** Reads a line. The characters must have passed `refusesCharacters`. */
export async function readShellLine(command: string): Promise<ShellLine> {
  const source = command.trim();
  const line: ShellLine = { segments: [], operators: [], unclear: null, announced: [], commands: [] };
  const { script, forEachChild } = await parse(source);
  const collect = (node: SyntaxNode): void => {
    if (node.type === "Command") {
      const { argv } = readCommand(node, source).segment;
      if (argv.length > 0) line.announced.push(...unwrapped(argv));
      line.commands.push({ argv, complete: node.name === undefined || argv.length === node.args.length + 1 });
    }
    forEachChild(node, collect);
  };
  collect(script);
  if (script.errors !== undefined && script.errors.length > 0)
    line.unclear = `it cannot be parsed (${script.errors[0]?.message ?? "error"})`;
  if (script.commands.length === 0) line.unclear ??= "it is empty";
  const spans: Reader["spans"] = [];
  script.commands.forEach((statement, index) => {
    if (statement.background === true) line.unclear ??= "it runs something in the background (&)";
    if (index > 0) line.operators.push(";");
    const problem = readNode(statement.command, { source, line, spans });
    line.unclear ??= problem;
  });
  if (line.operators.length !== line.segments.length - 1) line.unclear ??= "it is not a plain list of commands";
  if (!isFullyRead(source, spans)) line.unclear ??= "it holds more than commands and operators";
  return line;
}
