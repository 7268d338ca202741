// What the words of single programs say of whether they may start others. Reads no file.

import { parseArguments } from "./command-grammar.ts";
import { READ_ONLY_COMMANDS } from "./command-table.ts";
import { INERT } from "./runner-table.ts";

/** sed runs the command `e` and the flag `e` of `s`; awk runs system(), pipes and getline. */
export function isHarmlessProgram(name: string, argv: readonly string[]): boolean {
  const text = argv.slice(1).join("\n");
  if (name === "sed" || name === "gsed")
    return (
      !/(^|[\n;{}!$\d/,~+]|\s)e(\s|$|;|\})|[/|#,:@!%_][gpimMI\d]*e[gpimMIwe\d]*\s*($|[\n;}])/m.test(text) &&
      !argv.some((word) => /^(-[a-zA-Z]*f|--file)/.test(word))
    );
  return !/system|\||getline|@load|extension|-f|--file|-i|--include|-l|--load|-E|--exec/.test(text);
}

/** Modules of Python that run code from their words or their input. */
export const CODE_MODULES: ReadonlySet<string> = new Set([
  "timeit",
  "code",
  "pdb",
  "asyncio",
  "idlelib",
  "IPython",
  "sqlite3",
]);

/** Builtins that take names of variables: bash runs what is in the subscript of one, also where it is quoted. */
const NAMING = /^(printf|test|\[|let|declare|typeset|local|export|readonly|read|unset|mapfile|readarray|wait|getopts)$/;

export function evaluatesSubscript(name: string, argv: readonly string[]): boolean {
  if (!NAMING.test(name) || !argv.some((word) => /\$\(|\$\{|`/.test(word))) return false;
  return name !== "printf" && name !== "test" && name !== "[" ? true : argv.some((word) => /^-[vR]/.test(word));
}

/** Whether the words of a command are data: it only moves, shows or edits them, or reads by its grammar. */
export function isInert(name: string, argv: readonly string[]): boolean {
  if (INERT.has(name)) return true;
  const grammar = Object.hasOwn(READ_ONLY_COMMANDS, name) ? READ_ONLY_COMMANDS[name] : undefined;
  return grammar !== undefined && typeof parseArguments([...argv], grammar) !== "string";
}
