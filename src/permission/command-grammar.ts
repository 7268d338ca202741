// Positive grammar of a command's arguments: named options, operand kinds and limits. What is not named is not
// accepted. Options are written as GNU programs read them: `-la` flags, `-n=` takes text, `-f@` takes a path, `--long`,
// `--long=`, `--long[=]` (value only behind `=`), `--long@`, `-#` a bare number.

import type { TreeReading } from "../types/shell-reading.ts";

export interface CommandGrammar {
  options?: string;
  /**
   * The program looks at the first letter of a short option only: a second letter behind it is not an option of its
   * own.
   */
  singleLetters?: boolean;
  /** Leading operands that are text: patterns, filters, formats. */
  texts?: number;
  /** Options that take the place of the leading text, such as `-e` of grep. */
  textsFromOptions?: string[];
  /** Most path operands; 0 unless given. */
  paths?: number;
  /** Every argument is text, options included (echo). */
  raw?: boolean;
  /** The exact argument lists accepted, and no other. */
  exactly?: string[][];
  /** At least this many operands: without them the command would do something else. */
  least?: number;
  reads?: TreeReading;
  /** Options that make it read a tree, and how. */
  readsWith?: Record<string, TreeReading>;
  /** Options whose value is a glob that brings hidden files back. */
  unhidesWith?: string[];
  /** Folders are no operands: the program would read what lies in them, and follow links there. */
  filesOnly?: boolean;
  /** A last look at what was read; a sentence refuses. */
  check?(parsed: ParsedArguments): string | null;
  /** A grammar of its own (find, git, test). */
  parse?(argv: string[]): ParsedArguments | string;
}

export interface ParsedArguments {
  options: { name: string; value: string | null }[];
  texts: string[];
  /** Operands and option values that are paths. */
  paths: string[];
  reads: TreeReading;
  /** Globs of hidden files that are read although the reading is `visible`. */
  unhides?: string[];
  filesOnly?: boolean;
}

type OptionKind = "flag" | "text" | "path" | "optional";

interface OptionTable {
  named: Map<string, OptionKind>;
  digits: boolean;
}

const tables = new Map<string, OptionTable>();

function optionTable(options: string): OptionTable {
  const known = tables.get(options);
  if (known !== undefined) return known;
  const named = new Map<string, OptionKind>();
  let digits = false;
  for (const word of options.split(/\s+/).filter((part) => part !== "")) {
    if (word === "-#") digits = true;
    else if (word.endsWith("[=]")) named.set(word.slice(0, -3), "optional");
    else if (word.endsWith("=")) named.set(word.slice(0, -1), "text");
    else if (word.endsWith("@")) named.set(word.slice(0, -1), "path");
    else if (word.startsWith("--")) named.set(word, "flag");
    else for (const letter of word.slice(1)) named.set(`-${letter}`, "flag");
  }
  const table = { named, digits };
  tables.set(options, table);
  return table;
}

const READING_ORDER: TreeReading[] = ["none", "visible", "tracked", "all"];

function strongest(left: TreeReading, right: TreeReading): TreeReading {
  return READING_ORDER.indexOf(left) >= READING_ORDER.indexOf(right) ? left : right;
}

/** Reads options and operands; a sentence when something is not in the table. */
function readArguments(
  words: string[],
  table: OptionTable,
  singleLetters: boolean,
): { options: ParsedArguments["options"]; operands: string[]; paths: string[] } | string {
  const options: ParsedArguments["options"] = [];
  const operands: string[] = [];
  const paths: string[] = [];
  let onlyOperands = false;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (onlyOperands || word === "-" || !word.startsWith("-")) {
      operands.push(word);
      continue;
    }
    if (word === "--") {
      onlyOperands = true;
      continue;
    }
    if (table.digits && /^-\d+$/.test(word)) {
      options.push({ name: "-#", value: word.slice(1) });
      continue;
    }
    if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = equals === -1 ? word : word.slice(0, equals);
      const kind = table.named.get(name);
      if (kind === undefined) return `option ${name}`;
      let value = equals === -1 ? null : word.slice(equals + 1);
      if (kind === "flag" && value !== null) return `option ${name} with a value`;
      if ((kind === "text" || kind === "path") && value === null) {
        index++;
        value = words[index] ?? null;
        if (value === null) return `option ${name} without its value`;
      }
      options.push({ name, value });
      if (kind === "path" && value !== null) paths.push(value);
      continue;
    }
    for (let letter = 1; letter < word.length; letter++) {
      const name = `-${word[letter] ?? ""}`;
      const kind = table.named.get(name);
      if (kind === undefined) return `option ${name}`;
      if (kind === "flag") {
        if (singleLetters && word.length > 2) return `option ${word}`;
        options.push({ name, value: null });
        continue;
      }
      let value: string | null = word.slice(letter + 1);
      if (value === "" && kind !== "optional") {
        index++;
        value = words[index] ?? null;
        if (value === null) return `option ${name} without its value`;
      }
      options.push({ name, value: value === "" ? null : value });
      if (kind === "path" && value !== null) paths.push(value);
      break;
    }
  }
  return { options, operands, paths };
}

/** Reads a command's arguments by its grammar: what it was given, or a few words naming what is not in the table. */
export function parseArguments(argv: string[], grammar: CommandGrammar): ParsedArguments | string {
  if (grammar.parse !== undefined) return grammar.parse(argv);
  const words = argv.slice(1);
  if (
    grammar.exactly !== undefined &&
    grammar.exactly.some((list) => list.length === words.length && list.every((word, index) => word === words[index]))
  ) {
    return { options: [], texts: words, paths: [], reads: "none" };
  }
  if (grammar.raw === true) {
    const parsed: ParsedArguments = { options: [], texts: words, paths: [], reads: "none" };
    return grammar.check?.(parsed) ?? parsed;
  }
  if (grammar.options === undefined && grammar.paths === undefined && grammar.texts === undefined)
    return "these arguments";
  const read = readArguments(words, optionTable(grammar.options ?? ""), grammar.singleLetters === true);
  if (typeof read === "string") return read;
  const fromOptions = read.options.some(({ name }) => grammar.textsFromOptions?.includes(name));
  const textCount = fromOptions ? 0 : (grammar.texts ?? 0);
  const texts = read.operands.slice(0, textCount);
  const pathOperands = read.operands.slice(textCount);
  if (pathOperands.length > (grammar.paths ?? 0)) return "so many operands";
  if (read.operands.length < (grammar.least ?? 0)) return "so few operands";
  let reads = grammar.reads ?? "none";
  for (const { name } of read.options) reads = strongest(reads, grammar.readsWith?.[name] ?? "none");
  const unhides = read.options.flatMap(({ name, value }) =>
    value !== null && grammar.unhidesWith?.includes(name) === true ? [value] : [],
  );
  const parsed: ParsedArguments = {
    options: read.options,
    texts,
    paths: [...read.paths, ...pathOperands],
    reads,
    unhides,
    filesOnly: grammar.filesOnly === true,
  };
  return grammar.check?.(parsed) ?? parsed;
}
