// Bundles the REPL with a scripted agent once per test file and starts it in a pseudo-terminal.

import { build } from "esbuild";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll } from "vitest";
import { startPty, type PtyOptions, type PtyProgram } from "./pty.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface ReplBuild {
  folder: string;
  remove(): void;
}

export interface ReplRun extends PtyProgram {
  folder: string;
  /** Calls that reached the agent or the front end's services, oldest first. */
  calls(): { call: string; argument: unknown }[];
  /** Sends one line and Enter. */
  submit(text: string): void;
}

/** What stands on the screen once a REPL with the scripted agent takes input. */
export const READY = "plan · fake/large (balanced)";

type StartOptions = PtyOptions & { arguments?: Record<string, unknown>; folder?: string };

export interface ReplStarts {
  build(): ReplBuild;
  /** Starts a REPL and waits for nothing. */
  launch(options?: StartOptions): ReplRun;
  /** Starts one and waits until it is ready. */
  start(options?: StartOptions, ready?: string | RegExp): Promise<ReplRun>;
  /** Ends the program with the test that started it. */
  track<Program extends { dispose(): void }>(program: Program): Program;
}

/** Builds the REPL once for the test file that calls this at its top, and ends what each test started. */
export function useRepl(): ReplStarts {
  let built: ReplBuild | null = null;
  const running: { dispose(): void }[] = [];
  beforeAll(async () => {
    built = await buildRepl();
  });
  afterAll(() => built?.remove());
  afterEach(() => {
    for (const program of running.splice(0)) program.dispose();
  });
  const starts: ReplStarts = {
    build() {
      if (built === null) throw new Error("the REPL is built before the first test");
      return built;
    },
    launch: (options = {}) => starts.track(startRepl(starts.build(), options)),
    async start(options, ready = READY) {
      const run = starts.launch(options);
      await run.waitFor(ready);
      return run;
    },
    track(program) {
      running.push(program);
      return program;
    },
  };
  return starts;
}

async function buildRepl(): Promise<ReplBuild> {
  const folder = mkdtempSync(join(tmpdir(), "bmo-ui-build-"));
  await build({
    absWorkingDir: root,
    entryPoints: { program: "test/ui/fixtures/repl-program.ts" },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    minify: true,
    jsx: "automatic",
    alias: { "react-devtools-core": join(root, "scripts", "empty-module.mjs") },
    define: { "process.env.NODE_ENV": '"production"', "process.env.DEV": "undefined" },
    outExtension: { ".js": ".mjs" },
    logLevel: "error",
    banner: {
      js: "import{createRequire as bmoCreateRequire}from'node:module';const require=bmoCreateRequire(import.meta.url);",
    },
  });
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function startRepl(build: ReplBuild, options: StartOptions): ReplRun {
  const folder = options.folder ?? mkdtempSync(join(build.folder, "run-"));
  const log = join(folder, "calls.jsonl");
  const program = startPty(
    [process.execPath, join(build.folder, "program.mjs"), JSON.stringify({ folder, log, ...options.arguments })],
    options,
  );
  return {
    ...program,
    folder,
    calls: () =>
      existsSync(log)
        ? readFileSync(log, "utf8")
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => JSON.parse(line) as { call: string; argument: unknown })
        : [],
    submit: (text) => program.write(`${text}\r`),
  };
}
