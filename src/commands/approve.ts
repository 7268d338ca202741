// /approve: the person's approval of the present plan, whole or by ticket ids, with an optional note.

import { EXIT } from "../types/error.ts";
import { BmoError, exitCodeOf } from "../util/errors.ts";
import { answer } from "./results.ts";
import type { CommandDefinition } from "../types/command.ts";
import type { Plan } from "../types/plan.ts";

/** A first word that is a list of ticket ids selects those; `unscoped` approves a plan that names no files. */
function parseApproval(
  argument: string,
  plan: Plan | null,
): { tickets: string[] | null; unscoped: boolean; note: string | null } {
  const [first = "", ...rest] = argument.split(/\s+/).filter((word) => word !== "");
  const remainder = rest.join(" ");
  if (first === "unscoped") return { ...parseApproval(remainder, plan), unscoped: true };
  const ids = first.split(",").filter((id) => id !== "");
  const known = new Set(plan?.content.tickets.map((ticket) => ticket.id));
  const looksLikeIds =
    first !== "" &&
    (ids.every((id) => known.has(id)) ||
      (first.includes(",") && ids.some((id) => known.has(id))) ||
      (ids.length > 0 && ids.every((id) => /^t\d+$/.test(id))));
  if (looksLikeIds) return { tickets: ids, unscoped: false, note: remainder === "" ? null : remainder };
  return { tickets: null, unscoped: false, note: argument === "" ? null : argument };
}

export const approveCommand: CommandDefinition = {
  name: "approve",
  aliases: [],
  argumentHint: "[ids] [note]",
  summary: "approve the plan and execute it",
  readOnly: false,
  onlyByPerson: () => ({
    refusal: "piped text approves no plan: it may be somebody else's",
    instead: "Approve with bmo approve <plan-id>, or with the command as an argument: bmo -c -p /approve.",
  }),
  async run(argument, { agent, headless, ask }) {
    if (agent.busy())
      throw new BmoError(
        "usage",
        "a turn is running; nothing was approved",
        "Wait for its end, or interrupt it (Esc).",
      );
    const { workflow } = agent.state();
    const { plan, approval } = workflow;
    if (plan?.state === "done") {
      const skipped = Object.entries(plan.tickets).flatMap(([id, state]) => (state === "skipped" ? [id] : []));
      const left = skipped.length === 0 ? "" : ` Skipped: ${skipped.join(", ")}; describe them again for a new plan.`;
      return answer(`Plan ${plan.id} is already done; nothing to approve.${left}`);
    }
    const unfinished = plan !== null && approval !== null && (plan.state === "executing" || plan.state === "approved");
    if (unfinished && !headless) {
      const reply = await ask(
        { kind: "confirm", question: "Continue the approved plan?", detail: plan.content.title },
        new AbortController().signal,
      );
      if (reply.answer !== "allow_once" && reply.answer !== "allow_session") return answer("Nothing was changed.");
    }
    const result = await agent.approve({ via: "command", ...parseApproval(argument, plan) });
    if (result.error !== null)
      return { ...answer(result.text), exitCode: exitCodeOf(result.error.code), error: result.error };
    return { ...answer(result.text), exitCode: result.reason === "aborted" ? EXIT.interrupted : agent.state().outcome };
  },
};
