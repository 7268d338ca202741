// Turns one SKILL.md into a skill, or says why it is none. Pure.

import { isJsonObject } from "../util/jsonl.ts";
import { sanitizeLine, sanitizeText } from "../util/sanitize.ts";
import { TIERS, type Tier } from "../types/route.ts";
import type { Frontmatter } from "../util/frontmatter.ts";
import type { Json, JsonObject } from "../types/json.ts";

const NAME = /^[a-z0-9-]{1,50}$/;
const LONGEST_DESCRIPTION = 200;
const LONGEST_BODY = 50_000;

export interface ParsedSkill {
  name: string;
  description: string;
  tier: Tier | null;
  body: string;
  requires: { env: string[]; binary: string[]; skills: string[] };
}

function cut(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`;
}

function isTier(value: unknown): value is Tier {
  return TIERS.some((tier) => tier === value);
}

function readTier(data: JsonObject, problems: string[]): Tier | null {
  const values = [
    ["tier", data["tier"]],
    ["model_tier", data["model_tier"]],
  ] as const;
  const given = values.filter(([, value]) => value !== undefined && value !== null);
  for (const [key, value] of given)
    if (!isTier(value))
      problems.push(`${key} = ${sanitizeLine(JSON.stringify(value))} is ignored; allowed are ${TIERS.join(", ")}`);
  const valid = given.flatMap(([key, value]) => (isTier(value) ? [{ key, value }] : []));
  const [first, second] = valid;
  if (first !== undefined && second !== undefined && first.value !== second.value)
    problems.push(`tier is ${first.value} and model_tier is ${second.value}; tier wins`);
  return first?.value ?? null;
}

function readNames(value: Json | undefined, key: string, problems: string[]): string[] {
  if (value === undefined || value === null) return [];
  const list = Array.isArray(value) ? value : [value];
  const names = list.flatMap((item) => (typeof item === "string" && item !== "" ? [sanitizeLine(item)] : []));
  if (names.length !== list.length) problems.push(`requires.${key} is not a list of names`);
  return names;
}

function readRequires(data: JsonObject, problems: string[]): ParsedSkill["requires"] {
  const value = data["requires"];
  if (value === undefined || value === null) return { env: [], binary: [], skills: [] };
  if (!isJsonObject(value)) {
    problems.push("requires is not a table of env, binary and skills and is ignored");
    return { env: [], binary: [], skills: [] };
  }
  return {
    env: readNames(value["env"], "env", problems),
    binary: readNames(value["binary"], "binary", problems),
    skills: readNames(value["skills"], "skills", problems),
  };
}

/** The first line that says something, for a skill that does not describe itself. */
function firstLine(body: string): string {
  const line = body
    .split("\n")
    .map((text) => text.replace(/^#+\s*/, "").trim())
    .find((text) => text !== "");
  return line ?? "";
}

function readDescription(data: JsonObject, body: string, problems: string[]): string {
  const value = data["description"];
  const text = typeof value === "string" ? sanitizeLine(value.replaceAll(/\s+/g, " ").trim()) : "";
  if (text === "") {
    problems.push("it has no description; its first line is shown");
    return cut(sanitizeLine(firstLine(body)), LONGEST_DESCRIPTION);
  }
  if ([...text].length > LONGEST_DESCRIPTION)
    problems.push(`its description is longer than ${LONGEST_DESCRIPTION} characters and is cut`);
  return cut(text, LONGEST_DESCRIPTION);
}

/** `folderName` names a skill that does not name itself. */
export function readSkill(file: Frontmatter, folderName: string): { skill: ParsedSkill | null; diagnostics: string[] } {
  const diagnostics: string[] = [];
  if (file.problem !== null) return { skill: null, diagnostics: [`refused, ${sanitizeLine(file.problem)}`] };
  if (file.data === null) diagnostics.push("it has no front matter; all of it is taken as the body");
  const data = file.data ?? {};
  const given = data["name"];
  const name = given === undefined || given === null ? folderName : given;
  if (typeof name !== "string" || !NAME.test(name)) {
    return {
      skill: null,
      diagnostics: [
        `refused, its name ${sanitizeLine(JSON.stringify(name))} is not 1 to 50 lower-case letters, digits and hyphens`,
      ],
    };
  }
  const body = sanitizeText(file.body).trim();
  if (body.length > LONGEST_BODY)
    return {
      skill: null,
      diagnostics: [`refused, its body has ${body.length} characters; at most ${LONGEST_BODY} are allowed`],
    };
  const tier = readTier(data, diagnostics);
  const requires = readRequires(data, diagnostics);
  return { skill: { name, description: readDescription(data, body, diagnostics), tier, body, requires }, diagnostics };
}
