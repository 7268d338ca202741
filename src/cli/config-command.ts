// `bmo config show|path|validate`: what the configuration comes to, and where it stands. Changes nothing.

import { stampOf } from "../config/find-files.ts";
import { userConfigPath } from "../config/paths.ts";
import { configRows } from "../config/show.ts";
import { EXIT, type ExitCode } from "../types/error.ts";
import type { LoadedSettings } from "../types/settings.ts";
import { BmoError, exitCodeOf } from "../util/errors.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { padColumns, textWidth } from "../util/text-width.ts";
import { printJson, type SubcommandIo } from "./subcommand-io.ts";
import { SUBCOMMAND_USAGE } from "./subcommand-usage.ts";

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

/** `load` reads the configuration as a run would. @throws BmoError usage or configuration. */
export async function runConfigCommand(
  given: readonly string[],
  io: SubcommandIo,
  load: () => Promise<LoadedSettings>,
): Promise<ExitCode> {
  const [action = "show", filter, ...more] = given;
  if (more.length > 0 || (filter !== undefined && action !== "show"))
    throw new BmoError("usage", `bmo config ${action} takes no ${more[0] ?? filter ?? ""}`, SUBCOMMAND_USAGE.config);
  switch (action) {
    case "show":
      show(await load(), filter, io);
      return EXIT.done;
    case "path":
      paths(await load(), io);
      return EXIT.done;
    case "validate":
      return validate(io, load);
    default:
      throw new BmoError("usage", `bmo config has no "${action}"`, SUBCOMMAND_USAGE.config);
  }
}
