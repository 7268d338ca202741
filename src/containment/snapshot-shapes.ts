// What a snapshot of a workspace is, and what a comparison with it finds. Shapes only.

import type { FileChange } from "../types/tool.ts";
import type { GuardedFiles } from "./guarded-files.ts";
import type { RepositoryAccess } from "./guarded-places.ts";
import type { IgnoreList } from "./ignore-rules.ts";
import type { Survey } from "./survey.ts";
import type { TreeStore } from "./tree-store.ts";

/** Something as it was before: bytes of a file, target of a link, a folder, or a pipe. */
export type PreImage =
  | {
      kind: "file" | "link";
      executable: boolean;
      mode: number | null;
      /** All bytes, in memory: for links and small files. */
      read(): Promise<Buffer>;
      /** Writes the bytes to an open descriptor, however many they are; absent where they are in memory anyway. */
      writeTo?(descriptor: number): Promise<void>;
      /** A file of its own that holds them, so that it can be copied with its holes. */
      place?: string;
      /** How a person gets at the bytes without bmo. */
      whereIs?: string;
    }
  | { kind: "folder"; mode: number | null }
  | { kind: "pipe"; mode: number | null };

/** One change that happened. `path` is relative to the workspace; a folder's ends with `/`. */
export interface EffectChange extends FileChange {
  absolute: string;
  before: PreImage | null;
  /** True when it is a credential or part of a repository's own files, watched whatever .gitignore says. */
  guarded: boolean;
  /**
   * Whose own work the change is: of a line that is git alone, or of an installer in what it owns. Absent: of the
   * command.
   */
  by?: "git" | "installer";
  /** Its bytes are as they were: only permission bits differ. */
  sameBytes?: boolean;
  /**
   * Why it could not be compared or cannot be put back, where that is so. Whoever sees the change has to tell the
   * person.
   */
  problem?: string;
}

export interface TreeSnapshot {
  tree: string;
  store: TreeStore;
  /** As they were when the plan began. */
  rules: IgnoreList;
  tracked: readonly string[];
}

export interface Snapshot {
  survey: Survey;
  guarded: GuardedFiles;
  /** What the command may do to the repository. */
  access: RepositoryAccess;
  stores: TreeSnapshot[];
  /** Permission bits of files that have other ones than a fresh file would get. */
  modes: ReadonlyMap<string, number>;
  /** Of one of another process: when it was taken, in milliseconds since the epoch. */
  takenMs?: number;
}

/** A snapshot as plain JSON. Its parts are kept in the data directory, so that another process can compare with it. */
export interface SnapshotIdentity {
  version: 1;
  workspace: string;
  /** Absolute path of the file that describes it. */
  file: string;
}

export interface SnapshotOptions {
  /** Real path. */
  workspace: string;
  dataDirectory: string;
  /** Absolute path of git, or null: then own code does it, slower. */
  git: string | null;
  home: string | null;
}

export interface Snapshots {
  /** False: without git. */
  readonly usesGit: boolean;
  /**
   * @param access what the command may do to the repository; nothing, unless said.
   * @param rulesOf what the ignore rules belong to, such as `plan …` for an approved plan, which other processes go on
   * with: while it is the same they stay as they were when it was first named.
   *   Absent: those of now.
   */
  take(access?: RepositoryAccess, rulesOf?: string): Promise<Snapshot>;
  /**
   * What differs. Never rejects for what lies in the workspace: what could not be compared is a change with a
   * `problem`.
   */
  compare(before: Snapshot): Promise<EffectChange[]>;
  /**
   * To be called when the effects of the command are settled: folders that were opened to look into them are closed
   * again, but for those put back. @returns those that could not be.
   */
  release(before: Snapshot, putBack?: ReadonlySet<string>): string[];
  /**
   * Keeps a snapshot for another process: to be called right after `take`, before the command starts. Written to disk
   * when it returns.
   */
  identityOf(snapshot: Snapshot): SnapshotIdentity;
  /** The snapshot that another process took of this workspace; null when it is of another one or its parts are gone. */
  open(identity: SnapshotIdentity): Promise<Snapshot | null>;
  /** Drops what `identityOf` kept, once the command's effects are settled. */
  forget(identity: SnapshotIdentity): void;
  /** The walk alone, for commands that need a sandbox and no snapshot. */
  survey(): Promise<Survey>;
}
