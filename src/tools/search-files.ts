// Lists the files of a search: by ripgrep where there is one, else by our own walk. Both respect .gitignore and give path order.

import { basename, join } from "node:path";
import { BmoError } from "../util/errors.ts";
import { compileGlob } from "../util/path-glob.ts";
import { kindOf } from "../util/regular-file.ts";
import { findRipgrep, runRipgrep } from "../util/ripgrep.ts";
import { walkFiles } from "../util/walk.ts";
import type { ToolContext } from "../types/tool.ts";
import { missingMessage, resolveTarget, type Target } from "./file-access.ts";

const MOST_ENTRIES = 300_000;
const LIST_CAP_BYTES = 32 * 1024 * 1024;

export interface SearchPlace {
  target: Target;
  kind: "file" | "directory";
}

/** Where a search begins. @throws BmoError failed for what is neither file nor folder. */
export async function searchPlace(path: string | null, context: ToolContext): Promise<SearchPlace> {
  const target = resolveTarget(path ?? ".", context);
  const kind = await kindOf(target.realPath);
  if (kind === "missing") throw new BmoError("failed", await missingMessage(target, context));
  if (kind !== "file" && kind !== "directory") throw new BmoError("failed", `${target.shown}: is a ${kind}; only files and folders are searched`);
  return { target, kind };
}

/** A pattern without a slash is about names at any depth, one with a slash about paths below the folder searched. */
export function pathFilter(glob: string | null): (relativePath: string) => boolean {
  if (glob === null) return () => true;
  const trimmed = glob.replace(/^\.?\//, "");
  const matches = compileGlob(trimmed);
  return trimmed.includes("/") ? matches : (path) => matches(basename(path));
}

/** Paths relative to `folder`, in path order. */
export async function listFiles(folder: string, context: ToolContext): Promise<{ paths: string[]; complete: boolean }> {
  const program = await findRipgrep(context.searchPath);
  if (program !== null) {
    const result = await runRipgrep(program, folder, ["--files", "--null"], LIST_CAP_BYTES, context.signal);
    // Exit code 1 = no file; anything else but 0 and a cut listing means that rg is of no use here.
    if (result.started && (result.exitCode === 0 || result.exitCode === 1 || result.truncated)) {
      return { paths: result.stdout.toString("utf8").split("\0").filter((path) => path !== ""), complete: !result.truncated };
    }
  }
  const { files, complete } = await walkFiles({ root: folder, maxEntries: MOST_ENTRIES, signal: context.signal });
  return { paths: files.map((path) => path.slice(join(folder, "/").length)), complete };
}
