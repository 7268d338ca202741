// The operating system's fence around commands: bubblewrap, found and tried once, and its argument list. Decides what a
// command can reach, never whether it may run.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { runToString } from "../util/process.ts";
import { systemErrorCode } from "../util/errors.ts";
import { isInside } from "../util/paths.ts";
import { HOME_CREDENTIALS, SYSTEM_CREDENTIALS } from "./protected.ts";
import { boundSockets, type Survey } from "./survey.ts";

export type SandboxState =
  | { available: true; program: string; label: string; reason: string }
  | { available: false; program: null; label: string; reason: string };

export interface SandboxRequest {
  /** `plan`: nothing but the private temp can be written. Else the workspace can. */
  stage: "plan" | "execute" | "chat";
  workspace: string;
  /** Where the command starts; inside the workspace or a read root. */
  readRoots: string[];
  home: string | null;
  /** Only in the execute and chat stages; the plan stage never has a network. */
  network: boolean;
  /** An own folder that becomes /tmp; it lives as long as the session. */
  privateTemp: string;
  /** An empty file that covers masked ones. */
  emptyFile: string;
  /** Further places that hold secrets: bmo's own data and configuration. */
  hidden: string[];
  survey: Survey;
  /** Folders of the repository outside the workspace (worktrees, a repository above), which git must write to commit. */
  gitFolders: string[];
  /** Top of the repository that the workspace belongs to: with the rest of it hidden, git would take its files for deleted. */
  workTree: string | null;
  /** Whether this command may write the repository: the plan or the user named a git command. Hooks and configuration stay closed. */
  gitWritable: boolean;
}

/** Below `.git`, what later runs a program or changes what runs. */
const GIT_CLOSED = ["config", "config.worktree", "hooks", "info"];
const HIDDEN_ROOTS = ["/tmp", "/var/tmp", "/run"];
/** Below /run, what programs themselves are found through on some systems. */
const RUN_KEPT = ["/run/current-system", "/run/booted-system", "/run/opengl-driver"];

