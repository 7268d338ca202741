// `bmo models`: what is known of each model, by provider. No network, no key.

import { Argument } from "commander";
import { EXIT, type ExitCode } from "../types/error.ts";
import type { ModelInfo, ModelRegistry, Price } from "../types/provider.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { textTable } from "../util/text-table.ts";
import { formatTokens } from "../util/token-count.ts";
import { printJson, type Subcommand, type SubcommandIo } from "./subcommand.ts";

/** USD per million tokens; `~` marks an estimate; what nobody knows is `unknown`, never 0. */
export function formatPrice({ input, output }: Pick<Price, "input" | "output">, estimate: boolean): string {
  if (input === null && output === null) return "unknown";
  const figure = (value: number | null): string =>
    value === null ? "unknown" : `${estimate ? "~" : ""}${String(value)}`;
  return `${figure(input)} / ${figure(output)}`;
}

function standing(model: ModelInfo): string {
  const successor = model.replacedBy === null ? "" : `, then ${model.replacedBy}`;
  if (model.status === "retired") return `retired${model.retires === null ? "" : ` ${model.retires}`}${successor}`;
  if (model.retires !== null) return `retires ${model.retires}${successor}`;
  return model.status === "current" ? "" : model.status;
}

function asJson(model: ModelInfo): Record<string, unknown> {
  return {
    id: model.id,
    provider: model.provider,
    wire_id: model.wireId,
    aliases: model.aliases,
    context_window: model.contextWindow,
    max_output: model.maxOutput,
    price: model.price,
    price_estimate: model.priceEstimate,
    tools: model.tools,
    vision: model.vision,
    reasoning: model.reasoning,
    status: model.status,
    retires: model.retires,
    replaced_by: model.replacedBy,
    source: model.source,
  };
}

/** `filter`: what the id or an alias must hold. */
function listModels(filter: string | undefined, io: SubcommandIo, registry: ModelRegistry): ExitCode {
  const wanted = filter?.toLowerCase();
  const models = registry
    .list()
    .filter(
      (model) =>
        wanted === undefined || [model.id, ...model.aliases].some((name) => name.toLowerCase().includes(wanted)),
    );
  const providers = registry.providers();
  if (io.json) {
    printJson(io, {
      models: models.map(asJson),
      providers: providers.map((one) => ({
        id: one.id,
        type: one.type,
        configured: one.configured,
        has_credentials: one.hasCredentials,
      })),
    });
    return EXIT.done;
  }
  if (models.length === 0) {
    io.stderr(
      wanted === undefined ? "bmo: no models are known\n" : `bmo: no model matches "${sanitizeLine(wanted)}"\n`,
    );
    return EXIT.done;
  }
  for (const id of [...new Set(models.map(({ provider }) => provider))]) {
    const known = providers.find((one) => one.id === id);
    io.stdout(`${sanitizeLine(id)}${known?.hasCredentials === true ? "" : "  (no credentials)"}\n`);
    const rows = models
      .filter(({ provider }) => provider === id)
      .map((model) => [
        "",
        sanitizeLine(model.id),
        formatPrice(model.price, model.priceEstimate),
        model.contextWindow === null ? "unknown" : formatTokens(model.contextWindow),
        standing(model),
      ]);
    io.stdout(`${textTable([["", "model", "USD per Mtok in / out", "window", ""], ...rows])}\n`);
  }
  return EXIT.done;
}

export const modelsCommand: Subcommand = {
  name: "models",
  summary: "list models with prices and windows",
  arguments: [new Argument("[part of an id]", "only models whose id or alias holds it")],
  async run({ words, io, app }) {
    const { registry } = await app();
    return listModels(words[0], io(), registry());
  },
};
