// Where bmo keeps what is the user's: the configuration file and the data directory. Computes paths, touches no disk.

import { isAbsolute, join, resolve } from "node:path";
import { BmoError } from "../util/errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Relative values of XDG variables are ignored, as their specification asks. */
function xdg(environment: Environment, variable: string, home: string, ...below: string[]): string {
  const value = environment[variable];
  if (value !== undefined && isAbsolute(value)) return value;
  // A path relative to nothing would be one of the project's, which must never count as the user's.
  if (!isAbsolute(home))
    throw new BmoError(
      "configuration",
      "there is no home directory: HOME is not set",
      `Set HOME, BMO_HOME or ${variable}.`,
    );
  return join(home, ...below);
}

function bmoHome(environment: Environment): string | null {
  const home = environment["BMO_HOME"];
  return home === undefined || home === "" ? null : resolve(home);
}

/** The user's configuration file, whether or not it exists. @throws BmoError configuration without any home. */
export function userConfigPath(environment: Environment, home: string): string {
  const own = bmoHome(environment);
  return own === null
    ? join(xdg(environment, "XDG_CONFIG_HOME", home, ".config"), "bmo", "bmo.toml")
    : join(own, "bmo.toml");
}

/** Sessions, ledger, trust, checkpoints, logs. @throws BmoError configuration without any home. */
export function dataDirectory(environment: Environment, home: string): string {
  return bmoHome(environment) ?? join(xdg(environment, "XDG_STATE_HOME", home, ".local", "state"), "bmo");
}

/** The tier bindings in JSON, in the workspace or beside the user's file. */
export function preferencesPath(directory: string): string {
  return join(directory, "preferences", "model-router.json");
}
