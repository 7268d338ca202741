// Which commands that may write have begun and are not settled: one file each, on the disk before the command starts. A
// file whose owner is dead tells the next process what to compare with and how to judge. Compares and changes nothing
// itself.

import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { ContainmentMode } from "../types/settings.ts";
import { systemErrorCode } from "../util/errors.ts";
import { temporaryFileIn } from "../util/own-temporaries.ts";
import { isInside } from "../util/paths.ts";
import { isAlive, ownIdentity, type ProcessIdentity } from "../util/process-identity.ts";
import type { ScopeFile } from "../plan/scope.ts";
import type { SnapshotIdentity } from "./snapshot-shapes.ts";

/** One command and everything that its effects are judged by. */
export interface CommandEntry {
  version: 1;
  id: string;
  session: string;
  /** Real path. */
  workspace: string;
  command: string;
  owner: ProcessIdentity;
  /** Inside the sandbox a command ends with the bmo that started it. */
  sandboxed: boolean;
  snapshot: SnapshotIdentity;
  /** Where its changes in scope belong. */
  checkpoint: string;
  containment: ContainmentMode;
  scope: { files: ScopeFile[]; caseSensitive: boolean } | null;
  /** Whether the plan has it make repositories. */
  mayMakeRepository: boolean;
  installs: boolean;
  rules: { allow: string[]; deny: string[] };
}

export interface DeadCommand {
  entry: CommandEntry;
  /** Milliseconds since the epoch when its owner was last known to live. */
  lastAliveMs: number;
  /** Copies that were begun when its effects were put back. */
  copies: string[];
}

export interface OpenCommand {
  id: string;
  /** What is put back is copied to this folder first. */
  noteCopy(folder: string): void;
  /** The effects are settled: nothing is left to look at. */
  close(): void;
  /** The effects could not be settled: the next process tries again. */
  abandon(): void;
}

export interface CommandJournal {
  /** @throws system errors of the data directory: the command must not start then. */
  open(entry: Omit<CommandEntry, "version" | "id" | "owner">): OpenCommand;
  /** Commands of dead processes in this workspace, in one inside it or around it; the newest first. */
  dead(workspace: string): DeadCommand[];
  /** Its effects are settled by now. */
  close(dead: DeadCommand): void;
}

/** How often a living owner says so. */
export const HEARTBEAT_MS = 500;

export function createCommandJournal(dataDirectory: string): CommandJournal {
  const folder = join(dataDirectory, "commands");
  const placeOf = (id: string): string => join(folder, `${id}.jsonl`);
  const remove = (id: string): void => rmSync(placeOf(id), { force: true });
  return {
    open(given) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const id = `${String(Date.now()).padStart(14, "0")}-${randomBytes(8).toString("hex")}`;
      const entry: CommandEntry = { version: 1, id, owner: ownIdentity(), ...given };
      // Written down before it is made: a kill before the renaming leaves a file that the next start sweeps.
      const draft = temporaryFileIn(folder);
      writeFileSync(draft, `${JSON.stringify(entry)}\n`, { mode: 0o600, flush: true });
      renameSync(draft, placeOf(id));
      const beat = setInterval(() => touch(placeOf(id)), HEARTBEAT_MS);
      beat.unref();
      return {
        id,
        noteCopy: (copy) => appendFileSync(placeOf(id), `${JSON.stringify({ copy })}\n`, { flush: true }),
        close() {
          clearInterval(beat);
          remove(id);
        },
        abandon: () => clearInterval(beat),
      };
    },
    dead(workspace) {
      return namesIn(folder)
        .filter((name) => name.endsWith(".jsonl"))
        .sort()
        .reverse()
        .flatMap((name) => {
          const found = readEntry(join(folder, name));
          if (found === null || isAlive(found.entry.owner)) return [];
          return isInside(workspace, found.entry.workspace) || isInside(found.entry.workspace, workspace)
            ? [found]
            : [];
        });
    },
    close: ({ entry }) => remove(entry.id),
  };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (thrown) {
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return [];
  }
}

function touch(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch (thrown) {
    // The time of the last beat that could be written stands.
    if (systemErrorCode(thrown) === undefined) throw thrown;
  }
}

function readEntry(path: string): DeadCommand | null {
  try {
    const lastAliveMs = statSync(path).mtimeMs;
    const [first = "", ...more] = readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "");
    const entry = JSON.parse(first) as CommandEntry;
    if (entry.version !== 1) return null;
    return { entry, lastAliveMs, copies: more.flatMap((line) => readCopy(line)) };
  } catch (thrown) {
    // Settled meanwhile by another process, or of another version.
    if (thrown instanceof SyntaxError || systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}

function readCopy(line: string): string[] {
  try {
    return [(JSON.parse(line) as { copy: string }).copy];
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return []; // Torn: nothing had been copied yet.
    throw thrown;
  }
}
