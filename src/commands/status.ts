// /status: everything that decides what happens next, without a model call.

import { modelLabel } from "../util/model-label.ts";
import { addUsd, formatUsd } from "../util/money.ts";
import { textTable } from "../util/text-table.ts";
import { answer, grantText } from "./results.ts";
import type { AgentState } from "../types/agent.ts";
import type { CommandContext, CommandDefinition } from "../types/command.ts";
import type { LedgerEntry } from "../types/ledger.ts";

function planLine(state: AgentState): string {
  const { plan } = state.workflow;
  if (plan === null) return "none";
  const states = Object.values(plan.tickets);
  const done = states.filter((one) => one === "done").length;
  return `${plan.state.replace("_", " ")}: ${plan.content.title} (${plan.id}, revision ${plan.revision}, ${done} of ${states.length} tickets done)`;
}

function routingLine(state: AgentState): string {
  const { model } = state.overrides;
  if (model?.value === "auto")
    return `on: handed to the phase router by ${model.from === "flag" ? "--model" : "/model"} auto`;
  if (model !== null) return `off: pinned by ${model.from === "flag" ? "--model" : "/model"} to ${model.value}`;
  if (state.overrides.tier !== null)
    return `tier fixed by ${state.overrides.tier.from === "flag" ? "--tier" : "/tier"}`;
  if (state.skill?.tier != null) return `tier fixed by the skill ${state.skill.name}`;
  return stagePin(state) ?? "on";
}

/** A concrete stage model takes the choice away from the router; tiers and `auto` do not. */
function stagePin({ settings, workflow, routes, overrides }: AgentState): string | null {
  const { planning_model, execution_model } = settings.options.phase_model;
  if ((planning_model ?? "") === "" || overrides.model !== null) return null;
  const plans =
    workflow.stage === "plan" || (workflow.stage === "chat" && routes.every((route) => route.stage === "gate"));
  const [key, value] = plans ? ["planning_model", planning_model ?? ""] : ["execution_model", execution_model ?? ""];
  return value === "" || /^(?:auto$|tier:)/i.test(value.trim()) ? null : `off: pinned by ${key} to ${value}`;
}

function perModel(ledger: readonly LedgerEntry[]): string[] {
  const models = [...new Set(ledger.map((entry) => entry.model))];
  return models.map((model) => {
    const entries = ledger.filter((entry) => entry.model === model);
    const sum = (pick: (entry: LedgerEntry) => number): number =>
      entries.reduce((total, entry) => total + pick(entry), 0);
    const cost = addUsd(entries.map((entry) => entry.cost_usd));
    return `${model}: ${entries.length} calls, ${sum((entry) => entry.usage.input + entry.usage.cache_read + entry.usage.cache_write)} in, ${sum((entry) => entry.usage.output)} out, ${formatUsd(
      cost,
      entries.some((entry) => entry.estimate),
    )}`;
  });
}

export function statusRows(context: CommandContext): [label: string, value: string][] {
  const { agent, services } = context;
  const state = agent.state();
  const { settings, origins, files } = services.loaded();
  const { phase_model } = settings.options;
  const route = state.routes.at(-1);
  const from = (key: string): string => origins[`options.phase_model.${key}`] ?? "default";
  const outOfScope = state.files.filter((file) => !file.in_scope).length;
  const models = perModel(state.ledger);
  const savings = state.totals.savings_pct === null ? "unknown" : `${state.totals.savings_pct} %`;
  return [
    ["session", agent.sessionId],
    ["workspace", agent.workspace],
    ["workflow", state.workflow.enabled ? "on" : "off"],
    ["stage", state.workflow.stage],
    ["plan", planLine(state)],
    ["last model", state.lastModel === null ? "none yet" : modelLabel(state.lastModel, settings)],
    [
      "next model",
      `${state.next.model === null ? "none" : modelLabel(state.next.model, settings)} (${state.next.reason})`,
    ],
    [
      "execution would take",
      `${state.executionModel.model === null ? "none" : modelLabel(state.executionModel.model, settings)} (${state.executionModel.reason})`,
    ],
    ["planning_model", `${phase_model.planning_model ?? "unset"} (${from("planning_model")})`],
    ["execution_model", `${phase_model.execution_model ?? "unset"} (${from("execution_model")})`],
    [
      "preset",
      settings.preset.length === 0 ? "none" : `${settings.preset.join(", ")} (${origins["preset"] ?? "default"})`,
    ],
    ["tier", `${state.next.tier} (source: ${state.next.tierSource})`],
    ["skill", state.skill?.name ?? "none"],
    [
      "phase",
      route?.phase == null
        ? "none yet"
        : `${route.phase} (confidence ${route.phase_confidence ?? "unknown"}, layer ${route.phase_layer ?? "none"})`,
    ],
    ["gate", settings.options.gate.enabled ? `on, last: ${route?.gate ?? "none"}` : "off"],
    ["routing", routingLine(state)],
    [
      "permission mode",
      `${state.permissionMode}${state.grants.length === 0 ? "" : `, granted: ${state.grants.map(grantText).join(", ")}`}`,
    ],
    ["containment", `${settings.options.containment.mode}, ${outOfScope} out of scope`],
    ["sandbox", state.sandbox],
    ["tokens and cost", models.length === 0 ? "nothing yet" : models.join("; ")],
    [
      "total",
      `${formatUsd(state.totals.cost_usd, state.totals.estimate)}, baseline ${state.totals.baseline_model ?? "none"} ${formatUsd(state.totals.baseline_cost_usd, state.totals.baseline_estimate)}, savings ${savings}`,
    ],
    ["configuration", files.length === 0 ? "no files" : files.join(", ")],
    ["warnings", state.warnings.length === 0 ? "none" : state.warnings.join("; ")],
  ];
}

export const statusCommand: CommandDefinition = {
  name: "status",
  aliases: [],
  argumentHint: "",
  summary: "stage, plan, models, permissions, cost",
  readOnly: true,
  run(_argument, context) {
    const rows = statusRows(context);
    return Promise.resolve(
      answer(textTable(rows), Object.fromEntries(rows.map(([label, value]) => [label.replaceAll(" ", "_"), value]))),
    );
  },
};
