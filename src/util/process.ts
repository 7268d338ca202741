// The only place that starts child processes. execa starts and types them, loaded with the first of them; the group,
// the time limit and the sweep around each are ours. Measured: execa's own limit came back after 77 s where a
// grandchild held the pipes, and neither it nor its clean-up ends what moved to another session.

import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { stat } from "node:fs/promises";
import { inheritedDescriptors, withoutDescriptors } from "./descriptors.ts";
import { createBinaryWatch, createHeadTail, createLiveOutput, createTextStream } from "./output-buffer.ts";
import { endRun, RUN_MARKER, waitForMembers } from "./process-tree.ts";
import { describePart, readReport, REPORT_DESCRIPTOR } from "./shell-report.ts";
import { sanitizeLine } from "./sanitize.ts";
import { createDescriptorSink } from "./write-all.ts";
import { systemErrorCode } from "./errors.ts";

/** How long pipes may stay open after the leader's exit before they are cut. */
const DRAIN_MS = 700;
/** After the leader's exit: what other processes get to end by themselves, then between TERM and KILL. */
const PATIENCE_MS = 400;
const LEFTOVER_GRACE_MS = 150;
const DEFAULT_GRACE_SECONDS = 1;
const DEFAULT_OUTPUT_CAP = 30_000;
const REPORT_CAP = 64_000;
const STANDARD_STREAMS = 3;

/** A file handed to a child. */
export interface OpenFile {
  descriptor: number;
  path: string;
}

export interface RunRequest {
  /** Program and arguments; `shellArguments` makes a shell command line into one. */
  argv: readonly string[];
  cwd: string;
  /** The whole environment of the child; nothing is inherited. */
  environment: Readonly<Record<string, string>>;
  /**
   * Files that the child finds open for reading, by descriptor number. No other descriptor reaches it but 0, 1, 2 and
   * the report's.
   */
  files?: readonly OpenFile[];
  /** Marks every process of the run; default: a random one. */
  runId?: string;
  /** 0 = no limit. */
  timeoutSeconds: number;
  signal: AbortSignal;
  onOutput?: (text: string) => void;
  /** Characters of output kept (head and tail). */
  outputCap?: number;
  /** Between TERM and KILL. */
  graceSeconds?: number;
}

export interface RunResult {
  /** null when ended by a signal; 126 or 127 when it could not be started (then `output` says why). */
  exitCode: number | null;
  signalName: string | null;
  timedOut: boolean;
  aborted: boolean;
  /** Whether a command line of `shellArguments` came to its first word. */
  began: boolean;
  /** Clean text, head and tail kept; a digest where the output is binary. */
  output: string;
  totalBytes: number;
  truncated: boolean;
  /** Failed parts of the command line, processes ended or left behind: to be shown to the model. */
  notes: string[];
}

interface Ending {
  exitCode: number | null;
  signalName: string | null;
}

interface Started {
  child: ChildProcess;
  runId: string;
  ended: Promise<Ending>;
}

/** Leaves to execa the start alone: nothing is inherited, gathered, printed, thrown or ended by it. */
const START_ONLY = { extendEnv: false, buffer: false, verbose: "none", reject: false, cleanup: false } as const;

/** An open file of this process, which execa takes by any number; its types name only those up to 9. */
type Descriptor = 9;
const asDescriptor = (descriptor: number): Descriptor => descriptor as Descriptor;

type StartRequest = Pick<RunRequest, "argv" | "cwd" | "environment" | "files" | "runId">;

async function startError(
  argv: readonly string[],
  cwd: string,
  thrown: unknown,
): Promise<Ending & { message: string }> {
  const code = systemErrorCode(thrown);
  const program = sanitizeLine(argv[0] ?? "");
  const directory = await stat(cwd).catch(() => null);
  if (directory === null || !directory.isDirectory())
    return { exitCode: 126, signalName: null, message: `working directory is missing: ${sanitizeLine(cwd)}` };
  if (code === "ENOENT") return { exitCode: 127, signalName: null, message: `program not found: ${program}` };
  if (code === "E2BIG")
    return { exitCode: 126, signalName: null, message: "the command line is longer than the system allows" };
  if (argv.some((word) => word.includes("\0")))
    return { exitCode: 126, signalName: null, message: "the command line holds a NUL character" };
  return { exitCode: 126, signalName: null, message: `${program} cannot be started (${code ?? "unknown error"})` };
}

