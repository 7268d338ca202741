// Runs `key_command` of a provider: the first line of its output is the key. Its output is never shown.

import { runToString } from "../util/process.ts";
import { BmoError } from "../util/errors.ts";

const KEY_COMMAND_SECONDS = 60;

/** @throws BmoError credentials when the command fails. */
export async function runKeyCommand(
  command: string,
  environment: Record<string, string | undefined>,
  workspace: string,
): Promise<string> {
  const inherited = Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const result = await runToString({
    argv: ["/bin/sh", "-c", command],
    cwd: workspace,
    environment: inherited,
    timeoutSeconds: KEY_COMMAND_SECONDS,
    capBytes: 64 * 1024,
  });
  if (result.exitCode !== 0) {
    const how = result.timedOut
      ? `did not end within ${KEY_COMMAND_SECONDS} s`
      : `ended with exit code ${result.exitCode ?? "none"}`;
    throw new BmoError(
      "credentials",
      `the key command \`${command}\` ${how}`,
      "Run it by hand to see why; its output is not shown here.",
    );
  }
  return result.stdout;
}
