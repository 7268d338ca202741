// The environment of commands: the user's own, less secrets and less what makes shells, git and tools run other
// programs. Nothing is read from the process here; the caller passes the environment in.

import { delimiter, isAbsolute } from "node:path";
import { isLoopbackHost } from "../util/loopback.ts";
import { isInside } from "../util/paths.ts";

export interface EnvironmentOptions {
  /** `[options.shell] env.add`; wins over everything but the keys in use. */
  add: Record<string, string>;
  remove: readonly string[];
  /** Values that never reach a child, whatever the variable is called. */
  keysInUse: Iterable<string>;
  /**
   * Set for commands that must only read: no program of the workspace is found by name, git takes no lock and obeys no
   * hook.
   */
  readOnlyIn?: string;
  /**
   * Set for lines of git's own work: no program of the workspace is found by name, no hook of the repository is run.
   */
  gitWorkIn?: string;
  /** Set where a sandbox keeps such commands from writing: git may then try to. */
  sandboxed?: boolean;
}

const SECRET_NAME =
  /(^|_)(API_?KEY|APIKEY|ACCESS_?KEY|SECRET|SECRETS|TOKEN|TOKENS|PASSWORD|PASSWD|PASSPHRASE|PASS|PWD_?HASH|CREDENTIALS?|CREDS?|WEBHOOK|CONNECTION_?STRING|JWT|PRIVATE_?KEY|SESSION_?KEY|AUTH|AUTHORIZATION|COOKIE|BEARER|DSN|KEY)($|_(ID|B64|BASE64|JSON|FILE|PATH)?$|_)|(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY)$|(^SSHPASS|_(PWD|PAT|JWT))$|^(GH|GITHUB|GITLAB|NPM|PYPI|AWS_SESSION|HF|SLACK|STRIPE|TWILIO)_TOKEN/i;
