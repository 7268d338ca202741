// What the router is told of the catalogue and the prompts, which stand in folders of its own rank.

import { classifyPrompt } from "../prompts/classify.ts";
import { gatePrompt } from "../prompts/gate.ts";
import { defaultModel, roleDefaults } from "../providers/catalog.ts";

export const routerTables = {
  defaultModel,
  roles: roleDefaults,
  prompts: { gate: gatePrompt, classify: classifyPrompt },
};
