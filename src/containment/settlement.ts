// What a command really did, settled: changes in scope are kept and recorded for undo, the others are kept or put back
// as the caller decides; what could not be compared, put back or kept is named. Runs nothing, and never rejects for
// what lies on the disk.

import { randomBytes } from "node:crypto";
import { basename, dirname, join, relative } from "node:path";
import type { ScopeJudge } from "../types/containment.ts";
import type { ContainmentMode } from "../types/settings.ts";
import type { FileChange } from "../types/tool.ts";
import { isInside } from "../util/paths.ts";
import { movedReferences } from "./git-report.ts";
import { restoreChanges, restoreCommandFor, type RestoreResult } from "./restore.ts";
import type { EffectChange, Snapshot, Snapshots } from "./snapshot-shapes.ts";

export interface OutOfScopeReport {
  command: string;
  changes: FileChange[];
  /** Folder that takes what the command wrote, when it is put back. */
  copy: string;
  restoreCommand: string;
}

export interface SettleRequest {
  command: string;
  /** Real path. */
  workspace: string;
  /** Scope of the approved plan, or null when none is executed: then only guarded files are out of scope. */
  scope: ScopeJudge | null;
  containment: ContainmentMode;
  snapshots: Snapshots;
  /** Folder of the data directory for copies of what was put back. */
  copiesDirectory: string;
  /** Whether the plan has the command make repositories. */
  mayMakeRepository: boolean;
  /** Whether the command installs packages: programs of node_modules and virtual environments are then its own. */
  installs: boolean;
  /** True for real paths that a deny rule keeps file tools from writing. */
  deniesWrite?(realPath: string): boolean;
  /** True for credentials that an explicit rule opens. */
  opensProtected?(realPath: string): boolean;
  /** The changes that are the command's; default: all of them. */
  select?(changes: EffectChange[]): EffectChange[];
  /** Called before anything is copied to this folder. */
  onCopy?(copy: string): void;
  onOutOfScope(report: OutOfScopeReport): Promise<"keep" | "restore">;
  /** Called with the changes that stay, pre-images to be had: for undo. */
  onChanges?(changes: readonly EffectChange[], before: Snapshot): Promise<void>;
  /** Called with what takes long and how far it is. */
  onProgress?(text: string): void;
}

export interface Settlement {
  changes: FileChange[];
  outOfScope: FileChange[];
  rolledBack: string[];
  /** What could not be compared, put back or kept for undo, and why: the run must not end as if all were well. */
  unsettled: { path: string; reason: string }[];
  /** False where something could not be compared at all: another process may still do so. */
  compared: boolean;
  /** Folder with what was put back, or null. */
  copy: string | null;
  restoreCommand: string | null;
  notes: string[];
}

const SHOWN_PATHS = 8;
const SLOW_MS = 2_000;
const TOLD_EVERY_MS = 10_000;

