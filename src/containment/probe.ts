// Whether a sandbox works on this machine, for this user: tried once, the answer kept. Decides nothing about commands.

import { mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { makeTemporaryFolder } from "../util/own-temporaries.ts";
import { runToString } from "../util/process.ts";
import { findBubblewrap, sandboxArguments } from "./bubblewrap.ts";
import type { Survey } from "./survey.ts";

export type SandboxState =
  | { available: true; program: string; label: string; reason: string }
  | { available: false; program: null; label: string; reason: string };

const PROBE = [
  '[ "$(cat canary)" = canary ]', "! touch written 2>/dev/null", "! touch /written-by-probe 2>/dev/null", "touch /tmp/probe", '[ ! -s masked/.env ]', "[ $$ -lt 20 ]",
  "! (exec 3<>/dev/tcp/127.0.0.1/$0) 2>/dev/null", "echo contained",
].join(" && ");

async function tryBubblewrap(program: string, folder: string): Promise<string | null> {
  const workspace = join(folder, "workspace");
  const privateTemp = join(folder, "temp");
  mkdirSync(join(workspace, "masked"), { recursive: true });
  mkdirSync(privateTemp);
  writeFileSync(join(workspace, "canary"), "canary\n");
  writeFileSync(join(workspace, "masked", ".env"), "SECRET=1\n");
  const emptyFile = join(folder, "empty");
  writeFileSync(emptyFile, "");
  const real = realpathSync(workspace);
  const survey: Survey = { credentials: [join(real, "masked", ".env")], sockets: [], specials: [], ignoreFiles: [], gitEntries: [], skipped: [], closed: new Map(), folders: new Map(), complete: true };
  const prefix = sandboxArguments({
    stage: "plan", workspace: real, readRoots: [], home: null, network: false, privateTemp, emptyFile, hidden: [], survey, gitFolders: [], workTree: null, gitWork: null,
  });
  const result = await runToString({
    argv: [program, ...prefix, "/bin/bash", "--noprofile", "--norc", "-c", PROBE, "9"], cwd: real, environment: { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C" }, timeoutSeconds: 10,
  });
  if (result.stdout.trim() === "contained") return null;
  return result.stderr.trim().split("\n")[0] || `its test ended with ${result.exitCode ?? result.signalName ?? "nothing"}`;
}

/**
 * Whether a sandbox works here, as this user. Tried once; the answer is kept in the data directory for this program, kernel
 * and user.
 * @param searchPath the user's PATH.
 */
export async function probeSandbox(options: { platform: string; searchPath: string; workspace: string; dataDirectory: string }): Promise<SandboxState> {
  const none = (reason: string): SandboxState => ({ available: false, program: null, label: `none (${reason})`, reason });
  if (options.platform !== "linux") return none(`no sandbox on ${options.platform}`);
  const program = findBubblewrap(options.searchPath, options.workspace);
  if (program === null) return none("bubblewrap is not installed");
  const facts = statSync(program);
  const key = [program, facts.mtimeMs, facts.size, release(), process.getuid?.() ?? 0].join(" ");
  const cache = join(options.dataDirectory, "sandbox.json");
  const known = readCache(cache);
  const answer = (problem: string | null): SandboxState =>
    problem === null ? { available: true, program, label: "bubblewrap", reason: "bubblewrap works" } : none(`bubblewrap does not work here: ${problem}`);
  if (known !== null && known.key === key && known.problem === null) return answer(null);
  mkdirSync(options.dataDirectory, { recursive: true, mode: 0o700 });
  const folder = makeTemporaryFolder(options.dataDirectory, "probe");
  try {
    const problem = await tryBubblewrap(program, folder);
    writeFileSync(cache, JSON.stringify({ key, problem }), { mode: 0o600 });
    return answer(problem);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readCache(path: string): { key: string; problem: string | null } | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value !== "object" || value === null || !("key" in value) || !("problem" in value)) return null;
    return typeof value.key === "string" && (value.problem === null || typeof value.problem === "string") ? { key: value.key, problem: value.problem } : null;
  } catch (thrown) {
    if (thrown instanceof SyntaxError || systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}
