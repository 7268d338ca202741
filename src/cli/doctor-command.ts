// `bmo doctor`: checks what a run needs, one row each with its remedy. Starts nothing but the probes it is handed.

import { constants } from "node:fs";
import { access, mkdir, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { loadSettings } from "../config/load.ts";
import { dataDirectory } from "../config/paths.ts";
import { probeSandbox } from "../containment/probe.ts";
import { EXIT, type ExitCode } from "../types/error.ts";
import type { ModelRegistry } from "../types/provider.ts";
import type { LoadedSettings } from "../types/settings.ts";
import { BmoError, systemErrorCode, toErrorInfo } from "../util/errors.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { findProgram, ownPath } from "./wire-containment.ts";
import { checkProviders } from "./doctor-providers.ts";
import type { Ground } from "./app.ts";
import { printJson, type Subcommand, type SubcommandIo } from "./subcommand.ts";

export interface DoctorRow {
  name: string;
  state: "ok" | "warn" | "fail";
  detail: string;
  /** What to do about it; null where all is well. */
  remedy: string | null;
}

export interface DoctorServices {
  load(): Promise<LoadedSettings>;
  registry(loaded: LoadedSettings): Promise<ModelRegistry> | ModelRegistry;
  /** First line of what `<program> --version` prints, or null when it cannot be run. */
  version(program: "git" | "rg"): Promise<string | null>;
  /** Whether commands of the plan stage can be confined on this machine. */
  sandbox(): Promise<{ works: boolean; detail: string }>;
  terminal: { stdin: boolean; stdout: boolean; columns: number | null };
  /** Milliseconds for each provider's answer. */
  providerTimeoutMs?: number;
}

const DISK_WARN_BYTES = 200 * 1_048_576;

function ok(name: string, detail: string): DoctorRow {
  return { name, state: "ok", detail, remedy: null };
}

function nodeRow(): DoctorRow {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 12)) return ok("node", process.versions.node);
  return { name: "node", state: "fail", detail: process.versions.node, remedy: "Install Node 20.12 or later." };
}

async function programRow(
  program: "git" | "rg",
  name: string,
  without: string,
  services: DoctorServices,
): Promise<DoctorRow> {
  const version = await services.version(program);
  return version === null
    ? { name, state: "warn", detail: "not found", remedy: `${without} Install ${name}.` }
    : ok(name, version);
}

async function sandboxRow(services: DoctorServices): Promise<DoctorRow> {
  const { works, detail } = await services.sandbox();
  if (works) return ok("sandbox", detail);
  return {
    name: "sandbox",
    state: "warn",
    detail,
    remedy:
      "Without it the plan stage runs only commands known to read. Commands then run with your own reach. Install bubblewrap (Linux), and allow unprivileged user namespaces.",
  };
}

function terminalRow(io: SubcommandIo, { terminal }: DoctorServices): DoctorRow {
  const kind = io.environment["TERM"] ?? "";
  if (!terminal.stdin || !terminal.stdout)
    return {
      name: "terminal",
      state: "warn",
      detail: "stdin or stdout is not a terminal",
      remedy: "The REPL needs both; headless runs do not.",
    };
  if (kind === "dumb" || kind === "")
    return {
      name: "terminal",
      state: "warn",
      detail: kind === "" ? "TERM is not set" : "TERM=dumb",
      remedy: "Set TERM, such as xterm-256color, to get the REPL.",
    };
  if (terminal.columns !== null && terminal.columns < 40)
    return {
      name: "terminal",
      state: "warn",
      detail: `${kind}, ${terminal.columns} columns`,
      remedy: "Forty columns or more are easier to read.",
    };
  return ok("terminal", terminal.columns === null ? kind : `${kind}, ${terminal.columns} columns`);
}

async function dataRows(io: SubcommandIo): Promise<DoctorRow[]> {
  let folder: string;
  try {
    folder = dataDirectory(io.environment, io.home);
  } catch (thrown) {
    if (!(thrown instanceof BmoError)) throw thrown;
    return [{ name: "data folder", state: "fail", detail: thrown.message, remedy: thrown.hint }];
  }
  const remedy = "Make it writable, or set BMO_HOME to a folder that is.";
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === undefined) throw thrown;
    return [{ name: "data folder", state: "fail", detail: `${folder}: not writable (${code})`, remedy }];
  }
  return [ok("data folder", folder), await diskRow(folder)];
}

