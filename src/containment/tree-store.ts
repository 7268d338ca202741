// What a place that keeps the state of one directory tree must do. Two exist: one on a private git store, one by own
// code. Each path is recorded, compared and read by itself: one that cannot be costs only itself.

import type { IgnoreList } from "./ignore-rules.ts";

/** A file as it was: permission bits, or a link. `id` finds its bytes in the store. */
export interface StoredFile {
  kind: "file" | "link";
  executable: boolean;
  id: string;
  /** True where own code keeps the bytes, false where git does. */
  own: boolean;
}

/** A difference between the recorded state and what lies there now. Paths are relative to the tree, `/`-separated. */
export interface TreeChange {
  path: string;
  before: StoredFile | null;
  /** False when nothing lies there any more. */
  exists: boolean;
  /** Bytes and kind are as before; times differ, and with them perhaps permission bits that the store does not keep. */
  sameBytes?: boolean;
  /** Why the path cannot be compared or put back, where that is so. */
  problem?: string;
}

/** How to look at the tree. */
export interface Look {
  /** No entry came or went since the last look: only contents may differ. */
  sameEntries: boolean;
  rules: IgnoreList;
  /** Paths that are watched whatever the rules say: what the user's repository tracks although it ignores it. */
  tracked: readonly string[];
}

export interface TreeStore {
  /** Records the tree as it is now. @returns the paths that were recorded again. */
  record(look: Look): Promise<string[]>;
  /** What differs from the record. */
  changes(look: Look): Promise<TreeChange[]>;
  /** All that is recorded, as deleted: for a tree whose folder is gone or is seen through a link only. */
  gone(): Promise<TreeChange[]>;
  /** Writes the bytes of a recorded file, or the target of a link, to an open descriptor, however many they are. */
  writeTo(file: StoredFile, descriptor: number): Promise<void>;
  /** All bytes at once: for links and small files. */
  read(file: StoredFile): Promise<Buffer>;
  /** How a person gets at the bytes of a recorded file without bmo: a path, or a command that prints them. */
  whereIs(file: StoredFile): string;
  /** The record as it is now, which later records leave as it is. Costs a link; `unpin` gives it back. */
  pin(): TreeStore;
  unpin(): void;
  /**
   * Gives a pinned record a name under which another process finds it, written to disk. `unpin` then leaves it to
   * `dropRecord`.
   */
  keepRecord(): string;
  /** The store as a kept record describes it, or null when that record is gone. */
  openRecord(name: string): TreeStore | null;
  /** Drops a kept record. */
  dropRecord(name: string): void;
}
