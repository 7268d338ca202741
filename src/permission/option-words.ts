// The options of a command as GNU programs read them, and where the words of a program that a runner starts begin.
// Pure.

import { basename } from "node:path";
import { RUNNERS } from "./runner-table.ts";

/** Names that are separated by blanks. */
export function optionNames(list: string | undefined): Set<string> {
  return new Set((list ?? "").split(" ").filter((name) => name !== ""));
}

export interface Options {
  /** Values of the options asked for, in order. */
  values: string[];
  flags: string[];
  /** Index of the first word that is no option. */
  rest: number;
}

/**
 * Reads options as GNU programs do: clusters, glued values, `--long=value`. `asked` are the options whose values are
 * wanted.
 */
export function readOptions(
  argv: readonly string[],
  valued: Set<string>,
  asked: Set<string>,
  anywhere = false,
): Options {
  const read: Options = { values: [], flags: [], rest: argv.length };
  let index = 1;
  for (; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (word === "--") {
      index++;
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      if (!anywhere) break;
      read.rest = Math.min(read.rest, index);
      continue;
    }
    const equals = word.indexOf("=");
    const name = word.startsWith("--") && equals !== -1 ? word.slice(0, equals) : word;
    read.flags.push(name);
    if (asked.has(name) || valued.has(name)) {
      const value = name === word ? argv[++index] : word.slice(equals + 1);
      if (asked.has(name) && value !== undefined) read.values.push(value);
      continue;
    }
    if (word.startsWith("--")) continue;
    for (let letter = 1; letter < word.length; letter++) {
      const option = `-${word[letter] ?? ""}`;
      read.flags.push(option);
      if (!asked.has(option) && !valued.has(option)) continue;
      const glued = word.slice(letter + 1);
      const value = glued === "" ? argv[++index] : glued;
      if (asked.has(option) && value !== undefined) read.values.push(value);
      break;
    }
  }
  read.rest = Math.min(read.rest, index);
  return read;
}

/** Whether words that are added behind these would name a program: `xargs env`, `xargs sudo -u x nice`. */
export function endsInRunner(words: readonly string[]): boolean {
  const runner = RUNNERS[basename(words[0] ?? "")];
  if (runner === undefined) return words.length > 0 && /^(npx|npm|exec|command|eval)$/.test(basename(words[0] ?? ""));
  let index = readOptions(words, optionNames(runner.valued), optionNames(runner.shell)).rest;
  if (runner.assignments === true) while (/^[A-Za-z_]\w*=/.test(words[index] ?? "")) index++;
  index += runner.operands ?? 0;
  return index >= words.length || endsInRunner(words.slice(index));
}
