// A home, a repository and a workspace on a temporary disk, and loading from them.

import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { loadSettings, type FlagSettings, type LoadInput } from "../../src/config/load.ts";
import type { LoadedSettings } from "../../src/types/settings.ts";

export interface Place {
  root: string;
  home: string;
  repository: string;
  workspace: string;
  userFile: string;
  write(path: string, text: string | Uint8Array): string;
}

export interface Given {
  environment?: Record<string, string>;
  flags?: FlagSettings;
  configFile?: string | null;
  trusted?: boolean;
  onTrust?: (directory: string, digest: string) => void;
}

export function createPlace(): Place {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "bmo-config-")));
  const place: Place = {
    root,
    home: join(root, "home"),
    repository: join(root, "repository"),
    workspace: join(root, "repository", "packages", "one"),
    userFile: join(root, "home", ".config", "bmo", "bmo.toml"),
    write(path, text) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      return path;
    },
  };
  mkdirSync(join(place.repository, ".git"), { recursive: true });
  mkdirSync(place.workspace, { recursive: true });
  mkdirSync(place.home, { recursive: true });
  return place;
}

export function inputOf(place: Place, given: Given = {}): LoadInput {
  return {
    workspace: place.workspace,
    environment: given.environment ?? {},
    flags: given.flags ?? [],
    configFile: given.configFile ?? null,
    homeDirectory: place.home,
    isTrusted: (directory, digest) => {
      given.onTrust?.(directory, digest);
      return given.trusted ?? true;
    },
  };
}

export function load(place: Place, given: Given = {}): Promise<LoadedSettings> {
  return loadSettings(inputOf(place, given));
}

export async function failure(
  promise: Promise<unknown>,
): Promise<{ code: string; message: string; hint: string | null }> {
  try {
    await promise;
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && "hint" in thrown)
      return {
        code: String(thrown.code),
        message: thrown.message,
        hint: thrown.hint === null ? null : String(thrown.hint),
      };
    throw thrown;
  }
  throw new Error("it did not fail");
}
