// `bmo init`: finds credentials and local servers, offers the presets, and writes the user's file. Without a terminal
// it only says what it would write, unless --yes is given.

import { Option } from "commander";
import { loadSettings } from "../config/load.ts";
import { stampOf } from "../config/find-files.ts";
import { formatKey } from "../config/keys.ts";
import { userConfigPath } from "../config/paths.ts";
import { isPresetName, PRESET_NAMES, PRESET_SUMMARIES } from "../config/presets.ts";
import { setUserSetting, type SettingValue } from "../config/write.ts";
import { EXIT, type ExitCode } from "../types/error.ts";
import { BmoError } from "../util/errors.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { presetOption } from "./flags.ts";
import { findLocalServers, type FoundServer, type LocalServer } from "./init-local-servers.ts";
import type { Ground } from "./app.ts";
import { printJson, type Subcommand, type SubcommandIo } from "./subcommand.ts";

/** What init needs to know of a ready-made provider; rows of the vendors table fit. */
export interface InitVendor {
  id: string;
  baseUrl: string;
  keyVariables: readonly string[];
  needsKey: boolean;
}

interface Setting {
  key: string;
  value: SettingValue;
  secret: boolean;
}

interface Found {
  credentials: { provider: string; variable: string }[];
  /** Providers that the configuration already gives a key or a key command. */
  configured: string[];
  servers: FoundServer[];
}

function readPresets(text: string): string[] {
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name !== "none");
  const unknown = names.find((name) => !isPresetName(name));
  if (unknown !== undefined)
    throw new BmoError("usage", `there is no preset "${unknown}"`, `Presets: ${PRESET_NAMES.join(", ")}.`);
  return names;
}

async function look(io: SubcommandIo, vendors: readonly InitVendor[], configured: readonly string[]): Promise<Found> {
  const credentials = vendors.flatMap(({ id, keyVariables }) => {
    const variable = keyVariables.find((name) => (io.environment[name] ?? "") !== "");
    return variable === undefined ? [] : [{ provider: id, variable }];
  });
  const servers: LocalServer[] = vendors.filter(({ needsKey }) => !needsKey);
  return { credentials, configured: [...configured], servers: await findLocalServers(servers) };
}

/** A local server needs a table, so that it counts as configured. */
function serverSettings(found: Found): Setting[] {
  return found.servers.map(({ id, baseUrl }) => ({
    key: formatKey(["providers", id, "base_url"]),
    value: baseUrl,
    secret: false,
  }));
}

function describe(found: Found): string {
  const lines = [
    ...found.credentials.map(({ provider, variable }) => `found  ${provider}: key in ${variable}`),
    ...found.configured.map((provider) => `found  ${sanitizeLine(provider)}: key in the configuration`),
    ...found.servers.map(
      ({ id, baseUrl, models }) =>
        `found  ${id}: ${baseUrl}, ${models.length === 0 ? "no models loaded" : models.slice(0, 5).map(sanitizeLine).join(", ")}`,
    ),
  ];
  return lines.length === 0 ? "found  no key in the environment and no local server\n" : `${lines.join("\n")}\n`;
}

async function askKey(io: SubcommandIo, vendors: readonly InitVendor[]): Promise<Setting[]> {
  const names = vendors.filter(({ needsKey }) => needsKey).map(({ id }) => id);
  const provider = (await io.question(`Provider to use (${names.join(", ")}; empty: none): `)).trim();
  if (provider === "") return [];
  const vendor = vendors.find(({ id }) => id === provider);
  if (vendor === undefined)
    throw new BmoError(
      "usage",
      `there is no ready-made provider "${provider}"`,
      `Ready-made: ${names.join(", ")}. Others: [providers.<name>] in the configuration.`,
    );
  const key = (
    await io.question(
      `Key for ${provider} (kept in your own file, readable by you alone; empty: I will set ${vendor.keyVariables[0] ?? "a variable"}): `,
      { secret: true },
    )
  ).trim();
  return key === ""
    ? []
    : [{ key: formatKey(["providers", provider, "api_key"]), value: key.replaceAll("${", () => "$${"), secret: true }];
}

