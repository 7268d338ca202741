// What an agent needs to go on with a session that was read from disk.

import type { LedgerEntry } from "../types/ledger.ts";
import type { Message } from "../types/message.ts";
import type { Denial } from "../types/permission.ts";
import type { Stage, WorkflowState } from "../types/plan.ts";
import type { ActiveSkill, Overrides, Route } from "../types/route.ts";
import type { TouchedFile } from "../types/agent.ts";

export interface RestoredSession {
  conversations: Map<number, Message[]>;
  /** Last conversation used in each stage. */
  conversationOf: Partial<Record<Stage, number>>;
  workflow: WorkflowState;
  overrides: Overrides;
  skill: ActiveSkill | null;
  grants: string[];
  routes: Route[];
  ledger: LedgerEntry[];
  files: TouchedFile[];
  denials: Denial[];
  /** Number of the last turn. */
  turns: number;
  lastModel: string | null;
  lastText: string;
  /** Files that the plan at hand has touched. */
  planFiles: TouchedFile[];
  /** Turn in which the plan at hand was first handed in. */
  planSince: number;
  /** What earlier tickets of the plan at hand reported, by ticket id. */
  reports: Record<string, string>;
}
