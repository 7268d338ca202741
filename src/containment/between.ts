// What changed in a workspace while a plan was executed, but neither by a tool of bmo's nor inside the bracket of a command: by the user,
// or by a program that a command left running where no sandbox ends it. Only looks; what it finds stays as it is.

import { systemErrorCode } from "../util/errors.ts";
import { backgroundIn } from "../util/process-tree.ts";
import type { Checkpoints } from "./checkpoint.ts";
import type { Snapshot, SnapshotIdentity, Snapshots } from "./snapshot.ts";

export interface Between {
  /** A command that may write begins. The first one's snapshot is what the end is compared with. @returns whether it is this one, to be kept until then. */
  begin(before: SnapshotIdentity): boolean;
  /** Looks once and forgets the beginning. Empty where no command ran. */
  end(): Promise<{ paths: string[]; processes: string[] }>;
}

export function createBetween(options: { workspace: string; snapshots: Snapshots; checkpoints: Checkpoints }): Between {
  const { workspace, snapshots, checkpoints } = options;
  let start: { identity: SnapshotIdentity; atMs: number } | null = null;
  return {
    begin(identity) {
      const isFirst = start === null;
      start ??= { identity, atMs: Date.now() };
      return isFirst;
    },
    async end() {
      if (start === null) return { paths: [], processes: [] };
      const { identity, atMs } = start;
      start = null;
      const before = await openOrNull(snapshots, identity);
      const changes = before === null ? [] : await snapshots.compare(before);
      if (before !== null) snapshots.release(before);
      snapshots.forget(identity);
      const isOwn = checkpoints.ownLook();
      return { paths: changes.filter(({ absolute }) => !isOwn(absolute)).map(({ path }) => path), processes: await backgroundIn(workspace, atMs) };
    },
  };
}

/** What cannot be read is not compared: nothing hangs on it but what is told. */
async function openOrNull(snapshots: Snapshots, identity: SnapshotIdentity): Promise<Snapshot | null> {
  try {
    return await snapshots.open(identity);
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return null;
  }
}
