// What the parts of permission and containment tell each other and the agent. Shapes only.

import type { FileAction } from "./tool.ts";
import type { TreeReading } from "./shell-reading.ts";

/**
 * What the git configuration of one directory allows git to start. `problem` names the first key that is not harmless.
 */
export interface GitConfigFacts {
  /** Real path of the directory that holds config, HEAD and objects; null outside a repository. */
  gitDirectory: string | null;
  /** The directory that holds `.git`; null outside a repository. */
  workTree: string | null;
  problem: string | null;
}

/** One simple command of a line, as literal words. `plain` when it has no redirection, assignment or expansion. */
export interface ShellSegment {
  argv: string[];
  text: string;
  plain: boolean;
  /** Verdict on this segment alone. */
  readOnly: boolean;
  planned: boolean;
}

/** A directory that a command reads recursively. */
export interface TreeRead {
  root: string;
  how: Exclude<TreeReading, "none">;
  /** Globs whose hidden files are read as well. */
  unhides: string[];
}

/** What a line may start, for deny rules: more than it runs rather than less. */
export interface CommandReach {
  /** Words of every program that it may start, through wrappers, shells, links and scripts. */
  started: string[][];
  /** The beginning of the words where the rest comes from elsewhere. */
  open: string[][];
  /** Names in the words of programs that may start them or not. */
  mentioned: string[];
  /** Why it may start something that its words do not say, or null. */
  unjudged: string | null;
}

export interface ShellVerdict {
  /** `read_only` and `planned` run without asking; `refuse` never runs. */
  verdict: "read_only" | "planned" | "ask" | "refuse";
  reason: string;
  segments: ShellSegment[];
  /** Of `planned`: the plan names the line word by word, not by a rule that covers many. */
  spelledOut: boolean;
  /** True when the whole line was understood as literal simple commands. */
  understood: boolean;
  /** Leading literal words of every command anywhere in the line, for deny rules. */
  announced: string[][];
  /** null where no rule denies a command: nobody needs to know then. */
  reach: CommandReach | null;
  /** Trees that are read; without a sandbox such a command asks where one of them holds a credential. */
  reads: TreeRead[];
}

/** Whether the approved plan covers an action on a real path. */
export interface ScopeVerdict {
  permitted: boolean;
  reason: string;
  /** The ticket that names it, or null. */
  ticket: string | null;
}

export interface ScopeJudge {
  permits(realPath: string, action: FileAction): ScopeVerdict;
}
