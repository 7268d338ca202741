// Lists the files of a search: by ripgrep where there is one, else by our own walk. Both respect .gitignore.

import { basename, join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { BmoError } from "../util/errors.ts";
import { compileGlob, globProblem } from "../util/path-glob.ts";
import { kindOf } from "../util/regular-file.ts";
import { findRipgrep, runRipgrep } from "../util/ripgrep.ts";
import { walkFiles } from "../util/walk.ts";
import type { ToolContext } from "../types/tool.ts";
import { missingMessage, resolveTarget, type Target } from "./file-access.ts";

const MOST_ENTRIES = 300_000;
const LIST_CAP_BYTES = 32 * 1024 * 1024;
/** Enough for a first list of names. */
const FIRST_PART = 1_000;

export interface SearchPlace {
  target: Target;
  kind: "file" | "directory";
}

/** Where a search begins. @throws BmoError failed for what is neither file nor folder. */
export async function searchPlace(path: string | null, context: ToolContext): Promise<SearchPlace> {
  const target = resolveTarget(path ?? ".", context);
  const kind = await kindOf(target.realPath);
  if (kind === "missing") throw new BmoError("failed", await missingMessage(target, context));
  if (kind !== "file" && kind !== "directory")
    throw new BmoError("failed", `${target.shown}: is a ${kind}; only files and folders are searched`);
  return { target, kind };
}

/**
 * A pattern without a slash is about names at any depth, one with a slash about paths below the folder searched. A path
 * that is spelled out matches itself, brackets and all.
 * @throws BmoError failed for a pattern that can match nothing, or is too long.
 */
export function pathFilter(glob: string | null): (relativePath: string) => boolean {
  if (glob === null) return () => true;
  const trimmed = glob.replace(/^\.?\//, "");
  let matches: (path: string) => boolean;
  try {
    const problem = globProblem(trimmed);
    if (problem !== null) throw new BmoError("failed", `the glob ${JSON.stringify(glob)} ${problem}`);
    matches = compileGlob(trimmed);
  } catch (thrown) {
    throw thrown instanceof BmoError && thrown.code === "usage"
      ? new BmoError("failed", thrown.message, thrown.hint, { cause: thrown })
      : thrown;
  }
  return trimmed.includes("/")
    ? (path) => path === trimmed || matches(path)
    : (path) => matches(basename(path)) || basename(path) === trimmed;
}

/**
 * Paths relative to `folder`, in no order: `comparePaths` gives them one where it is needed.
 * @param onSome gets the paths found so far, again and again, while the search lasts
 */
export async function listFiles(
  folder: string,
  context: Pick<ToolContext, "searchPath" | "signal">,
  onSome?: (paths: string[]) => void,
): Promise<{ paths: string[]; complete: boolean }> {
  const program = await findRipgrep(context.searchPath);
  if (program !== null) {
    const parts = onSome === undefined ? undefined : partialPaths(onSome);
    const result = await runRipgrep(program, folder, ["--files", "--null"], LIST_CAP_BYTES, context.signal, parts);
    // Exit code 1 = no file; anything else but 0 and a cut listing means that rg is of no use here.
    if (result.started && (result.exitCode === 0 || result.exitCode === 1 || result.truncated)) {
      return {
        paths: result.stdout
          .toString("utf8")
          .split("\0")
          .filter((path) => path !== ""),
        complete: !result.truncated,
      };
    }
  }
  const below = (files: readonly string[]): string[] => files.map((path) => path.slice(join(folder, "/").length));
  const { files, complete } = await walkFiles({
    root: folder,
    maxEntries: MOST_ENTRIES,
    signal: context.signal,
    ...(onSome === undefined ? {} : { onSome: (some) => onSome(below(some)) }),
  });
  return { paths: below(files), complete };
}

/** Tells of the first paths at once, then whenever there are twice as many. */
function partialPaths(onSome: (paths: string[]) => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder("utf8");
  const paths: string[] = [];
  let rest = "";
  let told = FIRST_PART / 2;
  return (chunk) => {
    const pieces = (rest + decoder.write(chunk)).split("\0");
    rest = pieces.pop() ?? "";
    for (const piece of pieces) paths.push(piece);
    if (paths.length < 2 * told) return;
    told = paths.length;
    onSome([...paths]);
  };
}
