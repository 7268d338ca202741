// What every run of the command line shares: where it works, the merged configuration, models, secrets. Loads nothing
// that a run might not need.

import { realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { loadSettings, reloadIfChanged, type FlagSetting, type LoadInput } from "../config/load.ts";
import { dataDirectory } from "../config/paths.ts";
import { createTrustStore } from "../containment/trust.ts";
import { parseRule } from "../permission/rules.ts";
import { createProjectRules, type ProjectRules } from "../permission/project-rules.ts";
import { createRegistry } from "../providers/index.ts";
import { workspaceDirectory } from "../session/location.ts";
import { BmoError } from "../util/errors.ts";
import { journalTemporaries, sweepTemporaries } from "../util/own-temporaries.ts";
import { createRedactor, type Redactor } from "../util/redact.ts";
import type { Flags } from "./flags.ts";
import type { ModelRegistry } from "../types/provider.ts";
import type { Tier, Overrides } from "../types/route.ts";
import { parseTier, TIERS } from "../types/route.ts";
import type { LoadedSettings } from "../types/settings.ts";

export type Environment = Record<string, string | undefined>;

export interface RunFacts {
  version: string;
  /** `elapsedMs()` of util/clock.ts when the run began. */
  startedAt: number;
}

/** What stands before the configuration is read. */
export interface Ground {
  flags: Flags;
  facts: RunFacts;
  environment: Environment;
  /** null when there is no home directory. */
  home: string | null;
  /** Real path. */
  workspace: string;
  /** Real paths of `--add-dir`. */
  readRoots: string[];
  dataDirectory: string;
  redactor: Redactor;
  /** Values of keys in use, as far as they are known. */
  keysInUse: Set<string>;
  /** What the user allowed for good in this workspace. */
  projectRules: ProjectRules;
  /** Digests of project configurations that are trusted for this run alone. */
  trustedOnce: Set<string>;
  /** What the configuration is read from. */
  input: LoadInput;
  registryOf(loaded: LoadedSettings): ModelRegistry;
}

export interface App extends Ground {
  loaded(): LoadedSettings;
  registry(): ModelRegistry;
  /**
   * Reads the configuration again; cheap when no file changed. A broken edit keeps the earlier settings and says why.
   */
  reload(force?: boolean): Promise<string | null>;
  flagOverrides(): Overrides;
}

function realDirectory(path: string, what: string): string {
  let real: string;
  try {
    real = realpathSync(path);
  } catch (thrown) {
    throw new BmoError("usage", `${what} ${path} does not exist`, null, { cause: thrown });
  }
  if (!statSync(real).isDirectory()) throw new BmoError("usage", `${what} ${path} is not a directory`);
  return real;
}

function homeOf(environment: Environment): string | null {
  const home = environment["HOME"] ?? "";
  if (home !== "") return home;
  try {
    const fallback = homedir();
    return fallback === "" ? null : fallback;
  } catch {
    return null; // No entry for this user: bmo works without a home.
  }
}

/** The options that are configuration, with the flag as their origin. */
function flagSettings(given: Flags): FlagSetting[] {
  const flags: FlagSetting[] = [];
  if (given.preset.length > 0) flags.push({ key: "preset", value: given.preset, origin: "flag --preset" });
  if (given.permissionMode !== null)
    flags.push({ key: "permissions.mode", value: given.permissionMode, origin: "flag --permission-mode" });
  if (given.permissionMode === "plan")
    flags.push({ key: "options.staged_workflow.enabled", value: true, origin: "flag --permission-mode plan" });
  else if (given.plan !== null)
    flags.push({
      key: "options.staged_workflow.enabled",
      value: given.plan,
      origin: given.plan ? "flag --plan" : "flag --no-plan",
    });
  if (given.allowedTools.length > 0)
    flags.push({ key: "permissions.allow", value: given.allowedTools, origin: "flag --allowedTools" });
  if (given.disallowedTools.length > 0)
    flags.push({ key: "permissions.deny", value: given.disallowedTools, origin: "flag --disallowedTools" });
  return flags;
}

function readTier(text: string): Tier {
  const tier = parseTier(text);
  if (tier === null) throw new BmoError("usage", `there is no tier "${text}"`, `Tiers: ${TIERS.join(", ")}.`);
  return tier;
}

/** @throws BmoError usage for a directory that is none. */
export function layGround(flags: Flags, facts: RunFacts, environment: Environment = process.env): Ground {
  const start = process.cwd();
  const home = homeOf(environment);
  const workspace = realDirectory(resolve(start, flags.directory ?? "."), "the directory");
  const readRoots = flags.addDirectories.map((path) =>
    realDirectory(resolve(start, path), "the directory of --add-dir"),
  );
  const configFile = flags.config === null ? null : resolve(start, flags.config);
  const data = dataDirectory(environment, home ?? "");
  // Node's recursive mkdir never comes back below these file systems of the kernel.
  if (/^\/(proc|sys)(\/|$)/.test(data))
    throw new BmoError(
      "usage",
      `the data directory cannot be written: ${data}`,
      "Set BMO_HOME to a folder that you may write to.",
    );
  const redactor = createRedactor();
  const keysInUse = new Set<string>();
  const trust = createTrustStore(data);
  const projectRules = createProjectRules(join(workspaceDirectory(data, workspace), "allowed.json"));
  const trustedOnce = new Set<string>();
  const settingsByFlag = (): FlagSetting[] => {
    const rules = projectRules.list();
    return [
      ...flagSettings(flags),
      ...(rules.length === 0
        ? []
        : [{ key: "permissions.allow", value: rules, origin: `allowed for this project (${projectRules.path})` }]),
    ];
  };
  return {
    flags,
    facts,
    environment,
    home,
    workspace,
    readRoots,
    dataDirectory: data,
    redactor,
    keysInUse,
    projectRules,
    trustedOnce,
    input: {
      workspace,
      environment,
      // Read again with the configuration: a rule may have been added or forgotten since.
      get flags() {
        return settingsByFlag();
      },
      configFile,
      homeDirectory: home ?? "",
      isTrusted: (directory, digest) => flags.trust || trustedOnce.has(digest) || trust.isTrusted(directory, digest),
    },
    registryOf: (loaded) =>
      createRegistry({
        settings: loaded.settings,
        environment,
        baseDirectory: workspace,
        now: () => new Date(),
        onKey(value) {
          keysInUse.add(value);
          redactor.add(value);
        },
        runKeyCommand: (command) => runKeyCommand(command, environment, workspace),
        ...(loaded.untrusted.length === 0
          ? {}
          : {
              unknownProviderHint:
                "The project's configuration is not trusted, so its providers do not count; --trust or the trust question of the REPL changes that.",
            }),
      }),
  };
}

/** Permission rules are read too: a slip in one must be said at once, not when a tool is first called. */
function checkRules({ settings, origins }: LoadedSettings): void {
  for (const list of ["allow", "deny"] as const) {
    for (const rule of settings.permissions[list]) {
      try {
        parseRule(rule);
      } catch (thrown) {
        if (!(thrown instanceof BmoError)) throw thrown;
        const key = `permissions.${list}`;
        const where = `${origins[key] ?? "configuration"}: ${key}`;
        throw new BmoError("configuration", `${where}: ${thrown.message}`, thrown.hint, { cause: thrown });
      }
    }
  }
}

/** @throws BmoError configuration that names the file, the key and what is allowed. */
export async function readSettings(input: LoadInput): Promise<LoadedSettings> {
  const loaded = await loadSettings(input);
  checkRules(loaded);
  return loaded;
}

const KEY_COMMAND_SECONDS = 60;

/**
 * Runs `key_command` of a provider: the first line of its output is the key. The output is never shown.
 *
 * @throws BmoError credentials when the command fails.
 */
async function runKeyCommand(command: string, environment: Environment, workspace: string): Promise<string> {
  const { runToString } = await import("../util/process.ts");
  const inherited = Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const { exitCode, timedOut, stdout } = await runToString({
    argv: ["/bin/sh", "-c", command],
    cwd: workspace,
    environment: inherited,
    timeoutSeconds: KEY_COMMAND_SECONDS,
    capBytes: 64 * 1024,
  });
  if (exitCode === 0) return stdout;
  const how = timedOut ? `did not end within ${KEY_COMMAND_SECONDS} s` : `ended with exit code ${exitCode ?? "none"}`;
  throw new BmoError(
    "credentials",
    `the key command \`${command}\` ${how}`,
    "Run it by hand to see why; its output is not shown here.",
  );
}

/** @throws BmoError usage or configuration. */
export async function createApp(flags: Flags, facts: RunFacts, environment?: Environment): Promise<App> {
  const ground = layGround(flags, facts, environment);
  sweepTemporaries(ground.dataDirectory);
  journalTemporaries(ground.dataDirectory);
  let loaded = await readSettings(ground.input);
  let registry: ModelRegistry | null = null;
  const currentRegistry = (): ModelRegistry => (registry ??= ground.registryOf(loaded));
  return {
    ...ground,
    loaded: () => loaded,
    registry: currentRegistry,
    async reload(force = false) {
      try {
        const next = force ? await loadSettings(ground.input) : await reloadIfChanged(loaded, ground.input);
        if (next === loaded) return null;
        checkRules(next);
        const nextRegistry = ground.registryOf(next);
        loaded = next;
        registry = nextRegistry;
        return null;
      } catch (thrown) {
        if (!(thrown instanceof BmoError)) throw thrown;
        return `the edited configuration is not used: ${thrown.message}`;
      }
    },
    flagOverrides() {
      const model =
        flags.model === null
          ? null
          : flags.model.toLowerCase() === "auto"
            ? "auto"
            : currentRegistry().resolve(flags.model, "--model", true).model.id;
      return {
        model: model === null ? null : { value: model, once: false, from: "flag" },
        tier: flags.tier === null ? null : { value: readTier(flags.tier), once: false, from: "flag" },
      };
    },
  };
}
