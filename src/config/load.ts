// Loads and merges the configuration: flags, environment, project, user, presets, defaults, each value with its origin.
// Decides what an untrusted project may set; asks nobody itself and stores no trust.

import { dirname } from "node:path";
import type { LoadedSettings, ProjectTrust, Settings } from "../types/settings.ts";
import { BmoError } from "../util/errors.ts";
import { projectRoot } from "../util/project-file.ts";
import { DEFAULT_SETTINGS } from "./defaults.ts";
import {
  checkConfigFile,
  findProjectFiles,
  projectDirectories,
  stampOf,
  type FileStamp,
  type ProjectFiles,
} from "./find-files.ts";
import type { FlagSettings, Layer, Layers, Sources } from "./layers.ts";
import { combinationOf, flattenLayer, isChange, setMerged, valueAtPath, type Merged } from "./merge.ts";
import { preferencesPath, userConfigPath } from "./paths.ts";
import type { RawTable } from "./read-text.ts";
import { ruleOn } from "./restrict.ts";
import { behaviourDigest, trustFiles } from "./trust-input.ts";

export type { FlagSetting, FlagSettings } from "./layers.ts";

export interface LoadInput {
  /** Real path. */
  workspace: string;
  environment: Record<string, string | undefined>;
  flags: FlagSettings;
  /** `--config`: that file instead of the project's own, trusted; absolute path or null. */
  configFile: string | null;
  /** Called at most once, and only where there is something to trust. */
  isTrusted(directory: string, digest: string): Promise<boolean> | boolean;
  homeDirectory: string;
}

/** Files as they were when the settings were read, by settings object: for `reloadIfChanged`. */
const stamps = new WeakMap<LoadedSettings, Map<string, FileStamp>>();

interface Outcome {
  merged: Merged;
  untrusted: string[];
  refused: string[];
}

/** Lays the layers over each other, lowest first, each value judged against what is below it. */
function mergeLayers(layers: readonly Layer[], trusted: boolean): Outcome {
  const outcome: Outcome = {
    merged: { values: structuredClone(DEFAULT_SETTINGS) as unknown as RawTable, origins: {} },
    untrusted: [],
    refused: [],
  };
  for (const { key } of flattenLayer(outcome.merged.values)) outcome.merged.origins[key] = "default";
  outcome.merged.values["providers"] = Object.create(null);
  const accepted = new Map<string, Set<Layer>>();
  for (const layer of [...layers].reverse()) {
    for (const { path, key, value } of layer.leaves) {
      const ruling = ruleOn(
        layer.kind,
        trusted,
        { key, value, asking: layer.asking.has(key) },
        valueAtPath(outcome.merged.values, path),
      );
      if (ruling.allowed) {
        setMerged(outcome.merged, path, value, layer.origin);
        accepted.set(key, new Set([...(combinationOf(path) === null ? [] : (accepted.get(key) ?? [])), layer]));
      } else if (isChange(outcome.merged.values, path, value)) {
        (ruling.because === "untrusted" ? outcome.untrusted : outcome.refused).push(`${key} (${layer.origin})`);
      }
    }
  }
  refuseMissing(layers, accepted);
  return outcome;
}

/**
 * A missing variable in a provider waits until the provider is used; elsewhere it ends the start if its value counts.
 */
function refuseMissing(layers: readonly Layer[], accepted: ReadonlyMap<string, ReadonlySet<Layer>>): void {
  for (const layer of layers) {
    const missing = layer.missing.find(
      ({ key }) => !key.startsWith("providers.") && accepted.get(key)?.has(layer) === true,
    );
    if (missing === undefined) continue;
    throw new BmoError(
      "configuration",
      `${layer.origin}: ${missing.key} asks for \${${missing.variable}}, which is not set`,
      `Set ${missing.variable}, or write $\${${missing.variable}} for the text itself.`,
    );
  }
}

