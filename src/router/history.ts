// Reduces a conversation to the last few signals that phase detection looks at. Bounded whatever the history's length.

import type { Message, ToolCallBlock } from "../types/message.ts";
import type { HistorySignal } from "../types/route.ts";

/** Older signals only add noise: accuracy falls in long tool-heavy sessions. */
export const HISTORY_LIMIT = 12;
const TEXT_LIMIT = 1_500;

/**
 * The last `HISTORY_LIMIT` signals, oldest first; texts keep head and tail. Reads from the end, so the cost does not
 * grow with the history.
 */
export function historySignals(messages: readonly Message[]): HistorySignal[] {
  const signals: HistorySignal[] = [];
  for (let index = messages.length - 1; index >= 0 && signals.length < HISTORY_LIMIT; index--) {
    const message = messages[index];
    if (message === undefined) continue;
    if (message.role === "tool") {
      const call = findCall(messages, index, message.callId);
      const path = textOf(call?.input.path ?? call?.input.file_path);
      const command = textOf(call?.input.command);
      signals.push({
        role: "tool",
        tool: message.toolName,
        ok: !message.isError,
        text: clip(joined(message.content)),
        ...(path === "" ? {} : { path }),
        ...(command === "" ? {} : { command }),
      });
      continue;
    }
    const text = clip(joined(message.content));
    if (text.trim() !== "") signals.push({ role: message.role, text });
  }
  return signals.reverse();
}

/** The call that a result answers stands in the nearest assistant message before it. */
function findCall(messages: readonly Message[], from: number, callId: string): ToolCallBlock | null {
  for (let index = from - 1; index >= Math.max(0, from - 64); index--) {
    const message = messages[index];
    if (message?.role !== "assistant") continue;
    for (const block of message.content) if (block.type === "tool_call" && block.id === callId) return block;
  }
  return null;
}

function joined(content: Message["content"]): string {
  return content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function clip(text: string): string {
  return text.length <= 2 * TEXT_LIMIT ? text : `${text.slice(0, TEXT_LIMIT)}\n…\n${text.slice(-TEXT_LIMIT)}`;
}
