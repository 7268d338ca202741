// Where programs and what they need lie: the parts of the system, of a home and behind PATH that a fence puts back for
// reading. Data and a look at links; everything that is not named here stays away.

import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { basename, delimiter, dirname, isAbsolute, join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { isInside } from "../util/paths.ts";
import { realOrNull } from "./real-path.ts";

/** Of the system: programs, libraries, package databases, what runtimes ask about processors. */
export const SYSTEM_ROOTS: readonly string[] = [
  "/usr",
  "/bin",
  "/sbin",
  "/lib",
  "/lib32",
  "/lib64",
  "/libx32",
  "/nix/store",
  "/nix/var/nix/profiles",
  "/gnu/store",
  "/var/guix/profiles",
  "/run/current-system",
  "/run/booted-system",
  "/run/opengl-driver",
  "/sys/devices/system",
  "/var/cache/fontconfig",
  "/var/lib/dpkg",
  "/var/lib/rpm",
  "/var/lib/pacman",
  "/var/lib/texmf",
];
/** Below those, what holds settings of services rather than programs. */
export const SYSTEM_SETTINGS: readonly string[] = ["/usr/local/etc", "/usr/local/var", "/usr/etc"];

/** Below a home: tool chains, and packages that builds read. No settings, no state, no logins. */
const HOME_TOOL_CHAINS: readonly string[] = [
  ".asdf",
  ".bun/bin",
  ".bun/install",
  ".cabal/bin",
  ".cabal/packages",
  ".cabal/store",
  ".cache/Cypress",
  ".cache/coursier",
  ".cache/ms-playwright",
  ".cache/node/corepack",
  ".cache/pre-commit",
  ".cache/puppeteer",
  ".cache/pypoetry/virtualenvs",
  ".cargo/bin",
  ".cargo/env",
  ".cargo/git",
  ".cargo/registry",
  ".composer/vendor",
  ".config/composer/vendor",
  ".config/yarn/global",
  ".deno/bin",
  ".dotnet",
  ".elan",
  ".fnm",
  ".fzf/bin",
  ".gem/ruby",
  ".ghcup",
  ".goenv",
  ".gradle/caches",
  ".gradle/jdks",
  ".gradle/wrapper",
  ".hex/packages",
  ".ivy2/cache",
  ".ivy2/jars",
  ".ivy2/local",
  ".jabba",
  ".jbang",
  ".jdks",
  ".jenv",
  ".juliaup",
  ".julia/artifacts",
  ".julia/compiled",
  ".julia/packages",
  ".julia/registries",
  ".konan",
  ".krew/bin",
  ".linuxbrew",
  ".local/bin",
  ".local/include",
  ".local/lib",
  ".local/libexec",
  ".local/man",
  ".local/pipx",
  ".local/share/fnm",
  ".local/share/gem",
  ".local/share/hatch",
  ".local/share/mise",
  ".local/share/pipx",
  ".local/share/pnpm",
  ".local/share/rtx",
  ".local/share/swiftly",
  ".local/share/uv",
  ".local/share/virtualenvs",
  ".local/state/fnm_multishells",
  ".m2/repository",
  ".m2/wrapper",
  ".mix/archives",
  ".mix/elixir",
  ".n",
  ".nix-profile",
  ".nodenv",
  ".npm-global",
  ".npm-packages",
  ".nuget/packages",
  ".nvm",
  ".opam",
  ".phpenv",
  ".pixi",
  ".plenv",
  ".proto",
  ".pub-cache",
  ".pyenv",
  ".rakudobrew",
  ".rbenv",
  ".rustup",
  ".rvm",
  ".rye",
  ".sbt/boot",
  ".sdkman",
  ".stack/programs",
  ".stack/snapshots",
  ".swiftly",
  ".tfenv",
  ".volta",
  ".wasmer/bin",
  ".wasmtime/bin",
  ".yarn/bin",
  ".yarn/berry/cache",
  ".yarn/releases",
  ".zvm",
  "anaconda3",
  "go/bin",
  "go/pkg",
  "mambaforge",
  "micromamba",
  "miniconda3",
  "miniforge3",
  "n",
  "perl5",
];
/** Below a home: settings of builds. Put back only where no line of them looks like a login. */
const HOME_SETTINGS: readonly string[] = [
  ".asdfrc",
  ".bunfig.toml",
  ".cargo/config",
  ".cargo/config.toml",
  ".condarc",
  ".config/git/attributes",
  ".config/git/ignore",
  ".config/go/env",
  ".config/mise/config.toml",
  ".config/pip/pip.conf",
  ".config/uv/uv.toml",
  ".gemrc",
  ".java-version",
  ".node-version",
  ".nvmrc",
  ".pip/pip.conf",
  ".python-version",
  ".ruby-version",
  ".tool-versions",
];
const LOOKS_LIKE_LOGIN = /token|secret|passw|credential|auth|api[-_]?key|private|:\/\/[^/\s]*@/i;
const MAX_SETTINGS_BYTES = 64 * 1024;

/** Variables that name the folder of a tool chain. */
const TOOL_VARIABLES: readonly string[] = [
  "JAVA_HOME",
  "JDK_HOME",
  "GOROOT",
  "ANDROID_HOME",
  "ANDROID_SDK_ROOT",
  "CONDA_PREFIX",
  "VIRTUAL_ENV",
  "DOTNET_ROOT",
  "FLUTTER_ROOT",
  "MAVEN_HOME",
  "M2_HOME",
  "GRADLE_HOME",
  "NVM_BIN",
  "RUSTUP_HOME",
  "PYENV_ROOT",
  "RBENV_ROOT",
  "VOLTA_HOME",
  "BUN_INSTALL",
  "DENO_INSTALL",
  "PNPM_HOME",
  "PLAYWRIGHT_BROWSERS_PATH",
  "JULIA_BINDIR",
  "SDKROOT",
  "CUDA_HOME",
  "GOMODCACHE",
  "HOMEBREW_PREFIX",
];
/** Beside the `bin` of a program: what it loads. */
const BESIDE_PROGRAMS: readonly string[] = [
  "conf",
  "include",
  "jmods",
  "jre",
  "lib",
  "lib32",
  "lib64",
  "libexec",
  "modules",
  "pkg",
  "pyvenv.cfg",
  "share",
  "site-packages",
  "ssl",
  "tool",
];
/** Folders whose children are installed programs, each with all of its own. */
const PROGRAM_FOLDERS: readonly string[] = ["/opt", "/home/linuxbrew", "/snap"];
const PROGRAM_SUBFOLDERS = new Set(["bin", "sbin", "shims", "scripts"]);

function isHarmlessSetting(path: string): boolean {
  try {
    const facts = statSync(path, { throwIfNoEntry: false });
    return (
      facts !== undefined &&
      facts.isFile() &&
      facts.size <= MAX_SETTINGS_BYTES &&
      !LOOKS_LIKE_LOGIN.test(readFileSync(path, "utf8"))
    );
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
}

/** Where the links of a folder of programs lead, as written. */
function linkTargets(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isSymbolicLink())
      .map((entry) => join(folder, entry.name))
      .filter((path) => isAbsolute(readlinkSync(path)) || !isInside("/usr", folder));
  } catch (thrown) {
    // Not there, closed, or a file: it holds no program that could be run.
    if (systemErrorCode(thrown) !== undefined) return [];
    throw thrown;
  }
}

