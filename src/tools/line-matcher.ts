// Tests lines against a regular expression in a thread of its own, where an expression that backtracks without end can
// be stopped while this one goes on answering keys and signals.

import type { Worker } from "node:worker_threads";

export interface LineMatcher {
  /** Indexes of the lines that match; null when the time for one text was used up, or the signal came. */
  match(lines: readonly string[]): Promise<number[] | null>;
  end(): Promise<void>;
}

/**
 * As text, because the bundles hold no file for it. The limit per text is kept inside; what it cannot stop, ending the
 * thread does.
 */
const THREAD = `
const { parentPort, workerData } = require("node:worker_threads");
const { createContext, Script } = require("node:vm");
const expression = new RegExp(workerData.source, workerData.flags);
const matching = new Script("lines.flatMap((line, index) => (expression.test(line) ? [index] : []))");
parentPort.on("message", (lines) => {
  let found = null;
  try {
    found = matching.runInContext(createContext({ lines, expression }), { timeout: workerData.timeoutMs });
  } catch (thrown) {
    if (thrown === null || typeof thrown !== "object" || thrown.code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw thrown;
  }
  parentPort.postMessage(found === null ? null : Array.from(found));
});
`;

/** @param timeoutMs for the lines of one call. */
export async function createLineMatcher(
  expression: RegExp,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<LineMatcher> {
  const { Worker: Thread } = await import("node:worker_threads");
  let thread: Worker | null = new Thread(THREAD, {
    eval: true,
    workerData: { source: expression.source, flags: expression.flags, timeoutMs },
    env: {},
    stdout: false,
    stderr: false,
  });
  thread.unref();
  let answer: ((indexes: number[] | null) => void) | null = null;
  const stop = (): void => {
    const running = thread;
    thread = null;
    answer?.(null);
    void running?.terminate();
  };
  thread.on("message", (indexes: number[] | null) => answer?.(indexes));
  // Whatever ends the thread, memory included, ends the search and not the program.
  thread.on("error", stop);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  return {
    match: (lines) =>
      new Promise((resolve) => {
        answer = (indexes) => {
          answer = null;
          resolve(indexes);
        };
        if (thread === null) answer(null);
        else thread.postMessage(lines);
      }),
    async end() {
      signal.removeEventListener("abort", stop);
      const running = thread;
      thread = null;
      await running?.terminate();
    },
  };
}
