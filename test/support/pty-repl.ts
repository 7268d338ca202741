// Bundles the REPL with a scripted agent once per test file and starts it in a pseudo-terminal.

import { build } from "esbuild";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
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

export async function buildRepl(): Promise<ReplBuild> {
  const folder = mkdtempSync(join(tmpdir(), "bmo-ui-build-"));
  await build({
    absWorkingDir: root, entryPoints: { program: "test/ui/fixtures/repl-program.ts" }, outdir: folder, bundle: true, splitting: true, format: "esm", platform: "node", target: "node20",
    minify: true, jsx: "automatic", alias: { "react-devtools-core": join(root, "scripts", "empty-module.mjs") }, define: { "process.env.NODE_ENV": '"production"', "process.env.DEV": "undefined" },
    outExtension: { ".js": ".mjs" }, logLevel: "error", banner: { js: "import{createRequire as bmoCreateRequire}from'node:module';const require=bmoCreateRequire(import.meta.url);" },
  });
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export function startRepl(build: ReplBuild, options: PtyOptions & { arguments?: Record<string, unknown>; folder?: string } = {}): ReplRun {
  const folder = options.folder ?? mkdtempSync(join(build.folder, "run-"));
  const log = join(folder, "calls.jsonl");
  const program = startPty([process.execPath, join(build.folder, "program.mjs"), JSON.stringify({ folder, log, ...options.arguments })], options);
  return {
    ...program,
    folder,
    calls: () => (existsSync(log) ? readFileSync(log, "utf8").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as { call: string; argument: unknown }) : []),
    submit: (text) => program.write(`${text}\r`),
  };
}
