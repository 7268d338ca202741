// The paths that an approved plan may create, modify or delete. Pure: compares, never touches the file system.

import { basename, dirname, join, relative } from "node:path";
import type { ScopeJudge, ScopeVerdict } from "../types/containment.ts";
import type { PlanContent } from "../types/plan.ts";
import type { FileAction } from "../types/tool.ts";
import { compileGlob } from "../util/path-glob.ts";
import { comparablePath, isInside } from "../util/paths.ts";
import { coversWorkspace } from "./workspace-wide.ts";

/** Lockfiles by the manifest that they follow. */
const LOCKFILES: Readonly<Record<string, readonly string[]>> = {
  "package.json": ["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"],
  "Cargo.toml": ["Cargo.lock"],
  "go.mod": ["go.sum"],
  "pyproject.toml": ["poetry.lock", "uv.lock", "pdm.lock"],
  Pipfile: ["Pipfile.lock"],
  Gemfile: ["Gemfile.lock"],
  "composer.json": ["composer.lock"],
  "mix.exs": ["mix.lock"],
  "pubspec.yaml": ["pubspec.lock"],
  "Package.swift": ["Package.resolved"],
  "flake.nix": ["flake.lock"],
  "deno.json": ["deno.lock"],
};
const WHOLE = /^(\*\*|\*\*\/\*|\.)$/;

interface Entry {
  action: FileAction;
  ticket: string;
  matches(path: string): boolean;
  manifest: boolean;
}

export interface ScopeFile {
  path: string;
  action: FileAction;
  ticket: string;
}

export interface Scope extends ScopeJudge {
  /** What it was made of, extensions included: `scopeOf` makes the same again. */
  readonly files: readonly ScopeFile[];
  /** For cards: what may be changed, one line. */
  describe(): string;
  /** True when no file is named: such a plan needs `/approve unscoped`. */
  readonly empty: boolean;
  /** A scope wider by one path, as the user decided. */
  extended(path: string, action: FileAction): Scope;
}

export interface ScopeOptions {
  /** From `isCaseSensitive`. */
  caseSensitive: boolean;
}

function allows(entry: FileAction, wanted: FileAction): boolean {
  return entry === "delete" ? wanted === "delete" : wanted !== "delete";
}

function createMatcher(pattern: string, caseSensitive: boolean): (path: string) => boolean {
  if (WHOLE.test(pattern)) return () => true;
  // Classes such as [[:upper:]] keep their letters: a glob is folded as it matches, not as a text.
  const plain = pattern
    .replace(/^(\.\/)+/, "")
    .replace(/\/+$/, "")
    .normalize("NFC");
  const folded = comparablePath(plain, caseSensitive);
  const exact = compileGlob(plain, { ignoreCase: !caseSensitive });
  // A folder that is named means all below it. A wildcard at the end means what it matches: `*` is not the whole
  // workspace.
  const named = pattern.endsWith("/") || !/[*?[]/.test(plain.slice(plain.lastIndexOf("/") + 1));
  const below = named ? compileGlob(`${plain}/**`, { ignoreCase: !caseSensitive }) : (): boolean => false;
  return (path) => path === folded || path.startsWith(`${folded}/`) || exact(path) || below(path);
}

/** A real path inside the workspace as the globs see it: relative, NFC, folded where case does not count. */
function comparable(realPath: string, workspace: string, caseSensitive: boolean): string | null {
  if (!isInside(workspace, realPath) || realPath === workspace) return null;
  return comparablePath(relative(workspace, realPath), caseSensitive);
}

/** A scope from its files. */
export function scopeOf(files: readonly ScopeFile[], workspace: string, options: ScopeOptions): Scope {
  const { caseSensitive } = options;
  const entries: Entry[] = files.map(({ path, action, ticket }) => ({
    action,
    ticket,
    matches: createMatcher(path, caseSensitive),
    manifest: Object.hasOwn(LOCKFILES, basename(path)),
  }));
  const manifestsOf = (name: string): string[] =>
    Object.keys(LOCKFILES).filter((manifest) =>
      LOCKFILES[manifest]?.some(
        (lockfile) => comparablePath(lockfile, caseSensitive) === comparablePath(name, caseSensitive),
      ),
    );

  const permits = (realPath: string, action: FileAction): ScopeVerdict => {
    const path = comparable(realPath, workspace, caseSensitive);
    if (path === null) return { permitted: false, reason: `${realPath} is outside the workspace`, ticket: null };
    const entry = entries.find((candidate) => allows(candidate.action, action) && candidate.matches(path));
    if (entry !== undefined)
      return { permitted: true, reason: `ticket ${entry.ticket} covers ${path}`, ticket: entry.ticket };
    if (action !== "delete") {
      const beside = manifestsOf(basename(path)).map((manifest) =>
        comparablePath(join(dirname(path), manifest), caseSensitive),
      );
      const manifest = entries.find(
        (candidate) =>
          candidate.manifest && candidate.action !== "delete" && beside.some((one) => candidate.matches(one)),
      );
      if (manifest !== undefined)
        return {
          permitted: true,
          reason: `${path} is the lockfile beside a manifest of ticket ${manifest.ticket}`,
          ticket: manifest.ticket,
        };
    }
    const other = entries.find((candidate) => candidate.matches(path));
    const reason =
      other === undefined
        ? `${path} is not among the files of the approved plan`
        : `the approved plan names ${path} to ${other.action}, not to ${action}`;
    return { permitted: false, reason, ticket: null };
  };

  return {
    files,
    empty: files.length === 0,
    permits,
    describe() {
      if (files.length === 0) return "no files";
      if (coversWorkspace(files.flatMap(({ path, action }) => (action === "delete" ? [] : [path]))))
        return "the whole workspace";
      return files
        .map(({ path, action }) => (coversWorkspace([path]) ? `${action} the whole workspace` : `${action} ${path}`))
        .join(", ");
    },
    extended(path, action) {
      return scopeOf([...files, { path, action, ticket: "extension" }], workspace, options);
    },
  };
}

/**
 * The scope of an approved plan.
 * @param tickets ids that were approved, or null for all.
 * @param workspace real path; paths that are asked about must be real as well.
 */
export function createScope(
  content: PlanContent,
  tickets: string[] | null,
  workspace: string,
  options: ScopeOptions,
): Scope {
  const approved = content.tickets.filter(({ id }) => tickets === null || tickets.includes(id));
  const files = approved.flatMap((ticket) => ticket.files.map((file) => ({ ...file, ticket: ticket.id })));
  return scopeOf(files, workspace, options);
}
