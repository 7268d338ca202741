// Whether a sandbox works on this machine, for this user: a sandbox counts only where its own attempt to get out has
// just failed here. Tried once with the arguments of real commands, the answer kept until a command meets another.
// Decides nothing about commands.

import { mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { makeTemporaryFolder } from "../util/own-temporaries.ts";
import { runToString } from "../util/process.ts";
import { findBubblewrap } from "./bubblewrap.ts";
import { fencedCommand, type SandboxDriver } from "./fenced-command.ts";
import { describeFence } from "./fence.ts";
import { systemCallFilter } from "./seccomp.ts";
import { createSandboxPlace } from "./sandbox-place.ts";
import type { Survey } from "./survey.ts";
import { createSurroundings } from "./surroundings.ts";

export type SandboxState =
  | (SandboxDriver & { available: true; label: string; reason: string })
  | { available: false; program: null; label: string; reason: string };

export interface ProbeRequest {
  /** `process.platform`. */
  platform: string;
  workspace: string;
  dataDirectory: string;
  /** The user's PATH. */
  searchPath: string;
  /** $HOME, or null. */
  home?: string | null;
  /** The user's environment, for variables that name tool chains. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Tries again although an answer is kept. */
  fresh?: boolean;
}

/** Changes with what a sandbox is: answers about an older one do not count. */
const VERSION = 2;
const SEATBELT = "/usr/bin/sandbox-exec";

/**
 * Each line is an attempt to get out, named where it succeeds. $1: a folder outside, $2: home. Nothing
 * listens for it: on Linux a network of its own has one interface, on macOS a refused call says so.
 */
const ATTEMPTS = `
[ "$(cat canary)" = canary ] || { echo "the workspace cannot be read"; exit; }
touch "$TMPDIR/probe" || { echo "the private temp cannot be written"; exit; }
out() { echo "$1"; exit; }
(echo x > written) 2>/dev/null && out "a file was written into the workspace"
(touch touched) 2>/dev/null && out "a file was made in the workspace"
(echo x >> canary) 2>/dev/null && out "a file of the workspace was changed"
rm -f canary 2>/dev/null; [ -e canary ] || out "a file of the workspace was removed"
mv canary moved 2>/dev/null && out "a file of the workspace was renamed"
chmod 700 canary 2>/dev/null && out "the mode of a file was changed"
mkdir made 2>/dev/null && out "a folder was made in the workspace"
(echo x > "$1/written") 2>/dev/null && out "a file was written outside"
[ -s masked/.env ] && out "a masked file was read"
cat "$1/secret" 2>/dev/null | grep -q secret && out "a file outside was read"
[ -n "$2" ] && [ -d "$2" ] && (echo x > "$2/.bmo-probe") 2>/dev/null && out "a file was written into the home"
if [ -r /proc/net/dev ]; then
  [ "$(grep -c : /proc/net/dev)" = 1 ] || out "the network can be reached"
  grep -q "^Seccomp:[^0-9]*2" /proc/self/status || [ "$3" = unfiltered ] || out "system calls are not filtered"
else
  (exec 3<>/dev/tcp/127.0.0.1/9) 2>&1 | grep -qi "not permitted" || out "the network can be reached"
  nc -U "$1/secret" 2>&1 </dev/null | grep -qi "not permitted" || out "a socket can be reached"
fi
echo contained
`;

/**
 * Tries to get out of the sandbox in every way that is promised to be closed. @returns why it does not work, or null.
 */
async function tryToGetOut(
  driver: SandboxDriver,
  folder: string,
  { home = null, environment = {}, searchPath }: ProbeRequest,
): Promise<string | null> {
  const workspace = join(folder, "workspace");
  const outside = join(folder, "outside");
  for (const made of [join(workspace, "masked"), outside]) mkdirSync(made, { recursive: true });
  writeFileSync(join(workspace, "canary"), "canary\n");
  writeFileSync(join(workspace, "masked", ".env"), "SECRET=1\n");
  writeFileSync(join(outside, "secret"), "secret\n");
  const place = createSandboxPlace(folder);
  try {
    const real = realpathSync(workspace);
    const survey: Survey = {
      credentials: [join(real, "masked", ".env")],
      sockets: [],
      specials: [],
      specialModes: new Map(),
      ignoreFiles: [],
      gitEntries: [],
      gitFolders: {},
      skipped: [],
      closed: new Map(),
      folders: new Map(),
      complete: true,
    };
    const described = {
      stage: "plan" as const,
      workspace: real,
      readRoots: [],
      network: false,
      privateTemp: place.privateTemp,
      emptyFile: place.emptyFile,
      hidden: [],
      survey,
      gitFolders: [],
      workTree: null,
      gitWork: null,
    };
    const surroundings = createSurroundings({
      home,
      environment: { ...environment, PATH: searchPath },
      folder: place.folder,
    });
    const shell = [
      "/bin/bash",
      "--noprofile",
      "--norc",
      "-c",
      ATTEMPTS,
      "probe",
      outside,
      home ?? "",
      systemCallFilter({ architecture: process.arch, unixSockets: false }) === null ? "unfiltered" : "",
    ];
    const { argv, files, temp } = fencedCommand(
      driver,
      describeFence(described, await surroundings.look(() => [])),
      place.folder,
      shell,
    );
    const result = await runToString({
      argv,
      files,
      cwd: real,
      environment: { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", TMPDIR: temp },
      timeoutSeconds: 10,
    });
    const said = result.stdout.trim().split("\n").at(-1) ?? "";
    if (said === "contained") return null;
    return (
      said ||
      result.stderr.trim().split("\n")[0] ||
      `its test ended with ${result.exitCode ?? result.signalName ?? "nothing"}`
    );
  } finally {
    place.release();
  }
}

function findDriver({ platform, searchPath, workspace }: ProbeRequest): SandboxDriver | string {
  if (platform === "darwin")
    return isExecutable(SEATBELT) ? { kind: "seatbelt", program: SEATBELT } : "sandbox-exec is missing";
  if (platform !== "linux") return `no sandbox on ${platform}`;
  const program = findBubblewrap(searchPath, workspace);
  return program === null ? "bubblewrap is not installed" : { kind: "bubblewrap", program };
}

function isExecutable(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
}

function cachePath(dataDirectory: string): string {
  return join(dataDirectory, "sandbox.json");
}

/**
 * Whether a sandbox works here, as this user. The answer is kept in the data directory for this program, kernel, user
 * and home.
 */
export async function probeSandbox(request: ProbeRequest): Promise<SandboxState> {
  const { dataDirectory } = request;
  const none = (reason: string): SandboxState => ({
    available: false,
    program: null,
    label: `none (${reason})`,
    reason,
  });
  const driver = findDriver(request);
  if (typeof driver === "string") return none(driver);
  const { kind, program } = driver;
  const facts = statSync(program);
  const key = [
    VERSION,
    program,
    facts.mtimeMs,
    facts.size,
    release(),
    process.getuid?.() ?? 0,
    request.home ?? "",
  ].join(" ");
  const answer = (problem: string | null): SandboxState =>
    problem === null
      ? { available: true, kind, program, label: kind, reason: `${kind} works` }
      : none(`${kind} does not work here: ${problem}`);
  const known = request.fresh === true ? null : readCache(cachePath(dataDirectory));
  if (known !== null && known.key === key && known.problem === null) return answer(null);
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const folder = makeTemporaryFolder(dataDirectory, "probe");
  try {
    const problem = await tryToGetOut(driver, folder, request);
    writeFileSync(cachePath(dataDirectory), JSON.stringify({ key, problem }), { mode: 0o600 });
    return answer(problem);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A command met something else than what is kept: the next start tries again. */
export function forgetProbe(dataDirectory: string): void {
  rmSync(cachePath(dataDirectory), { force: true });
}

function readCache(path: string): { key: string; problem: string | null } | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value !== "object" || value === null || !("key" in value) || !("problem" in value)) return null;
    return typeof value.key === "string" && (value.problem === null || typeof value.problem === "string")
      ? { key: value.key, problem: value.problem }
      : null;
  } catch (thrown) {
    if (thrown instanceof SyntaxError || systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}
