// Which directories the user trusts or refuses to trust, and for which content. Keyed to the canonical path, the
// repository behind it and a digest of everything that can change behaviour: any change asks again. Never taken from
// the directory itself.

import { lstatSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { canonicalJson, sha256 } from "../util/canonical-json.ts";
import { systemErrorCode } from "../util/errors.ts";
import { realPathOf } from "../util/paths.ts";
import { findRepository } from "./git-config.ts";

export interface TrustStore {
  isTrusted(canonicalPath: string, digest: string): boolean;
  /** The user said no to exactly this; it need not be asked again. */
  isRefused(canonicalPath: string, digest: string): boolean;
  trust(canonicalPath: string, digest: string): void;
  refuse(canonicalPath: string, digest: string): void;
  revoke(canonicalPath: string): void;
}

interface TrustEntry {
  digest: string;
  identity: string;
  at: string;
  refused?: boolean;
}

/**
 * What a directory is besides its name: device and inode of it and of the repository behind it. A worktree pointer that
 * claims another repository, or another directory moved to the name, is not the directory that was trusted.
 */
function identityOf(path: string): string {
  const facts = lstatSync(path);
  const found = findRepository(path);
  if (found === null) return sha256(canonicalJson({ directory: `${facts.dev}:${facts.ino}`, repository: null }));
  const common = lstatSync(realPathOf(found.commonDirectory), { throwIfNoEntry: false });
  return sha256(
    canonicalJson({
      directory: `${facts.dev}:${facts.ino}`,
      repository: `${realPathOf(found.gitDirectory)} ${realPathOf(found.commonDirectory)} ${common?.dev ?? 0}:${common?.ino ?? 0}`,
      problem: found.problem,
    }),
  );
}

export function createTrustStore(dataDirectory: string, now: () => Date = () => new Date()): TrustStore {
  const path = join(dataDirectory, "trust.json");
  const read = (): Map<string, TrustEntry> => {
    try {
      const value: unknown = JSON.parse(readFileSync(path, "utf8"));
      if (typeof value !== "object" || value === null) return new Map();
      return new Map(Object.entries(value).filter((entry): entry is [string, TrustEntry] => isEntry(entry[1])));
    } catch (thrown) {
      // Missing or damaged: nothing is trusted, so the question is asked again.
      if (
        thrown instanceof SyntaxError ||
        systemErrorCode(thrown) === "ENOENT" ||
        systemErrorCode(thrown) === "ENOTDIR"
      )
        return new Map();
      throw thrown;
    }
  };
  const write = (entries: ReadonlyMap<string, TrustEntry>): void => {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    const temporary = `${path}.${randomBytes(6).toString("hex")}`;
    writeFileSync(temporary, JSON.stringify(Object.fromEntries(entries), null, 2), { mode: 0o600, flag: "wx" });
    renameSync(temporary, path);
  };
  /** The entry for exactly this directory and content. */
  const find = (canonicalPath: string, digest: string): TrustEntry | null => {
    const entry = read().get(canonicalPath);
    if (entry === undefined || entry.digest !== digest) return null;
    try {
      return entry.identity === identityOf(canonicalPath) ? entry : null;
    } catch (thrown) {
      if (systemErrorCode(thrown) !== undefined) return null;
      throw thrown;
    }
  };
  const put = (canonicalPath: string, digest: string, refused: boolean): void => {
    const entries = read();
    entries.set(canonicalPath, {
      digest,
      identity: identityOf(canonicalPath),
      at: now().toISOString(),
      ...(refused ? { refused } : {}),
    });
    write(entries);
  };
  return {
    isTrusted(canonicalPath, digest) {
      const entry = find(canonicalPath, digest);
      // Only its absence or a plain false is trust: whatever else stands there was not written here.
      return entry !== null && (entry.refused ?? false) === false;
    },
    isRefused: (canonicalPath, digest) => find(canonicalPath, digest)?.refused === true,
    trust: (canonicalPath, digest) => put(canonicalPath, digest, false),
    refuse: (canonicalPath, digest) => put(canonicalPath, digest, true),
    revoke(canonicalPath) {
      const entries = read();
      if (entries.delete(canonicalPath)) write(entries);
    },
  };
}

function isEntry(value: unknown): value is TrustEntry {
  return (
    typeof value === "object" &&
    value !== null &&
    "digest" in value &&
    typeof value.digest === "string" &&
    "identity" in value &&
    typeof value.identity === "string" &&
    "at" in value &&
    typeof value.at === "string"
  );
}
