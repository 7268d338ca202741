// Which command lines are git's own work, and so may write the repository: nothing but git commands that start no
// program of the line's choosing. Decides nothing about whether a command may run.

import type { ShellSegment, ShellVerdict } from "../types/containment.ts";
import { isHarmlessGitKey } from "./git-config.ts";

/** What a line of git's own work may write besides objects, index and branches. */
export interface GitWork {
  /** Folders below `.git` that its subcommands keep their own state in. */
  folders: readonly string[];
}

interface Subcommand {
  /** Folders below `.git` that it needs. */
  folders?: readonly string[];
  /** Words of its own that start a program or set one: short options as one letter, words as they are. */
  closed?: readonly string[];
}

/** Options that name a program, for whichever subcommand. Git takes them shortened too. */
const CLOSED_OPTIONS = [
  "--upload-pack",
  "--receive-pack",
  "--exec",
  "--template",
  "--ext-diff",
  "--open-files-in-pager",
  "--config",
  "--separate-git-dir",
  "--reference",
  "--reference-if-able",
];
const REBASE = ["rebase-merge", "rebase-apply"];
/** Begins, continues or clears away a series of picks. */
const PICK: Subcommand = { folders: ["sequencer"] };

/**
 * Subcommands that write the index, objects, branches or the work tree. Aliases and programs named `git-…` are not
 * among them.
 */
const WRITING: Readonly<Record<string, Subcommand>> = {
  add: {},
  rm: {},
  mv: {},
  restore: {},
  checkout: PICK,
  switch: PICK,
  reset: PICK,
  clean: {},
  stash: {},
  commit: PICK,
  merge: PICK,
  tag: {},
  branch: {},
  notes: {},
  replace: {},
  reflog: {},
  apply: {},
  fetch: {},
  push: {},
  pull: { folders: REBASE },
  rebase: { folders: REBASE, closed: ["x"] },
  am: { folders: ["rebase-apply"] },
  "cherry-pick": PICK,
  revert: PICK,
  worktree: { folders: ["worktrees"] },
  submodule: { folders: ["modules"], closed: ["foreach"] },
  remote: {},
  init: {},
  clone: { folders: ["modules"], closed: ["u", "c"] },
  bisect: { closed: ["run", "visualize", "view"] },
  "update-index": {},
  "update-ref": {},
  "symbolic-ref": {},
  "read-tree": {},
  "write-tree": {},
  "commit-tree": {},
  "hash-object": {},
  "checkout-index": {},
  mktree: {},
  mktag: {},
  "pack-refs": {},
  gc: {},
  prune: {},
  repack: {},
  "sparse-checkout": {},
  rerere: {},
  config: {},
  "format-patch": {},
  fsck: {},
  maintenance: { closed: ["start", "stop", "register", "unregister"] },
  "commit-graph": {},
  "unpack-objects": {},
  "multi-pack-index": {},
};
/** Subcommands that only read; beside a writing one they need no verdict of their own. */
const READING = new Set(
  "status diff log show shortlog blame describe rev-parse rev-list ls-files ls-tree ls-remote cat-file name-rev merge-base show-ref for-each-ref diff-tree diff-index diff-files version whatchanged count-objects check-ignore check-attr cherry range-diff show-branch".split(
    " ",
  ),
);
const HARMLESS_GLOBAL = new Set([
  "--no-pager",
  "-P",
  "--no-optional-locks",
  "--literal-pathspecs",
  "--no-replace-objects",
]);

function isClosedOption(word: string, { closed = [] }: Subcommand): boolean {
  if (word.startsWith("--")) {
    const [name = ""] = word.split("=");
    return CLOSED_OPTIONS.some((option) => option === name || (name.length > 2 && option.startsWith(name)));
  }
  if (!word.startsWith("-")) return word.length > 1 && closed.includes(word);
  // Letters may be joined, and the last may carry its value: any of them counts.
  return closed.some((letter) => letter.length === 1 && word.slice(1).includes(letter));
}

/** `git config` that sets or reads a key which starts nothing. */
function isHarmlessConfig(words: readonly string[]): boolean {
  const operands = words.filter((word) => !word.startsWith("-"));
  const key = ["get", "set", "unset"].includes(operands[0] ?? "") ? operands[1] : operands[0];
  const options = words.filter((word) => word.startsWith("-"));
  return (
    key !== undefined &&
    isHarmlessGitKey(key) &&
    options.every((option) => ["--local", "--get", "--unset", "--add", "--replace-all", "--get-all"].includes(option))
  );
}

/** Reads one git command; null when it is not git's own work, else what it writes. */
function readGit(argv: readonly string[]): { writes: Subcommand | null } | null {
  let index = 1;
  for (; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (HARMLESS_GLOBAL.has(word)) continue;
    if (word !== "-C" && word !== "-c") break;
    index++;
    const [key = ""] = (argv[index] ?? "").split("=");
    if (word === "-c" && !isHarmlessGitKey(key)) return null;
  }
  const name = argv[index] ?? "";
  const words = argv.slice(index + 1);
  const subcommand = Object.hasOwn(WRITING, name) ? WRITING[name] : undefined;
  if (subcommand === undefined && !READING.has(name)) return null;
  if (words.some((word) => isClosedOption(word, subcommand ?? {}))) return null;
  if (name === "config" && !isHarmlessConfig(words)) return null;
  return { writes: subcommand ?? null };
}

function readSegment(segment: ShellSegment): { writes: Subcommand | null } | null {
  if (!segment.plain) return null;
  if (segment.argv[0] === "git") return readGit(segment.argv);
  return segment.readOnly || segment.argv[0] === "cd" ? { writes: null } : null;
}

/**
 * What a line of git's own work may write, or null for any other line. Each command of the line has to be git, or known
 * to read only: another program in it would find the repository open.
 */
export function gitWork(verdict: ShellVerdict): GitWork | null {
  if (verdict.verdict === "read_only" || !verdict.understood) return null;
  const readings = verdict.segments.map(readSegment);
  if (readings.includes(null)) return null;
  const writing = readings.flatMap((reading) => (reading === null || reading.writes === null ? [] : [reading.writes]));
  return writing.length === 0 ? null : { folders: [...new Set(writing.flatMap(({ folders = [] }) => folders))] };
}

/** Whether the plan itself has the line make or write repositories. */
export function mayMakeRepository(verdict: ShellVerdict): boolean {
  return verdict.verdict === "planned" && gitWork(verdict) !== null;
}
