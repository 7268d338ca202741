// The session that the REPL has open: opening, replaying, switching, the status line, modes. Owns the link to the
// agent.

import { labelEvent, modelLabel } from "../util/model-label.ts";
import type { Agent } from "../types/agent.ts";
import type { AgentEvent, TurnEndReason } from "../types/event.ts";
import type { DriftReport, Plan } from "../types/plan.ts";
import { toErrorInfo } from "../util/errors.ts";
import { linkAgent, modeOf, statusOf, type AgentLink } from "./agent-link.ts";
import type { Asker } from "./asker.ts";
import type { Drawing } from "./drawing.ts";
import type { OpenedSession, ReplOptions, SessionRequest } from "./options.ts";
import type { Store } from "./store.ts";

export interface UiSession {
  current(): OpenedSession | null;
  /** @throws what opening threw; an earlier session then stays open. */
  open(request: SessionRequest): Promise<void>;
  /** Lets the person choose one; false when nothing was chosen. */
  pick(): Promise<boolean>;
  refreshStatus(): void;
  /** plan → default → acceptEdits → plan; asks first when a plan is pending. */
  cycleMode(): Promise<void>;
  /** A mode chosen while a turn ran takes effect now. */
  applyNextMode(): void;
  /** How the last turn ended and what its last message said; null before the first. */
  lastTurn(): { reason: TurnEndReason; text: string } | null;
  /** Says so when the plan that awaits approval would now execute on another model than its card says. */
  noteExecutionModel(): void;
  /** Prints the report of an execution that ended since the last call. */
  showReport(): void;
  /** Has the agent work out again what comes next, then shows it. */
  refreshNext(): Promise<void>;
  /** Resolves when every event so far is on its way to the screen. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

type CycleMode = "plan" | "default" | "acceptEdits";

const LABELS: Record<string, string> = { plan: "planning", execute: "executing", chat: "working", gate: "answering" };

function nextOf(mode: string): CycleMode {
  return mode === "plan" ? "default" : mode === "default" ? "acceptEdits" : "plan";
}

export function createUiSession(options: ReplOptions, store: Store, asker: Asker, drawing: Drawing): UiSession {
  let opened: OpenedSession | null = null;
  let link: AgentLink | null = null;
  let lastTurn: { reason: TurnEndReason; text: string } | null = null;
  let lastText = "";
  let nextMode: CycleMode | null = null;
  let isOpening = false;
  /** Presses of Shift+Tab while a session was being opened: they are meant for that one. */
  let earlyPresses = 0;
  let shownReport: DriftReport | null = null;
  /** What the card of the present plan, or a later line, says about it. */
  let shownExecution: { hash: string; model: string | null } | null = null;

  const refreshStatus = (): void => {
    if (opened !== null)
      store.dispatch({
        type: "set",
        values: { status: statusOf(opened.agent, nextMode, store.get().transcript.turn) },
      });
  };
  const onEvent = (event: AgentEvent): void => {
    const { running } = store.get();
    if (event.type === "turn_start" && running !== null)
      store.dispatch({ type: "set", values: { running: { ...running, label: LABELS[event.stage] ?? "working" } } });
    if (event.type === "message_end")
      lastText = event.message.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
    if (event.type === "plan_ready") shownExecution = { hash: event.plan.hash, model: event.executionModel };
    if (event.type === "turn_end") lastTurn = { reason: event.reason, text: lastText };
    if (
      event.type !== "text_delta" &&
      event.type !== "reasoning_delta" &&
      event.type !== "tool_delta" &&
      event.type !== "tool_start"
    )
      refreshStatus();
  };
  const refreshNext = async (): Promise<void> => {
    await opened?.agent.refresh();
    refreshStatus();
  };
  const notice = (text: string): void =>
    store.dispatch({ type: "print", block: { kind: "notice", level: "info", text } });

  const noteExecutionModel = (): void => {
    if (opened === null || shownExecution === null) return;
    const { executionModel, workflow } = opened.agent.state();
    const { plan } = workflow;
    if (
      plan === null ||
      plan.hash !== shownExecution.hash ||
      plan.state !== "awaiting_approval" ||
      executionModel.model === shownExecution.model
    )
      return;
    shownExecution = { hash: plan.hash, model: executionModel.model };
    notice(
      `the plan now executes on ${executionModel.model === null ? "no model" : modelLabel(executionModel.model, opened.agent.state().settings)}: ${executionModel.reason}`,
    );
  };
  const setMode = (mode: CycleMode): void => {
    if (opened === null) return;
    opened.agent.setWorkflow(mode === "plan");
    opened.agent.setPermissionMode(mode === "acceptEdits" ? "acceptEdits" : "default");
  };
  const closeCurrent = async (): Promise<void> => {
    link?.close();
    link = null;
    const before = opened;
    opened = null;
    await before?.agent.close();
  };

