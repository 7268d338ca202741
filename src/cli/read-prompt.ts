// Puts a headless run's prompt together: piped text, a blank line, the argument text. Decides what is a slash command:
// only argument text alone, or piped text of one line without an argument. Piped text never approves: someone else may
// have written it.

import { fstatSync } from "node:fs";
import { parseCommand } from "../commands/parse.ts";
import { BmoError } from "../util/errors.ts";

/** How long a piped stdin may stay silent when the arguments already hold a prompt. */
const SILENCE_MS = 3_000;
/** More than any prompt; a pipe that never ends must not fill the memory. */
const PROMPT_LIMIT_BYTES = 32 * 1024 * 1024;

export interface PromptSource {
  /** `prompt` and `command` exclude each other; both null = nothing was given. */
  prompt: string | null;
  command: string | null;
}

/** True where stdin can carry text: a pipe, a file, a socket. A terminal or the null device cannot. */
function stdinCarriesText(): boolean {
  try {
    const facts = fstatSync(0);
    return facts.isFIFO() || facts.isFile() || facts.isSocket();
  } catch {
    return false; // Closed: there is nothing to read.
  }
}

async function readPiped(waitForever: boolean, warn: (text: string) => void): Promise<Buffer> {
  const { stdin } = process;
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | null = null;
    const finish = (): void => {
      if (timer !== null) clearTimeout(timer);
      stdin.off("data", take);
      stdin.off("end", finish);
      stdin.pause();
      // A pipe that stays open must not keep the process alive.
      if ("unref" in stdin && typeof stdin.unref === "function") stdin.unref();
      resolve(Buffer.concat(chunks));
    };
    const take = (chunk: Buffer): void => {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      chunks.push(chunk);
      size += chunk.length;
      if (size > PROMPT_LIMIT_BYTES)
        reject(
          new BmoError(
            "usage",
            `the piped input is larger than ${PROMPT_LIMIT_BYTES / 1024 / 1024} MB`,
            "Name the file in the prompt instead; bmo reads it with its own tools.",
          ),
        );
    };
    if (!waitForever) {
      timer = setTimeout(() => {
        warn("stdin is a pipe that stays silent; continuing without it (use - to wait for it)");
        finish();
      }, SILENCE_MS);
    }
    stdin.on("data", take);
    stdin.on("end", finish);
    stdin.on("error", finish);
  });
}

function decode(bytes: Buffer): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (thrown) {
    throw new BmoError(
      "usage",
      "the piped input is binary, not UTF-8 text",
      "Pipe text, or name the file in the prompt.",
      { cause: thrown },
    );
  }
  if (text.includes("\0"))
    throw new BmoError(
      "usage",
      "the piped input is binary: it holds NUL bytes",
      "Pipe text, or name the file in the prompt.",
    );
  return text;
}

/** @throws BmoError usage for binary or endless input. */
export async function readPrompt(words: readonly string[], warn: (text: string) => void): Promise<PromptSource> {
  const wantsStdin = words.includes("-");
  const argument = words
    .filter((word) => word !== "-")
    .join(" ")
    .trim();
  const piped = wantsStdin || stdinCarriesText() ? decode(await readPiped(wantsStdin || argument === "", warn)) : "";
  const pipedText = piped.trim();
  if (pipedText === "" && argument === "") return { prompt: null, command: null };
  if (pipedText === "" && parseCommand(argument) !== null) return { prompt: null, command: argument };
  const pipedCommand = argument === "" && !/[\n\r]/.test(pipedText) ? parseCommand(pipedText) : null;
  if (pipedCommand !== null) {
    const { findCommand } = await import("../commands/index.ts");
    const barred = findCommand(pipedCommand.name)?.onlyByPerson?.(pipedCommand.argument) ?? null;
    if (barred !== null) throw new BmoError("usage", barred.refusal, barred.instead);
    return { prompt: null, command: pipedText };
  }
  return {
    prompt: [piped.replace(/\n+$/, ""), argument].filter((part) => part.trim() !== "").join("\n\n"),
    command: null,
  };
}
