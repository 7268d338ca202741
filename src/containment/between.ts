// What changed in a workspace while a plan was executed, but neither by a tool of bmo's nor inside the bracket of a
// command: by the user, or by a program that a command left running where no sandbox ends it. And what was written
// where ignore rules keep snapshots from looking. Only looks; what it finds stays as it is.

import { systemErrorCode } from "../util/errors.ts";
import { realPathOf } from "../util/paths.ts";
import { backgroundIn } from "../util/process-tree.ts";
import type { Checkpoints } from "./checkpoint.ts";
import { ignoredWritten, type TreeRules } from "./ignored-written.ts";
import type { Snapshot, SnapshotIdentity, Snapshots } from "./snapshot-shapes.ts";

export interface Between {
  /**
   * A command that may write begins. The first one's snapshot is what the end is compared with.
   * @param identity of the snapshot; null where no program can outlive its command, and so nothing is to be compared.
   * @returns whether it is this one, to be kept until then.
   */
  begin(before: Snapshot, identity: SnapshotIdentity | null): boolean;
  /** Looks once and forgets the beginning. Empty where no command ran. */
  end(): Promise<{ paths: string[]; processes: string[]; ignored: string[] }>;
}

export function createBetween(options: {
  workspace: string;
  dataDirectory: string;
  snapshots: Snapshots;
  checkpoints: Checkpoints;
}): Between {
  const { workspace, snapshots, checkpoints } = options;
  const leaveOut = [realPathOf(options.dataDirectory)];
  let start: { identity: SnapshotIdentity; atMs: number } | null = null;
  let ignored: { trees: TreeRules[]; atMs: number } | null = null;
  return {
    begin(before, identity) {
      ignored ??= {
        trees: before.stores.map(({ tree, rules, tracked }) => ({ tree, rules, tracked })),
        atMs: Date.now(),
      };
      if (identity === null) return false;
      const isFirst = start === null;
      start ??= { identity, atMs: Date.now() };
      return isFirst;
    },
    async end() {
      const written = ignored === null ? [] : await ignoredWritten(ignored.trees, ignored.atMs, leaveOut);
      ignored = null;
      if (start === null) return { paths: [], processes: [], ignored: written };
      const { identity, atMs } = start;
      start = null;
      const before = await openOrNull(snapshots, identity);
      const changes = before === null ? [] : await snapshots.compare(before);
      if (before !== null) snapshots.release(before);
      snapshots.forget(identity);
      const isOwn = checkpoints.ownLook();
      return {
        paths: changes.filter(({ absolute }) => !isOwn(absolute)).map(({ path }) => path),
        processes: await backgroundIn(workspace, atMs),
        ignored: written,
      };
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
