// The skills that a session may use: the user's own, and the project's once it is trusted.

import { BmoError } from "../util/errors.ts";
import type { App } from "./app.ts";
import type { Skills } from "../agent/parts.ts";
import type { CommandServices } from "../types/command.ts";

export interface SkillService extends Skills {
  list: CommandServices["skills"];
}

export function createSkills(_app: App): SkillService {
  return {
    prompt: () => Promise.resolve(""),
    names: () => Promise.resolve([]),
    find: (name) => Promise.reject(new BmoError("usage", `there is no skill "${name}"`, "/skills lists them.")),
    list: () => Promise.resolve([]),
  };
}
