// What a command really did, settled: changes in scope are kept and recorded for undo, the others are kept or put back as the caller
// decides, with a copy of what the command left. Runs nothing.

import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { ScopeJudge } from "../types/containment.ts";
import type { ContainmentMode } from "../types/settings.ts";
import type { FileChange } from "../types/tool.ts";
import { copyChanged, restoreChanges, restoreCommandFor } from "./restore.ts";
import type { EffectChange, Snapshot, Snapshots } from "./snapshot.ts";

export interface OutOfScopeReport {
  command: string;
  changes: FileChange[];
  /** Folder with what the command wrote. */
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
  /** True for real paths that a deny rule keeps file tools from writing. */
  deniesWrite?(realPath: string): boolean;
  /** True for credentials that an explicit rule opens. */
  opensProtected?(realPath: string): boolean;
  /** The changes that are the command's; default: all of them. */
  select?(changes: EffectChange[]): EffectChange[];
  /** Called before anything is copied to this folder. */
  onCopy?(copy: string): void;
  onOutOfScope(report: OutOfScopeReport): Promise<"keep" | "restore">;
  /** Called with the changes that stay, pre-images at hand: for undo. */
  onChanges?(changes: readonly EffectChange[], before: Snapshot): Promise<void>;
}

export interface Settlement {
  changes: FileChange[];
  outOfScope: FileChange[];
  rolledBack: string[];
  /** What should have been put back and could not be. */
  failed: { path: string; reason: string }[];
  /** Folder with what was put back, or null. */
  copy: string | null;
  restoreCommand: string | null;
  notes: string[];
}

const SHOWN_PATHS = 8;

function listed(paths: string[]): string {
  const shown = paths.slice(0, SHOWN_PATHS).join(", ");
  return paths.length > SHOWN_PATHS ? `${shown} and ${paths.length - SHOWN_PATHS} more` : shown;
}

/** A repository that a planned git command made: in a folder that was there, or where the plan may create files. */
function isPlannedRepository(change: EffectChange, { mayMakeRepository, scope }: SettleRequest): boolean {
  const isRepository = change.guarded && change.action === "create" && change.path.endsWith("/");
  if (!isRepository || !mayMakeRepository) return false;
  return basename(change.absolute) === ".git" || scope === null || scope.permits(join(change.absolute, "any"), "create").permitted;
}

/** Why a change lies outside what may be changed, or null. */
function outside(change: EffectChange, request: SettleRequest): string | null {
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

/** Compares with the snapshot and settles what differs. May be run again after it was ended in the middle: it goes on from there. */
export async function settleEffects(request: SettleRequest, before: Snapshot): Promise<Settlement> {
  const compared = await request.snapshots.compare(before);
  const changes = request.select?.(compared) ?? compared;
  const result: Settlement = { changes: [], outOfScope: [], rolledBack: [], failed: [], copy: null, restoreCommand: null, notes: [] };
  const { notes } = result;
  const wrong = changes.filter((change) => outside(change, request) !== null);
  const all = changes.map(toFileChange);
  if (wrong.length === 0) {
    await request.onChanges?.(changes, before);
    return { ...result, changes: all };
  }
  const paths = wrong.map(({ path }) => path);
  if (request.containment === "warn") {
    notes.push(`changed outside the approved scope: ${listed(paths)}`);
    await request.onChanges?.(changes, before);
    return { ...result, changes: all, outOfScope: wrong.map(toFileChange) };
  }
  const copy = join(request.copiesDirectory, `${new Date().toISOString().replace(/[:.]/g, "-")}-${randomBytes(3).toString("hex")}`);
  const restoreCommand = restoreCommandFor(copy, request.workspace);
  request.onCopy?.(copy);
  copyChanged(wrong, request.workspace, copy);
  const answer = await request.onOutOfScope({ command: request.command, changes: wrong.map(toFileChange), copy, restoreCommand });
  if (answer === "keep") {
    rmSync(copy, { recursive: true, force: true });
    notes.push(`changed outside the approved scope and kept by the user: ${listed(paths)}`);
    await request.onChanges?.(changes, before);
    return { ...result, changes: all, outOfScope: wrong.map(toFileChange) };
  }
  const { restored, failed } = await restoreChanges(wrong, request.workspace, copy, before.survey.folders);
  const gone = new Set(restored);
  await request.onChanges?.(changes.filter(({ path }) => !gone.has(path)), before);
  const [reason] = wrong.map((change) => outside(change, request));
  if (restored.length > 0) notes.push(`put back, because outside the approved scope (${reason ?? ""}): ${listed(restored)}. What the command left there is kept in ${copy}; to bring it back: ${restoreCommand}`);
  for (const { path, reason: why } of failed) notes.push(`could not be put back: ${path} (${why})`);
  return { ...result, changes: all, outOfScope: wrong.map(toFileChange), rolledBack: restored, failed, copy, restoreCommand };
}

