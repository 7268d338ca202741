// What a place that keeps the state of one directory tree must do. Two exist: one on a private git store, one by own code.

/** A file as it was: permission bits, or a link. `id` finds its bytes in the store. */
export interface StoredFile {
  kind: "file" | "link";
  executable: boolean;
  id: string;
}

/** A difference between the recorded state and what lies there now. Paths are relative to the tree, `/`-separated. */
export interface TreeChange {
  path: string;
  before: StoredFile | null;
  /** False when nothing lies there any more. */
  exists: boolean;
  /** Bytes and kind are as before; times differ, and with them perhaps permission bits that the store does not keep. */
  sameBytes?: boolean;
}

export interface TreeStore {
  /**
   * Records the tree as it is now.
   * @param sameEntries no entry came or went since the last look: only contents may differ.
   * @returns the paths that were recorded anew.
   */
  record(sameEntries: boolean): Promise<string[]>;
  /** What differs from the record. `ignoreBefore` are ignore files' contents as they were, when those changed meanwhile. */
  changes(ignoreBefore: ReadonlyMap<string, Buffer> | null, sameEntries: boolean): Promise<TreeChange[]>;
  /** Whether the ignore rules cover all of these paths; then nothing in them is of interest. */
  ignores(paths: readonly string[]): Promise<boolean>;
  bytesOf(file: StoredFile): Promise<Buffer>;
  /** Keeps the present record under a name of its own in the store's folder, so that later records leave it as it is. Costs a link. */
  keepRecord(): string;
  /** The store as a kept record describes it, or null when that record is gone. Its record never changes. */
  openRecord(name: string): TreeStore | null;
  /** Drops a kept record. */
  dropRecord(name: string): void;
}
