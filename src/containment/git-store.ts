// Keeps the state of a tree in a git store of its own, outside the user's repository: private index, private objects, no hook,
// filter, attribute or configuration of the repository is obeyed. Never writes into the tree or the user's repository.

import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { basename, dirname, join, relative } from "node:path";
import { runToBytes } from "../util/process.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { readRegularNow } from "../util/regular-file.ts";
import { findRepository } from "./git-config.ts";
import { readGitIndex } from "./git-index.ts";
import { mirrorRules } from "./plain-store.ts";
import type { StoredFile, TreeChange, TreeStore } from "./tree-store.ts";

const CONFIG = `[core]
\trepositoryformatversion = 0
\tbare = false
\tfilemode = true
\tsymlinks = true
\tautocrlf = false
\tsafecrlf = false
\tfsmonitor = false
\thooksPath = /dev/null
\tattributesFile = /dev/null
\tcompression = 0
\tlooseCompression = 0
\tpreloadIndex = true
\tquotePath = false
\tfsync = none
\tprecomposeunicode = false
[gc]
\tauto = 0
[index]
\tversion = 4
\tskipHash = true
[maintenance]
\tauto = false
`;
/** Bytes are kept as they are, whatever the tree's own attributes say. */
const ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding -crlf -diff -merge -export-subst\n";
const CHANGES_BYTES = /filter|text|eol|ident|encoding|crlf/;
/** A lock this old was left by a process that was killed. */
const STALE_LOCK_MS = 60_000;
const LOCK_TRIES = 50;
const RULES_LIMIT = 4 << 20;
const LOCK_PAUSE_MS = 100;
const LINK = "120000";
const GITLINK = "160000";
const NOTHING = /^0+$/;
/** Version 2 with no entry; a sum of zeros counts as none. */
const EMPTY_INDEX = Buffer.concat([Buffer.from("DIRC\0\0\0\u0002\0\0\0\0", "latin1"), Buffer.alloc(20)]);

export interface GitStoreOptions {
  /** Real path of the tree. */
  tree: string;
  /** Own folder of this tree in the data directory. */
  folder: string;
  /** Absolute path of git. */
  git: string;
  home: string | null;
  /** Repositories inside the tree that are kept apart, relative. */
  nested: string[];
}

/** Rules and configuration, which only we look at: links may be followed, but nothing may make us wait. */
function readText(path: string): string {
  try {
    return readRegularNow(realpathSync(path), RULES_LIMIT)?.bytes.toString("utf8") ?? "";
  } catch (thrown) {
    if (thrown instanceof BmoError || systemErrorCode(thrown) !== undefined) return "";
    throw thrown;
  }
}

