// What an approval needs, and what it covers. Pure: the records are written by execution.

import { resolve } from "node:path";
import { createScope } from "./scope.ts";
import { BmoError } from "../util/errors.ts";
import { canonicalJson } from "../util/canonical-json.ts";
import type { ApproveRequest } from "../types/agent.ts";
import type { Plan, PlanContent, PlanFile } from "../types/plan.ts";

/** @throws BmoError usage when the plan cannot be approved as asked; nothing has changed then. */
export function checkApprovable(plan: Plan | null, request: ApproveRequest, strict: boolean): Plan {
  if (plan === null)
    throw new BmoError(
      "usage",
      "there is no plan to approve",
      "Say what you want first; a plan is made, then /approve starts it.",
    );
  const { content } = plan;
  if (plan.state === "failed" || plan.state === "rejected")
    throw new BmoError(
      "usage",
      `plan ${plan.id} was ${plan.state === "failed" ? "given up" : "rejected"}; there is no plan to approve`,
      "Describe the task again for a new plan.",
    );
  if (content.tickets.length === 0)
    throw new BmoError(
      "usage",
      "the plan has no tickets, so there is nothing to approve",
      "Say what is missing; the plan is revised.",
    );
  if (content.open_questions.length > 0) {
    throw new BmoError(
      "usage",
      `the plan has open questions: ${content.open_questions.join(" · ")}`,
      "Answer them as text, or take them out with /plan edit; then approve.",
    );
  }
  if (strict && plan.flags.length > 0)
    throw new BmoError(
      "usage",
      `strict tickets: ${plan.flags.join("; ")}`,
      "Say what is missing or use /plan edit; options.phase_model.strict = false lifts the rule.",
    );
  if (request.tickets !== null) checkSelection(content, request.tickets, plan);
  const namesFiles = content.tickets.some(
    (ticket) => ticket.files.length > 0 && (request.tickets === null || request.tickets.includes(ticket.id)),
  );
  if (!namesFiles && !request.unscoped) {
    throw new BmoError(
      "usage",
      "the plan names no files, so nothing would hold its execution",
      "Use /approve unscoped (headless: --approve-unscoped) to approve it all the same, or ask for the files to be named.",
    );
  }
  return plan;
}

/** Why the plan cannot be approved as asked, or null. */
export function refusalOf(plan: Plan, request: ApproveRequest, strict: boolean): string | null {
  try {
    checkApprovable(plan, request, strict);
    return null;
  } catch (thrown) {
    if (thrown instanceof BmoError && thrown.code === "usage") return thrown.message;
    throw thrown;
  }
}

function checkSelection(content: PlanContent, selected: string[], plan: Plan): void {
  const known = content.tickets.map((ticket) => ticket.id);
  const unknown = selected.filter((id) => !known.includes(id));
  if (unknown.length > 0)
    throw new BmoError("usage", `the plan has no ticket ${unknown.join(", ")}`, `Its tickets: ${known.join(", ")}.`);
  for (const ticket of content.tickets) {
    if (!selected.includes(ticket.id)) continue;
    const missing = ticket.depends_on.filter((id) => !selected.includes(id) && plan.tickets[id] !== "done");
    if (missing.length > 0)
      throw new BmoError(
        "usage",
        `ticket ${ticket.id} depends on ${missing.join(", ")}, which is not selected`,
        `Approve ${[...missing, ...selected].join(",")} together, or all with /approve.`,
      );
  }
}

/** A revision that an approval in advance still covers: no file, command or network use that the first did not have. */
export function isCovered(approved: PlanContent, revised: PlanContent, workspace: string): boolean {
  const files = new Set(approved.tickets.flatMap((ticket) => ticket.files.map((file) => canonicalJson(file))));
  const scope = createScope(approved, null, workspace, { caseSensitive: true });
  // A path may name a folder, which means all below it: what lies deep below must have been approved as well.
  const isWithin = ({ path, action }: PlanFile): boolean =>
    !/[*?[\]{}]/.test(path) &&
    scope.permits(resolve(workspace, path), action).permitted &&
    scope.permits(resolve(workspace, path, "any", "depth"), action).permitted;
  const commands = new Set(approved.tickets.flatMap((ticket) => [...ticket.commands, ...ticket.verify]));
  return (
    revised.open_questions.length === 0 &&
    (!revised.network || approved.network) &&
    revised.tickets.every(
      (ticket) =>
        ticket.files.every((file) => files.has(canonicalJson(file)) || isWithin(file)) &&
        [...ticket.commands, ...ticket.verify].every((command) => commands.has(command)),
    )
  );
}