/** A login in an address, and how vendors' tokens and keys begin. */
const ADDRESS_WITH_LOGIN = /\b[a-z][a-z\d+.-]*:\/\/[^\s/?#@:]*:[^\s/?#@]+@(?<host>\[[^\]]*\]|[^\s/?#:,@]+)/gi;
const TOKEN =
  /\b(gh[opusr]_\w{16}|github_pat_\w{16}|glpat-[\w-]{16}|npm_\w{16}|pypi-\w{16}|hf_\w{16}|dop_v1_\w{16}|(AKIA|ASIA)[A-Z\d]{16}|AIza[\w-]{20}|ya29\.[\w-]{10}|xox[abeprs]-[\w-]{10}|[rs]k_(live|test)_\w{10}|whsec_\w{16}|sk-[\w-]{16}|SG\.[\w-]{10}|eyJ[\w-]{8,}\.eyJ[\w-]{4,}\.)|-----BEGIN [A-Z ]*PRIVATE KEY|\b(hooks\.slack\.com\/services|discord(app)?\.com\/api\/webhooks|webhook\.office\.com)\/|(^|[;?&\s])(AccountKey|SharedAccessKey|SharedAccessSignature|Password|Pwd|client_secret|access_token)=[^;&\s]/i;
/** Names that look like secrets and are none. */
const HARMLESS_NAME = /^(SSH_AUTH_SOCK|XAUTHORITY|KEYBOARD.*|GPG_KEY_ID|KEYMAP|PWD|OLDPWD|COLORTERM|.*_KEY_ID_HINT)$/i;
/** What makes bash, git, search tools and pagers run or read something that was not asked for. */
const STARTS_SOMETHING =
  /^(BASH_ENV|ENV|BASH_FUNC_.*|SHELLOPTS|BASHOPTS|IFS|PS4|PROMPT_COMMAND|CDPATH|GLOBIGNORE|POSIXLY_CORRECT|EXECIGNORE|FCEDIT|RIPGREP_CONFIG_PATH|GREP_OPTIONS|LESSOPEN|LESSCLOSE|TAR_OPTIONS|UNZIP|FD_OPTIONS|TREE_OPTIONS|BAT_CONFIG_PATH|GIT_(?!AUTHOR_|COMMITTER_).*|SSH_ASKPASS|SUDO_ASKPASS|NPM_CONFIG__.*|npm_config__.*)$/;
/** Settings of interpreters, loaders and package managers: a relative path in them leads into the project. */
const LOADS_SOMETHING =
  /^(NODE_.*|NPM_.*|YARN_.*|PNPM_.*|PYTHON.*|PERL5?.*|RUBY.*|GEM_.*|BUNDLE_.*|LUA_.*|JAVA_TOOL_OPTIONS|LD_.*|DYLD_.*|GCONV_PATH|LOCPATH|NLSPATH|TERMINFO.*|TERMCAP|MAGIC|GCC_.*|COMPILER_PATH|LIBRARY_PATH|CPATH|MAKEFLAGS|MAKEFILES|CMAKE_.*|JQ_.*|INPUTRC|LESS.*|CURL_HOME|WGETRC|AWKPATH|AWKLIBPATH|POSIXLY_CORRECT|.*_PRELOAD)$/i;
const AGENTS =
  /^(SSH_AUTH_SOCK|SSH_AGENT_PID|GPG_AGENT_INFO|DBUS_SESSION_BUS_ADDRESS|DOCKER_HOST|XAUTHORITY|DISPLAY|WAYLAND_DISPLAY)$/;

export function looksSecret(name: string): boolean {
  return SECRET_NAME.test(name) && !HARMLESS_NAME.test(name);
}

/** Whether a value carries a token, or a login to another machine; the tests of a project need those to this one. */
export function holdsSecret(value: string): boolean {
  return (
    TOKEN.test(value) ||
    [...value.matchAll(ADDRESS_WITH_LOGIN)].some((match) => !isLoopbackHost(match.groups?.["host"] ?? ""))
  );
}

/** Settings that the environment hands to git; every later one wins over the repository's own configuration. */
function gitConfiguration(settings: readonly (readonly [string, string])[]): Record<string, string> {
  const variables: Record<string, string> = { GIT_CONFIG_COUNT: String(settings.length) };
  settings.forEach(([key, value], index) => {
    variables[`GIT_CONFIG_KEY_${index}`] = key;
    variables[`GIT_CONFIG_VALUE_${index}`] = value;
  });
  return variables;
}

const QUIET: Readonly<Record<string, string>> = {
  PAGER: "cat",
  GIT_PAGER: "cat",
  MANPAGER: "cat",
  SYSTEMD_PAGER: "",
  GIT_TERMINAL_PROMPT: "0",
  GIT_EDITOR: "true",
  GIT_SEQUENCE_EDITOR: "true",
  GCM_INTERACTIVE: "never",
  DEBIAN_FRONTEND: "noninteractive",
  TERM: "dumb",
  NO_COLOR: "1",
};
const READ_ONLY_GIT = [
  ["core.fsmonitor", "false"],
  ["core.hooksPath", "/dev/null"],
  ["core.pager", "cat"],
  ["core.askPass", ""],
  ["safe.bareRepository", "explicit"],
  ["diff.ignoreSubmodules", "dirty"],
  ["log.showSignature", "false"],
  ["core.alternateRefsCommand", ""],
  ["credential.helper", ""],
  ["protocol.allow", "never"],
] as const;
/**
 * Where no sandbox holds git. `git diff` writes the index where only times of files differ; told not to, it lists such
 * files as changed. The repository's own configuration is looked at before git is run at all, so that its owner need
 * not be git's.
 */
const UNFENCED_GIT = [
  ["diff.autoRefreshIndex", "false"],
  ["core.attributesFile", "/dev/null"],
  ["safe.directory", "*"],
] as const;
/**
 * The user's own filters and converters are programs too, and a repository's .gitattributes would choose among them.
 */
const OWN_GIT_CLOSED: Readonly<Record<string, string>> = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_ATTR_NOSYSTEM: "1",
};

