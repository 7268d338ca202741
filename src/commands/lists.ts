// Commands that list: sessions, skills, tools, permissions, configuration; and /skill, which chooses one.

import { BmoError } from "../util/errors.ts";
import { answer, money, table } from "./results.ts";
import type { CommandDefinition } from "../types/command.ts";
import type { Json } from "../types/json.ts";

export const sessionsCommand: CommandDefinition = {
  name: "sessions",
  aliases: [],
  argumentHint: "",
  summary: "list the sessions of this workspace",
  readOnly: true,
  async run(_argument, { services }) {
    const sessions = await services.sessions();
    if (sessions.length === 0) return answer("No session is stored for this workspace yet.", []);
    const rows = sessions.map((one) => [one.id, one.updated_at.slice(0, 16).replace("T", " "), `${one.turns} turns`, money(one.cost_usd), one.title]);
    return answer(table(rows), JSON.parse(JSON.stringify(sessions)) as Json);
  },
};

export const skillsCommand: CommandDefinition = {
  name: "skills",
  aliases: [],
  argumentHint: "",
  summary: "list the skills",
  readOnly: true,
  async run(_argument, { services }) {
    const skills = await services.skills();
    if (skills.length === 0) return answer("No skills were found.", []);
    const rows = skills.map((skill) => [skill.name, skill.tier ?? "", skill.available ? skill.description : `unavailable: ${skill.reason ?? ""}`]);
    return answer(table(rows), JSON.parse(JSON.stringify(skills)) as Json);
  },
};

export const skillCommand: CommandDefinition = {
  name: "skill",
  aliases: [],
  argumentHint: "[name | off]",
  summary: "activate a skill, or none",
  readOnly: false,
  async run(argument, { agent }) {
    if (argument === "") return answer(`active skill: ${agent.state().skill?.name ?? "none"}`);
    return answer(await agent.setSkill(argument === "off" || argument === "none" ? null : argument));
  },
};

export const toolsCommand: CommandDefinition = {
  name: "tools",
  aliases: [],
  argumentHint: "",
  summary: "list the tools and what is offered now",
  readOnly: true,
  run(_argument, { services }) {
    const list = services.tools();
    return Promise.resolve(answer(table(list.map((tool) => [tool.name, tool.access, tool.offered ? "offered now" : "not in this stage"])), JSON.parse(JSON.stringify(list)) as Json));
  },
};

const MODES = ["default", "acceptEdits", "plan", "bypassPermissions"] as const;

export const permissionsCommand: CommandDefinition = {
  name: "permissions",
  aliases: [],
  argumentHint: "[mode]",
  summary: "show or set the permission mode; list rules and grants",
  readOnly: false,
  run(argument, { agent }) {
    const { permissionMode, grants, settings } = agent.state();
    if (argument === "") {
      const rows = [
        ["mode", permissionMode],
        ["allow", settings.permissions.allow.join(", ") || "none"],
        ["deny", settings.permissions.deny.join(", ") || "none"],
        ["granted in this session", grants.join(", ") || "none"],
      ];
      return Promise.resolve(answer(table(rows), { mode: permissionMode, allow: settings.permissions.allow, deny: settings.permissions.deny, grants }));
    }
    const mode = MODES.find((one) => one.toLowerCase() === argument.toLowerCase());
    if (mode === undefined) throw new BmoError("usage", `there is no permission mode "${argument}"`, `Modes: ${MODES.join(", ")}.`);
    agent.setPermissionMode(mode);
    if (mode === "plan") agent.setWorkflow(true);
    return Promise.resolve(answer(`Permission mode: ${mode}. Nothing is written in the plan stage, whatever the mode.`));
  },
};

export const configCommand: CommandDefinition = {
  name: "config",
  aliases: [],
  argumentHint: "",
  summary: "show the configuration and where each value comes from",
  readOnly: true,
  run: (_argument, { services }) => Promise.resolve(answer(services.configText())),
};
