// What a conversation is told about the workspace: AGENTS.md (else CLAUDE.md), nearest first up to the repository root,
// and a few facts read from files. No process is started for it, and no file outside the repository is read.

import { dirname, join, relative } from "node:path";
import { findRepository } from "../containment/git-config.ts";
import { pathExists } from "../util/paths.ts";
import { projectRoot, readProjectFile, type ProjectPlace } from "../util/project-file.ts";
import { sanitizeText } from "../util/sanitize.ts";

/** Characters of instruction files that are taken over, all together. */
const INSTRUCTIONS_LIMIT = 24_000;
/** Bytes of one character at most. */
const CHARACTER_BYTES = 4;
const MANIFEST_LIMIT = 1 << 20;
const HEAD_LIMIT = 4_096;
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

export interface ProjectContext {
  /** Text for the first message of a conversation; empty when there is nothing to say. */
  text: string;
  /** Files that were not read, each with the reason; for the user. */
  notices: string[];
}

export interface ProjectContextOptions {
  /** Real path. */
  workspace: string;
  home: string | null;
  /** True for real paths whose content must not be shown. */
  isClosed(realPath: string, root: string): boolean;
}

/** Folders from the workspace up to the repository root; the workspace alone outside a repository. */
function foldersUp(workspace: string): string[] {
  const folders: string[] = [];
  for (let folder = workspace; ; folder = dirname(folder)) {
    folders.push(folder);
    if (pathExists(join(folder, ".git"))) return folders;
    if (dirname(folder) === folder) return [workspace];
  }
}

function branchName(workspace: string): string | null {
  const found = findRepository(workspace);
  if (found === null || found.problem !== null) return null;
  // Old repositories keep HEAD as a link to a branch; one that leads elsewhere is somebody else's file.
  const head = readProjectFile(
    join(found.gitDirectory, "HEAD"),
    { root: found.gitDirectory, isClosed: () => false },
    HEAD_LIMIT,
  );
  if (head.kind !== "read") return null;
  return /^ref: refs\/heads\/(.+)/.exec(head.bytes.toString("utf8"))?.[1]?.trim() ?? "detached";
}

function scriptFacts(manifest: string, manager: string): string[] {
  let scripts: unknown;
  try {
    const parsed: unknown = JSON.parse(manifest);
    scripts = typeof parsed === "object" && parsed !== null && "scripts" in parsed ? parsed.scripts : undefined;
  } catch {
    return ["package.json is not valid JSON"];
  }
  if (typeof scripts !== "object" || scripts === null) return [];
  const commands: Record<string, unknown> = { ...scripts };
  return SCRIPTS.flatMap((name) => {
    const command = commands[name];
    return typeof command === "string" ? [`${name}: ${manager} run ${name} (${command.slice(0, 120)})`] : [];
  });
}

/** Text for the first message of a conversation, and what was refused on the way. */
export async function projectContext(options: ProjectContextOptions): Promise<ProjectContext> {
  const { workspace, home } = options;
  const notices: string[] = [];
  const folders = foldersUp(workspace);
  const top = folders.at(-1) ?? workspace;
  const root = projectRoot(workspace, top, home);
  const place: ProjectPlace = { root, isClosed: (realPath) => options.isClosed(realPath, root) };
  const read = (path: string, capBytes: number): { text: string; cut: boolean } | null => {
    const file = readProjectFile(path, place, capBytes);
    const shown = relative(workspace, path);
    if (file.kind === "refused") notices.push(`${shown} is not read: ${file.reason}`);
    if (file.kind !== "read") return null;
    if (!file.bytes.includes(0)) return { text: file.bytes.toString("utf8"), cut: file.size > file.bytes.length };
    notices.push(`${shown} is not read: it is not text`);
    return null;
  };

  const facts: string[] = [];
  const branch = branchName(workspace);
  if (branch !== null) facts.push(`git branch: ${branch}`);
  const manifest = read(join(workspace, "package.json"), MANIFEST_LIMIT);
  const manager =
    LOCKFILES.find(([file]) => pathExists(join(workspace, file)))?.[1] ?? (manifest === null ? null : "npm");
  if (manager !== null) facts.push(`package manager: ${manager}`);
  if (manifest !== null) facts.push(...scriptFacts(manifest.text, manager ?? "npm"));
  for (const file of ["Makefile", "pyproject.toml", "Cargo.toml", "go.mod"])
    if (pathExists(join(workspace, file))) facts.push(`has ${file}`);

  let left = INSTRUCTIONS_LIMIT;
  const instructions: string[] = [];
  for (const folder of folders) {
    for (const name of ["AGENTS.md", "CLAUDE.md"]) {
      const path = join(folder, name);
      const file = read(path, INSTRUCTIONS_LIMIT * CHARACTER_BYTES);
      if (file === null || file.text.trim() === "") continue;
      const kept = file.text.slice(0, left);
      left -= kept.length;
      const cut = file.cut || kept.length < file.text.length ? "\n[cut here]" : "";
      if (kept !== "")
        instructions.push(
          `<repository-file path="${relative(workspace, path) || name}">\n${kept}${cut}\n</repository-file>`,
        );
      break;
    }
  }
  if (facts.length === 0 && instructions.length === 0) return { text: "", notices };
  const about = facts.length === 0 ? "" : `<workspace-facts>\n${facts.join("\n")}\n</workspace-facts>`;
  return { text: sanitizeText([about, ...instructions].filter((part) => part !== "").join("\n")), notices };
}
