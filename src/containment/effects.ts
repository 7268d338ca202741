// Runs one judged command and looks at what it really did: inside the sandbox where there is one, between two snapshots where
// it may write. Changes out of scope are kept or put back as the caller decides. Never decides whether a command may run.

import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { ScopeJudge, ShellVerdict } from "../types/containment.ts";
import type { ContainmentMode } from "../types/settings.ts";
import type { FileChange, ShellRequest, ShellResult } from "../types/tool.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { runProcess, type RunResult } from "../util/process.ts";
import { shellArguments } from "../util/shell-report.ts";
import { sandboxArguments } from "./bubblewrap.ts";
import { cacheEnvironment, childEnvironment, sandboxEnvironment, type EnvironmentOptions } from "./environment.ts";
import { gitWork } from "./git-command.ts";
import { findRepository } from "./git-config.ts";
import { readingGitEnvironment } from "./git-settings.ts";
import type { SandboxState } from "./probe.ts";
import { copyChanged, restoreChanges, restoreCommandFor } from "./restore.ts";
import type { EffectChange, Snapshot, Snapshots } from "./snapshot.ts";

export interface OutOfScopeReport {
  command: string;
  changes: FileChange[];
  /** Folder with what the command wrote. */
  copy: string;
  restoreCommand: string;
}

export interface ContainedRequest extends ShellRequest {
  stage: "plan" | "execute" | "chat";
  /** Real path. */
  workspace: string;
  readRoots: string[];
  home: string | null;
  /** The judged line; its text is `command`. */
  verdict: ShellVerdict;
  /** Scope of the approved plan, or null when none is executed: then only guarded files are out of scope. */
  scope: ScopeJudge | null;
  containment: ContainmentMode;
  sandbox: SandboxState;
  /** From `createSandboxPlace`: where commands keep what is only theirs. Null only where there is no sandbox either. */
  place: { privateTemp: string; emptyFile: string } | null;
  /** Places with bmo's own data and configuration, closed to commands. */
  hidden: string[];
  network: boolean;
  /** The user's environment and what is added and taken away. */
  environment: Readonly<Record<string, string | undefined>>;
  environmentOptions: Omit<EnvironmentOptions, "readOnlyIn" | "sandboxed">;
  snapshots: Snapshots;
  /** Folder of the data directory for copies of what was put back. */
  copiesDirectory: string;
  /** True for real paths that a deny rule keeps file tools from writing. */
  deniesWrite?(realPath: string): boolean;
  /** True for credentials that an explicit rule opens. */
  opensProtected?(realPath: string): boolean;
  onOutOfScope(report: OutOfScopeReport): Promise<"keep" | "restore">;
  /** Called with the changes that stay, pre-images at hand: for undo. */
  onChanges?(changes: readonly EffectChange[], before: Snapshot): Promise<void>;
}

export interface ContainedShellResult extends ShellResult {
  outOfScope: FileChange[];
  rolledBack: string[];
  /** Why the command did not run, or null. */
  blocked: string | null;
  /** True where neither the plan names the command nor it only reads. */
  unplanned: boolean;
  /** Folder with what was put back, or null. */
  copy: string | null;
  restoreCommand: string | null;
}

const NOTHING_RAN: Omit<ContainedShellResult, "blocked" | "unplanned"> = {
  exitCode: null, signalName: null, timedOut: false, aborted: false, output: "", totalBytes: 0, truncated: false, notes: [], changes: [], outOfScope: [], rolledBack: [], copy: null, restoreCommand: null,
};
const REFUSED_WRITE = /Read-only file system|EROFS|read-only file system/;
const SHOWN_PATHS = 8;
/** How a note begins that tells of a write which the operating system refused. */
export const SANDBOX_REFUSAL = "the sandbox refused a write";

function listed(paths: string[]): string {
  const shown = paths.slice(0, SHOWN_PATHS).join(", ");
  return paths.length > SHOWN_PATHS ? `${shown} and ${paths.length - SHOWN_PATHS} more` : shown;
}

