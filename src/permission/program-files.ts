// Which file a command's name leads to, and whether it is the file of a denied program: by link, hard link or copy. Reads only.

import { readdirSync, readFileSync, realpathSync, statSync, type Stats } from "node:fs";
import { basename, delimiter, isAbsolute, join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { compileGlob } from "../util/path-glob.ts";

export interface ProgramPlaces {
  /** Directories in which the line may be when it starts a program by a relative path; absolute. */
  directories: readonly string[];
  /** PATH of the commands. */
  searchPath: string;
}

export interface ProgramFile {
  path: string;
  stats: Stats;
}

/** One file that does what its name says: its links tell nothing of each other. */
const MANY_IN_ONE = /^(busybox|toybox|coreutils|uutils|rustup|rustup-init|volta-shim|snap|mise|asdf|proto|box|sbase-box|corepack(\.js)?)$/;
const MOST_PROGRAMS = 500;
const LARGEST_SCRIPT = 256 * 1024;
const LARGEST_PROGRAM = 64 * 1024 * 1024;

function fileAt(path: string): ProgramFile | null {
  try {
    const real = realpathSync.native(path);
    const stats = statSync(real);
    return stats.isFile() ? { path: real, stats } : null;
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}

/** Every file that the name may lead to. */
export function programFiles(name: string, { directories, searchPath }: ProgramPlaces): ProgramFile[] {
  const folders = name.includes("/") ? directories : searchPath.split(delimiter).filter((folder) => isAbsolute(folder));
  const paths = isAbsolute(name) ? [name] : folders.map((folder) => join(folder, name));
  const seen = new Set<string>();
  return paths.flatMap((path) => {
    const file = fileAt(path);
    if (file === null || seen.has(file.path)) return [];
    seen.add(file.path);
    return [file];
  });
}

/** Programs on the search path whose name a pattern with stars may mean; a pattern that is a mere star means none in particular. */
export function namedPrograms(pattern: string, places: ProgramPlaces): { name: string; files: ProgramFile[] }[] {
  const name = basename(pattern);
  if (!name.includes("*")) return [...new Set([name, name.toLowerCase()])].map((one) => ({ name: one, files: programFiles(one, places) }));
  if (/^\*+$/.test(name)) return [];
  const matches = compileGlob(name.replace(/[?[\]{}\\]/g, "\\$&"), { ignoreCase: true });
  const names = new Set(places.searchPath.split(delimiter).filter((folder) => isAbsolute(folder)).flatMap(namesIn).filter(matches));
  return [...names].slice(0, MOST_PROGRAMS).map((one) => ({ name: one, files: programFiles(one, places) }));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return [];
    throw thrown;
  }
}

function sameBytes(left: ProgramFile, right: ProgramFile): boolean {
  if (left.stats.size === 0 || left.stats.size !== right.stats.size || left.stats.size > LARGEST_PROGRAM) return false;
  try {
    return readFileSync(left.path).equals(readFileSync(right.path));
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
}

/** Whether the file is that program, whatever it is called. */
export function isProgram(file: ProgramFile, program: ProgramFile): boolean {
  if (MANY_IN_ONE.test(basename(file.path)) || MANY_IN_ONE.test(basename(program.path))) return false;
  if (file.path === program.path) return true;
  return (file.stats.dev === program.stats.dev && file.stats.ino === program.stats.ino) || sameBytes(file, program);
}

/** The text of a script, or null for what is none. */
export function scriptText(file: ProgramFile): string | null {
  if (file.stats.size > LARGEST_SCRIPT) return null;
  try {
    const bytes = readFileSync(file.path);
    return bytes.includes(0) ? null : bytes.toString("utf8");
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}
