// Stands for headless.ts in the built program: loads the bundle of headless runs with V8's code cache. Compiling
// that bundle again is a third of the time to the first request, and Node 20 keeps compiled code only through
// `vm.Script`. The cache never decides anything: without it, or with one that does not fit, the same code is compiled
// again.

import { existsSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Script } from "node:vm";
import { dataDirectory } from "../config/paths.ts";
import type { RunFacts } from "./app.ts";
import type { ExitCode } from "../types/error.ts";

/** Digest of the bundle, written by the build: V8 itself compares nothing but the length of the source. */
declare const BMO_HEADLESS_DIGEST: string;

interface HeadlessBundle {
  runHeadlessArguments(argv: readonly string[], facts: RunFacts): Promise<ExitCode>;
}

/**
 * Below the user's own data, so nobody else can place code there; one file for each Node, so versions do not take
 * turns.
 */
function cacheFile(): string | null {
  try {
    const data = dataDirectory(process.env, process.env["HOME"] ?? "");
    return join(data, "cache", `headless-${process.version}-${process.arch}.bin`);
  } catch {
    return null; // No home: the run itself says so where it matters.
  }
}

function readCache(file: string): Buffer | undefined {
  try {
    const bytes = readFileSync(file);
    const fits = bytes.subarray(0, BMO_HEADLESS_DIGEST.length).toString("latin1") === BMO_HEADLESS_DIGEST;
    return fits ? bytes.subarray(BMO_HEADLESS_DIGEST.length) : undefined;
  } catch {
    return undefined; // Not written yet, or not readable: compiled again.
  }
}

/** Taken at the end, when the functions that a run needs have been compiled too. */
function writeCache(file: string, script: Script): void {
  // A run that ended before it had any data must not be the one that makes the folder.
  if (!existsSync(join(file, "..", ".."))) return;
  const temporary = `${file}.${process.pid}`;
  try {
    mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
  } catch {
    return; // Something else stands there, or nothing may be made: every run compiles.
  }
  try {
    writeFileSync(temporary, Buffer.concat([Buffer.from(BMO_HEADLESS_DIGEST, "latin1"), script.createCachedData()]), {
      mode: 0o600,
    });
    renameSync(temporary, file);
  } catch {
    removeQuietly(temporary); // A full disk or a folder that takes no files: the next run compiles again.
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    return; // It was never made.
  }
}

function load(): HeadlessBundle {
  const path = join(__dirname, "headless.cjs");
  // The bundle is plain ASCII (the build sees to it), which latin1 reads without decoding.
  const source = readFileSync(path, "latin1");
  const file = cacheFile();
  const cachedData = file === null ? undefined : readCache(file);
  const script = new Script(source, { filename: path, ...(cachedData === undefined ? {} : { cachedData }) });
  if (file !== null && script.cachedDataRejected !== false) process.on("exit", () => writeCache(file, script));
  const loaded: { exports: unknown } = { exports: {} };
  const wrapper = script.runInThisContext() as (
    exports: unknown,
    require: NodeJS.Require,
    module: object,
    file: string,
    folder: string,
  ) => void;
  wrapper(loaded.exports, require, loaded, path, __dirname);
  return loaded.exports as HeadlessBundle;
}

export function runHeadlessArguments(argv: readonly string[], facts: RunFacts): Promise<ExitCode> {
  return load().runHeadlessArguments(argv, facts);
}
