// Writing all of some bytes to an open descriptor: one call of the system may write fewer.

import { writeSync } from "node:fs";

/** @throws system errors. */
export function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.byteLength;) written += writeSync(descriptor, bytes, written);
}

export interface DescriptorSink {
  /** Writes a chunk. @returns false from the first failure on, after which nothing more is written. */
  take(chunk: Uint8Array): boolean;
  /** What the failure was; null for none. */
  failure(): unknown;
}

/** For bytes that come as events, where nobody can catch what a write throws. */
export function createDescriptorSink(descriptor: number): DescriptorSink {
  let failed: unknown = null;
  return {
    take(chunk) {
      if (failed !== null) return false;
      try {
        writeAll(descriptor, chunk);
      } catch (thrown) {
        failed = thrown;
      }
      return failed === null;
    },
    failure: () => failed,
  };
}
