// What a subcommand that was called is handed of the outside world, each part made when the subcommand asks for it.

import { createApp, layGround, type Ground, type RunFacts } from "./app.ts";
import { createProgram, type CommandLine } from "./command-line.ts";
import { loadSubcommands } from "./subcommands.ts";
import type { Output, SubcommandIo } from "./subcommand.ts";
import type { ExitCode } from "../types/error.ts";

async function ask(prompt: string, secret: boolean): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  const { Writable } = await import("node:stream");
  // A secret is read without being echoed: the terminal shows only the question.
  const output = secret ? new Writable({ write: (_chunk, _encoding, done) => done() }) : process.stderr;
  if (secret) process.stderr.write(prompt);
  const terminal = createInterface({ input: process.stdin, output, terminal: true });
  try {
    return await terminal.question(secret ? "" : prompt);
  } finally {
    terminal.close();
    if (secret) process.stderr.write("\n");
  }
}

function ioOf(ground: Ground, output: Output): SubcommandIo {
  return {
    ...output,
    environment: ground.environment,
    workspace: ground.workspace,
    home: ground.home ?? "",
    isTerminal: process.stdin.isTTY === true && process.stdout.isTTY === true,
    question: (prompt, options) => ask(prompt, options?.secret === true),
  };
}

/** Runs what the parsed line calls, with what it needs of the outside world made when it asks. */
export async function runSubcommand(
  { run, words, options, flags }: Extract<CommandLine, { kind: "subcommand" }>,
  facts: RunFacts,
): Promise<ExitCode> {
  const output: Output = {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void (flags.quiet || process.stderr.write(text)),
    json: flags.format !== "text",
  };
  const ground = (): Ground => layGround(flags, facts);
  return run({
    words,
    options,
    flags,
    facts,
    output,
    program: async () => createProgram(await loadSubcommands()),
    ground,
    app: () => createApp(flags, facts),
    io: () => ioOf(ground(), output),
  });
}