/** What there is to trust: keys that would be ignored, and skills. Null where nothing is. */
async function findTrust(
  input: LoadInput,
  places: { directories: readonly string[]; root: string },
  project: readonly Layer[],
  others: { above: Layer[]; below: Layer[] },
): Promise<ProjectTrust | null> {
  const configFiles = project.flatMap(({ file }) => (file === null ? [] : [file]));
  const { files, complete } = await trustFiles(configFiles, places.directories, places.root);
  if (files.length === 0) return null;
  const skills = files.filter(({ path }) => !configFiles.includes(path)).map(({ path }) => path);
  const ignored = mergeLayers([...others.above, ...project, ...others.below], false).untrusted;
  if (skills.length === 0 && ignored.length === 0) return null;
  const digest = behaviourDigest(files);
  const trusted = complete && (await input.isTrusted(input.workspace, digest));
  return { directory: input.workspace, digest, trusted, items: [...ignored, ...skills] };
}

function noticesOf(outcome: Outcome, trust: ProjectTrust | null): string[] {
  const notices: string[] = [];
  if (outcome.refused.length > 0)
    notices.push(`ignored, because only the user's own file may loosen it: ${outcome.refused.join(", ")}`);
  if (trust !== null && !trust.trusted)
    notices.push(`this directory is not trusted; ignored: ${trust.items.join(", ")}. Trust it with --trust.`);
  return notices;
}

/** The schema and its library cost a tenth of a bare start: they are loaded only where something is set. */
async function readWhatIsSet(sources: Sources, notices: string[]): Promise<Layers> {
  const { flags, environment, project, userFile, userRouter } = sources;
  const files =
    project.files.length > 0 ||
    project.preferences !== null ||
    stampOf(userFile) !== null ||
    stampOf(userRouter) !== null;
  if (
    !files &&
    flags.length === 0 &&
    !Object.keys(environment).some((name) => name.startsWith("BMO_") && name !== "BMO_HOME")
  )
    return { above: [], project: [], below: [] };
  return (await import("./layers.ts")).readLayers(sources, notices);
}

/**
 * Loads everything. `settings.providers.*` may still hold `${NAME}` where NAME is not set; all other texts are
 * complete.
 * @throws BmoError configuration: source, key, value and what is allowed.
 */
export async function loadSettings(input: LoadInput): Promise<LoadedSettings> {
  const userFile = userConfigPath(input.environment, input.homeDirectory);
  const userRouter = preferencesPath(dirname(userFile));
  const directories = projectDirectories(input.workspace);
  const root = projectRoot(input.workspace, directories.at(-1) ?? input.workspace, input.homeDirectory);
  const found: ProjectFiles =
    input.configFile === null
      ? findProjectFiles(input.workspace, directories, [userFile, userRouter], root)
      : { files: [input.configFile], preferences: null, candidates: [input.configFile], notices: [] };
  if (input.configFile !== null) checkConfigFile(input.configFile);
  // Taken before reading: an edit in between is then seen as a change, never missed.
  const seen = new Map([userFile, userRouter, ...found.candidates].map((path) => [path, stampOf(path)]));

  const notices = [...found.notices];
  const { above, project, below } = await readWhatIsSet(
    { flags: input.flags, environment: input.environment, project: found, userFile, userRouter },
    notices,
  );
  // A file named by the user needs no trust; the project's skills still do.
  const named = input.configFile !== null;
  const trust = await findTrust(input, { directories, root }, named ? [] : project, { above, below });
  const outcome = mergeLayers([...above, ...project, ...below], named || trust === null || trust.trusted);
  const loaded: LoadedSettings = {
    settings: outcome.merged.values as unknown as Settings,
    origins: outcome.merged.origins,
    files: [...project, ...below].flatMap(({ file }) => (file === null ? [] : [file])),
    notices: [...notices, ...noticesOf(outcome, trust)],
    untrusted: outcome.untrusted,
    trust,
  };
  stamps.set(loaded, seen);
  return loaded;
}

/**
 * The same object while none of the files that took part, or could take part, has changed on disk; else freshly loaded
 * settings. Costs a few stat calls. @throws BmoError when an edit broke the configuration: the caller keeps the earlier
 * settings.
 */
export async function reloadIfChanged(loaded: LoadedSettings, input: LoadInput): Promise<LoadedSettings> {
  const seen = stamps.get(loaded);
  const unchanged = seen !== undefined && [...seen].every(([path, stamp]) => stampOf(path) === stamp);
  return unchanged ? loaded : loadSettings(input);
}
