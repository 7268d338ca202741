// Which files a repository tracks although its ignore rules name them: they are watched all the same. Reads the user's
// index, writes nothing and lets git start nothing.

import { statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { runToBytes } from "../util/process.ts";
import { nameFromBytes } from "../util/raw-path.ts";
import { findRepository, type FoundRepository } from "./git-config.ts";
import { readGitIndex } from "./git-index.ts";
import type { IgnoreList } from "./ignore-rules.ts";

/** Git's own answer, which knows split and sparse indexes too; null where it gives none. */
async function listedByGit(
  git: string,
  tree: string,
  { gitDirectory, workTree }: FoundRepository,
): Promise<string[] | null> {
  const settings = ["core.fsmonitor=false", "core.hooksPath=/dev/null", "protocol.allow=never"].flatMap((setting) => [
    "-c",
    setting,
  ]);
  const listed = await runToBytes({
    argv: [git, ...settings, `--git-dir=${gitDirectory}`, `--work-tree=${workTree}`, "ls-files", "-c", "-z"],
    cwd: tree,
    timeoutSeconds: 60,
    capBytes: 1 << 29,
    environment: {
      PATH: dirname(git),
      LC_ALL: "C",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_OPTIONAL_LOCKS: "0",
      GIT_NO_LAZY_FETCH: "1",
      GIT_ALLOW_PROTOCOL: "none",
      GIT_TERMINAL_PROMPT: "0",
    },
  });
  if (listed.exitCode !== 0) return null;
  return listed.stdout
    .toString("latin1")
    .split("\0")
    .filter((path) => path !== "")
    .map((path) => nameFromBytes(Buffer.from(path, "latin1")));
}

export interface TrackedIgnored {
  /** Paths relative to the tree. Asked again only when the user's index changed. */
  of(tree: string, rules: IgnoreList): Promise<string[]>;
}

export function createTrackedIgnored(git: string | null): TrackedIgnored {
  const answers = new Map<string, { key: string; paths: string[] }>();
  return {
    async of(tree, rules) {
      if (rules.text === "") return [];
      const repository = findRepository(tree);
      if (repository === null || repository.problem !== null) return [];
      const index = join(repository.gitDirectory, "index");
      const facts = statSync(index, { throwIfNoEntry: false, bigint: true });
      if (facts === undefined) return [];
      const key = `${facts.ino} ${facts.mtimeNs} ${facts.size} ${rules.key}`;
      const known = answers.get(tree);
      if (known?.key === key) return known.paths;
      const fromTop = relative(repository.workTree, tree);
      const below = (path: string): string[] =>
        fromTop === "" ? [path] : path.startsWith(`${fromTop}/`) ? [path.slice(fromTop.length + 1)] : [];
      const listed =
        (git === null ? null : await listedByGit(git, tree, repository)) ??
        (readGitIndex(index)?.paths ?? []).flatMap(below);
      const paths = listed.filter((path) => rules.ignores(path, false));
      answers.set(tree, { key, paths });
      return paths;
    },
  };
}
