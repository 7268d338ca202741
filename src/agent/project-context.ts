// What a conversation is told about the workspace: AGENTS.md (else CLAUDE.md), nearest first up to the repository root,
// and a few facts read from files. No process is started for it.

import { readFile, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { sanitizeText } from "../util/sanitize.ts";

/** Bytes of instruction files that are taken over, all together. */
const INSTRUCTIONS_LIMIT = 24_000;
const SCRIPTS = ["test", "lint", "build", "typecheck", "check"] as const;
const LOCKFILES: readonly (readonly [file: string, manager: string])[] = [
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
  ["bun.lock", "bun"],
  ["package-lock.json", "npm"],
  ["uv.lock", "uv"],
  ["poetry.lock", "poetry"],
  ["Cargo.lock", "cargo"],
  ["go.sum", "go"],
];

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return null; // Absent or unreadable: the fact is left out.
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}

/** Folders from the workspace up to the repository root; the workspace alone outside a repository. */
async function foldersUp(workspace: string): Promise<{ folders: string[]; gitPath: string | null }> {
  const folders: string[] = [];
  for (let folder = workspace; ; folder = dirname(folder)) {
    folders.push(folder);
    const gitPath = join(folder, ".git");
    if (await exists(gitPath)) return { folders, gitPath };
    if (dirname(folder) === folder) return { folders: [workspace], gitPath: null };
  }
}

async function branchName(gitPath: string | null): Promise<string | null> {
  if (gitPath === null) return null;
  const pointer = /^gitdir:\s*(.+)\s*$/.exec((await readText(gitPath)) ?? "");
  const head = await readText(join(pointer?.[1]?.trim() ?? gitPath, "HEAD"));
  return /^ref: refs\/heads\/(.+)/.exec(head ?? "")?.[1]?.trim() ?? (head === null ? null : "detached");
}

async function manifestFacts(workspace: string): Promise<string[]> {
  const facts: string[] = [];
  let manager: string | null = null;
  for (const [file, name] of LOCKFILES) {
    if (manager === null && (await exists(join(workspace, file)))) manager = name;
  }
  const manifest = await readText(join(workspace, "package.json"));
  if (manifest !== null) {
    manager ??= "npm";
    try {
      const { scripts } = JSON.parse(manifest) as { scripts?: Record<string, unknown> };
      for (const name of SCRIPTS) {
        const command = scripts?.[name];
        if (typeof command === "string") facts.push(`${name}: ${manager} run ${name} (${command.slice(0, 120)})`);
      }
    } catch {
      facts.push("package.json is not valid JSON");
    }
  }
  for (const file of ["Makefile", "pyproject.toml", "Cargo.toml", "go.mod"]) if (await exists(join(workspace, file))) facts.push(`has ${file}`);
  return manager === null ? facts : [`package manager: ${manager}`, ...facts];
}

/** Text for the first message of a conversation; empty when there is nothing to say. */
export async function projectContext(workspace: string): Promise<string> {
  const { folders, gitPath } = await foldersUp(workspace);
  const lines: string[] = [];
  const branch = await branchName(gitPath);
  if (branch !== null) lines.push(`git branch: ${branch}`);
  lines.push(...(await manifestFacts(workspace)));

  let left = INSTRUCTIONS_LIMIT;
  const instructions: string[] = [];
  for (const folder of folders) {
    for (const name of ["AGENTS.md", "CLAUDE.md"]) {
      const text = await readText(join(folder, name));
      if (text === null || text.trim() === "") continue;
      const kept = text.slice(0, left);
      left -= kept.length;
      const cut = kept.length < text.length ? "\n[cut here]" : "";
      if (kept !== "") instructions.push(`<repository-file path="${relative(workspace, join(folder, name)) || name}">\n${kept}${cut}\n</repository-file>`);
      break;
    }
  }
  if (lines.length === 0 && instructions.length === 0) return "";
  const facts = lines.length === 0 ? "" : `<workspace-facts>\n${lines.join("\n")}\n</workspace-facts>`;
  return sanitizeText([facts, ...instructions].filter((part) => part !== "").join("\n"));
}
