// The state of a session as `/status`, the status line and the JSON result show it. No model call, no I/O.

import { routeContext } from "./turn/route.ts";
import { exitCodeOf, toErrorInfo } from "../util/errors.ts";
import { onceOnly } from "../util/once-only.ts";
import { EXIT, type ExitCode } from "../types/error.ts";
import type { AgentContext } from "./context.ts";
import type { ExecutionMemory } from "./execution.ts";
import type { AgentState, TurnResult } from "../types/agent.ts";
import type { WorkStage } from "../types/plan.ts";

export function outcomeOf(result: TurnResult | null, denials: number): ExitCode {
  if (result === null) return EXIT.done;
  if (result.reason === "aborted") return EXIT.interrupted;
  if (result.error !== null) return exitCodeOf(result.error.code);
  if (result.reason === "awaiting_approval") return EXIT.awaitingApproval;
  if (result.reason === "limit") return EXIT.limit;
  if (result.reason === "error") return EXIT.failed;
  return denials > 0 ? EXIT.denied : EXIT.done;
}

/** What the next request and an execution would take; computed ahead, because a snapshot must not wait. */
export interface Preview {
  next: AgentState["next"];
  /** `stepCost`: estimated USD of one step; null when unknown. */
  execution: AgentState["next"] & { stepCost: number | null };
}

export const NO_PREVIEW: Preview = {
  next: { model: null, reason: "not decided yet", tier: "balanced", tierSource: "default" },
  execution: { model: null, reason: "not decided yet", tier: "balanced", tierSource: "default", stepCost: null },
};

/** Asks the router by rules alone: no model call. */
export async function lookAhead(context: AgentContext): Promise<Preview> {
  const look = async (stage: WorkStage): Promise<Preview["execution"]> => {
    const { ports, state } = context;
    const routing = routeContext(context, {
      turn: state.turns + 1,
      stage,
      ticket: null,
      conversation: state.conversationOf[stage] ?? null,
      message: "",
      incoming: null,
      pending: true,
    });
    try {
      const { route } = await ports.models.previewRouter.decide(routing, null, new AbortController().signal);
      return {
        model: route.model,
        reason: route.reason,
        tier: route.tier,
        tierSource: route.tier_source,
        stepCost: route.candidates.find((candidate) => candidate.model === route.model)?.est_cost_usd ?? null,
      };
    } catch (thrown) {
      return {
        model: null,
        reason: toErrorInfo(thrown).message,
        tier: "balanced",
        tierSource: "default",
        stepCost: null,
      };
    }
  };
  return { next: await look(context.state.workflow.stage), execution: await look("execute") };
}

export function agentState(
  context: AgentContext,
  memory: ExecutionMemory,
  lastResult: TurnResult | null,
  { next, execution }: Preview,
): AgentState {
  const { ports, state } = context;
  const loaded = ports.settings.loaded();
  const books = state.books();
  const [routes, ledger] = [onceOnly(books.routes), onceOnly(books.ledger)];
  const totals = onceOnly(() => ports.models.accounting.totals(ledger()));
  return {
    settings: loaded.settings,
    workflow: state.workflow,
    overrides: state.overrides,
    permissionMode: state.permissionMode,
    grants: [...state.grants],
    skill: state.skill === null ? null : { name: state.skill.name, tier: state.skill.tier },
    turns: state.turns,
    // Looked at by few, and long in a long session.
    get routes() {
      return routes();
    },
    get ledger() {
      return ledger();
    },
    planSince: state.progress.since,
    get totals() {
      return totals();
    },
    files: [...state.files],
    denials: [...state.denials],
    warnings: [...new Set([...loaded.notices, ...state.warnings])],
    lastModel: state.lastModel,
    next,
    executionModel: { model: execution.model, reason: execution.reason },
    sandbox: ports.guard.confinement.label(),
    lastText: state.lastText,
    outcome: outcomeOf(lastResult, state.runDenials.length + state.runUnsettled.length),
    report: memory.report,
  };
}
