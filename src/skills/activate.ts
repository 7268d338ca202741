// What skills add to a prompt, and whether one may be activated. Pure; which skill is active is the session's to keep.

import { dirname } from "node:path";
import { BmoError } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import type { Skill } from "./load.ts";

/** Names and descriptions of all available skills, and the body of the active one; empty without skills. */
export function skillPrompt(skills: readonly Skill[], active: string | null): string {
  const available = skills.filter((skill) => skill.available);
  if (available.length === 0) return "";
  const lines = [
    "Skills (activate_skill loads the instructions of one):",
    ...available.map((skill) => `- ${skill.name}: ${skill.description}`),
  ];
  const skill = available.find((one) => one.name === active);
  if (skill === undefined) return lines.join("\n");
  const origin = skill.origin === "project" ? "from the repository" : "from the user";
  lines.push("", `Active skill: ${skill.name} (${origin}; its folder: ${dirname(skill.path)})`);
  if (skill.tier !== null) lines.push(`It set the tier to ${skill.tier}.`);
  lines.push("", skill.body);
  return lines.join("\n");
}

/** The skill to activate. @throws BmoError usage when there is none of that name, or it is not available. */
export function requireSkill(skills: readonly Skill[], name: string): Skill {
  const skill = skills.find((one) => one.name === name);
  if (skill === undefined) {
    const near = nearestNames(
      name,
      skills.map((one) => one.name),
    );
    throw new BmoError(
      "usage",
      `there is no skill ${name}`,
      near.length > 0 ? `Did you mean ${near.join(" or ")}? /skills lists all.` : "/skills lists those there are.",
    );
  }
  if (!skill.available)
    throw new BmoError(
      "usage",
      `the skill ${name} is not available: ${skill.reason ?? "its requirements are not met"}`,
      "/skills shows what each one needs.",
    );
  return skill;
}

/** Why an active skill can no longer be active, in a sentence for the user; null when it can. */
export function whyGone(skills: readonly Skill[], active: string): string | null {
  const skill = skills.find((one) => one.name === active);
  if (skill === undefined) return `The skill ${active} is gone; it is no longer active.`;
  return skill.available ? null : `The skill ${active} is no longer active: it ${skill.reason ?? "is not available"}.`;
}
