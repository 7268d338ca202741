// Takes the agent's events to the store: text that streams in is merged per frame, everything else keeps its order.

import { labelEvent, modelLabel } from "../util/model-label.ts";
import type { Agent } from "../types/agent.ts";
import type { AgentEvent } from "../types/event.ts";
import type { StatusView } from "./state.ts";
import type { Store } from "./store.ts";

/** Milliseconds over which streamed text is merged. */
const MERGE_MS = 33;

export interface AgentLink {
  /** Delivers what is held back and stops listening. */
  close(): void;
  /** Resolves when every event so far is in the store. */
  settle(): Promise<void>;
}

function merge(events: AgentEvent[], event: AgentEvent): void {
  const last = events.at(-1);
  if (last?.type === "text_delta" && event.type === "text_delta")
    events[events.length - 1] = { type: "text_delta", text: last.text + event.text };
  else if (last?.type === "reasoning_delta" && event.type === "reasoning_delta")
    events[events.length - 1] = { type: "reasoning_delta", text: last.text + event.text };
  else if (last?.type === "tool_delta" && event.type === "tool_delta" && last.callId === event.callId)
    events[events.length - 1] = { ...last, text: (last.text + event.text).slice(-20_000) };
  else events.push(event);
}

function isDelta(event: AgentEvent): boolean {
  return event.type === "text_delta" || event.type === "reasoning_delta" || event.type === "tool_delta";
}

/**
 * `ready` holds everything back until the code that draws answers is there. `onEvent` is called after the store knows
 * the event.
 */
export function linkAgent(
  agent: Agent,
  store: Store,
  ready: Promise<void>,
  onEvent: (event: AgentEvent) => void,
): AgentLink {
  let held: AgentEvent[] = [];
  let timer: NodeJS.Timeout | null = null;
  let open = false;
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const events = held;
    held = [];
    for (const event of events) {
      store.dispatch({ type: "event", event: labelEvent(event, agent.state().settings), now: Date.now() });
      onEvent(event);
    }
  };
  void ready.then(() => {
    open = true;
    flush();
  });
  const unsubscribe = agent.subscribe((event) => {
    merge(held, event);
    if (!open) return;
    if (!isDelta(event)) flush();
    else timer ??= setTimeout(flush, MERGE_MS);
  });
  return {
    async settle() {
      if (!open && held.length > 0) await ready;
      flush();
    },
    close() {
      unsubscribe();
      flush();
    },
  };
}

/** `default`, `acceptEdits` … or `plan` where the staged workflow is on; what else is set stands behind it. */
export function modeOf(agent: Agent): string {
  const { workflow, permissionMode } = agent.state();
  return workflow.enabled ? "plan" : permissionMode;
}

function planText(agent: Agent): string | null {
  const { plan } = agent.state().workflow;
  if (plan === null) return null;
  switch (plan.state) {
    case "awaiting_approval":
      return "plan awaits /approve";
    case "executing":
    case "approved": {
      const states = Object.values(plan.tickets);
      const done = `${states.filter((state) => state === "done").length}/${states.length}`;
      return agent.busy() ? `${plan.state} ${done}` : `stopped ${done}, /approve continues`;
    }
    case "failed":
      return "plan failed";
    case "draft":
    case "done":
    case "rejected":
      return null;
  }
}

/** `running` is the model and tier of the turn at hand, null between turns: then the next request's are shown. */
export function statusOf(
  agent: Agent,
  nextMode: string | null,
  running: { model: string | null; tier: string | null } | null,
): StatusView {
  const state = agent.state();
  const mode = modeOf(agent);
  const extra =
    state.workflow.enabled && state.permissionMode !== "default" && state.permissionMode !== "plan"
      ? ` (${state.permissionMode})`
      : "";
  const { usage } = state.totals;
  return {
    mode: mode + extra,
    nextMode,
    stage: state.workflow.stage,
    plan: planText(agent),
    model: running?.model ?? (state.next.model === null ? null : modelLabel(state.next.model, state.settings)),
    tier: running?.tier ?? (state.next.tier === "" ? null : state.next.tier),
    tokens: usage.input + usage.output + usage.cache_read + usage.cache_write,
    cost: state.totals.cost_usd,
    costEstimate: state.totals.estimate,
    calls: state.totals.calls,
  };
}
