// The bytes of a pre-image, on their way to a file: in pieces wherever its store can, since a file may be larger than
// memory.

import { writeSync } from "node:fs";
import type { PreImage } from "./snapshot.ts";

/**
 * Writes all bytes of a file, or the target of a link, to an open descriptor. @throws system errors, and what the store
 * throws.
 */
export async function writeImage(
  before: Extract<PreImage, { kind: "file" | "link" }>,
  descriptor: number,
): Promise<void> {
  if (before.writeTo !== undefined) return before.writeTo(descriptor);
  const bytes = await before.read();
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
}
