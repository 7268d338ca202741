// What tools may do to the session: hand in a plan, ask, request a new plan, activate a skill, run a command. One host
// per turn; what a tool decided is read from its signals by the loop.

import { planHash } from "../../plan/content.ts";
import { readPlan } from "../plan-reading.ts";
import { SANDBOX_REFUSAL } from "../../containment/effects.ts";
import { BmoError } from "../../util/errors.ts";
import { sanitizeText } from "../../util/sanitize.ts";
import { planChanges } from "../../plan/changes.ts";
import { errorOutput, textOutput } from "../../util/tool-output.ts";
import { sayConfinement } from "../confinement.ts";
import { isPending } from "../../plan/workflow.ts";
import type { AgentContext } from "../context.ts";
import type { Boundary, ContainedResult } from "../ports.ts";
import type { LiveSession } from "../live-session.ts";
import type { Plan, WorkStage } from "../../types/plan.ts";
import type { ToolHost } from "../../types/tool.ts";

/** The only answer to what can only be told. */
const SEEN = "I have seen it";

/** The turn that a host serves; verification has one without a loop. */
export interface HostedTurn {
  number: number;
  stage: WorkStage;
  boundary: Boundary;
  signal: AbortSignal;
}

/**
 * JSON text of a value whose strings hold no control, bidi or zero-width characters: the card shows exactly what is
 * hashed.
 */
function sanitizeJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => (typeof member === "string" ? sanitizeText(member) : member));
}

/** The next revision of the present plan, or the first of a new one. */
export function createPlan(
  content: Plan["content"],
  flags: string[],
  state: LiveSession,
  newPlanId: () => string,
): Plan {
  const current = isPending(state.workflow) ? state.workflow.plan : null;
  return {
    id: current?.id ?? newPlanId(),
    revision: (current?.revision ?? 0) + 1,
    hash: planHash(content),
    content,
    state: "awaiting_approval",
    tickets: Object.fromEntries(content.tickets.map((ticket) => [ticket.id, "open" as const])),
    flags,
  };
}

