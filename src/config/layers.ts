// Reads every source of settings into validated layers, highest first. Does not merge and does not judge what a source
// may set.

import type { Origin } from "../types/settings.ts";
import { BmoError } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import { normaliseLayer, normaliseRouterFile } from "./aliases.ts";
import { layerOf, readEnvironment } from "./environment.ts";
import { stampOf, type ProjectFiles } from "./find-files.ts";
import { asksForVariables, interpolateLayer, type Missing } from "./interpolate.ts";
import { parseKey } from "./keys.ts";
import { flattenLayer } from "./merge.ts";
import { isPresetName, PRESET_NAMES, PRESETS } from "./presets.ts";
import { readFixedFile, readProjectFile } from "./read-file.ts";
import type { RawTable } from "./read-text.ts";
import type { LayerKind } from "./restrict.ts";
import { validateLayer } from "./validate.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface Layer {
  kind: LayerKind;
  origin: Origin;
  /** The file it was read from, or null. */
  file: string | null;
  leaves: { path: string[]; key: string; value: unknown }[];
  /** Keys whose text asks for variables. */
  asking: ReadonlySet<string>;
  missing: Missing[];
}

/** One value from the command line, e.g. `{ key: "model", value: "a/b", origin: "flag --model" }`. */
export interface FlagSetting {
  key: string;
  value: unknown;
  origin: Origin;
}
export type FlagSettings = readonly FlagSetting[];

function toLayer(
  kind: LayerKind,
  origin: Origin,
  file: string | null,
  table: RawTable,
  missing: Missing[] = [],
): Layer {
  return { kind, origin, file, leaves: flattenLayer(table), asking: new Set(), missing };
}

/** Validated before variables are filled in, so that no error message can hold a variable's value. */
async function fileLayer(
  kind: "user" | "project",
  path: string,
  router: boolean,
  environment: Environment,
  notices: string[],
): Promise<Layer> {
  const raw = kind === "project" && !router ? await readProjectFile(path) : await readFixedFile(path);
  const table = router ? normaliseRouterFile(raw) : normaliseLayer(raw);
  notices.push(...validateLayer(table, path));
  const asking = new Set(
    flattenLayer(table)
      .filter(({ value }) => asksForVariables(value))
      .map(({ key }) => key),
  );
  const missing = interpolateLayer(table, environment);
  return { ...toLayer(kind, path, path, table, missing), asking };
}

function flagLayers(flags: FlagSettings, notices: string[]): Layer[] {
  return flags.map(({ key, value, origin }) => {
    const table = normaliseLayer(layerOf(parseKey(key), value));
    notices.push(...validateLayer(table, origin));
    return toLayer("flag", origin, null, table);
  });
}

async function environmentLayers(environment: Environment, notices: string[]): Promise<Layer[]> {
  return (await readEnvironment(environment)).map(({ variable, path, value }) => {
    const table = normaliseLayer(layerOf(path, value));
    notices.push(...validateLayer(table, variable));
    const missing = interpolateLayer(table, environment);
    return toLayer("environment", variable, null, table, missing);
  });
}

/** Nearest file first, the workspace's tier bindings last. */
async function projectLayers(found: ProjectFiles, environment: Environment, notices: string[]): Promise<Layer[]> {
  const layers: Layer[] = [];
  for (const path of found.files) layers.push(await fileLayer("project", path, false, environment, notices));
  if (found.preferences !== null)
    layers.push(await fileLayer("project", found.preferences, true, environment, notices));
  return layers;
}

/** The user's file, then the tier bindings beside it. */
async function userLayers(
  userFile: string,
  routerFile: string,
  environment: Environment,
  notices: string[],
): Promise<Layer[]> {
  const layers: Layer[] = [];
  if (stampOf(userFile) !== null) layers.push(await fileLayer("user", userFile, false, environment, notices));
  if (stampOf(routerFile) !== null) layers.push(await fileLayer("user", routerFile, true, environment, notices));
  return layers;
}

/**
 * The presets that the highest layer names; of two that set the same key the later one wins, so it comes first here.
 * @throws BmoError configuration for an unknown name, with the known ones.
 */
function presetLayers(higher: readonly Layer[]): Layer[] {
  const setting = higher.flatMap((layer) =>
    layer.leaves.filter(({ key }) => key === "preset").map(({ value }) => ({ origin: layer.origin, value })),
  )[0];
  if (setting === undefined || !Array.isArray(setting.value)) return [];
  return setting.value
    .map((name: unknown) => {
      if (typeof name === "string" && isPresetName(name))
        return toLayer("preset", `preset ${name}`, null, PRESETS[name] as RawTable);
      const near = nearestNames(String(name), PRESET_NAMES, 1)
        .map((known) => `Did you mean ${known}? `)
        .join("");
      throw new BmoError(
        "configuration",
        `${setting.origin}: preset is ${JSON.stringify(name)}; allowed: ${PRESET_NAMES.join(", ")}`,
        `${near}Several presets combine, as a list.`,
      );
    })
    .reverse();
}

export interface Sources {
  flags: FlagSettings;
  environment: Environment;
  project: ProjectFiles;
  userFile: string;
  userRouter: string;
}

export interface Layers {
  /** Flags, then environment. */
  above: Layer[];
  project: Layer[];
  /** The user's files, then presets. */
  below: Layer[];
}

/** Everything that is set anywhere, highest first within each group. @throws BmoError configuration. */
export async function readLayers(sources: Sources, notices: string[]): Promise<Layers> {
  const above = [...flagLayers(sources.flags, notices), ...(await environmentLayers(sources.environment, notices))];
  const project = await projectLayers(sources.project, sources.environment, notices);
  const user = await userLayers(sources.userFile, sources.userRouter, sources.environment, notices);
  return { above, project, below: [...user, ...presetLayers([...above, ...project, ...user])] };
}
