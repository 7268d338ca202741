// Runs one judged command inside the sandbox where there is one, between two snapshots where it may write, and has its
// effects settled. Never decides whether a command may run.

import type { ShellVerdict } from "../types/containment.ts";
import type { ShellRequest, ShellResult } from "../types/tool.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { runProcess, type RunResult } from "../util/process.ts";
import { shellArguments } from "../util/shell-report.ts";
import { cacheEnvironment, childEnvironment, type EnvironmentOptions } from "./environment.ts";
import { runFenced } from "./fenced-command.ts";
import { gitWork, mayMakeRepository } from "./git-command.ts";
import { findRepository } from "./git-config.ts";
import { accessOf } from "./guarded-places.ts";
import { installsPackages } from "./installers.ts";
import { readingGitEnvironment } from "./git-settings.ts";
import type { SandboxState } from "./probe.ts";
import type { SandboxPlace } from "./sandbox-place.ts";
import type { SurroundingsKeeper } from "./surroundings.ts";
import { settleEffects, tellSlow, type Settlement, type SettleRequest } from "./settlement.ts";
import type { OpenCommand } from "./command-journal.ts";
import type { Snapshot } from "./snapshot-shapes.ts";
import type { WorkStage } from "../types/plan.ts";

export interface ContainedRequest
  extends ShellRequest, Omit<SettleRequest, "mayMakeRepository" | "installs" | "select" | "onCopy"> {
  stage: WorkStage;
  readRoots: string[];
  home: string | null;
  /** The judged line; its text is `command`. */
  verdict: ShellVerdict;
  sandbox: SandboxState;
  /** From `createSandboxPlace`: where commands keep what is only theirs. Null only where there is no sandbox either. */
  place: SandboxPlace | null;
  /** What lies around the workspace, looked at once a session. */
  surroundings: SurroundingsKeeper;
  /** Told when the sandbox that was tried cannot be set up for a command. */
  onSandboxProblem?(problem: string): void;
  /** Places with bmo's own data and configuration, closed to commands. */
  hidden: string[];
  network: boolean;
  /** The user's environment and what is added and taken away. */
  environment: Readonly<Record<string, string | undefined>>;
  environmentOptions: Omit<EnvironmentOptions, "readOnlyIn" | "sandboxed">;
  /**
   * What the ignore rules belong to, such as the approved plan: they stay as they were when it began. Absent: those
   * before this command.
   */
  rulesOf?: string;
  /** Writes down, on the disk, that the command begins; it does not start when this throws. */
  onBegin?(before: Snapshot): OpenCommand;
}

export interface ContainedShellResult extends ShellResult, Omit<Settlement, "notes" | "compared"> {
  /** Why the command did not run, or null. */
  blocked: string | null;
  /** True where neither the plan names the command nor it only reads. */
  unplanned: boolean;
}

const NOTHING_RAN: Omit<ContainedShellResult, "blocked" | "unplanned"> = {
  exitCode: null,
  signalName: null,
  timedOut: false,
  aborted: false,
  output: "",
  totalBytes: 0,
  truncated: false,
  notes: [],
  changes: [],
  outOfScope: [],
  rolledBack: [],
  unsettled: [],
  copy: null,
  restoreCommand: null,
};
const REFUSED_WRITE = /Read-only file system|EROFS|read-only file system/;
/** How a note begins that tells of a write which the operating system refused. */
export const SANDBOX_REFUSAL = "the sandbox refused a write";

function environmentOf(request: ContainedRequest, readOnly: boolean, isGitWork: boolean): Record<string, string> {
  const { workspace, sandbox } = request;
  const environment = childEnvironment(request.environment, {
    ...request.environmentOptions,
    sandboxed: sandbox.available,
    ...(readOnly ? { readOnlyIn: workspace } : {}),
    ...(isGitWork ? { gitWorkIn: workspace } : {}),
  });
  if (!readOnly || sandbox.available || !request.verdict.announced.some((argv) => argv[0] === "git"))
    return environment;
  return {
    ...environment,
    ...readingGitEnvironment(request.place?.privateTemp ?? null, request.home, request.environment["XDG_CONFIG_HOME"]),
  };
}

