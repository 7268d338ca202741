// Where bmo keeps what is the user's: the configuration file and the data directory. Computes paths, touches no disk.

import { isAbsolute, join, resolve } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** Relative values of XDG variables are ignored, as their specification asks. */
function xdg(value: string | undefined, fallback: string): string {
  return value !== undefined && isAbsolute(value) ? value : fallback;
}

function bmoHome(environment: Environment): string | null {
  const home = environment["BMO_HOME"];
  return home === undefined || home === "" ? null : resolve(home);
}

/** The user's configuration file, whether or not it exists. */
export function userConfigPath(environment: Environment, home: string): string {
  const own = bmoHome(environment);
  return own === null ? join(xdg(environment["XDG_CONFIG_HOME"], join(home, ".config")), "bmo", "bmo.toml") : join(own, "bmo.toml");
}

/** Sessions, ledger, trust, checkpoints, logs. */
export function dataDirectory(environment: Environment, home: string): string {
  return bmoHome(environment) ?? join(xdg(environment["XDG_STATE_HOME"], join(home, ".local", "state")), "bmo");
}

/** The tier bindings in JSON, in the workspace or beside the user's file. */
export function preferencesPath(directory: string): string {
  return join(directory, "preferences", "model-router.json");
}