export function createToolHost(context: AgentContext, turn: HostedTurn): ToolHost {
  const { ports, state, signals, emit } = context;
  const { stage, boundary, signal } = turn;
  const { skills } = ports.toolbox;
  return {
    async storePlan(raw) {
      if (stage !== "plan")
        return errorOutput("A plan can only be handed in in the plan stage; call request_replan to go back to it.");
      // Taken out before the hash is made: what is stored must match it.
      const clean: unknown = JSON.parse(ports.redaction.redact(sanitizeJson(raw)));
      const checked = readPlan(clean, ports.surroundings.workspace);
      if (!checked.ok)
        return errorOutput(`The plan was not stored:\n${checked.problems.map((problem) => `- ${problem}`).join("\n")}`);
      const plan = createPlan(checked.content, checked.flags, state, () => ports.surroundings.newId("p"));
      const earlier = state.workflow.plan;
      signals.planChanges =
        earlier !== null && earlier.id === plan.id ? planChanges(earlier.content, plan.content) : [];
      state.change({ type: "plan_stored", plan });
      signals.planStored = true;
      const flags = plan.flags.length === 0 ? "" : ` Flagged: ${plan.flags.join("; ")}.`;
      return textOutput(
        `Plan ${plan.id}, revision ${plan.revision}, is stored and awaits the user's approval.${flags}`,
      );
    },
    async askQuestion(question, options) {
      const reply = await ports.person.ask({ kind: "question", question, options }, signal);
      if (reply.answer === "text") return textOutput(reply.text);
      return textOutput(
        reply.answer === "none" ? reply.reason : "The user gave no answer. Put the question into open_questions.",
      );
    },
    async requestReplan(reason) {
      if (stage !== "execute") return errorOutput("request_replan only makes sense while a plan is executed.");
      signals.replanReason = reason;
      return textOutput("Execution stops here; the session returns to the plan stage with your reason.");
    },
    async activateSkill(name) {
      let skill: Awaited<ReturnType<typeof skills.find>>;
      try {
        skill = await skills.find(name);
      } catch (thrown) {
        if (!(thrown instanceof BmoError)) throw thrown;
        return errorOutput(`${thrown.message}. ${thrown.hint ?? ""}`.trim());
      }
      state.setSkill({ name: skill.name, tier: skill.tier, activatedBy: "model", turn: turn.number });
      return textOutput(await skills.prompt(skill.name));
    },
    async runShell(request) {
      let kept: { copy: string; restoreCommand: string } | null = null;
      const result = await boundary.runShell({
        ...request,
        onProgress: (text) => emit({ type: "notice", level: "info", text }),
        onOutOfScope: async (report) => {
          kept = { copy: report.copy, restoreCommand: report.restoreCommand };
          const reply = await ports.person.ask({ kind: "effects", ...report }, request.signal);
          const keep = reply.answer === "keep" || reply.answer === "allow_once";
          const reason = `changed by \`${report.command}\`${keep ? ", kept by the user" : ""}`;
          for (const change of report.changes)
            emit({ type: "scope_violation", path: change.path, action: change.action, allowed: keep, reason });
          return keep ? "keep" : "restore";
        },
      });
      sayConfinement(context);
      if (stage === "execute" && result.unplanned && result.blocked === null)
        state.append({ type: "unplanned", command: request.command });
      if (result.rolledBack.length > 0) emit({ type: "rollback", paths: result.rolledBack, ...keptCopy(kept) });
      const refusedWrite = result.notes.find((note) => note.startsWith(SANDBOX_REFUSAL));
      if (stage === "plan" && refusedWrite !== undefined)
        state.addDenial(
          { tool: "bash", summary: request.command, reason: refusedWrite, target: request.command },
          stage,
        );
      if (result.blocked !== null)
        state.addDenial(
          { tool: "bash", summary: request.command, reason: result.blocked, target: request.command },
          stage,
        );
      for (const change of result.outOfScope) {
        const rolledBack = result.rolledBack.includes(change.path);
        state.addFile({ ...change, in_scope: false, rolled_back: rolledBack });
        // A copy means that a restore was tried: a failed restore counts as a denial too.
        if (rolledBack || result.copy !== null)
          state.addDenial(
            {
              tool: "bash",
              summary: request.command,
              reason: `changed ${change.path} outside the plan; ${rolledBack ? "restored" : "it could not be restored"}`,
              target: request.command,
            },
            stage,
          );
      }
      if (result.unsettled.length > 0)
        await tellUnsettled(context, stage, request.command, result.unsettled, request.signal);
      if (result.blocked !== null) return { ...result, notes: [`not run: ${result.blocked}`] };
      return { ...result, changes: result.changes.filter((change) => !result.rolledBack.includes(change.path)) };
    },
    checkWrite(realPath, action) {
      const verdict = boundary.checkWrite(realPath, action);
      return verdict.allowed ? { allowed: true } : { allowed: false, reason: verdict.reason };
    },
    recordPreImage: (realPath) => ports.guard.checkpoints.recordPreImage(realPath),
  };
}

const SHOWN_UNSETTLED = 10;

/**
 * What is not as it must be, nobody may miss: it is in the records, decides the exit code whatever follows, and waits
 * for the person's eye.
 */
async function tellUnsettled(
  { ports, state, emit }: AgentContext,
  stage: WorkStage,
  command: string,
  unsettled: ContainedResult["unsettled"],
  signal: AbortSignal,
): Promise<void> {
  for (const one of unsettled) state.addUnsettled({ ...one, command }, stage);
  const lines = unsettled.slice(0, SHOWN_UNSETTLED).map(({ path, reason }) => `${path}: ${reason}`);
  if (unsettled.length > SHOWN_UNSETTLED) lines.push(`and ${unsettled.length - SHOWN_UNSETTLED} more`);
  const text = `Not everything that \`${command}\` did could be checked or put back:\n${lines.join("\n")}`;
  emit({ type: "notice", level: "warning", text });
  await ports.person.ask({ kind: "question", question: text, options: [SEEN] }, signal);
}

function keptCopy(kept: { copy: string; restoreCommand: string } | null): { copy: string; restoreCommand: string } {
  return kept ?? { copy: "", restoreCommand: "" };
}
