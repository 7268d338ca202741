// Commands that list: sessions, skills, tools, permissions, configuration; and /skill, which chooses one.

import { BmoError } from "../util/errors.ts";
import { formatUsd } from "../util/money.ts";
import { textTable } from "../util/text-table.ts";
import { answer, grantText } from "./results.ts";
import type { CommandContext, CommandDefinition, CommandResult } from "../types/command.ts";
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
    const rows = sessions.map((one) => [
      one.id,
      one.updated_at.slice(0, 16).replace("T", " "),
      one.turns === 1 ? "1 turn" : `${one.turns} turns`,
      formatUsd(one.cost_usd, one.cost_is_estimate),
      one.title,
    ]);
    return answer(textTable(rows), JSON.parse(JSON.stringify(sessions)) as Json);
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
    const rows = skills.map((skill) => [
      skill.name,
      skill.tier ?? "",
      skill.available ? skill.description : `unavailable: ${skill.reason ?? ""}`,
    ]);
    return answer(textTable(rows), JSON.parse(JSON.stringify(skills)) as Json);
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
  async run(_argument, { services }) {
    const list = await services.tools();
    return answer(
      textTable(list.map((tool) => [tool.name, tool.access, tool.offered ? "offered now" : "not offered now"])),
      JSON.parse(JSON.stringify(list)) as Json,
    );
  },
};

const MODES = ["default", "acceptEdits", "plan", "bypassPermissions"] as const;

/** Every standing rule with where it comes from. */
function ruleRows({ agent, services }: CommandContext): { rule: string; effect: "allow" | "deny"; origin: string }[] {
  const { grants } = agent.state();
  const { settings, origins } = services.loaded();
  const project = services.projectRules();
  const configured = (key: "allow" | "deny"): string =>
    (origins[`permissions.${key}`] ?? "configuration")
      .split(", ")
      .filter((origin) => !origin.includes(project.path))
      .join(", ");
  return [
    ...settings.permissions.deny.map((rule) => ({ rule, effect: "deny" as const, origin: configured("deny") })),
    ...settings.permissions.allow
      .filter((rule) => !project.rules.includes(rule))
      .map((rule) => ({ rule, effect: "allow" as const, origin: configured("allow") })),
    ...project.rules.map((rule) => ({ rule, effect: "allow" as const, origin: "always in this project" })),
    ...grants.map((grant) => ({
      rule: grantText(grant),
      effect: "allow" as const,
      origin: grant.kind === "scope" ? "extends the approved plan" : "this session",
    })),
  ];
}

function showPermissions(context: CommandContext): CommandResult {
  const { permissionMode, grants, settings } = context.agent.state();
  const rules = ruleRows(context);
  const project = context.services.projectRules();
  const lines = [
    `mode: ${permissionMode}`,
    rules.length === 0 ? "no rules" : textTable(rules.map(({ rule, effect, origin }) => [effect, rule, origin])),
  ];
  if (project.rules.length > 0)
    lines.push(`/permissions forget <rule> takes back what is always allowed in this project (${project.path})`);
  return answer(lines.join("\n"), {
    mode: permissionMode,
    allow: settings.permissions.allow,
    deny: settings.permissions.deny,
    grants: grants.map(grantText),
    project: project.rules,
    rules,
  });
}

/**
 * Takes back a rule that was allowed for this project. @throws BmoError usage naming where the rule comes from instead.
 */
async function forget(rule: string, context: CommandContext): Promise<CommandResult> {
  const { rules } = context.services.projectRules();
  const known =
    rules.length === 0
      ? "Nothing is allowed for this project for good."
      : `Allowed for this project: ${rules.join(", ")}.`;
  if (rule === "") throw new BmoError("usage", "/permissions forget needs the rule", known);
  if (await context.services.forgetProjectRule(rule))
    return answer(`Forgotten: ${rule}. It is asked about again.`, { forgotten: rule });
  const other = ruleRows(context).find((one) => one.rule === rule);
  if (other?.origin === "this session")
    throw new BmoError(
      "usage",
      `${rule} was allowed for this session; it ends with the session`,
      "/new begins another one.",
    );
  if (other !== undefined) throw new BmoError("usage", `${rule} comes from ${other.origin}`, "Take it out there.");
  throw new BmoError("usage", `there is no rule ${rule}`, known);
}

export const permissionsCommand: CommandDefinition = {
  name: "permissions",
  aliases: [],
  argumentHint: "[mode | forget <rule>]",
  summary: "show or set the permission mode; list rules and where they come from",
  readOnly: false,
  onlyByPerson: (argument) =>
    /^(acceptEdits|bypassPermissions)$/i.test(argument)
      ? {
          refusal: "piped text does not widen the permissions: it may be somebody else's",
          instead: "Use --permission-mode, or give the command as an argument.",
        }
      : null,
  async run(argument, context) {
    if (argument === "") return showPermissions(context);
    const [first = "", rest = ""] = argument.split(/\s+([\s\S]*)/);
    if (first.toLowerCase() === "forget") return forget(rest.trim(), context);
    const mode = MODES.find((one) => one.toLowerCase() === argument.toLowerCase());
    if (mode === undefined)
      throw new BmoError(
        "usage",
        `there is no permission mode "${argument}"`,
        `Modes: ${MODES.join(", ")}. /permissions forget <rule> takes a rule back.`,
      );
    context.agent.setPermissionMode(mode);
    if (mode === "plan") context.agent.setWorkflow(true);
    return answer(`Permission mode: ${mode}. Nothing is written in the plan stage, in any mode.`);
  },
};

export const configCommand: CommandDefinition = {
  name: "config",
  aliases: [],
  argumentHint: "",
  summary: "show the configuration and where each value comes from",
  readOnly: true,
  run(_argument, { services }) {
    const { files, origins } = services.loaded();
    const rows = services.configRows();
    return Promise.resolve(
      answer(services.configText(), {
        files,
        values: Object.fromEntries(rows.map(({ key, value }) => [key, { value, origin: origins[key] ?? "default" }])),
      }),
    );
  },
};
