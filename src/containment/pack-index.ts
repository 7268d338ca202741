// Which objects a folder of git's holds: loose files and the indices of packs, read by own code. Runs no git, writes
// nothing.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";

const MAGIC = 0xff744f63;
const FANOUT_BYTES = 256 * 4;
const HEADER_BYTES = 8;
const SHA1_BYTES = 20;
const SHA256_BYTES = 32;
const LOOSE_FOLDER = /^[0-9a-f]{2}$/;

export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return [];
    throw thrown;
  }
}

/** Names of the objects of one pack, binary, in order; null where the index cannot be understood. */
function readPackIndex(path: string): { names: Buffer; width: number } | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
  if (bytes.length < HEADER_BYTES + FANOUT_BYTES || bytes.readUInt32BE(0) !== MAGIC || bytes.readUInt32BE(4) !== 2)
    return null;
  const count = bytes.readUInt32BE(HEADER_BYTES + FANOUT_BYTES - 4);
  const start = HEADER_BYTES + FANOUT_BYTES;
  // Behind the names: a checksum and an offset for each, offsets of eight bytes for at most each, and two digests.
  const rest = bytes.length - start - count * (SHA1_BYTES + 8) - 2 * SHA1_BYTES;
  const width = rest % 8 === 0 && rest >= 0 && rest / 8 <= count ? SHA1_BYTES : SHA256_BYTES;
  const names = bytes.subarray(start, start + count * width);
  return names.length === count * width ? { names, width } : null;
}

/** Names in hex of the objects in one file of an object store, relative to it; null where that cannot be told. */
export function objectsOf(store: string, file: string): string[] | null {
  const [folder = "", name = ""] = file.split("/");
  if (LOOSE_FOLDER.test(folder)) return [folder + name];
  if (!name.endsWith(".pack")) return [];
  const index = readPackIndex(join(store, folder, name.replace(/\.pack$/, ".idx")));
  if (index === null) return null;
  return Array.from({ length: index.names.length / index.width }, (_, position) =>
    index.names.toString("hex", position * index.width, (position + 1) * index.width),
  );
}

/** All objects that a store holds now. */
export function objectsIn(store: string): Set<string> {
  const found = new Set<string>();
  for (const folder of namesIn(store)) {
    if (!LOOSE_FOLDER.test(folder) && folder !== "pack") continue;
    const names = namesIn(join(store, folder));
    for (const name of names) {
      // A pack without its index, or an index without its pack, holds nothing that git can find.
      if (folder === "pack" && !(name.endsWith(".pack") && names.includes(name.replace(/\.pack$/, ".idx")))) continue;
      for (const object of objectsOf(store, `${folder}/${name}`) ?? []) found.add(object);
    }
  }
  return found;
}
