// /why [n]: the route of turn n with its candidates and why each was not taken.

import { BmoError } from "../util/errors.ts";
import { answer } from "./results.ts";
import type { CommandDefinition } from "../types/command.ts";
import type { Json } from "../types/json.ts";

export const whyCommand: CommandDefinition = {
  name: "why",
  aliases: [],
  argumentHint: "[turn]",
  summary: "why this model: the route of a turn",
  readOnly: true,
  run(argument, { agent, services }) {
    const { routes } = agent.state();
    if (argument !== "" && !/^\d+$/.test(argument))
      throw new BmoError("usage", `/why takes the number of a turn, not "${argument}"`);
    const last = routes.at(-1);
    if (last === undefined) return Promise.resolve(answer("No turn has been routed yet."));
    const turn = argument === "" ? last.turn : Number(argument);
    const chosen = routes.filter((route) => route.turn === turn);
    if (chosen.length === 0)
      throw new BmoError(
        "usage",
        `turn ${turn} has no route`,
        `Turns with a route: ${[...new Set(routes.map((route) => route.turn))].join(", ")}.`,
      );
    return Promise.resolve(
      answer(
        chosen.map((route) => services.explainRoute(route)).join("\n\n"),
        JSON.parse(JSON.stringify(chosen)) as Json,
      ),
    );
  },
};