function realOrNull(path: string): string | null {
  try {
    return realpathSync(path);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}

/** Existing real paths, those that hold the workspace itself left out: masking them would hide it. */
function existing(paths: string[], workspace: string): string[] {
  const real = paths.flatMap((path) => realOrNull(path) ?? []);
  return [...new Set(real)].filter((path) => !isInside(path, workspace));
}

/** Read roots, a home and the rest of the repository, where they lie in a place that a private folder covers; outer ones first. */
function shownAgain(request: SandboxRequest): string[] {
  const wanted = [...request.readRoots, request.home, request.workTree, ...request.gitFolders].filter((path) => path !== null && !isInside(request.workspace, path));
  const roots = [...new Set(wanted.flatMap((path) => realOrNull(path ?? "") ?? []))].sort();
  return roots.filter((path) => HIDDEN_ROOTS.some((root) => root !== path && isInside(root, path)));
}

function maskArguments(request: SandboxRequest): string[] {
  const homePaths = request.home === null ? [] : HOME_CREDENTIALS.map((path) => join(request.home ?? "", path));
  const masked = existing([...request.survey.credentials, ...homePaths, ...SYSTEM_CREDENTIALS, ...request.hidden], request.workspace);
  const sockets = existing([...request.survey.sockets, ...boundSockets()], request.workspace);
  const shown = [request.workspace, ...shownAgain(request)];
  const gone = (path: string): boolean => isInside("/dev", path) || (HIDDEN_ROOTS.some((root) => isInside(root, path)) && !shown.some((root) => isInside(root, path)));
  return [...masked, ...sockets].filter((path) => !gone(path)).flatMap((path) => {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return ["--tmpfs", path, "--remount-ro", path];
    return ["--ro-bind", request.emptyFile, path];
  });
}

function gitArguments(request: SandboxRequest): string[] {
  const own = [...request.survey.gitEntries, ...request.gitFolders].filter((path) => existsSync(path));
  if (!request.gitWritable) return own.flatMap((path) => ["--ro-bind", path, path]);
  const outside = request.gitFolders.filter((path) => existsSync(path) && !isInside(request.workspace, path)).flatMap((path) => ["--bind", path, path]);
  const closed = own.flatMap((path) => (statSync(path).isDirectory() ? GIT_CLOSED.map((name) => join(path, name)) : [path])).filter((path) => existsSync(path));
  return [...outside, ...closed.flatMap((path) => ["--ro-bind", path, path])];
}

/** Arguments for bubblewrap up to and with the `--`; the command's own follow. */
export function sandboxArguments(request: SandboxRequest): string[] {
  const { workspace } = request;
  const network = request.network && request.stage !== "plan";
  const resolver = network ? realOrNull("/etc/resolv.conf") : null;
  const kept = [...RUN_KEPT, ...(resolver === null ? [] : [resolver])].filter((path) => isInside("/run", path) && existsSync(path));
  return [
    "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", ...(network ? [] : ["--unshare-net"]),
    "--cap-drop", "ALL", "--new-session", "--die-with-parent",
    "--ro-bind", "/", "/",
    "--dev", "/dev",
    // Root outside stays root for /proc/sys even without capabilities.
    "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys",
    "--tmpfs", "/run", ...kept.flatMap((path) => ["--ro-bind", path, path]),
    "--bind", request.privateTemp, "/tmp",
    ...(existsSync("/var/tmp") ? ["--tmpfs", "/var/tmp"] : []),
    ...shownAgain(request).flatMap((path) => ["--ro-bind", path, path]),
    request.stage === "plan" ? "--ro-bind" : "--bind", workspace, workspace,
    ...(request.stage === "plan" ? [] : gitArguments(request)),
    ...maskArguments(request),
    "--chdir", workspace,
    "--",
  ];
}

/** Variables that send caches and temporary files to the private temp, because everything else is read-only. */
export function sandboxEnvironment(): Record<string, string> {
  return {
    TMPDIR: "/tmp", XDG_CACHE_HOME: "/tmp/.cache", npm_config_cache: "/tmp/.npm", XDG_RUNTIME_DIR: "/tmp/.runtime", PYTHONPYCACHEPREFIX: "/tmp/.pycache",
    npm_config_update_notifier: "false",
  };
}

/**
 * Variables that keep the caches of interpreters, test runners and checkers out of the tree, where each would be a change out of scope.
 * What the user set for the same purpose wins.
 * @param folder the private temp as commands see it.
 */
export function cacheEnvironment(folder: string, environment: Readonly<Record<string, string>>): Record<string, string> {
  const pytest = `-o 'cache_dir=${folder}/.pytest'`;
  const own = environment["PYTEST_ADDOPTS"];
  return {
    PYTHONPYCACHEPREFIX: `${folder}/.pycache`, MYPY_CACHE_DIR: `${folder}/.mypy`, RUFF_CACHE_DIR: `${folder}/.ruff`, ...environment,
    PYTEST_ADDOPTS: own === undefined ? pytest : `${pytest} ${own}`,
  };
}

function findBubblewrap(searchPath: string, workspace: string): string | null {
  for (const folder of searchPath.split(delimiter)) {
    const path = join(folder, "bwrap");
    if (isAbsolute(folder) && !isInside(workspace, folder) && statSync(path, { throwIfNoEntry: false })?.isFile() === true) return realOrNull(path);
  }
  return null;
}

const PROBE = [
  '[ "$(cat canary)" = canary ]', "! touch written 2>/dev/null", "! touch /written-by-probe 2>/dev/null", "touch /tmp/probe", '[ ! -s masked/.env ]', "[ $$ -lt 20 ]",
  "! (exec 3<>/dev/tcp/127.0.0.1/$0) 2>/dev/null", "echo contained",
].join(" && ");

async function tryBubblewrap(program: string, folder: string): Promise<string | null> {
  const workspace = join(folder, "workspace");
  const privateTemp = join(folder, "temp");
  mkdirSync(join(workspace, "masked"), { recursive: true });
  mkdirSync(privateTemp);
  writeFileSync(join(workspace, "canary"), "canary\n");
  writeFileSync(join(workspace, "masked", ".env"), "SECRET=1\n");
  const emptyFile = join(folder, "empty");
  writeFileSync(emptyFile, "");
  const real = realpathSync(workspace);
  const survey: Survey = { credentials: [join(real, "masked", ".env")], sockets: [], specials: [], ignoreFiles: [], gitEntries: [], skipped: [], folders: new Map(), complete: true };
  const prefix = sandboxArguments({
    stage: "plan", workspace: real, readRoots: [], home: null, network: false, privateTemp, emptyFile, hidden: [], survey, gitFolders: [], workTree: null, gitWritable: false,
  });
  const result = await runToString({
    argv: [program, ...prefix, "/bin/bash", "--noprofile", "--norc", "-c", PROBE, "9"], cwd: real, environment: { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C" }, timeoutSeconds: 10,
  });
  if (result.stdout.trim() === "contained") return null;
  return result.stderr.trim().split("\n")[0] || `its test ended with ${result.exitCode ?? result.signalName ?? "nothing"}`;
}

/**
 * Whether a sandbox works here, as this user. Tried once; the answer is kept in the data directory for this program, kernel
 * and user.
 * @param searchPath the user's PATH.
 */
export async function probeSandbox(options: { platform: string; searchPath: string; workspace: string; dataDirectory: string }): Promise<SandboxState> {
  const none = (reason: string): SandboxState => ({ available: false, program: null, label: `none (${reason})`, reason });
  if (options.platform !== "linux") return none(`no sandbox on ${options.platform}`);
  const program = findBubblewrap(options.searchPath, options.workspace);
  if (program === null) return none("bubblewrap is not installed");
  const facts = statSync(program);
  const key = [program, facts.mtimeMs, facts.size, release(), process.getuid?.() ?? 0].join(" ");
  const cache = join(options.dataDirectory, "sandbox.json");
  const known = readCache(cache);
  const answer = (problem: string | null): SandboxState =>
    problem === null ? { available: true, program, label: "bubblewrap", reason: "bubblewrap works" } : none(`bubblewrap does not work here: ${problem}`);
  if (known !== null && known.key === key && known.problem === null) return answer(null);
  mkdirSync(options.dataDirectory, { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(options.dataDirectory, "probe-"));
  try {
    const problem = await tryBubblewrap(program, folder);
    writeFileSync(cache, JSON.stringify({ key, problem }), { mode: 0o600 });
    return answer(problem);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readCache(path: string): { key: string; problem: string | null } | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value !== "object" || value === null || !("key" in value) || !("problem" in value)) return null;
    return typeof value.key === "string" && (value.problem === null || typeof value.problem === "string") ? { key: value.key, problem: value.problem } : null;
  } catch (thrown) {
    if (thrown instanceof SyntaxError || systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}

/** Private temp and empty file for the commands of one session; removed by `release`. */
export function createSandboxPlace(dataDirectory: string): { privateTemp: string; emptyFile: string; release(): void } {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(dataDirectory, "sandbox-"));
  const privateTemp = join(folder, "tmp");
  const emptyFile = join(folder, "empty");
  mkdirSync(join(privateTemp, ".runtime"), { recursive: true, mode: 0o700 });
  writeFileSync(emptyFile, "", { mode: 0o444 });
  return { privateTemp, emptyFile, release: () => rmSync(dirname(emptyFile), { recursive: true, force: true }) };
}
