// What was sent before, per workspace: a bounded list in memory and a JSONL file. Walking through it is pure.

import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { systemErrorCode } from "../util/errors.ts";

/** Entries kept; the file is rewritten when it grows beyond twice that. */
const KEPT = 1000;
/** Longer entries (large pastes) are not kept. */
const LONGEST = 20_000;
const LARGEST_FILE = 8_000_000;

export interface History {
  /** Oldest first. */
  entries: readonly string[];
  /** Where Up and Down stand; `entries.length` = the draft. */
  index: number;
  draft: string;
}

export function createHistory(entries: readonly string[]): History {
  return { entries, index: entries.length, draft: "" };
}

export function addEntry(history: History, text: string): History {
  if (text.trim() === "" || text.length > LONGEST) return createHistory(history.entries);
  const entries = history.entries.at(-1) === text ? history.entries : [...history.entries, text].slice(-KEPT);
  return createHistory(entries);
}

/** One entry older or newer; null when there is none in that direction. */
export function walk(history: History, direction: -1 | 1, current: string): { history: History; text: string } | null {
  const index = history.index + direction;
  if (index < 0 || index > history.entries.length) return null;
  const draft = history.index === history.entries.length ? current : history.draft;
  return {
    history: { ...history, index, draft },
    text: index === history.entries.length ? draft : (history.entries[index] ?? ""),
  };
}

/**
 * The newest entry before `before` that holds the query (case ignored when the query has no capitals); -1 when none.
 */
export function searchHistory(history: History, query: string, before: number): number {
  const exact = query !== query.toLowerCase();
  for (let index = Math.min(before, history.entries.length) - 1; index >= 0; index--) {
    const entry = history.entries[index] ?? "";
    if ((exact ? entry : entry.toLowerCase()).includes(query)) return index;
  }
  return -1;
}

function parseLine(line: string): string | null {
  if (line === "") return null;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "string" ? value : null;
  } catch {
    // A torn or foreign line is worth nothing; the others are.
    return null;
  }
}

/** Reads what there is; a missing or unreadable file is an empty history. */
export function loadHistory(file: string): History {
  try {
    if (!existsSync(file) || statSync(file).size > LARGEST_FILE) return createHistory([]);
    const all = readFileSync(file, "utf8")
      .split("\n")
      .flatMap((line) => parseLine(line) ?? []);
    if (all.length > 2 * KEPT) {
      const temporary = `${file}.${process.pid}`;
      writeFileSync(
        temporary,
        all
          .slice(-KEPT)
          .map((entry) => `${JSON.stringify(entry)}\n`)
          .join(""),
        { mode: 0o600 },
      );
      renameSync(temporary, file);
    }
    return createHistory(all.slice(-KEPT));
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return createHistory([]);
  }
}

/** Appends one entry; a folder that cannot be written costs the entry, not the session. */
export function saveEntry(file: string, text: string): void {
  if (text.trim() === "" || text.length > LONGEST) return;
  try {
    const isNew = !existsSync(file);
    if (isNew) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    appendFileSync(file, `${JSON.stringify(text)}\n`, { mode: 0o600 });
    if (isNew) chmodSync(file, 0o600);
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
  }
}
