// Reads one configuration file through cosmiconfig, with loaders that only parse. Must never run anything a file says.

import { readFile } from "node:fs/promises";
import type { CosmiconfigResult, Options } from "cosmiconfig";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { checkConfigFile, SEARCH_PLACES } from "./find-files.ts";
import { parseConfigText, type RawTable } from "./read-text.ts";

/** `default` is the one form that the module has under Node and in a bundle alike. */
interface ExplorerModule {
  default: {
    Explorer: new (options: Options & { moduleName: string; metaConfigFilePath: string | null }) => {
      load(path: string): Promise<CosmiconfigResult>;
    };
  };
}

/**
 * The explorer class itself, although it is a private file of the package: the package's `cosmiconfig()` first searches
 * the working directory for settings of its own, in `package.json` and `.config/config.{js,ts,…}`. That runs the
 * repository's code, waits for ever for a fifo, and no option prevents it. A test holds that this is still so.
 */
async function loadWithCosmiconfig(path: string): Promise<RawTable> {
  const { Explorer } = ((await import("cosmiconfig/dist/Explorer.js")) as unknown as ExplorerModule).default;
  const loader = async (file: string, content: string): Promise<RawTable> => {
    const { $import: imported, ...table } = await parseConfigText(content, file);
    if (imported !== undefined)
      throw new BmoError("configuration", `${file}: $import is not supported`, "Write the keys into this file.");
    return table;
  };
  const explorer = new Explorer({
    moduleName: "bmo",
    metaConfigFilePath: null,
    searchPlaces: [...SEARCH_PLACES],
    searchStrategy: "none",
    loaders: { ".toml": loader, ".json": loader, ".yaml": loader, ".yml": loader, noExt: loader, default: loader },
    cache: false,
    mergeImportArrays: false,
    mergeSearchPlaces: false,
    ignoreEmptySearchPlaces: false,
    transform: (result) => result,
  });
  const result = await explorer.load(path);
  return result === null || result.isEmpty === true ? (Object.create(null) as RawTable) : (result.config as RawTable);
}

async function readable<Value>(path: string, read: () => Promise<Value>): Promise<Value> {
  checkConfigFile(path);
  try {
    return await read();
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === undefined || thrown instanceof BmoError) throw thrown;
    throw new BmoError("configuration", `${path}: cannot be read (${code})`, "Check the file's permissions.", {
      cause: thrown,
    });
  }
}

/** A project's file. @throws BmoError configuration. */
export function readProjectFile(path: string): Promise<RawTable> {
  return readable(path, () => loadWithCosmiconfig(path));
}

/**
 * A file at a fixed place, where there is nothing to search and no need to load the library. @throws BmoError
 * configuration.
 */
export function readFixedFile(path: string): Promise<RawTable> {
  return readable(path, async () => parseConfigText(await readFile(path, "utf8"), path));
}
