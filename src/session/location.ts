// Where sessions lie in the data directory, and what their ids look like. Touches no disk.

import { createHash } from "node:crypto";
import { basename, join } from "node:path";

const FULL_ID = /^\d{8}-\d{9}-[0-9a-f]{6}$/;
const ID_PREFIX = /^\d{8}-\d{0,9}$|^\d{8}-\d{9}-[0-9a-f]{0,6}$/;
const ID_ENDING = /^(?=[0-9a-f]*\d)[0-9a-f]{6}$/;

/** An id that sorts by time, such as `20261121-093042123-1f0c9a` (UTC); `random` is six hex digits. */
export function sessionId(now: Date, random: string): string {
  const [date = "", time = ""] = now.toISOString().replace("Z", "").split("T");
  return `${date.replaceAll("-", "")}-${time.replaceAll(/[:.]/g, "")}-${random}`;
}

export function isSessionId(text: string): boolean {
  return FULL_ID.test(text);
}

/**
 * Whether a word can only be meant as an id: a whole one, its beginning (date and dash at least), or its six last
 * digits.
 */
export function looksLikeSessionId(text: string): boolean {
  return ID_PREFIX.test(text) || ID_ENDING.test(text);
}

export function matchesSessionId(id: string, wanted: string): boolean {
  return (ID_PREFIX.test(wanted) && id.startsWith(wanted)) || (ID_ENDING.test(wanted) && id.endsWith(`-${wanted}`));
}

export function sessionsDirectory(dataDirectory: string): string {
  return join(dataDirectory, "sessions");
}

/** One folder per workspace, so that looking for its latest session reads nothing of other workspaces. */
export function workspaceDirectory(dataDirectory: string, workspace: string): string {
  const digest = createHash("sha256").update(workspace).digest("hex").slice(0, 12);
  const name = basename(workspace)
    .replaceAll(/[^A-Za-z0-9._-]/g, "_")
    .slice(0, 40);
  return join(sessionsDirectory(dataDirectory), `${name === "" ? "root" : name}-${digest}`);
}

export function sessionPath(directory: string, id: string): string {
  return join(directory, `${id}.jsonl`);
}

/** The id in a session file's name; null for other files. */
export function idOfPath(path: string): string | null {
  const name = basename(path);
  const id = name.slice(0, -".jsonl".length);
  return name.endsWith(".jsonl") && isSessionId(id) ? id : null;
}

/** Says who holds the session; exists only while somebody does, or after a crash. */
export function holderPath(path: string): string {
  return path.replace(/\.jsonl$/, ".lock");
}
