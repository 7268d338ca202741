// A small real workspace for verdicts: a git repository with files, a credential, links that lead out.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readGitConfigFacts } from "../../src/containment/git-config.ts";
import { isProtectedPath } from "../../src/containment/protected.ts";
import type { ShellContext } from "../../src/permission/shell.ts";

export interface Workspace {
  root: string;
  path: string;
  outside: string;
  git(...words: string[]): string;
  remove(): void;
}

export const cleanGit = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@b",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@b",
};

export function createWorkspace(): Workspace {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "bmo-shell-")));
  const path = join(root, "workspace");
  const outside = join(root, "outside");
  mkdirSync(join(path, "src", "deep"), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, "secret.txt"), "outside\n");
  writeFileSync(join(path, "README.md"), "# hello\nfoo bar\n");
  writeFileSync(join(path, "package.json"), '{"name":"x","scripts":{"test":"true"}}\n');
  writeFileSync(join(path, "src", "a.ts"), "export const foo = 1;\n");
  writeFileSync(join(path, "src", "b.ts"), "export const bar = 2;\n");
  writeFileSync(join(path, "src", "deep", "c.ts"), "export const baz = 3;\n");
  symlinkSync(outside, join(path, "escape"));
  symlinkSync(join(outside, "secret.txt"), join(path, "src", "link.txt"));
  const git = (...words: string[]): string =>
    execFileSync("git", words, { cwd: path, env: cleanGit, encoding: "utf8" });
  git("init", "-q", "-b", "main");
  git("add", "README.md", "package.json", "src");
  git("commit", "-qm", "first");
  writeFileSync(join(path, ".env"), "KEY=sesame\n");
  return { root, path, outside, git, remove: () => rmSync(root, { recursive: true, force: true }) };
}

export function contextOf(workspace: Workspace, planCommands: string[] = []): ShellContext {
  return {
    workspace: workspace.path,
    readRoots: [],
    planCommands,
    gitConfig: readGitConfigFacts,
    isProtected: (path) => isProtectedPath(path, workspace.path, "/root"),
  };
}
