// What the transcript is made of. A block is data; components draw it once, then it is forgotten.

import type { ErrorInfo } from "../types/error.ts";
import type { Approval, DriftReport, Plan, TicketState } from "../types/plan.ts";
import type { DisplayBlock, FileAction } from "../types/tool.ts";

/** One line per turn: how it was routed and what it cost. */
export interface RouteLine {
  turn: number;
  stage: string;
  phase: string | null;
  tier: string | null;
  model: string | null;
  servedModel: string | null;
  reason: string;
  /** USD; null = unknown. */
  cost: number | null;
  estimate: boolean;
  calls: number;
}

export type Block =
  | { kind: "user"; text: string }
  /** `joined`: goes on where the block before stopped, without a blank line. */
  | { kind: "markdown"; text: string; joined: boolean }
  | { kind: "reasoning"; text: string }
  | { kind: "tool"; tool: string; summary: string; display: DisplayBlock[]; isError: boolean; expanded: boolean }
  | { kind: "shell"; command: string; output: string; exitCode: number | null }
  /** `changes`: what a revision changes; `stepCost`: estimated USD of one step, null when unknown. */
  | {
      kind: "plan";
      plan: Plan;
      executionModel: string | null;
      changes: string[];
      stepCost: number | null;
      confined?: boolean;
    }
  | { kind: "report"; report: DriftReport }
  | { kind: "approved"; plan: Plan; approval: Approval }
  | {
      kind: "ticket";
      ticket: string;
      title: string;
      state: TicketState | "started";
      costUsd: number | null;
      costEstimate: boolean;
    }
  | { kind: "violation"; path: string; action: FileAction; allowed: boolean; reason: string }
  | { kind: "rollback"; paths: string[]; copy: string; restoreCommand: string }
  | { kind: "route"; line: RouteLine }
  | { kind: "notice"; level: "info" | "warning"; text: string }
  | { kind: "error"; error: ErrorInfo }
  | { kind: "output"; text: string; failed: boolean }
  | { kind: "choice"; question: string; answer: string };

export interface OutboxEntry {
  block: Block;
  /** Whether a blank line stands before it. */
  gap: boolean;
}

/** A result kept for Ctrl+O after its short form was printed. */
export interface FoldedResult {
  tool: string;
  summary: string;
  display: DisplayBlock[];
  isError: boolean;
}

const TIGHT: ReadonlySet<Block["kind"]> = new Set(["tool", "route", "ticket", "notice", "choice"]);

/** Blocks of one kind that belong together stand without a gap. */
export function needsGap(previous: Block["kind"] | null, block: Block): boolean {
  if (block.kind === "markdown" && block.joined) return false;
  if (block.kind === "route") return previous === "plan";
  return !(previous !== null && TIGHT.has(block.kind) && previous === block.kind);
}
