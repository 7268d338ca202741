// The bytes of a pre-image, on their way to a file: in pieces wherever its store can, since a file may be larger than
// memory; large ones with their holes.

import { closeSync, fsyncSync, openSync, statSync } from "node:fs";
import { systemPath } from "../util/raw-path.ts";
import { writeAll } from "../util/write-all.ts";
import { copyFile, LARGE_BYTES } from "./objects.ts";
import type { PreImage } from "./snapshot-shapes.ts";

type Bytes = Extract<PreImage, { kind: "file" | "link" }>;

/**
 * Writes all bytes of a file, or the target of a link, to an open descriptor. @throws system errors, and what the store
 * throws.
 */
export async function writeImage(before: Bytes, descriptor: number): Promise<void> {
  if (before.writeTo !== undefined) return before.writeTo(descriptor);
  writeAll(descriptor, await before.read());
}

/** Where the bytes are, if there are so many that they are copied as a file; null where they are written. */
export function largePlace({ place }: Bytes): { path: string; size: number } | null {
  if (place === undefined) return null;
  const { size } = statSync(place);
  return size >= LARGE_BYTES ? { path: place, size } : null;
}

/** Makes a new file of the bytes, on the disk when it returns. @throws as `writeImage`; then a file may be left. */
export async function makeFile(before: Bytes, path: string): Promise<void> {
  const large = largePlace(before);
  if (large !== null) await copyFile(large.path, path, large.size);
  const descriptor = openSync(systemPath(path), large === null ? "wx" : "r+", 0o600);
  try {
    if (large === null) await writeImage(before, descriptor);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