function environmentOf(request: ContainedRequest, readOnly: boolean, isGitWork: boolean): Record<string, string> {
  const { workspace, sandbox } = request;
  const environment = childEnvironment(request.environment, {
    ...request.environmentOptions, sandboxed: sandbox.available, ...(readOnly ? { readOnlyIn: workspace } : {}), ...(isGitWork ? { gitWorkIn: workspace } : {}),
  });
  if (!readOnly || sandbox.available || !request.verdict.announced.some((argv) => argv[0] === "git")) return environment;
  return { ...environment, ...readingGitEnvironment(request.place?.privateTemp ?? null, request.home, request.environment["XDG_CONFIG_HOME"]) };
}

async function run(request: ContainedRequest, readOnly: boolean, before: Snapshot | null): Promise<RunResult> {
  const work = readOnly ? null : gitWork(request.verdict);
  const environment = environmentOf(request, readOnly, work !== null);
  const shell = shellArguments(request.command);
  const common = { cwd: request.workspace, timeoutSeconds: request.timeoutSeconds, signal: request.signal, onOutput: request.onOutput };
  if (request.place === null) return runProcess({ ...common, argv: shell, environment });
  if (!request.sandbox.available) return runProcess({ ...common, argv: shell, environment: cacheEnvironment(request.place.privateTemp, environment) });
  const found = findRepository(request.workspace);
  // A pointer that leads to no repository of its own could name any folder, to have it opened for writing.
  const repository = found?.problem === null ? found : null;
  const gitFolders = repository === null ? [] : [repository.gitDirectory, repository.commonDirectory];
  const prefix = sandboxArguments({
    stage: readOnly ? "plan" : request.stage, workspace: request.workspace, readRoots: request.readRoots, home: request.home, network: request.network,
    privateTemp: request.place.privateTemp, emptyFile: request.place.emptyFile, hidden: request.hidden, survey: before?.survey ?? (await request.snapshots.survey()),
    gitFolders: [...new Set(gitFolders)], workTree: repository?.workTree ?? null, gitWork: work,
  });
  return runProcess({ ...common, argv: [request.sandbox.program, ...prefix, ...shell], environment: { ...cacheEnvironment("/tmp", environment), ...sandboxEnvironment() } });
}

/** A repository that a planned git command made: in a folder that was there, or where the plan may create files. */
function isPlannedRepository(change: EffectChange, { verdict, scope }: ContainedRequest): boolean {
  const isRepository = change.guarded && change.action === "create" && change.path.endsWith("/");
  if (!isRepository || verdict.verdict !== "planned" || gitWork(verdict) === null) return false;
  return basename(change.absolute) === ".git" || scope === null || scope.permits(join(change.absolute, "any"), "create").permitted;
}

/** Why a change lies outside what may be changed, or null. */
function outside(change: EffectChange, request: ContainedRequest): string | null {
  if (isPlannedRepository(change, request)) return null;
  if (change.guarded) return request.opensProtected?.(change.absolute) === true ? null : "it is a credential or part of the repository's own files";
  if (request.deniesWrite?.(change.absolute) === true) return "a rule denies writing it";
  if (request.scope === null) return null;
  const verdict = request.scope.permits(change.absolute, change.action);
  return verdict.permitted ? null : verdict.reason;
}

function toFileChange({ path, action }: EffectChange): FileChange {
  return { path, action };
}

