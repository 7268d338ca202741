// `bmo config show|path|validate`: what the configuration comes to, and where it stands. Changes nothing.

import { Argument } from "commander";
import { readSettings } from "./app.ts";
import { presetOption } from "./flags.ts";
import { stampOf } from "../config/find-files.ts";
import { userConfigPath } from "../config/paths.ts";
import { configRows } from "../config/show.ts";
import { EXIT, type ExitCode } from "../types/error.ts";
import type { LoadedSettings } from "../types/settings.ts";
import { BmoError, exitCodeOf } from "../util/errors.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { padColumns, textWidth } from "../util/text-width.ts";
import { printJson, type Call, type Subcommand, type SubcommandIo } from "./subcommand.ts";

function show(loaded: LoadedSettings, filter: string | undefined, io: SubcommandIo): void {
  const rows = configRows(loaded).filter(
    ({ key }) => filter === undefined || key === filter || key.startsWith(`${filter}.`),
  );
  if (filter !== undefined && rows.length === 0)
    throw new BmoError("usage", `no key ${filter} in the configuration`, "`bmo config show` lists all.");
  if (io.json) {
    printJson(io, {
      settings: rows.map(({ key, value, origin }) => ({ key, value: JSON.parse(value) as unknown, origin })),
      files: loaded.files,
      notices: loaded.notices,
      untrusted: loaded.untrusted,
    });
    return;
  }
  const lines = rows.map(({ key, value, origin }) => ({
    setting: sanitizeLine(`${key} = ${value}`),
    origin: sanitizeLine(origin),
  }));
  const width = Math.min(72, Math.max(...lines.map(({ setting }) => textWidth(setting))));
  for (const { setting, origin } of lines) io.stdout(`${padColumns(setting, width)}  # ${origin}\n`);
  for (const notice of loaded.notices) io.stderr(`bmo: ${sanitizeLine(notice)}\n`);
}

function paths(loaded: LoadedSettings, io: SubcommandIo): void {
  const user = userConfigPath(io.environment, io.home);
  const exists = stampOf(user) !== null;
  if (io.json) printJson(io, { user, exists, files: loaded.files });
  else {
    io.stdout(`${user}${exists ? "" : "  (not there yet)"}\n`);
    for (const file of loaded.files.filter((one) => one !== user)) io.stdout(`${file}\n`);
  }
}

async function validate(io: SubcommandIo, load: () => Promise<LoadedSettings>): Promise<ExitCode> {
  try {
    const { files, notices } = await load();
    if (io.json) printJson(io, { valid: true, files, notices, error: null });
    else {
      io.stdout(
        files.length === 0
          ? "no configuration file: the defaults count\n"
          : files.map((file) => `ok  ${file}\n`).join(""),
      );
      for (const notice of notices) io.stderr(`bmo: ${sanitizeLine(notice)}\n`);
    }
    return EXIT.done;
  } catch (thrown) {
    if (!(thrown instanceof BmoError) || !io.json) throw thrown;
    printJson(io, { valid: false, files: [], notices: [], error: thrown.info() });
    return exitCodeOf(thrown.code);
  }
}

const loading = (call: Call): Promise<LoadedSettings> => readSettings(call.ground().input);

/** Works, and says what is wrong, where the configuration is broken. */
export const configCommand: Subcommand = {
  name: "config",
  summary: "show, locate or validate the configuration",
  options: [presetOption()],
  actions: [
    {
      name: "show",
      summary: "each value with its origin",
      arguments: [new Argument("[key]", "that key, or those of that table")],
      async run(call) {
        show(await loading(call), call.words[0], call.io());
        return EXIT.done;
      },
    },
    {
      name: "path",
      summary: "where your file is, and which other files count",
      async run(call) {
        paths(await loading(call), call.io());
        return EXIT.done;
      },
    },
    {
      name: "validate",
      summary: "whether the files are right",
      run: (call) => validate(call.io(), () => loading(call)),
    },
  ],
};
