// /tier: show or set the tier of the next turns.

import { parseTier, TIERS } from "../types/route.ts";
import { BmoError } from "../util/errors.ts";
import { answer } from "./results.ts";
import type { CommandDefinition } from "../types/command.ts";

export const tierCommand: CommandDefinition = {
  name: "tier",
  aliases: [],
  argumentHint: "[balanced | coding | smart | deep [once] | auto]",
  summary: "show or set the tier",
  readOnly: false,
  run(argument, { agent }) {
    const [first, second, third] = argument
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "");
    const { overrides, next } = agent.state();
    if (first === undefined) {
      const { tier, model } = overrides;
      const ignored =
        tier === null || model === null
          ? ""
          : `; the tier ${tier.value} set with ${tier.from === "flag" ? "--tier" : "/tier"} is ignored: ${model.from === "flag" ? "--model" : "/model"} ${model.value} decides`;
      const once = ignored === "" && tier?.once === true ? ", for the next turn" : "";
      return Promise.resolve(
        answer(`tier: ${next.tier} (source: ${next.tierSource}${once})${ignored}`, {
          tier: next.tier,
          source: next.tierSource,
        }),
      );
    }
    if (third !== undefined || (second !== undefined && second !== "once"))
      throw new BmoError("usage", `/tier does not understand "${argument}"`, `Use /tier ${tierCommand.argumentHint}.`);
    if (first === "auto") {
      agent.setOverrides({ ...overrides, tier: null });
      return Promise.resolve(answer("No tier is set; it is decided per turn."));
    }
    const tier = parseTier(first);
    if (tier === null)
      throw new BmoError(
        "usage",
        `there is no tier "${first}"`,
        `Tiers: ${TIERS.join(", ")}; /tier auto lifts the choice.`,
      );
    agent.setOverrides({ ...overrides, tier: { value: tier, once: second === "once", from: "command" } });
    const ignored =
      overrides.model === null
        ? ""
        : ` The model chosen with /model (${overrides.model.value}) goes before it until /model default.`;
    return Promise.resolve(
      answer(
        `Tier ${tier} serves ${second === "once" ? "the next turn" : "from the next turn on, until /tier auto"}.${ignored}`,
      ),
    );
  },
};
