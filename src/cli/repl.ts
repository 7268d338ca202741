// The REPL, put together: it paints first, then loads what draws, then opens the session.

import { paintFirst } from "../ui/first-paint.ts";
import type { RunFacts } from "./app.ts";
import type { RunLine } from "./run-line.ts";
import type { ExitCode } from "../types/error.ts";
import type { ReplOptions } from "../ui/options.ts";

export async function runRepl(line: RunLine, facts: RunFacts): Promise<ExitCode> {
  const { stdin, stdout, stderr } = process;
  const directory = line.directory ?? process.cwd();
  const home = process.env["HOME"] ?? null;
  const firstPaint = paintFirst({ stdin, stdout, version: facts.version, workspace: directory, home });
  // Both are loaded at once; the screen is already there.
  const loadingUi = import("../ui/render.tsx");
  try {
    const { createReplServices } = await import("./repl-services.ts");
    const services = await createReplServices(line, facts);
    const options: ReplOptions = {
      stdin,
      stdout,
      stderr,
      environment: process.env,
      version: facts.version,
      home,
      firstPaint,
      ...services,
    };
    const { startRepl } = await loadingUi;
    return await startRepl(options);
  } catch (thrown) {
    firstPaint.abandon();
    throw thrown;
  }
}
