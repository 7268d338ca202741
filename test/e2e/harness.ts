// Runs bin/bmo.js as a user would: its own home, its own workspace, a vendor server on loopback.
// Homes are those of people who have run bmo before (used-home.ts).

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll } from "vitest";
import { fillUsedHome, makeUsedHome } from "./used-home.ts";

/** `BMO_E2E_PROGRAM` names another build of the same program, for work on a tree that others are building too. */
export const BMO = process.env["BMO_E2E_PROGRAM"] ?? fileURLToPath(new URL("../../bin/bmo.js", import.meta.url));

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** null closes stdin at once; a string is piped in; "open" leaves the pipe open and silent. */
  stdin?: string | Buffer | null | "open";
  environment?: Record<string, string | undefined>;
  cwd?: string;
  onStart?(child: ReturnType<typeof spawn>): void;
}

export interface Place {
  home: string;
  workspace: string;
  /** Writes the user's bmo.toml. */
  configure(toml: string): void;
  file(path: string, text: string | Buffer): void;
  read(path: string): string;
  /** Digest over names, kinds, modes and bytes of the workspace. */
  digest(): string;
  run(args: string[], options?: RunOptions): Promise<Finished>;
}

const open: string[] = [];

beforeAll(() =>
  makeUsedHome((home, workspace, args) => runBmo(args, { cwd: workspace, environment: homeVariables(home) })),
);

afterEach(() => {
  for (const folder of open.splice(0))
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});

export function treeDigest(root: string): string {
  const hash = createHash("sha256");
  const visit = (folder: string): void => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name);
      const facts = lstatSync(path);
      hash.update(`${relative(root, path)}\0${facts.mode}\0`);
      if (facts.isDirectory()) visit(path);
      else if (facts.isSymbolicLink()) hash.update(readlinkSync(path));
      else if (facts.isFile()) hash.update(readFileSync(path));
    }
  };
  visit(root);
  return hash.digest("hex");
}

const homeVariables = (home: string): Record<string, string> => ({ HOME: home, BMO_HOME: join(home, "bmo") });

/** @param used false: bmo has never run in this home. */
export function createPlace({ used = true }: { used?: boolean } = {}): Place {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "bmo-e2e-")));
  open.push(root);
  const home = join(root, "home");
  const workspace = join(root, "workspace");
  mkdirSync(join(home, "bmo"), { recursive: true });
  mkdirSync(workspace);
  if (used) fillUsedHome(home);
  return {
    home,
    workspace,
    configure: (toml) => writeFileSync(join(home, "bmo", "bmo.toml"), toml),
    file(path, text) {
      mkdirSync(dirname(join(workspace, path)), { recursive: true });
      writeFileSync(join(workspace, path), text);
    },
    read: (path) => readFileSync(join(workspace, path), "utf8"),
    digest: () => treeDigest(workspace),
    run: (args, options = {}) =>
      runBmo(args, {
        cwd: workspace,
        ...options,
        environment: { ...homeVariables(home), ...options.environment },
      }),
  };
}

/** Only what the program needs: keys of the machine that runs the tests must not take part. */
export function cleanEnvironment(extra: Record<string, string | undefined> = {}): Record<string, string> {
  const base: Record<string, string | undefined> = {
    PATH: process.env["PATH"],
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
    ...extra,
  };
  return Object.fromEntries(
    Object.entries(base).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

export function runBmo(args: string[], options: RunOptions): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BMO, ...args], {
      cwd: options.cwd,
      env: cleanEnvironment(options.environment),
      stdio: ["pipe", "pipe", "pipe"],
    });
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
    child.stdin.on("error", () => undefined);
    child.on("error", reject);
    child.on("close", (code, signal) =>
      resolve({
        code,
        signal,
        stdout: Buffer.concat(out).toString("utf8"),
        stderr: Buffer.concat(errors).toString("utf8"),
      }),
    );
    const input = options.stdin ?? null;
    if (input === null) child.stdin.end();
    else if (input !== "open") child.stdin.end(input);
    options.onStart?.(child);
  });
}

export type WireName = "anthropic" | "responses" | "chat";

/** A provider table for the user's file; `wire` decides type and API. */
export function providerToml(id: string, wire: WireName, url: string, models: string[], extra = ""): string {
  const type =
    wire === "anthropic"
      ? 'type = "anthropic"'
      : wire === "responses"
        ? 'type = "openai"'
        : 'type = "openai-compatible"';
  const base = wire === "anthropic" ? url : `${url}/v1`;
  const list = models.map(
    (model) => `[[providers.${id}.models]]\nid = "${model}"\ncontext_window = 200000\nmax_output = 8000\n${extra}`,
  );
  return `[providers.${id}]\n${type}\nbase_url = "${base}"\napi_key = "test-key-${id}-0123456789"\n${list.join("\n")}\n`;
}