/** Starts a child in a session and group of its own: no terminal, no input, killable as a whole. */
async function start(
  request: StartRequest,
  withInput: boolean,
  withReport: boolean,
): Promise<Started | (Ending & { message: string })> {
  const runId = request.runId ?? randomBytes(12).toString("hex");
  const files = request.files ?? [];
  const last = Math.max(
    STANDARD_STREAMS - 1,
    withReport ? REPORT_DESCRIPTOR : 0,
    ...files.map(({ descriptor }) => descriptor),
  );
  const stdio: ["ignore" | "pipe", "pipe" | Descriptor, "pipe", ...("ignore" | "pipe" | Descriptor)[]] = [
    withInput ? "pipe" : "ignore",
    "pipe",
    "pipe",
    ...Array<"ignore">(last + 1 - STANDARD_STREAMS).fill("ignore"),
  ];
  if (withReport) stdio[REPORT_DESCRIPTOR] = "pipe";
  const opened: number[] = [];
  const { execa } = await import("execa");
  try {
    for (const { descriptor, path } of files) opened.push((stdio[descriptor] = asDescriptor(openSync(path, "r"))));
    const unwanted = inheritedDescriptors().filter((descriptor) => (stdio[descriptor] ?? "ignore") === "ignore");
    const [program = "", ...words] = withoutDescriptors(request.argv, unwanted);
    const child = execa(program, words, {
      ...START_ONLY,
      cwd: request.cwd,
      env: { ...request.environment, [RUN_MARKER]: runId },
      stdio,
      detached: true,
    });
    if (child.pid === undefined) return startError(request.argv, request.cwd, (await child).cause);
    const ended = new Promise<Ending>((resolve) =>
      child.once("exit", (exitCode, signalName) => resolve({ exitCode, signalName })),
    );
    return { child, runId, ended };
  } catch (thrown) {
    return startError(request.argv, request.cwd, thrown);
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

/** Waits for the leader, the limit or the caller's abort, whichever is first. */
async function waitForEnd(
  ended: Promise<Ending>,
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<"exit" | "timeout" | "abort"> {
  return new Promise((resolve) => {
    const onAbort = (): void => finish("abort");
    const timer =
      timeoutSeconds > 0 ? setTimeout(() => finish("timeout"), Math.min(timeoutSeconds * 1000, 2 ** 31 - 1)) : null;
    const finish = (why: "exit" | "timeout" | "abort"): void => {
      if (timer !== null) clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      resolve(why);
    };
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) finish("abort");
    void ended.then(() => finish("exit"));
  });
}

/** Waits until all pipes are at their end, at most DRAIN_MS, then cuts them. */
async function drain(child: ChildProcess): Promise<void> {
  const open = child.stdio.filter(
    (stream) =>
      stream !== null &&
      stream !== undefined &&
      "readableEnded" in stream &&
      !stream.readableEnded &&
      !stream.destroyed,
  );
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DRAIN_MS);
  });
  await Promise.race([
    Promise.all(open.map((stream) => new Promise<void>((resolve) => stream?.once("close", () => resolve())))),
    limit,
  ]);
  clearTimeout(timer);
  for (const stream of child.stdio) stream?.destroy();
}

/** Ends the run for its reason, then whatever it left behind. The answer comes within a second of the leader's exit. */
async function settle(
  started: Started,
  why: "exit" | "timeout" | "abort",
  graceSeconds: number,
): Promise<{ ending: Ending; notes: string[] }> {
  const leader = started.child.pid ?? 0;
  const early = why !== "exit";
  if (!early) await waitForMembers(leader, started.runId, PATIENCE_MS);
  const sweeping = endRun(leader, started.runId, early ? graceSeconds * 1000 : LEFTOVER_GRACE_MS);
  if (!early) await drain(started.child);
  const { ended, survivors } = await sweeping;
  const ending = await started.ended;
  if (early) await drain(started.child);
  const notes: string[] = [];
  if (!early && ended > 0)
    notes.push(`${ended} background ${ended === 1 ? "process" : "processes"} ended together with the command`);
  if (survivors.length > 0) notes.push(`still running and not ours to end: process ${survivors.join(", ")}`);
  return { ending, notes };
}

/**
 * Runs a command for the model or the user: stdin closed, own session, bounded memory, clean text. Never rejects for
 * what the command does. When it returns, no process of the run is alive (those that could not be ended are named in
 * `notes`).
 */
export async function runProcess(request: RunRequest): Promise<RunResult> {
  const nothing = {
    signalName: null,
    timedOut: false,
    aborted: false,
    began: false,
    totalBytes: 0,
    truncated: false,
    notes: [],
  };
  if (request.signal.aborted) return { ...nothing, exitCode: null, aborted: true, output: "" };
  const started = await start(request, false, true);
  if ("message" in started) return { ...nothing, exitCode: started.exitCode, output: started.message };
  const { child } = started;
  const kept = createHeadTail(request.outputCap ?? DEFAULT_OUTPUT_CAP);
  const live = createLiveOutput(request.onOutput);
  const binary = createBinaryWatch();
  let totalBytes = 0;
  let report = "";
  const texts = [child.stdout, child.stderr].map((stream) => {
    const text = createTextStream((clean) => {
      kept.add(clean);
      live.add(clean);
    });
    stream?.on("data", (chunk: Buffer) => {
      totalBytes += chunk.byteLength;
      if (!binary.take(chunk)) text.write(chunk);
    });
    stream?.on("error", () => undefined);
    return text;
  });
  const reportStream = child.stdio.at(REPORT_DESCRIPTOR);
  reportStream?.on("data", (chunk: Buffer) => {
    if (report.length < REPORT_CAP) report += chunk.toString("utf8");
  });
  reportStream?.on("error", () => undefined);

  const why = await waitForEnd(started.ended, request.timeoutSeconds, request.signal);
  const { ending, notes } = await settle(started, why, request.graceSeconds ?? DEFAULT_GRACE_SECONDS);
  for (const text of texts) text.end();
  live.end();
  const parts = readReport(report, ending.exitCode).map((part) => sanitizeLine(describePart(part)));
  return {
    ...ending,
    timedOut: why === "timeout",
    aborted: why === "abort",
    began: report !== "",
    output: binary.summary() ?? kept.text(),
    totalBytes,
    truncated: binary.summary() === null && kept.truncated(),
    notes: [...parts, ...notes],
  };
}

