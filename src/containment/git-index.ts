// Reads git's index file: which entries are submodules, which are flagged so that git would not look at the file again.
// Understands versions 2 to 4; runs nothing.

import { createHash } from "node:crypto";
import { BmoError } from "../util/errors.ts";
import { pathExists } from "../util/paths.ts";
import { readRegularNow } from "../util/regular-file.ts";
import { isCredentialFolder, isCredentialName } from "./protected.ts";

export interface GitIndexFacts {
  /** Paths of entries that are repositories of their own. */
  gitlinks: string[];
  /** True when an entry is assumed unchanged or skipped, or the index is sparse: its figures prove nothing. */
  hidesChanges: boolean;
  /** Paths of entries that are credentials by their name. */
  credentials: string[];
  /** Paths of `.gitattributes` among the entries. */
  attributeFiles: string[];
  /** Paths of all entries. */
  paths: string[];
  entries: number;
  /** Changes when an entry does, but not with the times that git notes beside it. Empty unless asked for. */
  digest: string;
}

const GITLINK = 0o160000;
const ASSUME_VALID = 0x8000;
const EXTENDED = 0x4000;
const SKIP_WORKTREE = 0x4000;
const FIXED_BYTES = 62;
const SHA1_BYTES = 20;
const MAX_BYTES = 512 * 1024 * 1024;

/** null where there is no index. What is no regular file, or too large, has no bytes that could be read as one. */
function readBytes(path: string): Buffer | null {
  if (!pathExists(path)) return null;
  try {
    return readRegularNow(path, MAX_BYTES)?.bytes ?? Buffer.alloc(0);
  } catch (thrown) {
    if (thrown instanceof BmoError) return Buffer.alloc(0);
    throw thrown;
  }
}

/** Length of the variable-width number of version 4 at `offset`, and its value. */
function readOffset(bytes: Buffer, offset: number): { value: number; next: number } {
  let position = offset;
  let byte = bytes[position++] ?? 0;
  let value = byte & 0x7f;
  while ((byte & 0x80) !== 0) {
    byte = bytes[position++] ?? 0;
    value = ((value + 1) << 7) | (byte & 0x7f);
  }
  return { value, next: position };
}

const ATTRIBUTES_NAME = ".gitattributes";

function noteEntry(facts: GitIndexFacts, mode: number, name: Buffer): void {
  const path = name.toString("utf8");
  facts.paths.push(path);
  if (isCredentialName(path.slice(path.lastIndexOf("/") + 1)) || path.split("/").some(isCredentialFolder))
    facts.credentials.push(path);
  if (mode === GITLINK) facts.gitlinks.push(path);
  if (path.endsWith(ATTRIBUTES_NAME)) facts.attributeFiles.push(path);
}

/**
 * Facts of an index, of none (a fresh repository) as well; null when it cannot be read or is split. Only SHA-1
 * repositories are understood.
 */
export function readGitIndex(path: string, withDigest = false): GitIndexFacts | null {
  const bytes = readBytes(path);
  const facts: GitIndexFacts = {
    gitlinks: [],
    hidesChanges: false,
    credentials: [],
    attributeFiles: [],
    paths: [],
    entries: 0,
    digest: "",
  };
  const hash = withDigest ? createHash("sha256") : null;
  if (bytes === null) return { ...facts, digest: hash?.digest("hex") ?? "" };
  if (bytes.length < 12 + SHA1_BYTES || bytes.toString("latin1", 0, 4) !== "DIRC") return null;
  const version = bytes.readUInt32BE(4);
  if (version < 2 || version > 4) return null;
  facts.entries = bytes.readUInt32BE(8);
  let position = 12;
  let previous = Buffer.alloc(0);
  for (let count = 0; count < facts.entries; count++) {
    if (position + FIXED_BYTES > bytes.length) return null;
    const mode = bytes.readUInt32BE(position + 24);
    const flags = bytes.readUInt16BE(position + 60);
    const extended = version >= 3 && (flags & EXTENDED) !== 0;
    if ((flags & ASSUME_VALID) !== 0) facts.hidesChanges = true;
    if (extended && (bytes.readUInt16BE(position + FIXED_BYTES) & SKIP_WORKTREE) !== 0) facts.hidesChanges = true;
    // Mode, object and flags; the name follows.
    hash
      ?.update(bytes.subarray(position + 24, position + 28))
      .update(bytes.subarray(position + 40, position + FIXED_BYTES))
      .update("\0");
    const nameStart = position + FIXED_BYTES + (extended ? 2 : 0);
    if (version === 4) {
      const { value, next } = readOffset(bytes, nameStart);
      const end = bytes.indexOf(0, next);
      if (end === -1 || value > previous.length) return null;
      previous = Buffer.concat([previous.subarray(0, previous.length - value), bytes.subarray(next, end)]);
      noteEntry(facts, mode, previous);
      hash?.update(previous);
      position = end + 1;
    } else {
      const end = bytes.indexOf(0, nameStart);
      if (end === -1) return null;
      noteEntry(facts, mode, bytes.subarray(nameStart, end));
      hash?.update(bytes.subarray(nameStart, end));
      // Entries are padded with 1 to 8 NUL bytes to a multiple of eight.
      position += Math.floor((end - position + 8) / 8) * 8;
    }
  }
  for (
    let extension = position;
    extension + 8 <= bytes.length - SHA1_BYTES;
    extension += 8 + bytes.readUInt32BE(extension + 4)
  ) {
    const name = bytes.toString("latin1", extension, extension + 4);
    // A split index keeps most entries in another file.
    if (name === "link") return null;
    if (name === "sdir") facts.hidesChanges = true;
  }
  return { ...facts, digest: hash?.digest("hex") ?? "" };
}