async function settleEffects(request: ContainedRequest, before: Snapshot, result: ContainedShellResult): Promise<ContainedShellResult> {
  const changes = await request.snapshots.compare(before);
  const notes = [...result.notes];
  const wrong = changes.filter((change) => outside(change, request) !== null);
  const all = changes.map(toFileChange);
  if (wrong.length === 0) {
    await request.onChanges?.(changes, before);
    return { ...result, changes: all, notes };
  }
  const paths = wrong.map(({ path }) => path);
  if (request.containment === "warn") {
    notes.push(`changed outside the approved scope: ${listed(paths)}`);
    await request.onChanges?.(changes, before);
    return { ...result, changes: all, outOfScope: wrong.map(toFileChange), notes };
  }
  const copy = join(request.copiesDirectory, `${new Date().toISOString().replace(/[:.]/g, "-")}-${randomBytes(3).toString("hex")}`);
  const restoreCommand = restoreCommandFor(copy, request.workspace);
  copyChanged(wrong, request.workspace, copy);
  const answer = await request.onOutOfScope({ command: request.command, changes: wrong.map(toFileChange), copy, restoreCommand });
  if (answer === "keep") {
    rmSync(copy, { recursive: true, force: true });
    notes.push(`changed outside the approved scope and kept by the user: ${listed(paths)}`);
    await request.onChanges?.(changes, before);
    return { ...result, changes: all, outOfScope: wrong.map(toFileChange), notes };
  }
  const { restored, failed } = await restoreChanges(wrong, request.workspace, copy, before.survey.folders);
  const gone = new Set(restored);
  await request.onChanges?.(changes.filter(({ path }) => !gone.has(path)), before);
  const [reason] = wrong.map((change) => outside(change, request));
  if (restored.length > 0) notes.push(`put back, because outside the approved scope (${reason ?? ""}): ${listed(restored)}. What the command left there is kept in ${copy}; to bring it back: ${restoreCommand}`);
  for (const { path, reason: why } of failed) notes.push(`could not be put back: ${path} (${why})`);
  return { ...result, changes: all, outOfScope: wrong.map(toFileChange), rolledBack: restored, copy, restoreCommand, notes };
}

/**
 * Runs the command of a tool call that policy allowed. Without a sandbox the plan stage runs only what is read-only by
 * verdict; everything that may write is bracketed by a snapshot unless containment is off. Never rejects for what the command does.
 */
export async function runContained(request: ContainedRequest): Promise<ContainedShellResult> {
  const { verdict } = request;
  const unplanned = verdict.verdict === "ask";
  const blocked = (reason: string): ContainedShellResult => ({ ...NOTHING_RAN, blocked: reason, unplanned });
  if (verdict.verdict === "refuse") return blocked(verdict.reason);
  const readOnly = verdict.verdict === "read_only" || request.stage === "plan";
  if (request.stage === "plan" && !request.sandbox.available && verdict.verdict !== "read_only") {
    return blocked(`without a sandbox the plan stage runs only commands known to be read-only: ${verdict.reason}`);
  }
  let before: Snapshot | null = null;
  if (!readOnly && request.containment !== "off") {
    try {
      before = await request.snapshots.take(gitWork(verdict) !== null);
    } catch (thrown) {
      if (!(thrown instanceof BmoError) && systemErrorCode(thrown) === undefined) throw thrown;
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      return blocked(`no snapshot could be taken, so the command was not run: ${reason}`);
    }
  }
  const ran = await run(request, readOnly, before);
  const notes = [...ran.notes];
  if (request.sandbox.available && REFUSED_WRITE.test(ran.output)) {
    notes.push(request.stage === "plan" ? `${SANDBOX_REFUSAL}: nothing can be written before a plan is approved` : `${SANDBOX_REFUSAL}: commands may write below the workspace and /tmp, not to .git, credentials or elsewhere`);
  }
  const result: ContainedShellResult = { ...NOTHING_RAN, ...ran, notes, blocked: null, unplanned };
  if (before === null) return result;
  try {
    return await settleEffects(request, before, result);
  } catch (thrown) {
    // Nothing is put back that could not be copied first; the person has to know that it was not looked at to the end.
    if (!(thrown instanceof BmoError) && systemErrorCode(thrown) === undefined) throw thrown;
    return { ...result, notes: [...notes, `what the command changed could not be checked: ${thrown instanceof Error ? thrown.message : String(thrown)}`] };
  }
}