  const pendingPlan = (agent: Agent): Plan | null => {
    const { plan } = agent.state().workflow;
    return plan !== null &&
      (plan.state === "awaiting_approval" || plan.state === "approved" || plan.state === "executing")
      ? plan
      : null;
  };
  const applyEarlyPresses = (agent: Agent): void => {
    if (earlyPresses === 0) return;
    if (pendingPlan(agent) === null) for (let press = 0; press < earlyPresses; press++) setMode(nextOf(modeOf(agent)));
    else notice("the mode stays as it is, since a plan is pending: press shift+tab again to change it");
  };

  const open = async (request: SessionRequest): Promise<void> => {
    isOpening = true;
    try {
      await openAndShow(request);
    } finally {
      isOpening = false;
      earlyPresses = 0;
    }
  };
  const openAndShow = async (request: SessionRequest): Promise<void> => {
    const next = await options.openSession(request, asker.ask);
    await closeCurrent();
    store.dispatch({ type: "new_session" });
    opened = next;
    nextMode = null;
    shownReport = null;
    shownExecution = null;
    lastTurn = null;
    lastText = "";
    const { ui } = next.agent.state().settings.options;
    drawing.setBackground(ui.theme);
    if (ui.verbose && !store.get().transcript.detail) store.dispatch({ type: "toggle_detail" });
    store.dispatch({ type: "set", values: { hint: null } });
    for (const text of next.notices)
      store.dispatch({ type: "print", block: { kind: "notice", level: "warning", text } });
    if (next.transcript.length > 0) {
      const card = next.transcript.findLast((event) => event.type === "plan_ready");
      if (card?.type === "plan_ready") shownExecution = { hash: card.plan.hash, model: card.executionModel };
      await drawing.loadMarkdown();
      const { settings } = next.agent.state();
      store.dispatch({ type: "replay", events: next.transcript.map((event) => labelEvent(event, settings)) });
      notice(`session ${next.agent.sessionId} continues`);
    }
    // The code that draws answers is loaded when the first one can come, not before.
    let load = (): void => undefined;
    const ready = new Promise<void>((resolve) => {
      load = () => void drawing.loadMarkdown().then(resolve);
    });
    link = linkAgent(next.agent, store, ready, onEvent);
    const unsubscribe = next.agent.subscribe(() => {
      unsubscribe();
      load();
    });
    applyEarlyPresses(next.agent);
    isOpening = false;
    await refreshNext();
    noteExecutionModel();
    store.dispatch({ type: "set", values: { ready: true } });
  };

  return {
    current: () => opened,
    open,
    async pick() {
      const sessions = await options.listSessions();
      const reply = await asker.askCard({ kind: "sessions", sessions }, null);
      if (reply.answer !== "text") return false;
      await open({ kind: "resume", id: reply.text });
      return true;
    },
    refreshStatus,
    async cycleMode() {
      if (isOpening || opened === null) {
        earlyPresses += 1;
        return;
      }
      const { agent } = opened;
      const target = nextOf(nextMode ?? modeOf(agent));
      const plan = pendingPlan(agent);
      if (plan !== null) {
        const reply = await asker.askCard(
          {
            kind: "confirm",
            question: `Switch to ${target} although the plan "${plan.content.title}" is ${plan.state.replaceAll("_", " ")}?`,
            detail: "",
          },
          null,
        );
        if (reply.answer !== "allow_once") return;
      }
      if (store.get().running === null) setMode(target);
      else nextMode = target;
      await refreshNext();
    },
    applyNextMode() {
      if (nextMode !== null) setMode(nextMode);
      nextMode = null;
    },
    noteExecutionModel,
    showReport() {
      const report = opened?.agent.state().report ?? null;
      if (report !== null && report !== shownReport)
        store.dispatch({ type: "print", block: { kind: "report", report } });
      shownReport = report;
    },
    lastTurn: () => lastTurn,
    refreshNext,
    settle: () => link?.settle() ?? Promise.resolve(),
    async close() {
      try {
        await closeCurrent();
      } catch (thrown) {
        store.dispatch({ type: "print", block: { kind: "error", error: toErrorInfo(thrown) } });
      }
    },
  };
}
