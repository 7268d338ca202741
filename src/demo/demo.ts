// Prepares the demo in a folder of its own: the sample project, the scripted replies and a configuration; and runs the
// sample's real test. Runs no agent.

import { cp, mkdir, realpath, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BmoError } from "../util/errors.ts";
import { runProcess } from "../util/process.ts";
import { demoScript } from "./script.ts";

const PLANNING_MODEL = "demo/planner";
const EXECUTION_MODEL = "demo/executor";

/** Where the sample lies: beside this file, or in the built package beside or above the chunk that this file became. */
const SAMPLE_PLACES = ["./sample/", "./demo/", "../demo/"];
const TEST_TIMEOUT_SECONDS = 60;

export interface DemoInput {
  /** An empty folder that the caller made and removes. */
  directory: string;
  environment: Readonly<Record<string, string | undefined>>;
  /** Pause between two words of the replies; 0 = none. */
  paceMs: number;
}

export interface PreparedDemo {
  /** Real path of the copy of the sample. */
  workspace: string;
  /** To be used as BMO_HOME: holds the configuration and takes the session. */
  home: string;
  /** What the user would type. */
  prompt: string;
}

function sampleDirectory(): string {
  for (const place of SAMPLE_PLACES) {
    const directory = fileURLToPath(new URL(place, import.meta.url));
    if (existsSync(join(directory, "package.json"))) return directory;
  }
  throw new BmoError(
    "failed",
    "the sample project of the demo is missing from this installation",
    "Install bmo again, or run `npm run build` in a checkout.",
  );
}

/** `node` of this very process first, so that the sample's test runs wherever bmo runs. */
function searchPath(environment: DemoInput["environment"]): string {
  return [
    dirname(process.execPath),
    ...(environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""),
  ].join(delimiter);
}

/** The prices are examples, so that costs and savings have something to show. */
function configuration(scriptFile: string, path: string): string {
  return `# Configuration of the demo: both models are scripted, nothing is sent anywhere.
[providers.demo]
type = "script"
file = ${JSON.stringify(scriptFile)}

[[providers.demo.models]]
id = "planner"
context_window = 200000
max_output = 8192
price = { input = 3, output = 15, cache_read = 0.3, cache_write = 3.75 }

[[providers.demo.models]]
id = "executor"
context_window = 200000
max_output = 8192
price = { input = 0.25, output = 1.25, cache_read = 0.025, cache_write = 0.3 }

[options.phase_model]
planning_model = "${PLANNING_MODEL}"
execution_model = "${EXECUTION_MODEL}"

[options.shell.env]
add = { PATH = ${JSON.stringify(path)} }
remove = ["NODE_TEST_CONTEXT", "NODE_OPTIONS"]
`;
}

/** Lays out the demo below `directory`. @throws BmoError failed when the installation lacks the sample. */
export async function prepareDemo(input: DemoInput): Promise<PreparedDemo> {
  const directory = await realpath(input.directory);
  const workspace = join(directory, "corner-shop");
  const home = join(directory, "home");
  const scriptFile = join(home, "script.json");
  await cp(sampleDirectory(), workspace, { recursive: true });
  await mkdir(home, { mode: 0o700 });
  await writeFile(scriptFile, `${JSON.stringify(demoScript(input.paceMs), null, 2)}\n`);
  await writeFile(join(home, "bmo.toml"), configuration(scriptFile, searchPath(input.environment)));
  return { workspace, home, prompt: "The total of the cart ignores the quantities. Make the tests pass." };
}

export interface TestRun {
  passed: boolean;
  /** What the test printed. */
  output: string;
}

/** Runs the sample's own test. */
export async function checkDemo(
  workspace: string,
  environment: DemoInput["environment"],
  signal: AbortSignal,
): Promise<TestRun> {
  const kept: Record<string, string> = { PATH: searchPath(environment) };
  for (const name of ["HOME", "TMPDIR", "LANG"]) {
    const value = environment[name];
    if (value !== undefined) kept[name] = value;
  }
  const run = await runProcess({
    argv: [process.execPath, "--test"],
    cwd: workspace,
    environment: kept,
    timeoutSeconds: TEST_TIMEOUT_SECONDS,
    signal,
  });
  return { passed: run.exitCode === 0, output: run.output };
}
