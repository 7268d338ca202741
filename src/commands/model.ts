// /model: list models and bindings, pin a model, hand over to the phase router, bind a tier in the user's file.

import { parseTier, TIERS, type Tier } from "../types/route.ts";
import { BmoError } from "../util/errors.ts";
import { modelLabel } from "../util/model-label.ts";
import { textTable } from "../util/text-table.ts";
import { formatTokens } from "../util/token-count.ts";
import { answer } from "./results.ts";
import type { CommandContext, CommandDefinition, CommandResult } from "../types/command.ts";
import type { Price } from "../types/provider.ts";

function priceText(price: Price, estimate: boolean): string {
  if (price.input === null || price.output === null) return "price unknown";
  return `${estimate ? "~" : ""}$${price.input}/${price.output} per million`;
}

function bindings(context: CommandContext): string[][] {
  const { settings, origins } = context.services.loaded();
  const { phase_model, model_router } = settings.options;
  const rows: (readonly [label: string, value: string | null, key: string])[] = [
    ["default", settings.model, "model"],
    ["plan stage", phase_model.planning_model, "options.phase_model.planning_model"],
    ["execute stage", phase_model.execution_model, "options.phase_model.execution_model"],
    ...TIERS.map(
      (tier) => [`tier ${tier}`, model_router[`${tier}_model`], `options.model_router.${tier}_model`] as const,
    ),
    ["routing", model_router.routing_model, "options.model_router.routing_model"],
  ];
  return rows.map(([label, value, key]) => [label, value ?? "unset", origins[key] ?? "default"]);
}

function list(context: CommandContext): CommandResult {
  const registry = context.services.registry();
  const usable = new Set(
    registry
      .providers()
      .filter((provider) => provider.configured || provider.hasCredentials)
      .map((provider) => provider.id),
  );
  const groups = new Map<string, string[][]>();
  for (const model of registry.list()) {
    if (!usable.has(model.provider)) continue;
    const window = model.contextWindow === null ? "window unknown" : formatTokens(model.contextWindow);
    groups.set(model.provider, [
      ...(groups.get(model.provider) ?? []),
      [
        `  ${modelLabel(model.id, context.services.loaded().settings)}`,
        window,
        priceText(model.price, model.priceEstimate),
        model.status === "current" ? "" : model.status,
      ],
    ]);
  }
  const models = [...groups].map(([provider, rows]) => `${provider}\n${textTable(rows)}`).join("\n");
  const { next } = context.agent.state();
  const text = [
    models === ""
      ? usable.size === 0
        ? "No provider has credentials; bmo init sets one up."
        : "No model of the providers set up is listed; any id of theirs is taken."
      : models,
    "",
    textTable(bindings(context)),
    "",
    `next request: ${next.model === null ? "none" : modelLabel(next.model, context.services.loaded().settings)} (${next.reason})`,
  ].join("\n");
  return answer(text, {
    bindings: bindings(context).map(([label = "", value = "", origin = ""]) => ({ label, value, origin })),
    next: { model: next.model, reason: next.reason },
  });
}

async function bindTier(tier: Tier, value: string, context: CommandContext): Promise<CommandResult> {
  const key = `options.model_router.${tier}_model`;
  if (value === "reset") {
    const path = await context.services.writeUserSetting(key, null);
    return answer(`Tier ${tier} is no longer bound in ${path}.`);
  }
  const { model, notices } = context.services.registry().resolve(value, `/model ${tier}`);
  const path = await context.services.writeUserSetting(key, model.id);
  return answer(
    [...notices, `Tier ${tier} is bound to ${model.id} in ${path}; it serves from the next turn.`].join("\n"),
  );
}

function pin(value: string, once: boolean, context: CommandContext): CommandResult {
  const { agent, services } = context;
  const { overrides } = agent.state();
  if (value === "default") {
    agent.setOverrides({ ...overrides, model: null });
    return answer("No model is pinned; the configuration decides.");
  }
  if (value === "auto") {
    agent.setOverrides({ ...overrides, model: { value: "auto", once, from: "command" } });
    const ignored =
      overrides.tier === null ? "" : ` The tier ${overrides.tier.value} set beside it is ignored until /model default.`;
    return answer(
      `The phase router chooses the model ${once ? "of the next turn" : "from the next turn on"}.${ignored}`,
    );
  }
  const { model, notices } = services.registry().resolve(value, "/model");
  agent.setOverrides({ ...overrides, model: { value: model.id, once, from: "command" } });
  return answer(
    [...notices, `${model.id} serves ${once ? "the next turn" : "from the next turn on, until /model default"}.`].join(
      "\n",
    ),
  );
}

export const modelCommand: CommandDefinition = {
  name: "model",
  aliases: [],
  argumentHint: "[model [once] | auto | default | tier model | tier reset]",
  summary: "show or choose the model, or bind a tier",
  readOnly: false,
  async run(argument, context) {
    const words = argument.split(/\s+/).filter((word) => word !== "");
    const [first, second, third] = words;
    if (first === undefined) return list(context);
    if (third !== undefined)
      throw new BmoError(
        "usage",
        `/model does not understand "${argument}"`,
        `Use /model ${modelCommand.argumentHint}.`,
      );
    const tier = parseTier(first);
    if (tier !== null) {
      if (second === undefined)
        throw new BmoError(
          "usage",
          `/model ${tier} needs a model`,
          `Use /model ${tier} provider/model, or /tier ${tier} to choose the tier.`,
        );
      return bindTier(tier, second, context);
    }
    if (second !== undefined && second !== "once")
      throw new BmoError("usage", `/model does not understand "${second}"`, `Use /model ${modelCommand.argumentHint}.`);
    return pin(first, second === "once", context);
  },
};
