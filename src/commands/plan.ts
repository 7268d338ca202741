// /plan: show the plan, revise it by feedback, edit it as TOML, or switch the staged workflow.

import { BmoError } from "../util/errors.ts";
import { planMarkdown } from "../plan/markdown.ts";
import { planFromToml, planToToml } from "../plan/toml.ts";
import { answer, turnAnswer } from "./results.ts";
import type { CommandContext, CommandDefinition, CommandResult } from "../types/command.ts";
import type { Json } from "../types/json.ts";

function showPlan({ agent }: CommandContext): CommandResult {
  const { plan, enabled } = agent.state().workflow;
  if (plan === null)
    return answer(
      `There is no plan. The staged workflow is ${enabled ? "on: describe what you want" : "off: /plan on switches it on"}.`,
    );
  const state =
    plan.state === "awaiting_approval"
      ? "awaits approval: /approve starts it, /plan <feedback> revises it, /reject drops it"
      : plan.state.replace("_", " ");
  return answer(
    `${planMarkdown(plan)}\n${plan.id}, revision ${plan.revision}, ${plan.hash.slice(0, 19)} (${state})`,
    JSON.parse(JSON.stringify(plan)) as Json,
  );
}

function editPlan({ agent }: CommandContext): CommandResult {
  const { plan } = agent.state().workflow;
  if (plan === null) throw new BmoError("usage", "there is no plan to edit");
  // Before the editor opens: what was written in it would be lost.
  if (agent.busy())
    throw new BmoError(
      "usage",
      "a turn is running: the plan cannot be edited now",
      "Interrupt it first (Esc), or say what to change with /plan <feedback>.",
    );
  return {
    ...answer(""),
    action: {
      type: "edit_text",
      text: planToToml(plan.content),
      extension: ".toml",
      apply: (text) => {
        const revised = agent.editPlan(planFromToml(text));
        const same = revised.hash === plan.hash;
        return Promise.resolve(
          answer(
            same
              ? "The plan is unchanged; it still awaits approval."
              : `Plan ${revised.id} is now revision ${revised.revision} and awaits approval.`,
          ),
        );
      },
    },
  };
}

function switchWorkflow(enabled: boolean, { agent }: CommandContext): CommandResult {
  if (agent.busy()) throw new BmoError("usage", "a turn is running", "Switch the workflow when it has ended.");
  agent.setWorkflow(enabled);
  return answer(
    enabled
      ? "The staged workflow is on: a plan is made and waits for /approve."
      : "The staged workflow is off: requests are carried out directly, under the present permissions.",
  );
}

export const planCommand: CommandDefinition = {
  name: "plan",
  aliases: [],
  argumentHint: "[feedback | edit | on | off]",
  summary: "show, revise or edit the plan; switch the staged workflow",
  readOnly: false,
  onlyByPerson: (argument) =>
    argument === "off"
      ? {
          refusal: "piped text does not switch the staged workflow off: it may be somebody else's",
          instead: "Give the command as an argument, bmo -c -p '/plan off', or use --no-plan.",
        }
      : null,
  async run(argument, context) {
    switch (argument) {
      case "":
        return showPlan(context);
      case "edit":
        if (context.headless)
          throw new BmoError("usage", "/plan edit needs a terminal", "Use /plan <feedback> instead.");
        return editPlan(context);
      case "on":
      case "off":
        return switchWorkflow(argument === "on", context);
      default:
        return turnAnswer(await context.agent.revise(argument), context.agent.state().outcome);
    }
  },
};