async function diskRow(folder: string): Promise<DoctorRow> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const detail = `${String(Math.floor(free / 1_048_576))} MiB free`;
  return free < DISK_WARN_BYTES
    ? {
        name: "disk",
        state: free === 0 ? "fail" : "warn",
        detail,
        remedy: `Free some space on the disk of ${dirname(folder)}.`,
      }
    : ok("disk", detail);
}

async function configurationRows(
  services: DoctorServices,
): Promise<{ rows: DoctorRow[]; loaded: LoadedSettings | null }> {
  try {
    const loaded = await services.load();
    const name = "configuration";
    const rows = [ok(name, loaded.files.length === 0 ? "no file: the defaults count" : loaded.files.join(", "))];
    return {
      loaded,
      rows: [
        ...rows,
        ...loaded.notices.map((detail): DoctorRow => ({
          name,
          state: "warn",
          detail,
          remedy: "`bmo config show` prints what counts, and why.",
        })),
      ],
    };
  } catch (thrown) {
    if (!(thrown instanceof BmoError)) throw thrown;
    return {
      loaded: null,
      rows: [
        {
          name: "configuration",
          state: "fail",
          detail: thrown.message,
          remedy: thrown.hint ?? "Mend the file; `bmo config validate` checks it.",
        },
      ],
    };
  }
}

async function providerRows(loaded: LoadedSettings, services: DoctorServices): Promise<DoctorRow[]> {
  try {
    return await checkProviders(await services.registry(loaded), loaded, services.providerTimeoutMs ?? 8_000);
  } catch (thrown) {
    const { message, hint } = toErrorInfo(thrown);
    return [{ name: "providers", state: "fail", detail: message, remedy: hint ?? "`bmo models` lists what is known." }];
  }
}

/** Exit code 1 when any row fails; warnings do not fail. */
export async function runDoctor(io: SubcommandIo, services: DoctorServices): Promise<ExitCode> {
  const { rows: configuration, loaded } = await configurationRows(services);
  const rows = [
    nodeRow(),
    ...configuration,
    ...(loaded === null ? [] : await providerRows(loaded, services)),
    await programRow("git", "git", "Checkpoints then take a plainer way.", services),
    await programRow("rg", "ripgrep", "Searching then takes bmo's own, slower way.", services),
    await sandboxRow(services),
    terminalRow(io, services),
    ...(await dataRows(io)),
  ];
  const failed = rows.some(({ state }) => state === "fail");
  if (io.json) printJson(io, { ok: !failed, checks: rows });
  else {
    const width = Math.max(...rows.map(({ name }) => name.length));
    for (const { name, state, detail, remedy } of rows) {
      io.stdout(`${state.padEnd(4)}  ${sanitizeLine(name).padEnd(width)}  ${sanitizeLine(detail)}\n`);
      if (state !== "ok" && remedy !== null) io.stdout(`${" ".repeat(width + 8)}${sanitizeLine(remedy)}\n`);
    }
  }
  return failed ? EXIT.failed : EXIT.done;
}

function servicesOf(ground: Ground): DoctorServices {
  const { environment, workspace, dataDirectory, home } = ground;
  return {
    load: () => loadSettings(ground.input),
    registry: (loaded) => ground.registryOf(loaded),
    async version(program) {
      const path = findProgram(program, ground);
      if (path === null) return null;
      const { runToString } = await import("../util/process.ts");
      const options = { cwd: "/", environment: { PATH: ownPath(ground) }, timeoutSeconds: 10 };
      const result = await runToString({ argv: [path, "--version"], ...options });
      return result.exitCode === 0 ? (result.stdout.split("\n")[0] ?? null) : null;
    },
    async sandbox() {
      const searchPath = environment["PATH"] ?? "";
      const place = { platform: process.platform, searchPath, workspace, dataDirectory, home, environment };
      const state = await probeSandbox({ ...place, fresh: true });
      return { works: state.available, detail: state.reason };
    },
    terminal: {
      stdin: process.stdin.isTTY === true,
      stdout: process.stdout.isTTY === true,
      columns: process.stdout.columns ?? null,
    },
  };
}

export const doctorCommand: Subcommand = {
  name: "doctor",
  summary: "check configuration, keys, providers, tools and terminal",
  details:
    "Also Node, sandbox and data folder. Each row that is not well says what to do. Exit 1 if a row says `fail`.",
  run: ({ io, ground }) => runDoctor(io(), servicesOf(ground())),
};
