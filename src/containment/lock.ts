// One writer at a time per workspace, across processes: whoever executes, undoes or runs a command of the user's.
// Workspaces that lie inside each other count as the same. A lock names its holder; one whose process is gone is taken
// over.

import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { elapsedMs } from "../util/clock.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { isInside } from "../util/paths.ts";
import { isAlive, ownIdentity, type ProcessIdentity } from "../util/process-identity.ts";

/** Who holds a workspace. */
export interface LockHolder extends ProcessIdentity {
  session: string;
  token: string;
  /** Real path; empty in a file that a version without it wrote. */
  workspace: string;
}

export interface LockRequest {
  /** Real path. */
  workspace: string;
  dataDirectory: string;
  sessionId: string;
  /** Default: ten seconds. */
  waitMs?: number;
  signal: AbortSignal;
  /** Called once, when there is somebody to wait for. */
  onWait?(holder: LockHolder): void;
}

const WAIT_MS = 10_000;
const POLL_MS = 100;
/** The guard is held for as long as it takes to read a handful of small files. */
const GUARD_POLL_MS = 5;
const LOCK_NAME = /^[0-9a-f]{24}$/;
const GUARD_NAME = "guard";

function readHolder(path: string): LockHolder | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (
      typeof value !== "object" ||
      value === null ||
      !("pid" in value) ||
      typeof value.pid !== "number" ||
      !("token" in value) ||
      typeof value.token !== "string"
    )
      return null;
    const started = "started" in value && typeof value.started === "string" ? value.started : "";
    const session = "session" in value && typeof value.session === "string" ? value.session : "unknown";
    const workspace = "workspace" in value && typeof value.workspace === "string" ? value.workspace : "";
    return { pid: value.pid, started, session, token: value.token, workspace };
  } catch (thrown) {
    if (thrown instanceof SyntaxError || systemErrorCode(thrown) === "ENOENT") return null;
    throw thrown;
  }
}

/** Makes the lock file whole or not at all, so that nobody ever reads half of one. False where there is one already. */
function tryLink(path: string, own: LockHolder): boolean {
  const draft = `${path}.${own.token}`;
  writeFileSync(draft, JSON.stringify(own), { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) !== "EEXIST") throw thrown;
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

function removeOwn(path: string, token: string): void {
  if (readHolder(path)?.token === token) rmSync(path, { force: true });
}

/** Removes a stale lock, and only that one: it is renamed first, and put back if another process was quicker. */
function takeAway(path: string, token: string | null): void {
  const aside = `${path}.stale-${randomBytes(6).toString("hex")}`;
  try {
    renameSync(path, aside);
  } catch (thrown) {
    if (systemErrorCode(thrown) === "ENOENT") return;
    throw thrown;
  }
  const taken = readHolder(aside);
  if (taken !== null && taken.token !== token) {
    try {
      linkSync(aside, path);
    } catch (thrown) {
      if (systemErrorCode(thrown) !== "EEXIST") throw thrown;
    }
  }
  rmSync(aside, { force: true });
}

/** The living holder of this lock file, or null; a file of a dead one is removed. */
function livingHolder(path: string): LockHolder | null {
  const holder = readHolder(path);
  if (holder !== null && isAlive(holder)) return holder;
  takeAway(path, holder?.token ?? null);
  return null;
}

/** Looking at the other locks and making the own one must be one act. */
async function underGuard<Result>(folder: string, own: LockHolder, act: () => Result): Promise<Result> {
  const guard = join(folder, GUARD_NAME);
  while (!tryLink(guard, own)) {
    if (livingHolder(guard) !== null) await delay(GUARD_POLL_MS);
  }
  try {
    return act();
  } finally {
    removeOwn(guard, own.token);
  }
}

/** Somebody alive who holds this workspace, one inside it, or one around it. */
function holderInTheWay(folder: string, workspace: string, ownName: string): LockHolder | null {
  for (const name of readdirSync(folder)) {
    if (!LOCK_NAME.test(name)) continue;
    const path = join(folder, name);
    const seen = readHolder(path);
    const overlaps =
      name === ownName ||
      (seen !== null &&
        seen.workspace !== "" &&
        (isInside(seen.workspace, workspace) || isInside(workspace, seen.workspace)));
    const holder = overlaps ? livingHolder(path) : null;
    if (holder !== null) return holder;
  }
  return null;
}

/**
 * Waits for the workspace's execution lock, at most ten seconds.
 * @returns the function that gives it back; calling it twice is harmless.
 * @throws BmoError locked naming the holder; aborted when the signal fires.
 */
export async function lockExecution(request: LockRequest): Promise<() => void> {
  const { workspace, signal } = request;
  const folder = join(request.dataDirectory, "locks");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const name = createHash("sha256").update(workspace).digest("hex").slice(0, 24);
  const path = join(folder, name);
  const own: LockHolder = {
    ...ownIdentity(),
    session: request.sessionId,
    token: randomBytes(8).toString("hex"),
    workspace,
  };
  const deadline = elapsedMs() + (request.waitMs ?? WAIT_MS);
  let told = false;
  for (;;) {
    const holder = await underGuard(folder, own, () => {
      const other = holderInTheWay(folder, workspace, name);
      if (other === null) tryLink(path, own);
      return other;
    });
    if (holder === null) return () => removeOwn(path, own.token);
    if (elapsedMs() >= deadline) {
      throw new BmoError(
        "locked",
        `another run executes in ${holder.workspace || workspace}: process ${holder.pid}, session ${holder.session}`,
        "Wait until it has ended, or end it.",
      );
    }
    if (signal.aborted) throw new BmoError("aborted", "interrupted while waiting for another run to end");
    if (!told) request.onWait?.(holder);
    told = true;
    await delay(POLL_MS, undefined, { signal }).catch((thrown: unknown) => {
      if (!signal.aborted) throw thrown;
    });
  }
}

/** Asks for the lock of one workspace; `onWait` is called when there is somebody to wait for. */
export type ExecutionLock = (signal: AbortSignal, onWait?: (holder: LockHolder) => void) => Promise<() => void>;

/** The lock as one process uses it: whatever asks for it while it is held shares it, and the last one gives it back. */
export function createExecutionLock(options: Omit<LockRequest, "signal" | "onWait">): ExecutionLock {
  let users = 0;
  let asked: Promise<() => void> | null = null;
  return async (signal, onWait) => {
    users += 1;
    asked ??= lockExecution({ ...options, signal, ...(onWait === undefined ? {} : { onWait }) });
    const leave = (giveBack: () => void): void => {
      users -= 1;
      if (users > 0) return;
      asked = null;
      giveBack();
    };
    let giveBack: () => void;
    try {
      giveBack = await asked;
    } catch (thrown) {
      leave(() => undefined);
      throw thrown;
    }
    let left = false;
    return () => {
      if (!left) leave(giveBack);
      left = true;
    };
  };
}
