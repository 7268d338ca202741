// One session: submit, approve, revise, abort. Keeps at most one turn running; everything else is in its neighbours.

import { sayConfinement } from "./confinement.ts";
import { afterPlanning, approveAndExecute, steer, type ExecutionMemory } from "./execution.ts";
import { compactConversation } from "./turn/compact-turn.ts";
import { runStageTurn } from "./turn/turn.ts";
import { LiveSession } from "./live-session.ts";
import { agentState, lookAhead, NO_PREVIEW, type Preview } from "./snapshot.ts";
import { createPlan } from "./turn/tool-host.ts";
import { isFinished, isPending } from "../plan/workflow.ts";
import { readPlan } from "./plan-reading.ts";
import { BmoError, toErrorInfo } from "../util/errors.ts";
import { planChanges } from "../plan/changes.ts";
import type { AgentContext } from "./context.ts";
import type { AgentPorts } from "./ports.ts";
import type { Agent, ApproveRequest, TurnResult, UserInput } from "../types/agent.ts";
import type { ErrorInfo } from "../types/error.ts";
import type { AgentEvent } from "../types/event.ts";

/** A small-model call only helps to choose: it does not take the last call, which is the turn's own. */
function createCallCounter(limit: number | null): AgentContext["countCall"] {
  let calls = 0;
  return (purpose) => {
    if (limit !== null && calls >= (purpose === "classify" ? limit - 1 : limit))
      return {
        code: "limit",
        message: `the limit of ${limit} model calls for this run is reached`,
        hint: "Raise --max-turns, or continue with bmo -c.",
      };
    calls += 1;
    return null;
  };
}