/** Whether the user's index can serve as a first record: nothing in it is hidden, and no conversion makes its blobs differ from the files. */
function canAdoptIndex(gitDirectory: string, commonDirectory: string, tree: string, home: string | null): boolean {
  const index = join(gitDirectory, "index");
  const facts = existsSync(index) ? readGitIndex(index) : null;
  if (facts === null || facts.hidesChanges || facts.gitlinks.length > 0) return false;
  const configurations = [join(commonDirectory, "config"), "/etc/gitconfig", ...(home === null ? [] : [join(home, ".gitconfig"), join(home, ".config/git/config")])];
  if (configurations.some((path) => /autocrlf|attributesfile|\beol\b|includeif|\[include|objectformat/i.test(readText(path)))) return false;
  const attributes = [...facts.attributeFiles.map((path) => join(tree, path)), join(commonDirectory, "info/attributes"), "/etc/gitattributes", ...(home === null ? [] : [join(home, ".config/git/attributes")])];
  return !attributes.some((path) => CHANGES_BYTES.test(readText(path)));
}

/** Gives every object of the user's repository a second name in our store, so that losing the repository loses no pre-image. */
function linkObjects(from: string, to: string): void {
  for (const folder of readdirSync(from, { withFileTypes: true })) {
    if (!folder.isDirectory() || (folder.name !== "pack" && !/^[0-9a-f]{2}$/.test(folder.name))) continue;
    mkdirSync(join(to, folder.name), { recursive: true, mode: 0o700 });
    for (const name of readdirSync(join(from, folder.name))) {
      if (name.startsWith("tmp_") || name.endsWith(".lock")) continue;
      const target = join(to, folder.name, name);
      if (!existsSync(target)) linkSync(join(from, folder.name, name), target);
    }
  }
}

function adoptRepository(options: GitStoreOptions, gitFolder: string): void {
  const found = findRepository(options.tree);
  if (found === null || found.problem !== null || realpathSync(found.workTree) !== options.tree) return;
  const exclude = join(found.commonDirectory, "info/exclude");
  if (existsSync(exclude)) writeFileSync(join(gitFolder, "info/user-exclude"), readText(exclude));
  if (!canAdoptIndex(found.gitDirectory, found.commonDirectory, options.tree, options.home)) return;
  const objects = join(found.commonDirectory, "objects");
  if (existsSync(join(objects, "info/alternates"))) return;
  try {
    linkObjects(objects, join(gitFolder, "objects"));
  } catch (thrown) {
    // Another file system, or none of our business: the first record then reads every file instead.
    if (systemErrorCode(thrown) === undefined) throw thrown;
    return;
  }
  copyFileSync(join(found.gitDirectory, "index"), join(gitFolder, "index"));
}

function prepare(options: GitStoreOptions): string {
  const gitFolder = join(options.folder, "git");
  if (!existsSync(join(gitFolder, "HEAD"))) {
    for (const folder of ["objects/info", "objects/pack", "refs/heads", "info"]) mkdirSync(join(gitFolder, folder), { recursive: true, mode: 0o700 });
    writeFileSync(join(gitFolder, "config"), CONFIG);
    writeFileSync(join(gitFolder, "info/attributes"), ATTRIBUTES);
    adoptRepository(options, gitFolder);
    writeFileSync(join(gitFolder, "HEAD"), "ref: refs/heads/none\n");
  }
  const lock = statSync(join(gitFolder, "index.lock"), { throwIfNoEntry: false });
  if (lock !== undefined && Date.now() - lock.mtimeMs > STALE_LOCK_MS) rmSync(join(gitFolder, "index.lock"), { force: true });
  const excludes = [readText(join(gitFolder, "info/user-exclude")), ...options.nested.map((path) => `/${path.replace(/[\\*?[\]!# ]/g, "\\$&")}/`)];
  writeFileSync(join(gitFolder, "info/exclude"), `${excludes.join("\n")}\n`);
  return gitFolder;
}

function parseRaw(output: Buffer): TreeChange[] {
  const fields = output.toString("utf8").split("\0");
  const changes: TreeChange[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const match = /^:(\d{6}) (\d{6}) ([0-9a-f]+) [0-9a-f]+ ([A-Z])/.exec(fields[index] ?? "");
    const path = fields[index + 1] ?? "";
    if (match === null || path === "" || match[1] === GITLINK || match[2] === GITLINK) continue;
    const [, mode = "", newMode = "", id = "", status] = match;
    const before: StoredFile | null = NOTHING.test(mode) ? null : { kind: mode === LINK ? "link" : "file", executable: mode === "100755", id };
    changes.push({ path, before, exists: status !== "D" && !NOTHING.test(newMode) });
  }
  return changes;
}

function names(output: Buffer): string[] {
  return output.toString("utf8").split("\0").filter((path) => path !== "" && !path.endsWith("/"));
}

export function createGitStore(options: GitStoreOptions): TreeStore {
  return storeOn(options, prepare(options), "index");
}

/** @param record name of the index file that says how the tree was; all but `index` are never written. */
function storeOn(options: GitStoreOptions, gitFolder: string, record: string): TreeStore {
  const globalIgnore = options.home === null ? [] : ["-c", `core.excludesFile=${join(options.home, ".config/git/ignore")}`];
  const run = async (words: string[], input?: string, tree = options.tree, tries = LOCK_TRIES): Promise<Buffer> => {
    const result = await runToBytes({
      argv: [options.git, `--git-dir=${gitFolder}`, `--work-tree=${tree}`, ...globalIgnore, ...words],
      cwd: tree, timeoutSeconds: 600, capBytes: 1 << 30, ...(input === undefined ? {} : { input }),
      environment: {
        PATH: dirname(options.git), LC_ALL: "C", GIT_INDEX_FILE: join(gitFolder, record), GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0", GIT_ATTR_NOSYSTEM: "1",
      },
    });
    if (result.exitCode !== 0 && result.stderr.includes("index.lock") && tries > 0) {
      // Another session looks at the same workspace just now.
      await delay(LOCK_PAUSE_MS);
      return run(words, input, tree, tries - 1);
    }
    if (result.exitCode !== 0 && !(words[0] === "check-ignore" && result.exitCode === 1)) {
      throw new BmoError("failed", `the snapshot of ${options.tree} failed (git ${words[0] ?? ""}: ${result.stderr.trim().split("\n")[0] ?? "no reason given"})`, "Free disk space and check that the data directory can be written.");
    }
    return result.stdout;
  };
  const dirty = async (): Promise<TreeChange[]> => parseRaw(await run(["diff-files", "--raw", "-z", "--no-abbrev", "--ignore-submodules=all"]));
  const others = async (): Promise<string[]> => names(await run(["ls-files", "-o", "-z", "--exclude-standard"]));

  /** New files as the ignore rules of before see them, when a command changed those rules. */
  const othersUnder = async (ignoreBefore: ReadonlyMap<string, Buffer>): Promise<string[]> => {
    const all = names(await run(["ls-files", "-o", "-z"])).filter((path) => !options.nested.some((folder) => path.startsWith(`${folder}/`)));
    if (all.length === 0) return [];
    const rules = mirrorRules(options, ignoreBefore);
    try {
      const ignored = new Set(names(await run(["check-ignore", "-z", "--stdin", "--no-index"], `${all.join("\0")}\0`, rules)));
      return all.filter((path) => !ignored.has(path) || basename(path) === ".gitignore");
    } finally {
      rmSync(rules, { recursive: true, force: true });
    }
  };

  const update = async (paths: string[]): Promise<void> => {
    if (paths.length > 0) await run(["update-index", "--add", "--remove", "--replace", "--ignore-skip-worktree-entries", "-z", "--stdin"], `${paths.join("\0")}\0`);
  };
  /** Marks entries whose times changed and whose bytes did not. */
  const confirmed = async (found: TreeChange[]): Promise<TreeChange[]> => {
    const unsure = found.filter(({ before, exists }) => before?.kind === "file" && exists);
    if (unsure.length === 0) return found;
    const plain = unsure.filter(({ path }) => {
      const facts = statSync(join(options.tree, path), { throwIfNoEntry: false });
      return facts?.isFile() === true && !path.includes("\n");
    });
    if (plain.length === 0) return found;
    const ids = (await run(["hash-object", "--no-filters", "--stdin-paths"], `${plain.map(({ path }) => join(options.tree, path)).join("\n")}\n`)).toString("latin1").split("\n");
    const same = new Set<TreeChange>();
    plain.forEach((change, position) => {
      const executable = ((statSync(join(options.tree, change.path), { throwIfNoEntry: false })?.mode ?? 0) & 0o100) !== 0;
      if (ids[position] === change.before?.id && executable === change.before?.executable) same.add(change);
    });
    return found.map((change) => (same.has(change) ? { ...change, sameBytes: true } : change));
  };

  return {
    async record(sameEntries) {
      const [changed, created] = await Promise.all([dirty(), sameEntries ? [] : others()]);
      const paths = [...changed.map(({ path }) => path), ...created];
      await update(paths);
      return paths;
    },
    async changes(ignoreBefore, sameEntries) {
      const untracked = ignoreBefore !== null ? othersUnder(ignoreBefore) : sameEntries ? [] : others();
      const [changed, created] = await Promise.all([dirty(), untracked]);
      return [...(await confirmed(changed)), ...created.map((path) => ({ path, before: null, exists: true }))];
    },
    async ignores(paths) {
      const ignored = names(await run(["check-ignore", "-z", "--stdin", "--no-index"], `${paths.map((path) => relative(options.tree, path)).join("\0")}\0`));
      return ignored.length === paths.length;
    },
    async bytesOf(file) {
      return run(["cat-file", "blob", file.id]);
    },
    keepRecord() {
      const name = `record-${randomBytes(8).toString("hex")}`;
      // Git replaces its index by renaming, never in place: the link keeps what it is now.
      if (existsSync(join(gitFolder, record))) linkSync(join(gitFolder, record), join(gitFolder, name));
      else writeFileSync(join(gitFolder, name), EMPTY_INDEX, { mode: 0o600 });
      return name;
    },
    openRecord: (name) => (existsSync(join(gitFolder, name)) ? storeOn(options, gitFolder, name) : null),
    dropRecord: (name) => rmSync(join(gitFolder, name), { force: true }),
  };
}
