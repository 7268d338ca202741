// The one time limit of a search: listing, reading and matching share it, and an abort by the user ends each of them.

import { setImmediate as breathe } from "node:timers/promises";
import type { ToolContext } from "../types/tool.ts";

/** Seconds for a whole call of grep or glob. */
export const SEARCH_SECONDS = 30;
/** Other work of the process, keys and signals among it, gets its turn this often. */
const TURN_MS = 25;

/** The tool's context with a signal that also ends at the limit. */
export function withSearchLimit(context: ToolContext, seconds = SEARCH_SECONDS): ToolContext {
  return { ...context, signal: AbortSignal.any([context.signal, AbortSignal.timeout(seconds * 1_000)]) };
}

/** What a result that the limit cut short says to the model. */
export function limitNote(context: ToolContext, limited: ToolContext): string | null {
  if (!limited.signal.aborted || context.signal.aborted) return null;
  return `[stopped after ${SEARCH_SECONDS} s: not everything was looked at; narrow pattern, path or glob]`;
}

/** The paths that pass, and whether all were looked at. */
export async function filterPaths(
  paths: readonly string[],
  wanted: (path: string) => boolean,
  signal: AbortSignal,
): Promise<{ paths: string[]; complete: boolean }> {
  const passed: string[] = [];
  let turn = performance.now();
  for (const path of paths) {
    // The clock is cheaper than a glob, and one glob may be long.
    if (performance.now() - turn > TURN_MS) {
      await breathe();
      turn = performance.now();
    }
    if (signal.aborted) return { paths: passed, complete: false };
    if (wanted(path)) passed.push(path);
  }
  return { paths: passed, complete: true };
}