export interface BytesRequest {
  argv: readonly string[];
  cwd: string;
  environment: Readonly<Record<string, string>>;
  files?: readonly OpenFile[];
  timeoutSeconds?: number;
  signal?: AbortSignal;
  /** Written to stdin, which is closed otherwise. */
  input?: string | Uint8Array;
  /** Takes stdout as it comes, without a cap; `stdout` of the result is then empty. The caller closes it. */
  outputDescriptor?: number;
  /** The program is ended once it has printed this many bytes. Default 64 MiB. */
  capBytes?: number;
  /** Gets what the program prints while it runs. */
  onStdout?: (chunk: Buffer) => void;
}

export interface BytesResult {
  exitCode: number | null;
  signalName: string | null;
  stdout: Buffer;
  /** First 16 kB, clean text; or why the program could not be started. */
  stderr: string;
  timedOut: boolean;
  aborted: boolean;
  /** True when ended because of `capBytes`. */
  truncated: boolean;
  /** False when the program could not be started. */
  started: boolean;
}

/**
 * Runs a program of our own choosing (git, rg) and gives its bytes. Never rejects for what the program does.
 * @throws system errors of writing to `outputDescriptor`, which a program that writes by itself tells in its own words.
 */
export async function runToBytes(request: BytesRequest): Promise<BytesResult> {
  const result: BytesResult = {
    exitCode: null,
    signalName: null,
    stdout: Buffer.alloc(0),
    stderr: "",
    timedOut: false,
    aborted: false,
    truncated: false,
    started: false,
  };
  const outer = request.signal ?? new AbortController().signal;
  if (outer.aborted) return { ...result, aborted: true };
  const started = await start(request, request.input !== undefined, false);
  if ("message" in started) return { ...result, exitCode: started.exitCode, stderr: started.message };
  const { child } = started;
  const cap = request.capBytes ?? 64 * 1024 * 1024;
  const chunks: Buffer[] = [];
  let length = 0;
  const full = new AbortController();
  const sink = request.outputDescriptor === undefined ? null : createDescriptorSink(request.outputDescriptor);
  child.stdout?.on("data", (chunk: Buffer) => {
    if (sink !== null) return sink.take(chunk) ? undefined : full.abort();
    if (length >= cap) return;
    chunks.push(chunk);
    length += chunk.byteLength;
    request.onStdout?.(chunk);
    if (length >= cap) full.abort();
  });
  const errors = createHeadTail(16_000);
  const errorText = createTextStream((text) => errors.add(text));
  child.stderr?.on("data", (chunk: Buffer) => errorText.write(chunk));
  for (const stream of child.stdio) stream?.on("error", () => undefined);
  if (request.input !== undefined) child.stdin?.end(request.input);

  const why = await waitForEnd(started.ended, request.timeoutSeconds ?? 60, AbortSignal.any([outer, full.signal]));
  let ending: Ending;
  if (why === "exit") {
    await drain(child);
    ending = await started.ended;
  } else {
    ({ ending } = await settle(started, why, 0));
  }
  errorText.end();
  const unwritten = sink?.failure() ?? null;
  if (unwritten !== null) throw unwritten;
  return {
    ...result,
    ...ending,
    stdout: Buffer.concat(chunks).subarray(0, cap),
    stderr: errors.text(),
    timedOut: why === "timeout",
    aborted: why === "abort" && outer.aborted,
    truncated: full.signal.aborted,
    started: true,
  };
}

/** `runToBytes` with stdout decoded as UTF-8. */
export async function runToString(request: BytesRequest): Promise<Omit<BytesResult, "stdout"> & { stdout: string }> {
  const result = await runToBytes(request);
  return { ...result, stdout: result.stdout.toString("utf8") };
}

/**
 * Hands the terminal to a program, such as the user's editor, and waits for it. Resolves with its exit code, null after
 * a signal or when it could not be started.
 */
export async function runInteractive(
  request: Pick<RunRequest, "argv" | "cwd" | "environment">,
): Promise<number | null> {
  const { execa } = await import("execa");
  const [program = "", ...words] = withoutDescriptors(request.argv, inheritedDescriptors());
  const { cwd, environment } = request;
  const { exitCode } = await execa(program, words, { ...START_ONLY, cwd, env: { ...environment }, stdio: "inherit" });
  return exitCode ?? null;
}