export function createAgent(ports: AgentPorts): Agent {
  const listeners = new Set<(event: AgentEvent) => void>();
  const emit = (event: AgentEvent): void => {
    for (const listener of listeners) listener(event);
  };
  const { session, settings, person, surroundings } = ports;
  const options = settings.loaded().settings;
  const state = new LiveSession(
    session.log,
    { enabled: options.options.staged_workflow.enabled, byFlag: session.workflowByFlag },
    options.permissions.mode,
    session.flagOverrides,
  );
  for (const denial of ports.guard.leftovers) state.addDenial(denial, "execute");
  const memory: ExecutionMemory = { standing: null, locked: false, report: null };
  let closed = false;
  let running: { controller: AbortController; done: Promise<unknown> } | null = null;
  let limitReason: ErrorInfo | null = null;
  let lastResult: TurnResult | null = null;
  let preview: Preview = NO_PREVIEW;

  const context: AgentContext = {
    ports,
    state,
    signals: { planStored: false, planChanges: [], replanReason: null, revision: null },
    readDigests: new Map(),
    date: surroundings.now().toISOString().slice(0, 10),
    emit,
    countCall: createCallCounter(ports.models.maxCalls),
  };

  /** Runs one operation at a time; the session's state is never changed by two. */
  async function exclusive(operation: (signal: AbortSignal) => Promise<TurnResult>): Promise<TurnResult> {
    if (running !== null) throw new BmoError("usage", "a turn is running", "Wait for its end, or interrupt it (Esc).");
    const controller = new AbortController();
    let finish = (): void => undefined;
    running = {
      controller,
      done: new Promise<void>((resolve) => {
        finish = resolve;
      }),
    };
    limitReason = null;
    try {
      const problem = await settings.reload();
      if (problem !== null) emit({ type: "notice", level: "warning", text: problem });
      const result = await operation(controller.signal);
      const ended: TurnResult =
        controller.signal.aborted && limitReason !== null ? { ...result, reason: "limit", error: limitReason } : result;
      lastResult = ended;
      return ended;
    } catch (thrown) {
      // A usage error is a request that was refused before anything changed: how the last turn ended still holds.
      if (!(thrown instanceof BmoError) || thrown.code !== "usage")
        lastResult = { reason: "error", text: "", error: toErrorInfo(thrown) };
      throw thrown;
    } finally {
      // In a headless run nobody looks at the next request; a command that shows it asks for it (`refresh`).
      if (!person.headless) preview = await lookAhead(context);
      running = null;
      finish();
    }
  }

  async function planningTurn(input: UserInput, signal: AbortSignal): Promise<TurnResult> {
    const stage = state.workflow.stage === "execute" ? "plan" : state.workflow.stage;
    const turn = await runStageTurn(context, {
      stage,
      ticket: null,
      conversation: null,
      text: input.text,
      images: input.images,
      signal,
    });
    const result = await afterPlanning(context, memory, turn, signal);
    return result.reason === "awaiting_approval" ? announce(result, signal) : result;
  }

  /** Shows the plan; where the user's configuration waives the approval, it executes. */
  async function announce(result: TurnResult, signal: AbortSignal): Promise<TurnResult> {
    const { plan } = state.workflow;
    if (plan === null) return result;
    const { execution } = await lookAhead(context);
    sayConfinement(context);
    emit({
      type: "plan_ready",
      plan,
      executionModel: execution.model,
      changes: context.signals.planChanges,
      stepCost: execution.stepCost,
      confined: ports.guard.confinement.holds(),
    });
    if (
      settings.loaded().settings.options.staged_workflow.require_approval_before_execute ||
      memory.standing?.plan === plan.id
    )
      return result;
    try {
      return await approveAndExecute(
        context,
        memory,
        { via: "configuration", tickets: null, note: null, unscoped: false },
        signal,
      );
    } catch (thrown) {
      if (!(thrown instanceof BmoError) || thrown.code !== "usage") throw thrown;
      emit({ type: "notice", level: "warning", text: `not executed by itself: ${thrown.message}` });
      return result;
    }
  }

  return {
    sessionId: session.log.id,
    workspace: surroundings.workspace,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    submit(input) {
      return exclusive(async (signal) => {
        const { plan, stage } = state.workflow;
        if (stage === "execute" && plan !== null && !isFinished(plan))
          return steer(context, memory, input.text, signal);
        if (plan !== null && isFinished(plan)) state.change({ type: "stage_reset" });
        if (plan !== null && stage === "chat" && isPending(state.workflow)) {
          const ways = "/approve, /plan <feedback>, /reject";
          emit({
            type: "notice",
            level: "info",
            text: `the staged workflow is off: this request is carried out directly; plan ${plan.id} still waits (${ways})`,
          });
        }
        return planningTurn(input, signal);
      });
    },
    approve(request: ApproveRequest) {
      return exclusive(async (signal) => {
        const result = await approveAndExecute(context, memory, request, signal);
        return result.reason === "awaiting_approval" ? announce(result, signal) : result;
      });
    },
    async revise(feedback) {
      if (running !== null) {
        // The loop looks at this after the current tool and goes back to the plan stage by itself.
        context.signals.revision = feedback;
        await running.done;
        // Taken by the execution it was meant for; or the user interrupted, and nothing starts by itself after that.
        if (context.signals.revision === null || closed || lastResult?.reason === "aborted") {
          context.signals.revision = null;
          return lastResult ?? { reason: "done", text: "", error: null };
        }
        context.signals.revision = null;
      }
      return exclusive(async (signal) => {
        if (isPending(state.workflow)) state.change({ type: "revision_requested", by: "user" });
        else state.change({ type: "stage_reset" });
        const turn = await runStageTurn(context, {
          stage: "plan",
          ticket: null,
          conversation: null,
          text: feedback,
          signal,
        });
        const result = await afterPlanning(context, memory, turn, signal);
        return result.reason === "awaiting_approval" ? announce(result, signal) : result;
      });
    },
    reject() {
      if (!isPending(state.workflow)) throw new BmoError("usage", "there is no plan to reject");
      if (running !== null) throw new BmoError("usage", "a turn is running", "Interrupt it first (Esc).");
      state.change({ type: "plan_rejected" });
    },
    editPlan(content) {
      if (running !== null) throw new BmoError("usage", "a turn is running", "Interrupt it first (Esc).");
      // Taken out before the hash is made: what is stored must match it.
      const clean: unknown = JSON.parse(ports.redaction.redact(JSON.stringify(content)));
      const checked = readPlan(clean, surroundings.workspace);
      if (!checked.ok)
        throw new BmoError(
          "usage",
          `the edited plan is not valid: ${checked.problems.join("; ")}`,
          "Nothing was changed.",
        );
      const plan = createPlan(checked.content, checked.flags, state, () => surroundings.newId("p"));
      const earlier = state.workflow.plan;
      state.change({ type: "plan_stored", plan });
      emit({
        type: "plan_ready",
        plan,
        executionModel: preview.execution.model,
        changes: earlier === null ? [] : planChanges(earlier.content, plan.content),
        stepCost: preview.execution.stepCost,
        confined: ports.guard.confinement.holds(),
      });
      return plan;
    },
    setWorkflow: (enabled) => state.change({ type: "workflow_switched", enabled, by: "user" }),
    setPermissionMode(mode) {
      state.permissionMode = mode;
    },
    setOverrides: (overrides) => state.setOverrides(overrides),
    async setSkill(name) {
      if (name === null) {
        state.setSkill(null);
        return "no skill is active";
      }
      const skill = await ports.toolbox.skills.find(name);
      state.setSkill({ name: skill.name, tier: skill.tier, activatedBy: "user", turn: state.turns });
      return `skill ${skill.name} is active${skill.tier === null ? "" : `, tier ${skill.tier}`}`;
    },
    compact: () => exclusive((signal) => compactConversation(context, signal)),
    recordCommand: (text) => state.append({ type: "command", text: ports.redaction.redact(text) }),
    recordShell(command, output, exitCode) {
      state.append({ type: "shell", command, output, exit_code: exitCode });
      const conversation = state.conversationOf[state.workflow.stage] ?? state.openConversation("start");
      state.addMessage(conversation, {
        role: "user",
        content: [
          {
            type: "text",
            text: ports.redaction.redact(`I ran \`${command}\` myself (exit code ${exitCode ?? "none"}):\n${output}`),
          },
        ],
      });
    },
    async abort(reason) {
      if (running === null) return;
      const { controller, done } = running;
      if (reason.startsWith("limit:"))
        limitReason = { code: "limit", message: reason.slice("limit:".length).trim(), hint: "Continue with bmo -c." };
      controller.abort(new Error(reason));
      await done;
    },
    busy: () => running !== null,
    async close() {
      closed = true;
      if (running !== null) await this.abort("closing");
      ports.guard.release();
      session.log.close();
    },
    async refresh() {
      preview = await lookAhead(context);
    },
    state: () => agentState(context, memory, lastResult, preview),
  };
}
