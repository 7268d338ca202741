// Dispatches a subcommand to its file, with what that needs of the outside world.

import type { ExitCode } from "../types/error.ts";
import { BmoError } from "../util/errors.ts";
import { createApp, layGround, type App, type Ground, type RunFacts } from "./app.ts";
import { loadSettings } from "../config/load.ts";
import { checkRules } from "./check-rules.ts";
import type { CommandLine } from "./arguments.ts";
import type { SubcommandIo } from "./subcommand-io.ts";

async function ask(prompt: string, secret: boolean): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  const { Writable } = await import("node:stream");
  // A secret is read without being echoed: the terminal shows only the question.
  const output = secret ? new Writable({ write: (_chunk, _encoding, done) => done() }) : process.stderr;
  if (secret) process.stderr.write(prompt);
  const terminal = createInterface({ input: process.stdin, output, terminal: true });
  try {
    return await terminal.question(secret ? "" : prompt);
  } finally {
    terminal.close();
    if (secret) process.stderr.write("\n");
  }
}

function ioOf(app: Ground): SubcommandIo {
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void (app.line.quiet || process.stderr.write(text)),
    environment: app.environment,
    workspace: app.workspace,
    home: app.home ?? "",
    isTerminal: process.stdin.isTTY === true && process.stdout.isTTY === true,
    json: app.line.format !== "text",
    question: (prompt, options) => ask(prompt, options?.secret === true),
  };
}

async function doctor(app: Ground, rest: string[]): Promise<ExitCode> {
  const { runDoctorCommand } = await import("./doctor-command.ts");
  const { probeSandbox } = await import("../containment/probe.ts");
  const { findProgram, ownPath } = await import("./wire-containment.ts");
  const { runToString } = await import("../util/process.ts");
  return runDoctorCommand(rest, ioOf(app), {
    load: () => loadSettings(app.input),
    registry: (loaded) => app.registryOf(loaded),
    async version(program) {
      const path = findProgram(program, app);
      if (path === null) return null;
      const result = await runToString({
        argv: [path, "--version"],
        cwd: "/",
        environment: { PATH: ownPath(app) },
        timeoutSeconds: 10,
      });
      return result.exitCode === 0 ? (result.stdout.split("\n")[0] ?? null) : null;
    },
    async sandbox() {
      const state = await probeSandbox({
        platform: process.platform,
        searchPath: app.environment["PATH"] ?? "",
        workspace: app.workspace,
        dataDirectory: app.dataDirectory,
        home: app.home,
        environment: app.environment,
        fresh: true,
      });
      return { works: state.available, detail: state.reason };
    },
    terminal: {
      stdin: process.stdin.isTTY === true,
      stdout: process.stdout.isTTY === true,
      columns: process.stdout.columns ?? null,
    },
  });
}

async function route(app: App, rest: string[]): Promise<ExitCode> {
  const { runRouteCommand } = await import("./route-command.ts");
  const { routeServices } = await import("./route-services.ts");
  return runRouteCommand(rest, ioOf(app), { ...routeServices(app), overrides: app.flagOverrides() });
}

/** Providers that the configuration gives a key; none where it cannot be read, which `bmo config validate` explains. */
async function providersWithKeys(ground: Ground): Promise<string[]> {
  try {
    const { settings } = await loadSettings(ground.input);
    const withKey = Object.entries(settings.providers).filter(([, { api_key, key_command }]) => api_key ?? key_command);
    return withKey.map(([id]) => id);
  } catch (thrown) {
    if (!(thrown instanceof BmoError)) throw thrown;
    return [];
  }
}

export async function runSubcommand(line: CommandLine, facts: RunFacts): Promise<ExitCode> {
  const { rest } = line;
  if (line.subcommand === "completion") {
    const { runCompletionCommand } = await import("./completion-command.ts");
    return runCompletionCommand(rest, {
      stdout: (text) => void process.stdout.write(text),
      stderr: (text) => void process.stderr.write(text),
      environment: process.env,
      workspace: process.cwd(),
      home: "",
      isTerminal: false,
      json: line.format !== "text",
      question: () => Promise.resolve(""),
    });
  }
  if (line.subcommand === "demo") return (await import("./demo-command.ts")).runDemoCommand(rest, line, facts);
  // These must work, and say what is wrong, where the configuration is broken.
  const ground = layGround(line, facts);
  switch (line.subcommand) {
    case "config": {
      const { runConfigCommand } = await import("./config-command.ts");
      return runConfigCommand(rest, ioOf(ground), async () => checkRules(await loadSettings(ground.input)));
    }
    case "init": {
      const { runInitCommand } = await import("./init-command.ts");
      const { VENDORS } = await import("../providers/vendors.ts");
      return runInitCommand(rest, ioOf(ground), VENDORS, () => providersWithKeys(ground));
    }
    case "doctor":
      return doctor(ground, rest);
    default:
      return withSettings(await createApp(line, facts), rest);
  }
}

async function withSettings(app: App, rest: string[]): Promise<ExitCode> {
  switch (app.line.subcommand) {
    case "models": {
      const { runModelsCommand } = await import("./models-command.ts");
      return runModelsCommand(rest, ioOf(app), app.registry());
    }
    case "route":
      return route(app, rest);
    case "sessions": {
      const { runSessionsCommand } = await import("./sessions-command.ts");
      return runSessionsCommand(rest, ioOf(app), app.dataDirectory);
    }
    case "stats": {
      const { runStatsCommand } = await import("./stats-command.ts");
      return runStatsCommand(rest, ioOf(app), app.dataDirectory);
    }
    case "checkpoint": {
      const { runCheckpointCommand } = await import("./checkpoint-command.ts");
      return runCheckpointCommand(rest, ioOf(app), app);
    }
    default:
      throw new BmoError("usage", `there is no subcommand ${app.line.subcommand ?? ""}`, "bmo --help lists them.");
  }
}
