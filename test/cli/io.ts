// A SubcommandIo that keeps what was printed and answers from a list.

import type { SubcommandIo } from "../../src/cli/subcommand-io.ts";

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
