// One execution at a time per workspace, across processes. The lock lies in the data directory and names its holder; one whose
// process is gone is taken over.

import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { elapsedMs } from "../util/clock.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { isAlive, ownIdentity, type ProcessIdentity } from "../util/process-identity.ts";

interface Holder extends ProcessIdentity {
  session: string;
  token: string;
}

const WAIT_MS = 10_000;
const POLL_MS = 100;

function readHolder(path: string): Holder | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value !== "object" || value === null || !("pid" in value) || typeof value.pid !== "number" || !("token" in value) || typeof value.token !== "string") return null;
    const started = "started" in value && typeof value.started === "string" ? value.started : "";
    const session = "session" in value && typeof value.session === "string" ? value.session : "unknown";
    return { pid: value.pid, started, session, token: value.token };
  } catch (thrown) {
    if (thrown instanceof SyntaxError || systemErrorCode(thrown) === "ENOENT") return null;
    throw thrown;
  }
}

/**
 * Waits for the workspace's execution lock, at most ten seconds.
 * @param workspace real path.
 * @returns the function that gives it back; calling it twice is harmless.
 * @throws BmoError locked naming the holder; aborted when the signal fires.
 */
export async function lockExecution(options: { workspace: string; dataDirectory: string; sessionId: string; waitMs?: number; signal: AbortSignal }): Promise<() => void> {
  const folder = join(options.dataDirectory, "locks");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, createHash("sha256").update(options.workspace).digest("hex").slice(0, 24));
  const own: Holder = { ...ownIdentity(), session: options.sessionId, token: randomBytes(8).toString("hex") };
  const deadline = elapsedMs() + (options.waitMs ?? WAIT_MS);
  const release = (): void => {
    if (readHolder(path)?.token === own.token) rmSync(path, { force: true });
  };
  for (;;) {
    // A link is made whole or not at all: nobody ever reads a half-written lock.
    const draft = `${path}.${own.token}`;
    writeFileSync(draft, JSON.stringify(own), { mode: 0o600 });
    try {
      linkSync(draft, path);
      return release;
    } catch (thrown) {
      if (systemErrorCode(thrown) !== "EEXIST") throw thrown;
    } finally {
      rmSync(draft, { force: true });
    }
    const holder = readHolder(path);
    if (holder === null || !isAlive(holder)) {
      takeAway(path, holder?.token ?? null);
      continue;
    }
    if (elapsedMs() >= deadline) {
      throw new BmoError("locked", `another run executes in ${options.workspace}: process ${holder.pid}, session ${holder.session}`, "Wait until it has ended, or end it.");
    }
    if (options.signal.aborted) throw new BmoError("aborted", "interrupted while waiting for another run to end");
    await delay(POLL_MS, undefined, { signal: options.signal }).catch((thrown: unknown) => {
      if (!options.signal.aborted) throw thrown;
    });
  }
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