async function askRest(io: SubcommandIo, found: Found): Promise<{ model: string | null; preset: string[] }> {
  const local = found.servers.flatMap(({ id, models }) => models.map((model) => `${id}/${model}`));
  const suggestion = local.length > 0 ? ` Local ones: ${local.slice(0, 5).map(sanitizeLine).join(", ")}.` : "";
  const model = (
    await io.question(`Default model as provider/model (empty: chosen from the credentials).${suggestion} `)
  ).trim();
  io.stderr(
    `Presets:\n${PRESET_NAMES.map((name) => `  ${name.padEnd(15)} ${isPresetName(name) ? PRESET_SUMMARIES[name] : ""}\n`).join("")}`,
  );
  const preset = readPresets(
    await io.question("Preset or presets, comma-separated (empty: none, one model for everything): "),
  );
  return { model: model === "" ? null : model, preset };
}

function plannedSettings(model: string | null, preset: readonly string[], others: readonly Setting[]): Setting[] {
  return [
    ...(model === null ? [] : [{ key: "model", value: model, secret: false }]),
    ...(preset.length === 0
      ? []
      : [{ key: "preset", value: preset.length === 1 ? (preset[0] ?? "") : [...preset], secret: false }]),
    ...others,
  ];
}

export interface InitOptions {
  yes?: true;
  model?: string;
  /** Names of presets, comma-separated. */
  preset?: string;
}

/** @throws BmoError usage, or configuration when the user's file cannot be written. */
export async function runInit(
  options: InitOptions,
  io: SubcommandIo,
  vendors: readonly InitVendor[],
  configured: () => Promise<readonly string[]>,
): Promise<ExitCode> {
  let model = options.model ?? null;
  let preset = options.preset === undefined ? null : readPresets(options.preset);
  const file = userConfigPath(io.environment, io.home);
  const found = await look(io, vendors, await configured());
  const nothing = found.credentials.length === 0 && found.configured.length === 0 && found.servers.length === 0;
  const asking = io.isTerminal && !io.json && options.yes !== true;
  if (!io.json) io.stderr(describe(found));

  const others = serverSettings(found);
  if (asking) {
    if (nothing) others.push(...(await askKey(io, vendors)));
    if (model === null && preset === null) ({ model, preset } = await askRest(io, found));
  }
  const settings = plannedSettings(model, preset ?? [], others);
  const write =
    settings.length > 0 &&
    (options.yes === true ||
      (asking &&
        /^(y|yes|)$/i.test(
          (await io.question(`Write ${settings.map(({ key }) => key).join(", ")} to ${file}? [Y/n] `)).trim(),
        )));
  if (write) for (const { key, value } of settings) await setUserSetting(file, key, value);

  const shown = settings.map(({ key, value, secret }) => ({ key, value: secret ? "********" : value }));
  if (io.json)
    printJson(io, {
      file,
      existed: stampOf(file) !== null,
      written: write,
      settings: shown,
      credentials: found.credentials,
      configured: found.configured,
      servers: found.servers.map(({ id, baseUrl, models }) => ({ id, base_url: baseUrl, models })),
    });
  else if (write) io.stdout(`wrote ${file}\n`);
  else if (settings.length === 0)
    io.stdout(`nothing to write to ${file}${nothing ? "" : ": the keys found serve as they are"}\n`);
  else
    io.stdout(
      `would write to ${file} (with --yes):\n${shown.map(({ key, value }) => `  ${key} = ${JSON.stringify(value)}\n`).join("")}`,
    );
  if (nothing && others.length === 0 && model === null) {
    io.stderr(
      "bmo: no credentials yet. Set a key variable such as ANTHROPIC_API_KEY or OPENAI_API_KEY, start a local server, or try `bmo demo`, which needs neither.\n",
    );
    return EXIT.credentials;
  }
  return EXIT.done;
}

/** Providers that the configuration gives a key; none where it cannot be read, which `bmo config validate` explains. */
async function providersWithKeys({ input }: Ground): Promise<string[]> {
  try {
    const { settings } = await loadSettings(input);
    const withKey = Object.entries(settings.providers).filter(([, { api_key, key_command }]) => api_key ?? key_command);
    return withKey.map(([id]) => id);
  } catch (thrown) {
    if (!(thrown instanceof BmoError)) throw thrown;
    return [];
  }
}

export const initCommand: Subcommand<InitOptions> = {
  name: "init",
  summary: "set up credentials and presets",
  details:
    "Looks for keys and local servers, and writes your file. Without a terminal it writes only with --yes. A provider with a key in your configuration counts as found. Exit 6 if it finds nothing to work with.",
  options: [
    new Option("-y, --yes", "write without asking"),
    new Option("-m, --model <provider/model>", "default model"),
    presetOption("presets to write"),
  ],
  async run({ options, io, ground }) {
    const { VENDORS } = await import("../providers/vendors.ts");
    return runInit(options, io(), VENDORS, () => providersWithKeys(ground()));
  },
};
