// The skills that a session may use: the user's own, and the project's once it is trusted.

import { dirname, join } from "node:path";
import { userConfigPath } from "../config/paths.ts";
import { requireSkill, skillPrompt, whyGone } from "../skills/activate.ts";
import { discoverSkills, PROJECT_SKILL_FOLDERS, type SkillRoot, type SkillScan } from "../skills/load.ts";
import type { App } from "./app.ts";
import type { Skills } from "../agent/ports.ts";
import type { CommandServices } from "../types/command.ts";

export interface SkillService extends Skills {
  list: CommandServices["skills"];
}

function rootsOf(app: App): SkillRoot[] {
  const user = dirname(userConfigPath(app.environment, app.home ?? ""));
  const trust = app.loaded().trust ?? null;
  const trusted = app.flags.trust || trust === null || trust.trusted;
  const project = trusted
    ? PROJECT_SKILL_FOLDERS.map((folder): SkillRoot => ({
        path: join(app.workspace, folder),
        origin: "project",
        within: app.workspace,
      }))
    : [];
  const own = [join(user, "skills"), ...(app.home === null ? [] : [join(app.home, ".agents", "skills")])];
  return [...project, ...own.map((path): SkillRoot => ({ path, origin: "user", within: null }))];
}

export function createSkills(app: App): SkillService {
  let said = "";
  /** Read at each turn: a skill that was added, changed or deleted counts at once. */
  const scan = (): Promise<SkillScan> => discoverSkills(rootsOf(app), { environment: app.environment });
  return {
    async prompt(active) {
      return skillPrompt((await scan()).skills, active);
    },
    async names() {
      return (await scan()).skills.filter((skill) => skill.available).map((skill) => skill.name);
    },
    async find(name) {
      const skill = requireSkill((await scan()).skills, name);
      return { name: skill.name, tier: skill.tier };
    },
    async gone(active) {
      return whyGone((await scan()).skills, active);
    },
    async diagnostics() {
      const { diagnostics } = await scan();
      const text = diagnostics.join("\n");
      if (text === said) return [];
      said = text;
      return diagnostics;
    },
    async list() {
      const { skills } = await scan();
      return skills.map(({ name, description, available, reason, path, tier }) => ({
        name,
        description,
        available,
        reason,
        path,
        tier,
      }));
    },
  };
}
