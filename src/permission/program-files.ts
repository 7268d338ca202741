// Which file a command's name leads to, and whether it is the file of a denied program: by link, hard link or copy.
// Reads only.

import { closeSync, openSync, readdirSync, readFileSync, readSync, realpathSync, statSync, type Stats } from "node:fs";
import { basename, delimiter, dirname, isAbsolute, join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { compileGlob } from "../util/path-glob.ts";
import { isInside } from "../util/paths.ts";

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
const MANY_IN_ONE =
  /^(busybox|toybox|coreutils|uutils|rustup|rustup-init|volta-shim|snap|mise|asdf|proto|box|sbase-box|corepack(\.js)?)$/;
/** Programs of version managers that answer to the names of others. */
const STAND_INS =
  /^(mise|rtx|asdf|proto|proto-shim|volta|volta-shim|rustup|rustup-init|snap|pyenv|nodenv|rbenv|nvm|fnm|corepack.*|aqua-proxy|hermit)$/;
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

/**
 * Programs on the search path whose name a pattern with stars may mean; a pattern that is a mere star means none in
 * particular.
 */
export function namedPrograms(pattern: string, places: ProgramPlaces): { name: string; files: ProgramFile[] }[] {
  const name = basename(pattern);
  if (!name.includes("*"))
    return [...new Set([name, name.toLowerCase()])].map((one) => ({ name: one, files: programFiles(one, places) }));
  if (/^\*+$/.test(name)) return [];
  const matches = compileGlob(name.replace(/[?[\]{}\\]/g, "\\$&"), { ignoreCase: true });
  const names = new Set(
    places.searchPath
      .split(delimiter)
      .filter((folder) => isAbsolute(folder))
      .flatMap(namesIn)
      .filter(matches),
  );
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

/** Where only the system's own packages put programs: scripts there are what they are called. */
const SYSTEM_FOLDERS = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

function isNative(path: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
  try {
    const head = Buffer.alloc(4);
    readSync(descriptor, head, 0, 4, 0);
    return ["7f454c46", "cffaedfe", "cefaedfe", "cafebabe"].includes(head.toString("hex"));
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Whether the name leads to the program itself, and not to a version manager's stand-in, which starts whatever a file
 * of the project names. The first file on the search path outside the workspace counts, as when the command is run;
 * none is nobody's stand-in.
 */
export function isProgramItself(name: string, workspace: string, searchPath: string): boolean {
  const folders = searchPath.split(delimiter).filter((folder) => isAbsolute(folder) && !isInside(workspace, folder));
  const [file] = programFiles(name, { directories: [], searchPath: folders.join(delimiter) });
  if (file === undefined) return true;
  if (isInside(workspace, file.path)) return false;
  if (name === "npm")
    return file.path.endsWith("/node_modules/npm/bin/npm-cli.js") && isProgramItself("node", workspace, searchPath);
  if (SYSTEM_FOLDERS.includes(dirname(file.path)) && !STAND_INS.test(basename(file.path))) return true;
  const own = basename(file.path);
  return (
    isNative(file.path) && (own.includes(name.replace(/\d+$/, "")) || /^(busybox|toybox|coreutils|uutils)$/.test(own))
  );
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
