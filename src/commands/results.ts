// Shapes that commands answer with.

import { EXIT, type ExitCode } from "../types/error.ts";
import type { CommandAction, CommandResult } from "../types/command.ts";
import type { Json } from "../types/json.ts";

export function answer(text: string, data: Json = null, exitCode: ExitCode = EXIT.done): CommandResult {
  return { text, data, exitCode, action: { type: "none" } };
}

export function act(action: CommandAction, text = ""): CommandResult {
  return { text, data: null, exitCode: EXIT.done, action };
}

/** Columns padded to their widest cell, two blanks apart. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  return rows.map((row) => row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join("  ").trimEnd()).join("\n");
}

/** A grant as a person reads it: an extension of the scope is kept with the hash of its plan. */
export function grantText(grant: string): { rule: string; ofPlan: boolean } {
  const scope = /^scope\(\S+ ([\s\S]+)\)$/.exec(grant);
  return { rule: scope?.[1] ?? grant, ofPlan: scope !== null };
}

/** Money as shown to people: `unknown`, `~` before an estimate, no more digits than matter. */
export function money(usd: number | null, estimate = false): string {
  if (usd === null) return "unknown";
  const digits = usd !== 0 && Math.abs(usd) < 0.01 ? 6 : 4;
  return `${estimate ? "~" : ""}$${usd.toFixed(digits)}`;
}
