// A folder of bytes in the data directory: what own code keeps of files. Large ones are copied with their holes and by
// reference where the file system can. Never writes into a tree.

import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
  readSync,
} from "node:fs";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { BmoError } from "../util/errors.ts";
import { runToBytes } from "../util/process.ts";
import { systemPath } from "../util/raw-path.ts";
import { digestOf, openRegular, programError, type NodeFacts } from "./node-facts.ts";

/** From this size on a file is neither read into memory nor given to git. */
export const LARGE_BYTES = 128 * 1024 * 1024;
const COPY_SECONDS = 120;
const CHUNK = 1 << 20;

/**
 * Copies a regular file into a new one, with its holes and by reference where that can be had. A copy that takes longer
 * than two minutes is given up.
 * @throws BmoError failed, system errors; then nothing is left at the target.
 */
export async function copyFile(from: string, to: string, size: number): Promise<void> {
  const descriptor = openRegular(from);
  try {
    const source = existsSync("/proc/self/fd") ? `/proc/self/fd/${descriptor}` : from;
    if (size < LARGE_BYTES || typeof source !== "string" || !existsSync("/bin/cp")) {
      copyFileSync(source, systemPath(to), constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
      return;
    }
    const argv =
      process.platform === "linux"
        ? ["/bin/cp", "--sparse=auto", "--reflink=auto", "--", from, to]
        : ["/bin/cp", "-c", from, to];
    const copied = await runToBytes({
      argv,
      cwd: "/",
      environment: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
      timeoutSeconds: COPY_SECONDS,
    });
    if (copied.timedOut) throw new BmoError("failed", `copying took longer than ${COPY_SECONDS} s`);
    if (copied.exitCode !== 0) throw programError(copied.stderr);
  } catch (thrown) {
    rmSync(systemPath(to), { force: true });
    throw thrown;
  } finally {
    closeSync(descriptor);
  }
}

export interface Objects {
  /** Keeps the bytes of a file or the target of a link and names them. */
  keep(path: string, facts: NodeFacts): Promise<string>;
  /** Writes kept bytes to an open descriptor. */
  writeTo(id: string, descriptor: number): void;
  read(id: string): Buffer;
  place(id: string): string;
}

export function createObjects(folder: string): Objects {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const place = (id: string): string => join(folder, id);
  const settle = (temporary: string, id: string): string => {
    renameSync(temporary, place(id));
    return id;
  };
  return {
    place,
    read: (id) => readFileSync(place(id)),
    async keep(path, facts) {
      const temporary = join(folder, `new-${randomBytes(8).toString("hex")}`);
      if (facts.kind === "link") {
        const target = readlinkSync(systemPath(path), "buffer");
        const id = createHash("sha256").update(target).digest("hex");
        if (existsSync(place(id))) return id;
        writeFileSync(temporary, target, { mode: 0o600 });
        return settle(temporary, id);
      }
      if (facts.size < LARGE_BYTES) {
        const id = await digestOf(path, facts, "sha256");
        if (existsSync(place(id))) return id;
      }
      await copyFile(path, temporary, facts.size);
      // Reading a large file twice costs minutes: its stamp names it.
      const name =
        facts.size < LARGE_BYTES
          ? await digestOf(temporary, facts, "sha256")
          : `large-${createHash("sha256").update(`${path}\0${facts.stamp}`).digest("hex")}`;
      return settle(temporary, name);
    },
    writeTo: (id, descriptor) => writeFileTo(place(id), descriptor),
  };
}

/** Writes all bytes of a file to an open descriptor, in pieces. */
export function writeFileTo(path: string, descriptor: number): void {
  const source = openSync(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (
      let count = readSync(source, buffer, 0, CHUNK, null);
      count > 0;
      count = readSync(source, buffer, 0, CHUNK, null)
    ) {
      for (let written = 0; written < count;) written += writeSync(descriptor, buffer, written, count - written);
    }
  } finally {
    closeSync(source);
  }
}
