// Subcommands as the command line calls them, with a SubcommandIo that keeps what was printed and answers from a list.

import { createProgram, parseArguments } from "../../src/cli/command-line.ts";
import { loadSubcommands } from "../../src/cli/subcommands.ts";
import type { App, Ground } from "../../src/cli/app.ts";
import type { Subcommand, SubcommandIo } from "../../src/cli/subcommand.ts";
import type { ExitCode } from "../../src/types/error.ts";

export interface TestIo extends SubcommandIo {
  out(): string;
  err(): string;
  asked: string[];
}

export function createIo(given: {
  workspace: string;
  home: string;
  environment?: Record<string, string>;
  json?: boolean;
  answers?: string[];
}): TestIo {
  let out = "";
  let err = "";
  const asked: string[] = [];
  const answers = [...(given.answers ?? [])];
  return {
    stdout: (text) => void (out += text),
    stderr: (text) => void (err += text),
    environment: given.environment ?? {},
    workspace: given.workspace,
    home: given.home,
    isTerminal: given.answers !== undefined,
    json: given.json ?? false,
    question: (prompt, options) => {
      asked.push(options?.secret === true ? `[secret] ${prompt}` : prompt);
      const answer = answers.shift();
      if (answer === undefined) throw new Error(`no answer for: ${prompt}`);
      return Promise.resolve(answer);
    },
    out: () => out,
    err: () => err,
    asked,
  };
}

export interface Scene {
  io: SubcommandIo;
  /** What the subcommand needs of the run around it; whatever else it asked for is not there. */
  app?: Partial<App>;
  ground?: Partial<Ground>;
}

/** Runs a subcommand with the words behind its name. Rejects as it and the parser do. */
export async function callSubcommand(
  subcommand: Subcommand,
  args: readonly string[],
  { io, app = {}, ground = {} }: Scene,
): Promise<ExitCode> {
  const line = parseArguments([subcommand.name, ...args], [subcommand]);
  if (line.kind !== "subcommand") throw new Error(`${args.join(" ")} asks for ${line.kind}`);
  return line.run({
    words: line.words,
    options: line.options,
    flags: line.flags,
    facts: { version: "0.0.0", startedAt: 0 },
    output: io,
    program: async () => createProgram(await loadSubcommands()),
    ground: () => ground as Ground,
    app: () => Promise.resolve(app as App),
    io: () => io,
  });
}
