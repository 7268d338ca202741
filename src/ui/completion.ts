// What Tab offers: slash commands with their arguments' hints, skills, and files after `@`. Pure; the lists are handed
// in.

import { firstPaths } from "../util/path-order.ts";
import type { CommandDefinition } from "../types/command.ts";

export interface CompletionItem {
  /** Replaces the part being completed. */
  value: string;
  label: string;
  detail: string;
}

export interface Completion {
  items: CompletionItem[];
  selected: number;
  /** Offsets of the part that is replaced. */
  start: number;
  end: number;
}

/** What is being completed at the cursor. */
export type CompletionRequest =
  | { kind: "command"; query: string; start: number; end: number }
  | { kind: "skill"; query: string; start: number; end: number }
  | { kind: "file"; query: string; start: number; end: number };

export function completionRequest(text: string, cursor: number): CompletionRequest | null {
  const before = text.slice(0, cursor);
  const command = /^\/([a-z-]*)$/.exec(before);
  if (command !== null) {
    const rest = /^[a-z-]*/.exec(text.slice(cursor))?.[0] ?? "";
    return { kind: "command", query: command[1] ?? "", start: 0, end: cursor + rest.length };
  }
  const skill = /^\/skill\s+(\S*)$/.exec(before);
  if (skill !== null)
    return { kind: "skill", query: skill[1] ?? "", start: cursor - (skill[1] ?? "").length, end: cursor };
  const file = /(?:^|[\s(])@([^\s@]*)$/.exec(before);
  if (file !== null)
    return { kind: "file", query: file[1] ?? "", start: cursor - (file[1] ?? "").length - 1, end: cursor };
  return null;
}

/** Commands whose name or alias begins with the query, then those that hold it. */
export function commandItems(commands: readonly CommandDefinition[], query: string): CompletionItem[] {
  const names = (command: CommandDefinition): string[] => [command.name, ...command.aliases];
  const begins = commands.filter((command) => names(command).some((name) => name.startsWith(query)));
  const holds =
    query.length < 2
      ? []
      : commands.filter((command) => !begins.includes(command) && names(command).some((name) => name.includes(query)));
  return [...begins, ...holds].map((command) => ({
    value: `/${command.name} `,
    label: `/${command.name}${command.argumentHint === "" ? "" : ` ${command.argumentHint}`}`,
    detail: command.summary,
  }));
}

/** The hint for the arguments of the command that stands complete before the cursor; null when there is none. */
export function argumentHint(commands: readonly CommandDefinition[], text: string): string | null {
  const match = /^\/([a-z-]+) $/.exec(text);
  if (match === null) return null;
  const command = commands.find((one) => one.name === match[1] || one.aliases.includes(match[1] ?? ""));
  return command === undefined || command.argumentHint === "" ? null : command.argumentHint;
}

/** Ranks names for a query; the whole list, cut, for an empty one. */
export type Rank = (query: string, names: readonly string[], limit: number) => string[];

const SHOWN = 50;

export function nameItems(
  kind: "skill" | "file",
  names: readonly string[],
  query: string,
  rank: Rank,
): CompletionItem[] {
  const chosen =
    query !== "" ? rank(query, names, SHOWN) : kind === "file" ? firstPaths(names, SHOWN) : names.slice(0, SHOWN);
  return chosen.map((name) => ({
    value: kind === "file" ? `@${/\s/.test(name) ? `"${name}"` : name} ` : `${name} `,
    label: name,
    detail: "",
  }));
}

export function moveSelection(completion: Completion, direction: -1 | 1): Completion {
  const count = completion.items.length;
  return { ...completion, selected: (completion.selected + direction + count) % count };
}

/** Paths named by `@` in a message. */
export function mentionedPaths(text: string): string[] {
  return [...text.matchAll(/(?:^|[\s(])@(?:"([^"\n]+)"|([^\s@"]+))/g)].map((match) => match[1] ?? match[2] ?? "");
}
