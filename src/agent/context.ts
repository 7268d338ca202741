// What lives as long as the agent and is shared by its turns: the ports, the state, and the way up to front ends.

import type { AgentPorts } from "./ports.ts";
import type { LiveSession } from "./live-session.ts";
import type { ErrorInfo } from "../types/error.ts";
import type { AgentEvent } from "../types/event.ts";
import type { ModelCall } from "../types/ledger.ts";

/** What tools and the user asked the running turn to do; the loop looks at it after each call. */
export interface TurnSignals {
  planStored: boolean;
  /** What the stored plan changes against the revision before it. */
  planChanges: string[];
  replanReason: string | null;
  /** Feedback of the user that arrived during execution. */
  revision: string | null;
}

export interface AgentContext {
  ports: AgentPorts;
  state: LiveSession;
  signals: TurnSignals;
  /** Digests of files seen, by real path. */
  readDigests: Map<string, string>;
  /** Day of the session's start, ISO. */
  date: string;
  emit(event: AgentEvent): void;
  /** Counts a model call of this run, whatever it is for; an error when the limit is reached. */
  countCall(purpose: ModelCall["purpose"]): ErrorInfo | null;
}