/** Hooks and monitors would find the repository open; what git leaves running would outlive the look at what it did. */
const WORKING_GIT = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.pager", "cat"],
  ["gc.autoDetach", "false"],
  ["maintenance.autoDetach", "false"],
] as const;

/** Entries of the search path that are absolute and, for commands that must only read, outside the workspace. */
function safePath(path: string, workspace: string | undefined): string {
  return path
    .split(delimiter)
    .filter((entry) => isAbsolute(entry) && (workspace === undefined || !isInside(workspace, entry)))
    .join(delimiter);
}

/** The environment for one command. */
export function childEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  options: EnvironmentOptions,
): Record<string, string> {
  const keys = [...options.keysInUse].map((key) => key.trim()).filter((key) => key.length >= 6);
  const removed = new Set(options.remove);
  const child: Record<string, string> = {};
  const holdsKey = (value: string): boolean => keys.some((key) => value.includes(key));
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || removed.has(name) || STARTS_SOMETHING.test(name)) continue;
    if (looksSecret(name) || holdsSecret(value) || holdsKey(value)) continue;
    if (options.readOnlyIn !== undefined && (AGENTS.test(name) || LOADS_SOMETHING.test(name))) continue;
    child[name] = value;
  }
  Object.assign(child, QUIET);
  if (options.readOnlyIn !== undefined) {
    Object.assign(
      child,
      gitConfiguration(options.sandboxed === true ? READ_ONLY_GIT : [...READ_ONLY_GIT, ...UNFENCED_GIT]),
      {
        GIT_OPTIONAL_LOCKS: "0",
        GIT_NO_LAZY_FETCH: "1",
        GIT_ALLOW_PROTOCOL: "none",
        npm_config_logs_max: "0",
        npm_config_logs_dir: "/dev/null",
        npm_config_timing: "false",
        npm_config_update_notifier: "false",
        npm_config_cache: "/dev/null",
      },
    );
    if (options.sandboxed !== true) Object.assign(child, OWN_GIT_CLOSED);
  }
  if (options.gitWorkIn !== undefined) Object.assign(child, gitConfiguration(WORKING_GIT));
  for (const [name, value] of Object.entries(options.add))
    if (!removed.has(name) && !holdsKey(value)) child[name] = value;
  child["PATH"] = safePath(child["PATH"] ?? "/usr/local/bin:/usr/bin:/bin", options.readOnlyIn ?? options.gitWorkIn);
  return child;
}

/**
 * Variables that send caches and temporary files to the private temp, because everything else is read-only.
 * @param folder the private temp as commands see it.
 */
export function sandboxEnvironment(folder: string): Record<string, string> {
  return {
    TMPDIR: folder,
    XDG_CACHE_HOME: `${folder}/.cache`,
    npm_config_cache: `${folder}/.npm`,
    XDG_RUNTIME_DIR: `${folder}/.runtime`,
    PYTHONPYCACHEPREFIX: `${folder}/.pycache`,
    npm_config_update_notifier: "false",
  };
}

/**
 * Variables that keep the caches of interpreters, test runners and checkers out of the tree, where each would be a
 * change out of scope. What the user set for the same purpose wins.
 * @param folder the private temp as commands see it.
 */
export function cacheEnvironment(
  folder: string,
  environment: Readonly<Record<string, string>>,
): Record<string, string> {
  const pytest = `-o 'cache_dir=${folder}/.pytest'`;
  const own = environment["PYTEST_ADDOPTS"];
  return {
    PYTHONPYCACHEPREFIX: `${folder}/.pycache`,
    MYPY_CACHE_DIR: `${folder}/.mypy`,
    RUFF_CACHE_DIR: `${folder}/.ruff`,
    ...environment,
    PYTEST_ADDOPTS: own === undefined ? pytest : `${pytest} ${own}`,
  };
}
