// Names for temporary files and folders outside of bmo's own data. Each place is written down before anything is made
// there, so that the next process removes what a killed one left. A file is known by a random name that was written
// down, never by its looks.

import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { systemErrorCode } from "./errors.ts";
import { isAlive, ownIdentity, type ProcessIdentity } from "./process-identity.ts";

/** The first line of a journal. */
interface JournalHead extends ProcessIdentity {
  /** How the names of this process begin. */
  prefix: string;
}

type JournalLine =
  /** Files that begin with the prefix may lie in this folder. */
  | { files: string }
  /** This folder is the process's own as a whole. */
  | { folder: string };

interface Journal {
  path: string;
  descriptor: number;
  announced: Set<string>;
}

const FOLDER = "temporaries";
const prefix = `.bmo-${randomBytes(8).toString("hex")}`;
let count = 0;
let directory: string | null = null;
let journal: Journal | null = null;

/** What a process made it removes before it ends by itself. */
function closeJournal(): void {
  if (journal === null) return;
  closeSync(journal.descriptor);
  rmSync(journal.path, { force: true });
  journal = null;
}
process.once("exit", closeJournal);

function openJournal(dataDirectory: string): Journal {
  const folder = join(dataDirectory, FOLDER);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${prefix.slice(1)}.jsonl`);
  const descriptor = openSync(path, "ax", 0o600);
  writeSync(descriptor, `${JSON.stringify({ ...ownIdentity(), prefix } satisfies JournalHead)}\n`);
  return { path, descriptor, announced: new Set() };
}

function announce(line: JournalLine): void {
  if (directory === null) return;
  const text = JSON.stringify(line);
  try {
    journal ??= openJournal(directory);
    if (journal.announced.has(text)) return;
    writeSync(journal.descriptor, `${text}\n`);
    fsyncSync(journal.descriptor);
    journal.announced.add(text);
  } catch (thrown) {
    // What can be written elsewhere must not fail because the data directory cannot.
    if (systemErrorCode(thrown) === undefined) throw thrown;
  }
}

/** From now on the places of temporary files are written down below this directory. Without it nothing is. */
export function journalTemporaries(dataDirectory: string): void {
  if (directory === dataDirectory) return;
  closeJournal();
  directory = dataDirectory;
}

/** A path in the folder that nothing lies at. */
export function temporaryFileIn(folder: string): string {
  announce({ files: folder });
  return join(folder, `${prefix}-${++count}.tmp`);
}

/** Makes a folder of this process's own, closed to others. Whoever asked removes it; else the next process does. */
export function makeTemporaryFolder(parent: string, label: string): string {
  const path = join(parent, `${label}-${randomBytes(8).toString("hex")}`);
  announce({ folder: path });
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

function readLines(path: string): unknown[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line): unknown[] => {
      try {
        return line === "" ? [] : [JSON.parse(line)];
      } catch (thrown) {
        if (!(thrown instanceof SyntaxError)) throw thrown;
        return []; // Torn by the crash: nothing was made there yet.
      }
    });
}

function isHead(value: unknown): value is JournalHead {
  return (
    typeof value === "object" &&
    value !== null &&
    "pid" in value &&
    typeof value.pid === "number" &&
    "started" in value &&
    typeof value.started === "string" &&
    "prefix" in value &&
    typeof value.prefix === "string" &&
    /^\.bmo-[0-9a-f]{16}$/.test(value.prefix)
  );
}

/** Removes what is left at one place. Throws nothing for what the system refuses: another start tries again. */
function removeLeft(line: unknown, head: JournalHead): boolean {
  if (typeof line !== "object" || line === null) return true;
  try {
    if ("folder" in line && typeof line.folder === "string") rmSync(line.folder, { recursive: true, force: true });
    if ("files" in line && typeof line.files === "string") {
      for (const name of readdirSync(line.files))
        if (name.startsWith(`${head.prefix}-`)) rmSync(join(line.files, name), { force: true });
    }
    return true;
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === undefined) throw thrown;
    return code === "ENOENT" || code === "ENOTDIR";
  }
}

function sweepOne(path: string): void {
  const [head, ...lines] = readLines(path);
  // A head that was never written whole names nothing.
  if (isHead(head) && (isAlive(head) || !lines.map((line) => removeLeft(line, head)).every(Boolean))) return;
  rmSync(path, { force: true });
}

/** Removes what dead processes left behind. */
export function sweepTemporaries(dataDirectory: string): void {
  const folder = join(dataDirectory, FOLDER);
  try {
    for (const name of readdirSync(folder)) sweepOne(join(folder, name));
  } catch (thrown) {
    // No journal yet, another process that was quicker, or a directory that cannot be read: nothing depends on it.
    if (systemErrorCode(thrown) === undefined) throw thrown;
  }
}