export interface ToolChainRequest {
  /** The user's environment; PATH and variables such as JAVA_HOME are read. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Real paths of the user's homes. */
  homes: readonly string[];
}

/**
 * What to put back around one program or one folder of programs; nothing where that would be a home or all of the
 * system.
 */
function around(folder: string, homes: readonly string[], system: readonly string[]): string[] {
  const holdsHome = (path: string): boolean => path === "/" || homes.some((home) => isInside(path, home));
  const prefix = dirname(folder);
  if (holdsHome(folder)) return [];
  const packages = /^(.*\/node_modules)\/\.bin$/.exec(folder)?.[1];
  if (packages !== undefined) return [packages];
  const programs = PROGRAM_FOLDERS.find((root) => root !== folder && isInside(root, folder));
  const whole =
    programs === undefined ? undefined : join(programs, folder.slice(programs.length + 1).split("/")[0] ?? "");
  if (whole !== undefined && !holdsHome(whole)) return [whole];
  if (!PROGRAM_SUBFOLDERS.has(basename(folder)) || holdsHome(prefix) || system.some((root) => isInside(root, prefix)))
    return [folder];
  // Beside ~/.local/bin lies the state of every program, which the list above names in parts.
  const beside = basename(prefix) === ".local" ? [] : BESIDE_PROGRAMS;
  return [folder, ...beside.map((name) => join(prefix, name))];
}

/** Places, as named (links not resolved), that may not exist; outside the system's own roots. */
export function toolChainPlaces({ environment, homes }: ToolChainRequest): string[] {
  const system = SYSTEM_ROOTS.flatMap((path) => realOrNull(path) ?? []);
  const inSystem = (path: string): boolean => [...system, ...SYSTEM_ROOTS].some((root) => isInside(root, path));
  const found = new Set<string>();
  const add = (path: string): void => void (inSystem(path) || found.add(path));
  for (const home of homes) {
    for (const path of HOME_TOOL_CHAINS) add(join(home, path));
    for (const path of HOME_SETTINGS) if (isHarmlessSetting(join(home, path))) add(join(home, path));
  }
  for (const entry of new Set((environment["PATH"] ?? "").split(delimiter))) {
    if (!isAbsolute(entry)) continue;
    const folder = realOrNull(entry);
    if (folder === null) continue;
    if (folder !== entry) add(entry);
    for (const path of around(folder, homes, system)) add(path);
    for (const link of linkTargets(folder)) {
      const target = realOrNull(link);
      if (target === null || inSystem(target) || isInside(folder, target)) continue;
      // In a home the program alone: beside it may lie the project that it belongs to.
      if (homes.some((home) => isInside(home, target))) add(target);
      else for (const path of around(dirname(target), homes, system)) add(path);
    }
  }
  for (const name of TOOL_VARIABLES) {
    const folder = realOrNull(environment[name] ?? "");
    if (
      folder !== null &&
      isAbsolute(environment[name] ?? "") &&
      !homes.some((home) => isInside(folder, home)) &&
      folder !== "/"
    )
      add(folder);
  }
  return [...found];
}
