// The entry of headless runs, bundled by itself so that such a run loads few files: see scripts/build.mjs.

import { parseArguments } from "./arguments.ts";
import { failEarly } from "./fail-early.ts";
import { runHeadlessLine } from "./headless.ts";
import type { RunFacts } from "./app.ts";
import type { ExitCode } from "../types/error.ts";

/** A whole headless run from its arguments; never rejects. */
export async function runHeadlessArguments(argv: readonly string[], facts: RunFacts): Promise<ExitCode> {
  try {
    return await runHeadlessLine(parseArguments(argv), facts);
  } catch (thrown) {
    return failEarly(thrown, argv, facts.startedAt);
  }
}
