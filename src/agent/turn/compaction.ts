// Keeps a request inside the model's window: the oldest tool outputs are cut first, with a visible mark. The stored
// history stays whole; only what is sent gets shorter.

import { estimateTokens } from "../messages.ts";
import type { Message } from "../../types/message.ts";

/** Share of the window that a request may fill before old tool output is cut. */
const FILL = 0.8;
/** The newest messages are never cut: the model still works with them. */
const KEPT = 6;
const LONG_OUTPUT = 600;

function cutToolOutput(message: Message): Message {
  if (message.role !== "tool") return message;
  return {
    ...message,
    content: message.content.map((block) => {
      if (block.type === "image") return { type: "text", text: "[image left out to make room]" };
      if (block.text.length <= LONG_OUTPUT) return block;
      return {
        type: "text",
        text: `${block.text.slice(0, LONG_OUTPUT / 2)}\n[… ${block.text.length - LONG_OUTPUT / 2} characters left out to make room; call the tool again if you need them]`,
      };
    }),
  };
}

/** The messages to send: unchanged while they fit. `contextWindow` in tokens; null = unknown, nothing is cut. */
export function fitMessages(messages: Message[], contextWindow: number | null, overheadTokens: number): Message[] {
  if (contextWindow === null || estimateTokens(messages) + overheadTokens <= contextWindow * FILL) return messages;
  return cutOldToolOutput(messages);
}

export function cutOldToolOutput(messages: Message[]): Message[] {
  const border = Math.max(0, messages.length - KEPT);
  return messages.map((message, index) => (index < border ? cutToolOutput(message) : message));
}

/** What the summarising model is asked; its answer seeds the conversation that goes on. */
export const COMPACT_PROMPT = [
  "Summarise the conversation so far for whoever continues it, in at most 600 words:",
  "what the user wants, decisions and their reasons, files looked at or changed with the facts that matter (names, signatures, line numbers), what was tried and failed, and what is left to do.",
  "Only facts from the conversation; no preface.",
].join("\n");
