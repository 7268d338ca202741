// Commands that only ask the front end for something: leave, start again, resume, toggle detail, compact.

import { BmoError } from "../util/errors.ts";
import { act, answer } from "./results.ts";
import type { CommandDefinition } from "../types/command.ts";

export const exitCommand: CommandDefinition = {
  name: "exit",
  aliases: ["quit"],
  argumentHint: "",
  summary: "leave; the session is kept",
  readOnly: true,
  run: () => Promise.resolve(act({ type: "exit" })),
};

export const newCommand: CommandDefinition = {
  name: "new",
  aliases: ["clear", "reset"],
  argumentHint: "",
  summary: "begin a new session",
  readOnly: false,
  run: () => Promise.resolve(act({ type: "new_session" }, "A new session begins; the old one is kept.")),
};

export const resumeCommand: CommandDefinition = {
  name: "resume",
  aliases: [],
  argumentHint: "[id]",
  summary: "continue another session",
  readOnly: false,
  run(argument, { headless }) {
    if (headless)
      throw new BmoError("usage", "/resume needs the REPL", "bmo -r <id> resumes a session, bmo -c the last one.");
    return Promise.resolve(act({ type: "resume_session", id: argument === "" ? null : argument }));
  },
};

export const verboseCommand: CommandDefinition = {
  name: "verbose",
  aliases: [],
  argumentHint: "",
  summary: "show more or less detail",
  readOnly: true,
  run: () => Promise.resolve(act({ type: "toggle_detail" })),
};

export const compactCommand: CommandDefinition = {
  name: "compact",
  aliases: [],
  argumentHint: "",
  summary: "summarise the conversation to make room",
  readOnly: false,
  async run(_argument, { agent }) {
    const { text, error } = await agent.compact();
    if (error !== null) throw new BmoError(error.code, error.message, error.hint);
    return answer(text);
  },
};