function listed(paths: readonly string[]): string {
  const shown = paths.slice(0, SHOWN_PATHS).join(", ");
  return paths.length > SHOWN_PATHS ? `${shown} and ${paths.length - SHOWN_PATHS} more` : shown;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Tells of work that takes longer than two seconds, and every ten seconds how far it is. */
export async function tellSlow<Result>(
  tell: ((text: string) => void) | undefined,
  what: string,
  work: (progress: (text: string) => void) => Promise<Result>,
): Promise<Result> {
  let far = "";
  let timer: NodeJS.Timeout | undefined;
  const told = (): void => {
    tell?.(`${what}${far === "" ? "" : `: ${far}`} …`);
    timer = setTimeout(told, TOLD_EVERY_MS);
    timer.unref();
  };
  if (tell !== undefined) {
    timer = setTimeout(told, SLOW_MS);
    timer.unref();
  }
  try {
    return await work((text) => {
      far = text;
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Hands changes to the keeper of undo. @returns what could not be kept. */
async function keepForUndo(
  request: SettleRequest,
  changes: readonly EffectChange[],
  before: Snapshot,
): Promise<Settlement["unsettled"]> {
  const { onChanges } = request;
  // Without a pre-image undo would take them for created.
  const known = changes.filter(({ problem }) => problem === undefined);
  if (onChanges === undefined || known.length === 0) return [];
  try {
    await onChanges(known, before);
    return [];
  } catch {
    // One of them cannot be kept: the others are, each by itself.
    const failed: Settlement["unsettled"] = [];
    for (const change of known) {
      await onChanges([change], before).catch((thrown: unknown) =>
        failed.push({ path: change.path, reason: `\`/undo\` will not know it: ${messageOf(thrown)}` }),
      );
    }
    return failed;
  }
}

/** A repository that a planned git command made: in a folder that was there, or where the plan may create files. */
function isPlannedRepository(change: EffectChange, { mayMakeRepository, scope }: SettleRequest): boolean {
  const isRepository = change.guarded && change.action === "create" && change.path.endsWith("/");
  if (!isRepository || !mayMakeRepository) return false;
  return (
    basename(change.absolute) === ".git" ||
    scope === null ||
    scope.permits(join(change.absolute, "any"), "create").permitted
  );
}

/** Why a change lies outside what may be changed, or null. */
function outside(change: EffectChange, request: SettleRequest): string | null {
  if (isPlannedRepository(change, request)) return null;
  if (change.by === "git" || (change.by === "installer" && request.installs)) return null;
  if (change.guarded)
    return request.opensProtected?.(change.absolute) === true
      ? null
      : "it is a credential or part of the repository's own files";
  if (request.deniesWrite?.(change.absolute) === true) return "a rule denies writing it";
  if (request.scope === null) return null;
  const verdict = request.scope.permits(change.absolute, change.action);
  return verdict.permitted ? null : verdict.reason;
}

/** Why each change lies outside what may be changed; null where it does not. */
function reasonsOf(
  changes: readonly EffectChange[],
  request: SettleRequest,
  trees: ReadonlySet<string>,
): Map<EffectChange, string | null> {
  const reasons = new Map(
    changes.map((change) => [
      change,
      outside(change, request) ??
        (change.problem !== undefined && trees.has(change.absolute) ? "it could not be compared" : null),
    ]),
  );
  const lost = new Set(
    changes
      .filter((change) => change.action === "delete" && reasons.get(change) !== null)
      .map(({ absolute }) => absolute),
  );
  for (const change of lost.size === 0 ? [] : changes) {
    for (
      let above = dirname(change.absolute);
      reasons.get(change) === null && isInside(request.workspace, above) && above !== request.workspace;
      above = dirname(above)
    ) {
      if (lost.has(above)) reasons.set(change, `${relative(request.workspace, above)} may not become a folder`);
    }
  }
  return reasons;
}

function toFileChange({ path, action }: EffectChange): FileChange {
  return { path, action };
}

async function compareAll(
  request: SettleRequest,
  before: Snapshot,
): Promise<{ changes: EffectChange[]; problem: string | null }> {
  try {
    return {
      changes: await tellSlow(request.onProgress, "looking at what the command changed", () =>
        request.snapshots.compare(before),
      ),
      problem: null,
    };
  } catch (thrown) {
    return { changes: [], problem: messageOf(thrown) };
  }
}

async function putBackAll(
  request: SettleRequest,
  wrong: readonly EffectChange[],
  copy: string,
  before: Snapshot,
): Promise<RestoreResult> {
  const far =
    (progress: (text: string) => void) =>
    (done: number, of: number): void =>
      progress(`${done} of ${of}`);
  try {
    return await tellSlow(request.onProgress, "putting back what changed out of scope", (progress) =>
      restoreChanges(wrong, request.workspace, copy, before.survey.folders, far(progress)),
    );
  } catch (thrown) {
    return {
      restored: [],
      failed: wrong.map(({ path }) => ({ path, reason: messageOf(thrown), full: false })),
      dropped: [],
    };
  }
}

/**
 * Compares with the snapshot and settles what differs. May be run again after it was ended in the middle: it goes on
 * from there.
 */
export async function settleEffects(request: SettleRequest, before: Snapshot): Promise<Settlement> {
  const settled: Settlement = {
    changes: [],
    outOfScope: [],
    rolledBack: [],
    unsettled: [],
    compared: true,
    copy: null,
    restoreCommand: null,
    notes: [],
  };
  const { changes: all, problem } = await compareAll(request, before);
  const changes = request.select?.(all) ?? all;
  if (problem !== null)
    settled.unsettled.push({ path: ".", reason: `what the command changed could not be compared: ${problem}` });
  const trees = new Set(before.stores.map(({ tree }) => tree));
  settled.compared =
    problem === null && !all.some((change) => change.problem !== undefined && trees.has(change.absolute));
  const reasons = reasonsOf(changes, request, trees);
  const wrong = changes.filter((change) => reasons.get(change) !== null);
  // What git and installers own is no file of the plan: branches are told in a note, installed programs are output like
  // any other.
  settled.changes = changes
    .filter((change) => change.by === undefined || reasons.get(change) !== null)
    .map(toFileChange);
  settled.notes.push(...(await movedReferences(changes)));
  settled.outOfScope = wrong.map(toFileChange);
  for (const change of changes)
    if (change.problem !== undefined && reasons.get(change) === null)
      settled.notes.push(`in scope, but \`/undo\` will not know it: ${change.path} (${change.problem})`);
  const decidable = wrong.filter((change) => change.problem === undefined);
  const copy = join(
    request.copiesDirectory,
    `${new Date().toISOString().replace(/[:.]/g, "-")}-${randomBytes(3).toString("hex")}`,
  );
  const restoreCommand = restoreCommandFor(copy, request.workspace);
  let failed: RestoreResult["failed"] = [];
  if (request.containment === "warn") {
    if (wrong.length > 0)
      settled.notes.push(`changed outside the approved scope: ${listed(wrong.map(({ path }) => path))}`);
  } else if (
    decidable.length > 0 &&
    (await request.onOutOfScope({
      command: request.command,
      changes: decidable.map(toFileChange),
      copy,
      restoreCommand,
    })) === "keep"
  ) {
    settled.notes.push(
      `changed outside the approved scope and kept by the user: ${listed(decidable.map(({ path }) => path))}`,
    );
  } else if (wrong.length > 0) {
    request.onCopy?.(copy);
    const putBack = await putBackAll(request, wrong, copy, before);
    Object.assign(settled, { rolledBack: putBack.restored, ...(decidable.length > 0 ? { copy, restoreCommand } : {}) });
    const [reason = ""] = decidable.map((change) => reasons.get(change) ?? "");
    tellPutBack(settled, putBack, reason, copy, restoreCommand);
    ({ failed } = putBack);
  }
  const gone = new Set(settled.rolledBack);
  const unkept = await keepForUndo(
    request,
    changes.filter(({ path }) => !gone.has(path)),
    before,
  );
  const comesBack = ({ path, full }: RestoreResult["failed"][number]): boolean =>
    full && request.onChanges !== undefined && !unkept.some((one) => one.path === path);
  for (const one of failed)
    settled.unsettled.push({
      path: one.path,
      reason: `could not be put back: ${one.reason}${comesBack(one) ? "; `/undo` brings it back once there is room" : ""}`,
    });
  settled.unsettled.push(...unkept);
  const leftOpen = request.snapshots.release(
    before,
    new Set(changes.filter(({ path }) => gone.has(path)).map(({ absolute }) => absolute)),
  );
  for (const path of leftOpen) settled.notes.push(`a folder could not be closed again as the command left it: ${path}`);
  for (const { path, reason } of settled.unsettled) settled.notes.push(`not settled: ${path} (${reason})`);
  return settled;
}

function tellPutBack(
  settled: Settlement,
  { restored, dropped }: RestoreResult,
  reason: string,
  copy: string,
  restoreCommand: string,
): void {
  if (restored.length > 0)
    settled.notes.push(
      `put back, because outside the approved scope (${reason}): ${listed(restored)}. What the command left there is kept in ${copy}; to bring it back: ${restoreCommand}`,
    );
  if (dropped.length > 0)
    settled.notes.push(`for want of space no copy was kept of what the command made: ${listed(dropped)}`);
}
