// Settles the effects of commands whose bmo was ended before it could: compared with the snapshot of before them,
// judged by the plan of then, recorded for the undo of the session that ran them. What was changed after their end
// belongs to somebody else and stays.

import { existsSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { uptime } from "node:os";
import { dirname, join } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { endMarked } from "../util/process-tree.ts";
import { ownIdentity } from "../util/process-identity.ts";
import { systemPath } from "../util/raw-path.ts";
import { createCheckpoints } from "./checkpoint.ts";
import { makeFile } from "./pre-image.ts";
import { scopeOf } from "../plan/scope.ts";
import { settleEffects, type SettleRequest } from "./settlement.ts";
import { createSnapshots } from "./snapshot.ts";
import type { EffectChange, Snapshot } from "./snapshot-shapes.ts";
import type { CommandJournal, DeadCommand } from "./command-journal.ts";

/** What could not be settled, and where the earlier version is. */
export interface Unresolved {
  path: string;
  reason: string;
  copy: string | null;
}

export interface Recovery {
  command: string;
  session: string;
  /** For people: what was found and done, one sentence each. */
  notes: string[];
  unresolved: Unresolved[];
}

export interface RecoveryRequest {
  /** Real path. */
  workspace: string;
  dataDirectory: string;
  git: string | null;
  home: string | null;
  journal: CommandJournal;
  onOutOfScope: SettleRequest["onOutOfScope"];
  /** Whether a rule of a list names a real path. */
  isNamed(rules: readonly string[], realPath: string): boolean;
}

/**
 * Between the last sign of life and the end of the last process: a beat, and what the kernel takes to end a killed one.
 */
const GRACE_MS = 3_000;

/** Settles every command of a dead process in this workspace. The caller holds the execution lock. */
export async function recoverCommands(request: RecoveryRequest): Promise<Recovery[]> {
  const found: Recovery[] = [];
  for (const dead of request.journal.dead(request.workspace)) {
    try {
      found.push(await recoverOne(dead, request));
    } catch (thrown) {
      // Nothing starts worse for it: the next start tries again.
      if (!(thrown instanceof BmoError) && systemErrorCode(thrown) === undefined) throw thrown;
      const reason = `what the command left could not be settled: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
      found.push({
        command: dead.entry.command,
        session: dead.entry.session,
        notes: [],
        unresolved: [{ path: ".", reason, copy: null }],
      });
    }
  }
  return found;
}

async function recoverOne(dead: DeadCommand, request: RecoveryRequest): Promise<Recovery> {
  const { entry } = dead;
  const { ended, survivors } = await endMarked(entry.id);
  const recovery: Recovery = { command: entry.command, session: entry.session, notes: [], unresolved: [] };
  for (const id of survivors)
    recovery.unresolved.push({
      path: ".",
      reason: `process ${id} of the command still runs and is not ours to end`,
      copy: null,
    });
  const snapshots = createSnapshots({
    workspace: entry.workspace,
    dataDirectory: request.dataDirectory,
    git: request.git,
    home: request.home,
  });
  const before = existsSync(entry.workspace) ? await snapshots.open(entry.snapshot) : null;
  if (before === null) {
    request.journal.close(dead);
    const gone = !existsSync(entry.workspace);
    return {
      ...recovery,
      unresolved: gone
        ? []
        : [
            {
              path: entry.workspace,
              reason: "the state before the command is not kept any more, so what it changed cannot be told",
              copy: null,
            },
          ],
    };
  }
  const copiesDirectory = join(request.dataDirectory, "copies", entry.session);
  const endedAt = ended > 0 ? Number.POSITIVE_INFINITY : endOf(dead);
  const later: EffectChange[] = [];
  const scope = entry.scope === null ? null : scopeOf(entry.scope.files, entry.workspace, entry.scope);
  const checkpoints = createCheckpoints({
    workspace: entry.workspace,
    dataDirectory: request.dataDirectory,
    sessionId: entry.session,
    current: entry.checkpoint,
  });
  const settled = await settleEffects(
    {
      command: entry.command,
      workspace: entry.workspace,
      containment: entry.containment,
      snapshots,
      copiesDirectory,
      scope,
      mayMakeRepository: entry.mayMakeRepository,
      installs: entry.installs,
      deniesWrite: (path) => request.isNamed(entry.rules.deny, path),
      opensProtected: (path) => request.isNamed(entry.rules.allow, path),
      onOutOfScope: request.onOutOfScope,
      onChanges: (changes, snapshot) => checkpoints.recordEffects(changes, snapshot.survey.folders),
      select(changes) {
        const own = changes.filter((change) => !cameLater(change, endedAt, before));
        later.push(...changes.filter((change) => !own.includes(change)));
        return own;
      },
    },
    before,
  );
  const kept = settled.changes.filter(({ path }) => !settled.rolledBack.includes(path));
  if (kept.length > 0)
    recovery.notes.push(`changed by it and covered by /undo: ${kept.map(({ path }) => path).join(", ")}`);
  recovery.notes.push(
    ...settled.notes,
    ...dead.copies.map((copy) => `an earlier try to put back was ended too; what it took away is kept in ${copy}`),
  );
  recovery.unresolved.push(...settled.unsettled.map((one) => ({ ...one, copy: null })));
  for (const change of later) {
    const copy = await offer(change, `${copiesDirectory}/${entry.id}-before`);
    const reason = "changed after bmo was ended, by you or a program left running: it stays";
    // Where the plan permits the change, nobody has to decide anything: it is only told.
    const isPermitted = !change.guarded && (scope === null || scope.permits(change.absolute, change.action).permitted);
    if (isPermitted) recovery.notes.push(`${change.path}: ${reason}${copy === null ? "" : `; as it was: ${copy}`}`);
    else recovery.unresolved.push({ path: change.path, reason, copy });
  }
  if (settled.compared) {
    request.journal.close(dead);
    snapshots.forget(entry.snapshot);
  }
  return recovery;
}

/**
 * When the command had ended at the latest, in milliseconds since the epoch. After a restart of the machine that is its
 * start.
 */
function endOf({ entry, lastAliveMs }: DeadCommand): number {
  const bootOf = (started: string): string => started.split("@")[1] ?? "";
  const restarted = bootOf(entry.owner.started) !== bootOf(ownIdentity().started);
  return restarted ? Date.now() - uptime() * 1_000 : lastAliveMs + GRACE_MS;
}

/** A file that is missing is brought back in any case: that takes nothing from anybody. */
function cameLater({ absolute, action, path }: EffectChange, endedAt: number, before: Snapshot): boolean {
  if (action === "delete" || (action === "modify" && path.endsWith("/"))) return false;
  const changed = [absolute];
  for (
    let folder = dirname(absolute);
    folder.startsWith(`${before.stores[0]?.tree ?? "/"}/`) && !before.survey.folders.has(folder);
    folder = dirname(folder)
  )
    changed.push(folder);
  return changed.some((one) => changedAt(one) > endedAt);
}

/** Milliseconds since the epoch; 0 where that cannot be known. */
function changedAt(path: string): number {
  try {
    return lstatSync(path).ctimeMs;
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return 0;
  }
}

async function offer({ before, path }: EffectChange, folder: string): Promise<string | null> {
  if (before === null || before.kind === "folder" || before.kind === "pipe") return null;
  const place = join(folder, path.replaceAll("../", "__/"));
  mkdirSync(systemPath(dirname(place)), { recursive: true, mode: 0o700 });
  rmSync(systemPath(place), { force: true });
  await makeFile(before, place);
  return place;
}
