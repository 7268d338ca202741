// The line that tells how a waiting plan is approved from another process. Names commands that will work for this very
// plan.

import { quoteWord } from "../util/shell-quote.ts";
import type { Flags } from "./flags.ts";
import type { Plan } from "../types/plan.ts";

type Setting = Pick<
  Flags,
  | "preset"
  | "model"
  | "tier"
  | "permissionMode"
  | "allowedTools"
  | "disallowedTools"
  | "addDirectories"
  | "config"
  | "directory"
  | "trust"
>;

/** The options that decided how this run would execute: without them the other process would do so in another way. */
function sameSettings(line: Setting): string[] {
  const valued = (name: string, values: readonly (string | null)[]): string[] =>
    values.flatMap((value) => (value === null ? [] : [name, quoteWord(value)]));
  return [
    ...valued("-C", [line.directory]),
    ...valued("--config", [line.config]),
    ...(line.trust ? ["--trust"] : []),
    ...(line.preset.length === 0 ? [] : ["--preset", quoteWord(line.preset.join(","))]),
    ...valued("-m", [line.model]),
    ...valued("--tier", [line.tier]),
    ...valued("--permission-mode", [line.permissionMode]),
    ...valued("--allowedTools", line.allowedTools),
    ...valued("--disallowedTools", line.disallowedTools),
    ...valued("--add-dir", line.addDirectories),
  ];
}

/** What keeps the plan from being approved as it is now, and how that is mended; null where nothing does. */
function obstacle({ content, flags }: Plan, strict: boolean): string | null {
  if (content.open_questions.length > 0) return 'awaits answers to its open questions: bmo -c -p "<answers>"';
  if (strict && flags.length > 0)
    return `cannot be approved yet, because tickets are strict (${flags.join("; ")}): bmo -c -p "<what is missing>"`;
  return null;
}

/** @param strict options.phase_model.strict of this run: flagged tickets are refused then. */
export function approveHint(plan: Plan, line: Setting, strict: boolean): string {
  const isScoped = plan.content.tickets.some((ticket) => ticket.files.length > 0);
  const settings = sameSettings(line);
  const byId = ["bmo approve", plan.id, ...(isScoped ? [] : ["--approve-unscoped"]), ...settings].join(" ");
  const bySession = ["bmo", ...settings, "-c -p", isScoped ? "/approve" : '"/approve unscoped"'].join(" ");
  const run = `run  ${byId}  or  ${bySession}`;
  const open = obstacle(plan, strict);
  return `plan ${plan.id} (${plan.hash.slice(0, 19)}) ${open === null ? `awaits approval: ${run}` : `${open}; then ${run}`}`;
}
