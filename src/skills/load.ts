// Finds skills: folders with a SKILL.md below given roots. Reads, checks and bounds them; decides nothing about trust
// (the caller passes a project's roots only when it is trusted) and executes nothing.

import { access, constants, readdir, realpath, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { parseFrontmatter } from "../util/frontmatter.ts";
import { isInside } from "../util/paths.ts";
import { readRegular } from "../util/regular-file.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { readSkill, type ParsedSkill } from "./parse.ts";
import type { Tier } from "../types/route.ts";

/** Larger files are not read. */
const LARGEST_FILE = 400_000;
const MOST_SKILLS = 200;

/** Folders of a project that may hold skills, in order of precedence; relative to the workspace. */
export const PROJECT_SKILL_FOLDERS: readonly string[] = [
  ".bmo/skills",
  ".agents/skills",
  ".claude/skills",
  ".github/skills",
];

export interface SkillRoot {
  /** The folder whose subfolders are skills; it need not exist. */
  path: string;
  origin: "project" | "user";
  /** Real path that the folder must not leave through links; null = anywhere. */
  within: string | null;
}

/** What requirements are checked against. */
export interface SkillFacts {
  environment: Readonly<Record<string, string | undefined>>;
}

export interface Skill {
  name: string;
  /** One line. */
  description: string;
  tier: Tier | null;
  /** Markdown without the front matter. */
  body: string;
  /** Real path of the SKILL.md. */
  path: string;
  origin: "project" | "user";
  available: boolean;
  /** Why it is not available; null when it is. */
  reason: string | null;
}

export interface SkillScan {
  /** By name; the first of a name wins. */
  skills: Skill[];
  /** What was refused or looks wrong, with its file; for the user. */
  diagnostics: string[];
}

interface FoundSkill {
  parsed: ParsedSkill;
  path: string;
  origin: Skill["origin"];
}

/** Real path of a root and its folders; null when it is not there or cannot be read. */
async function openRoot(folder: string): Promise<{ real: string; names: string[] } | null> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map((entry) => entry.name);
    return { real: await realpath(folder), names: names.sort() };
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return null;
  }
}

/** The real path of a skill's file, null when there is none, or why it is refused. */
async function locate(
  root: string,
  name: string,
): Promise<{ path: string; size: number } | { refused: string } | null> {
  const written = join(root, name, "SKILL.md");
  try {
    const folder = await realpath(join(root, name));
    const path = await realpath(written);
    if (!isInside(root, folder) || !isInside(folder, path)) return { refused: "it is a link out of its folder" };
    const facts = await stat(path);
    if (!facts.isFile()) return { refused: "it is not a regular file" };
    return facts.size > LARGEST_FILE
      ? { refused: `it has ${facts.size} bytes; at most ${LARGEST_FILE} are read` }
      : { path, size: facts.size };
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === undefined) throw thrown;
    return code === "ENOENT" || code === "ENOTDIR" ? null : { refused: `it cannot be read (${code})` };
  }
}

async function readRoot(root: SkillRoot, diagnostics: string[]): Promise<FoundSkill[]> {
  const opened = await openRoot(root.path);
  if (opened === null) return [];
  const { real, names } = opened;
  if (root.within !== null && !isInside(root.within, real)) {
    diagnostics.push(`${sanitizeLine(root.path)}: not looked at, it is a link out of the workspace`);
    return [];
  }
  if (names.length > MOST_SKILLS)
    diagnostics.push(
      `${sanitizeLine(root.path)}: holds ${names.length} folders; the first ${MOST_SKILLS} are looked at`,
    );
  const found: FoundSkill[] = [];
  for (const name of names.slice(0, MOST_SKILLS)) {
    const shown = sanitizeLine(join(root.path, name, "SKILL.md"));
    const file = await locate(real, name);
    if (file === null) continue;
    if ("refused" in file) {
      diagnostics.push(`${shown}: refused, ${file.refused}`);
      continue;
    }
    const read = await readSkillFile(file.path, name);
    diagnostics.push(...read.diagnostics.map((text) => `${shown}: ${text}`));
    if (read.skill !== null) found.push({ parsed: read.skill, path: file.path, origin: root.origin });
  }
  return found;
}

