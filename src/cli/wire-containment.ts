// Builds the boundary of a session: sandbox, snapshots, checkpoints, and the one way in which a command is run.

import { accessSync, constants, statSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import { createBoundaryFactory, type ContainedCommand } from "../agent/boundary.ts";
import { userConfigPath } from "../config/paths.ts";
import { createCheckpoints, type Checkpoints, type UndoResult } from "../containment/checkpoint.ts";
import { runContained } from "../containment/effects.ts";
import { createExecutionLock, type ExecutionLock } from "../containment/lock.ts";
import { probeSandbox, type SandboxState } from "../containment/probe.ts";
import { createSandboxPlace } from "../containment/sandbox-place.ts";
import { createSnapshots } from "../containment/snapshot.ts";
import { credentialInTree } from "../containment/survey.ts";
import { createUnsettled, type Unsettled } from "../containment/unsettled.ts";
import { matchesRule, parseRule } from "../permission/rules.ts";
import { isCaseSensitive, isInside } from "../util/paths.ts";
import type { App, Ground } from "./app.ts";
import type { AgentParts } from "../agent/parts.ts";
import type { ShellVerdict } from "../types/containment.ts";

/** The user's PATH without relative folders and those of the workspace: nothing of the repository is run by name. */
export function ownPath({ environment, workspace }: Pick<Ground, "environment" | "workspace">): string {
  return (environment["PATH"] ?? "").split(delimiter).filter((folder) => isAbsolute(folder) && !isInside(workspace, resolve(folder))).join(delimiter);
}

/** Absolute path of a program on the user's own PATH. */
export function findProgram(name: string, app: Pick<Ground, "environment" | "workspace">): string | null {
  for (const folder of ownPath(app).split(delimiter).filter((one) => one !== "")) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      continue; // Not there or not executable: the next folder.
    }
  }
  return null;
}

export interface Containment {
  boundary: AgentParts["boundary"];
  checkpoints: Checkpoints;
  /** Takes back while nobody else writes in the workspace. @throws BmoError locked, or usage when there is nothing. */
  undo(what: "last" | "all"): Promise<UndoResult>;
  sandbox: SandboxState;
  lock: ExecutionLock;
  unsettled: Unsettled;
  release(): void;
}

async function credentialIn(verdict: ShellVerdict): Promise<string | null> {
  for (const { root, how, unhides } of verdict.reads) {
    const met = await credentialInTree(root, how, unhides);
    if (met !== null) return met;
  }
  return null;
}

export async function wireContainment(app: App, sessionId: string): Promise<Containment> {
  const { workspace, environment, home, dataDirectory } = app;
  const sandbox = await probeSandbox({ platform: process.platform, searchPath: environment["PATH"] ?? "", workspace, dataDirectory });
  const git = findProgram("git", app);
  const snapshots = createSnapshots({ workspace, dataDirectory, git, home });
  const checkpoints = createCheckpoints({ workspace, dataDirectory, sessionId, onCreate: () => snapshots.renewModes() });
  const unsettled = createUnsettled();
  const lock = createExecutionLock({ workspace, dataDirectory, sessionId });
  let place: ReturnType<typeof createSandboxPlace> | null = null;
  const hidden = [dataDirectory, dirname(userConfigPath(environment, home ?? ""))];

  /** Whether an explicit rule for that path stands in a list. */
  const named = (rules: readonly string[], realPath: string): boolean =>
    rules.map(parseRule).some((rule) => rule.pattern !== null && matchesRule(rule, { tool: "edit", kind: "path", realPath, workspace, home }));

  const run = (command: ContainedCommand): ReturnType<typeof runContained> => {
    const { settings } = app.loaded();
    place ??= createSandboxPlace(dataDirectory);
    return unsettled.during(`the command ${command.command.split("\n")[0] ?? ""}`, () => runContained({
      ...command,
      timeoutSeconds: command.timeoutSeconds,
      workspace,
      readRoots: app.readRoots,
      home,
      containment: settings.options.containment.mode,
      sandbox,
      place,
      hidden,
      environment,
      environmentOptions: { add: settings.options.shell.env.add, remove: settings.options.shell.env.remove, keysInUse: app.keysInUse },
      snapshots,
      copiesDirectory: join(dataDirectory, "copies", sessionId),
      deniesWrite: (path) => named(settings.permissions.deny, path),
      opensProtected: (path) => named(settings.permissions.allow, path),
      onChanges: (changes, before) => checkpoints.recordEffects(changes, before.survey.folders),
    }));
  };

  return {
    boundary: createBoundaryFactory({
      workspace,
      readRoots: app.readRoots,
      home,
      caseSensitive: isCaseSensitive(workspace),
      settings: () => app.loaded().settings,
      sandboxed: () => sandbox.available,
      credentialIn,
      recordPreImage: (path) => checkpoints.recordPreImage(path),
      settle: () => checkpoints.settle(),
      run,
    }),
    checkpoints,
    async undo(what) {
      const release = await lock(new AbortController().signal);
      return unsettled.during("the undo", () => checkpoints.undo(what)).finally(release);
    },
    sandbox,
    lock,
    unsettled,
    release: () => place?.release(),
  };
}
