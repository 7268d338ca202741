// Settling what a killed bmo left, as the front ends need it: when, with whose answer, and in which words.

import { recoverCommands, type Recovery, type Unresolved } from "../containment/recovery.ts";
import { lockExecution } from "../containment/lock.ts";
import { matchesRule, parseRule } from "../permission/rules.ts";
import { BmoError } from "../util/errors.ts";
import type { CommandJournal } from "../containment/command-journal.ts";
import type { Ground } from "./app.ts";
import type { Ask, Denial } from "../types/permission.ts";

export interface Recoverer {
  /** At a start: settles what can be settled without waiting for another run. */
  atStart(): Promise<Recovery[]>;
  /** While this process holds the workspace's lock. */
  now(): Promise<Recovery[]>;
  /** What this process could not settle. */
  unresolved(): Unresolved[];
}

/** Whether one of these rules names a real path for writing. */
export function isNamedByRule(
  rules: readonly string[],
  realPath: string,
  { workspace, home }: Pick<Ground, "workspace" | "home">,
): boolean {
  return rules
    .map(parseRule)
    .some(
      (rule) => rule.pattern !== null && matchesRule(rule, { tool: "edit", kind: "path", realPath, workspace, home }),
    );
}

/** @param ask where nobody is there, what is out of scope is put back. */
export function createRecoverer(options: {
  ground: Pick<Ground, "workspace" | "home" | "dataDirectory">;
  git: string | null;
  journal: CommandJournal;
  ask: Ask | null;
}): Recoverer {
  const { ground, journal, ask } = options;
  const { workspace, home, dataDirectory } = ground;
  const unresolved: Unresolved[] = [];
  const now = async (): Promise<Recovery[]> => {
    const found = await recoverCommands({
      workspace,
      dataDirectory,
      home,
      git: options.git,
      journal,
      isNamed: (rules, path) => isNamedByRule(rules, path, ground),
      async onOutOfScope(report) {
        const reply = await ask?.({ kind: "effects", ...report }, new AbortController().signal);
        return reply?.answer === "keep" || reply?.answer === "allow_once" ? "keep" : "restore";
      },
    });
    unresolved.push(...found.flatMap((one) => one.unresolved));
    return found;
  };
  return {
    now,
    unresolved: () => [...unresolved],
    async atStart() {
      if (journal.dead(workspace).length === 0) return [];
      try {
        const release = await lockExecution({
          workspace,
          dataDirectory,
          sessionId: "settling",
          waitMs: 0,
          signal: new AbortController().signal,
        });
        return await now().finally(release);
      } catch (thrown) {
        // The run that writes here now settles it before its own next command.
        if (thrown instanceof BmoError && thrown.code === "locked") return [];
        throw thrown;
      }
    },
  };
}

/** One text for each command that was cut off, for notices. */
export function recoveryText({ command, session, notes, unresolved }: Recovery): string {
  const head = `bmo was ended while the command \`${command}\` of session ${session} ran`;
  const lines = [
    ...notes,
    ...unresolved.map(
      ({ path, reason, copy }) => `${path}: ${reason}${copy === null ? "" : `; the earlier version is in ${copy}`}`,
    ),
  ];
  return lines.length === 0 ? `${head}; it left no change` : `${head}. ${lines.join(". ")}`;
}

/** What could not be settled counts like a refused write: the run does not end with 0. */
export function leftoverDenials(recoveries: readonly Recovery[]): Denial[] {
  return recoveries.flatMap(({ command, unresolved }) =>
    unresolved.map(({ path, reason }) => ({
      tool: "bash",
      summary: command,
      reason: `${path}: ${reason}`,
      target: command,
    })),
  );
}