async function readSkillFile(path: string, folderName: string): Promise<ReturnType<typeof readSkill>> {
  try {
    const read = await readRegular(path, LARGEST_FILE);
    if (read === null) return { skill: null, diagnostics: [`refused, more than ${LARGEST_FILE} bytes`] };
    const { bytes } = read;
    if (bytes.includes(0)) return { skill: null, diagnostics: ["refused, it is not text"] };
    return readSkill(await parseFrontmatter(bytes.toString("utf8")), folderName);
  } catch (thrown) {
    const reason = thrown instanceof BmoError ? thrown.message : systemErrorCode(thrown);
    if (reason === undefined) throw thrown;
    return { skill: null, diagnostics: [`refused, it cannot be read (${reason})`] };
  }
}

async function hasBinary(name: string, environment: SkillFacts["environment"]): Promise<boolean> {
  if (name.includes("/") || name === "") return false;
  for (const folder of (environment["PATH"] ?? "").split(delimiter)) {
    const found =
      folder !== "" &&
      (await access(join(folder, name), constants.X_OK).then(
        () => true,
        () => false,
      ));
    if (found) return true;
  }
  return false;
}

/** What of the environment a skill lacks, in words; null when nothing. */
async function lacking(parsed: ParsedSkill, facts: SkillFacts): Promise<string | null> {
  const variables = parsed.requires.env.filter((name) => (facts.environment[name] ?? "") === "");
  const binaries: string[] = [];
  for (const name of parsed.requires.binary) if (!(await hasBinary(name, facts.environment))) binaries.push(name);
  const parts = [
    ...(variables.length > 0 ? [`the environment variable ${variables.join(", ")}`] : []),
    ...(binaries.length > 0 ? [`the program ${binaries.join(", ")}`] : []),
  ];
  return parts.length === 0 ? null : `needs ${parts.join(" and ")}`;
}

/** Takes away what needs a skill that is not available, until nothing changes. */
function settleSkillRequirements(skills: Skill[], needs: ReadonlyMap<string, readonly string[]>): void {
  for (let changed = true; changed;) {
    changed = false;
    const available = new Set(skills.filter((skill) => skill.available).map((skill) => skill.name));
    for (const skill of skills) {
      const missing = (needs.get(skill.name) ?? []).filter((name) => !available.has(name));
      if (!skill.available || missing.length === 0) continue;
      skill.available = false;
      skill.reason = `needs the skill ${missing.join(", ")}`;
      changed = true;
    }
  }
}

/** Looks through the roots in order. Never throws for what lies in them: that is in the diagnostics. */
export async function discoverSkills(roots: readonly SkillRoot[], facts: SkillFacts): Promise<SkillScan> {
  const diagnostics: string[] = [];
  const byName = new Map<string, FoundSkill>();
  for (const root of roots) {
    for (const found of await readRoot(root, diagnostics)) {
      const earlier = byName.get(found.parsed.name);
      if (earlier === undefined) byName.set(found.parsed.name, found);
      else if (earlier.path !== found.path)
        diagnostics.push(
          `${sanitizeLine(found.path)}: not used, ${sanitizeLine(earlier.path)} has the same name ${found.parsed.name}`,
        );
    }
  }
  const skills: Skill[] = [];
  for (const { parsed, path, origin } of byName.values()) {
    const reason = await lacking(parsed, facts);
    skills.push({
      name: parsed.name,
      description: parsed.description,
      tier: parsed.tier,
      body: parsed.body,
      path,
      origin,
      available: reason === null,
      reason,
    });
  }
  settleSkillRequirements(skills, new Map([...byName].map(([name, { parsed }]) => [name, parsed.requires.skills])));
  skills.sort((left, right) => (left.name < right.name ? -1 : 1));
  return { skills, diagnostics };
}