/** `setUpProblem`: why the sandbox could not be set up; the command has not run then. */
async function run(
  request: ContainedRequest,
  readOnly: boolean,
  before: Snapshot | null,
  runId: string | undefined,
): Promise<RunResult & { setUpProblem: string | null }> {
  const work = readOnly ? null : gitWork(request.verdict);
  const environment = environmentOf(request, readOnly, work !== null);
  const { place, sandbox } = request;
  const common = {
    argv: shellArguments(request.command),
    cwd: request.workspace,
    timeoutSeconds: request.timeoutSeconds,
    signal: request.signal,
    onOutput: request.onOutput,
    ...(runId === undefined ? {} : { runId }),
  };
  if (place === null || !sandbox.available) {
    const result = await runProcess({
      ...common,
      environment: place === null ? environment : cacheEnvironment(place.privateTemp, environment),
    });
    return { ...result, setUpProblem: null };
  }
  const found = findRepository(request.workspace);
  // A pointer that leads to no repository of its own could name any folder, to have it opened for writing.
  const repository = found?.problem === null ? found : null;
  const gitFolders = repository === null ? [] : [repository.gitDirectory, repository.commonDirectory];
  let survey = before?.survey ?? null;
  const { result, problem } = await runFenced({
    ...common,
    environment,
    driver: sandbox,
    surroundings: request.surroundings,
    folder: place.folder,
    async describe() {
      // What is gone or new since the first look can be what stood in the way.
      const now = survey ?? (await request.snapshots.survey());
      survey = null;
      return {
        stage: readOnly ? "plan" : request.stage,
        workspace: request.workspace,
        readRoots: request.readRoots,
        network: request.network,
        privateTemp: place.privateTemp,
        emptyFile: place.emptyFile,
        hidden: request.hidden,
        survey: now,
        gitFolders: [...new Set(gitFolders)],
        workTree: repository?.workTree ?? null,
        gitWork: work,
      };
    },
  });
  return { ...result, setUpProblem: problem };
}

/**
 * Runs the command of a tool call that policy allowed. Without a sandbox the plan stage runs only what is read-only by
 * verdict; everything that may write is bracketed by a snapshot unless containment is off. Never rejects for what the
 * command does.
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
  let open: OpenCommand | null = null;
  if (!readOnly && request.containment !== "off") {
    try {
      before = await tellSlow(request.onProgress, "noting how the workspace is", () =>
        request.snapshots.take(accessOf(gitWork(verdict), request.sandbox.available), request.rulesOf),
      );
      open = request.onBegin?.(before) ?? null;
    } catch (thrown) {
      if (!(thrown instanceof BmoError) && systemErrorCode(thrown) === undefined) throw thrown;
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      return blocked(`no snapshot could be taken, so the command was not run: ${reason}`);
    }
  }
  const { setUpProblem, began, ...ran } = await run(request, readOnly, before, open?.id);
  if (setUpProblem !== null) request.onSandboxProblem?.(setUpProblem);
  const refusal =
    setUpProblem === null ? null : `the sandbox could not be set up, so the command was not run: ${setUpProblem}`;
  const notes = [...ran.notes];
  if (began && request.sandbox.available && REFUSED_WRITE.test(ran.output)) {
    notes.push(
      request.stage === "plan"
        ? `${SANDBOX_REFUSAL}: nothing can be written before a plan is approved`
        : `${SANDBOX_REFUSAL}: commands may write below the workspace and /tmp, not to credentials or elsewhere; .git is open only to a line of plain git commands`,
    );
  }
  const result: ContainedShellResult = { ...NOTHING_RAN, ...ran, notes, blocked: refusal, unplanned };
  if (before === null) return result;
  const { compared, ...settled } = await settleEffects(
    {
      ...request,
      mayMakeRepository: mayMakeRepository(verdict),
      installs: installsPackages(verdict),
      onCopy: (copy) => open?.noteCopy(copy),
    },
    before,
  );
  if (compared) open?.close();
  else open?.abandon();
  return { ...result, ...settled, notes: [...notes, ...settled.notes] };
}
