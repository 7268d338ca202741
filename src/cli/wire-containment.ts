// Builds the boundary of a session: sandbox, snapshots, checkpoints, and the one way in which a command is run.

import { accessSync, constants, statSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import { createBoundaryFactory, type ContainedCommand } from "../agent/boundary.ts";
import { userConfigPath } from "../config/paths.ts";
import { createBetween } from "../containment/between.ts";
import { createCheckpoints, type Checkpoints, type UndoResult } from "../containment/checkpoint.ts";
import { runContained } from "../containment/effects.ts";
import { createCommandJournal, type OpenCommand } from "../containment/command-journal.ts";
import { mayMakeRepository } from "../containment/git-command.ts";
import { installsPackages } from "../containment/installers.ts";
import { createExecutionLock, type ExecutionLock } from "../containment/lock.ts";
import { forgetProbe, probeSandbox, type SandboxState } from "../containment/probe.ts";
import { createSandboxPlace } from "../containment/sandbox-place.ts";
import { createSnapshots } from "../containment/snapshot.ts";
import type { Snapshot } from "../containment/snapshot-shapes.ts";
import { createSurroundings, type SurroundingsKeeper } from "../containment/surroundings.ts";
import { credentialInTree } from "../containment/survey.ts";
import { createUnsettled, type Unsettled } from "../containment/unsettled.ts";
import { isCaseSensitive, isInside } from "../util/paths.ts";
import { createRecoverer, isNamedByRule, leftoverDenials, recoveryText } from "./recover.ts";
import type { App, Ground } from "./app.ts";
import type { Confinement, Guard } from "../agent/ports.ts";
import type { ShellVerdict } from "../types/containment.ts";
import type { Ask } from "../types/permission.ts";

/** The user's PATH without relative folders and those of the workspace: nothing of the repository is run by name. */
export function ownPath({ environment, workspace }: Pick<Ground, "environment" | "workspace">): string {
  return (environment["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => isAbsolute(folder) && !isInside(workspace, resolve(folder)))
    .join(delimiter);
}

/** Absolute path of a program on the user's own PATH. */
export function findProgram(name: string, app: Pick<Ground, "environment" | "workspace">): string | null {
  for (const folder of ownPath(app)
    .split(delimiter)
    .filter((one) => one !== "")) {
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
  /** What the agent is handed of it. */
  guard: Guard;
  checkpoints: Checkpoints;
  /** Takes back while nobody else writes in the workspace. @throws BmoError locked, or usage when there is nothing. */
  undo(what: "last" | "all"): Promise<UndoResult>;
  /** How commands are confined, in a few words; what a command met has the last one. */
  sandboxLabel(): string;
  lock: ExecutionLock;
  unsettled: Unsettled;
  /** What was found at the start, for people. */
  notices: string[];
}

async function credentialIn(verdict: ShellVerdict): Promise<string | null> {
  for (const { root, how, unhides } of verdict.reads) {
    const met = await credentialInTree(root, how, unhides);
    if (met !== null) return met;
  }
  return null;
}

/** What is to be said of commands that no sandbox holds; null where one does. */
function confinementText(sandbox: SandboxState, problem: string | null): string | null {
  if (problem !== null)
    return `the sandbox cannot be set up (${problem}): commands are refused, but for those known to be read-only while planning`;
  if (sandbox.available) return null;
  return `no sandbox: ${sandbox.reason}. While planning only commands known to be read-only run; later ones can use the network and reach what you can`;
}

/** Before anything else it settles what a killed run left in the workspace. */
export async function wireContainment(app: App, sessionId: string, ask: Ask): Promise<Containment> {
  const { workspace, environment, home, dataDirectory } = app;
  const sandbox = await probeSandbox({
    platform: process.platform,
    searchPath: environment["PATH"] ?? "",
    workspace,
    dataDirectory,
    home,
    environment,
  });
  /** What a command met although the sandbox had been tried; the run goes by this from then on. */
  let problem: string | null = null;
  let said: string | null = null;
  const confinement: Confinement = {
    holds: () => sandbox.available,
    notice() {
      const text = confinementText(sandbox, problem);
      if (text === said) return null;
      said = text;
      return text;
    },
    label: () => (problem === null ? sandbox.label : `${sandbox.label}, which cannot be set up: ${problem}`),
  };
  const git = findProgram("git", app);
  const snapshots = createSnapshots({ workspace, dataDirectory, git, home });
  const checkpoints = createCheckpoints({ workspace, dataDirectory, sessionId });
  const caseSensitive = isCaseSensitive(workspace);
  const journal = createCommandJournal(dataDirectory);
  const between = createBetween({ workspace, dataDirectory, snapshots, checkpoints });
  const unsettled = createUnsettled();
  const recoverer = createRecoverer({ ground: app, git, journal, ask });
  const recovered = await recoverer.atStart();
  const lock = createExecutionLock({ workspace, dataDirectory, sessionId });
  let place: ReturnType<typeof createSandboxPlace> | null = null;
  let surroundings: SurroundingsKeeper | null = null;
  const hidden = [dataDirectory, dirname(userConfigPath(environment, home ?? ""))];

  /**
   * Writes down what the effects of a command will be compared with and judged by, should this process be ended before
   * they are.
   */
  const begin = (command: ContainedCommand, before: Snapshot): OpenCommand => {
    const { options, permissions } = app.loaded().settings;
    const snapshot = snapshots.identityOf(before);
    // Inside the sandbox no program outlives its command.
    const isKept = command.stage === "execute" && between.begin(before, sandbox.available ? null : snapshot);
    const open = journal.open({
      session: sessionId,
      workspace,
      command: command.command,
      sandboxed: sandbox.available,
      snapshot,
      checkpoint: checkpoints.currentId(),
      containment: options.containment.mode,
      scope: command.scope === null ? null : { files: [...command.scope.files], caseSensitive },
      mayMakeRepository: mayMakeRepository(command.verdict),
      installs: installsPackages(command.verdict),
      rules: { allow: permissions.allow, deny: permissions.deny },
    });
    return {
      ...open,
      close() {
        open.close();
        if (!isKept) snapshots.forget(snapshot);
      },
    };
  };

  const run = async (command: ContainedCommand): ReturnType<typeof runContained> => {
    const { settings } = app.loaded();
    place ??= createSandboxPlace(dataDirectory, workspace);
    surroundings ??= createSurroundings({ home, environment, folder: place.folder });
    const around = surroundings;
    // What a killed neighbour left must not become what this command's effects are compared with.
    const recovered = command.stage === "plan" || command.verdict.verdict === "read_only" ? [] : await recoverer.now();
    const result = await unsettled.during(`the command ${command.command.split("\n")[0] ?? ""}`, () =>
      runContained({
        ...command,
        timeoutSeconds: command.timeoutSeconds,
        workspace,
        readRoots: app.readRoots,
        home,
        containment: settings.options.containment.mode,
        sandbox,
        place,
        surroundings: around,
        onSandboxProblem(met) {
          problem = met;
          forgetProbe(dataDirectory);
        },
        hidden,
        environment,
        environmentOptions: {
          add: settings.options.shell.env.add,
          remove: settings.options.shell.env.remove,
          keysInUse: app.keysInUse,
        },
        snapshots,
        copiesDirectory: join(dataDirectory, "copies", sessionId),
        deniesWrite: (path) => isNamedByRule(settings.permissions.deny, path, app),
        opensProtected: (path) => isNamedByRule(settings.permissions.allow, path, app),
        onChanges: (changes, before) => checkpoints.recordEffects(changes, before.survey.folders),
        onBegin: (before) => begin(command, before),
      }),
    );
    const emptied = place.keepBounded();
    return {
      ...result,
      notes: [...recovered.map(recoveryText), ...result.notes, ...(emptied === null ? [] : [emptied])],
    };
  };

  const boundary = createBoundaryFactory({
    workspace,
    readRoots: app.readRoots,
    home,
    searchPath: environment["PATH"] ?? "",
    caseSensitive,
    settings: () => app.loaded().settings,
    sandboxed: (stage) => sandbox.available && (problem === null || stage !== "plan"),
    credentialIn,
    run,
  });

  return {
    guard: {
      boundary,
      confinement,
      checkpoints,
      lockExecution: lock,
      leftovers: leftoverDenials(recovered),
      changedBetween: () => between.end(),
      release: () => place?.release(),
    },
    checkpoints,
    async undo(what) {
      const release = await lock(new AbortController().signal);
      return unsettled
        .during("the undo", async () => {
          await recoverer.now();
          const result = await checkpoints.undo(what);
          return { ...result, refused: [...result.refused, ...recoverer.unresolved()] };
        })
        .finally(release);
    },
    sandboxLabel: confinement.label,
    lock,
    unsettled,
    notices: recovered.map(recoveryText),
  };
}
