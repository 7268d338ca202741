// What vendors refuse in a conversation.

import type { Message } from "../../src/types/message.ts";

/**
 * A call whose results do not follow at once, one each; a result without its call. Empty for a history that every
 * vendor takes.
 */
export function complaints(messages: readonly Message[]): string[] {
  const wrong: string[] = [];
  let waiting: string[] = [];
  for (const message of messages) {
    if (message.role === "tool") {
      if (!waiting.includes(message.callId)) wrong.push(`result without call: ${message.callId}`);
      waiting = waiting.filter((id) => id !== message.callId);
      continue;
    }
    if (waiting.length > 0) wrong.push(`calls without result: ${waiting.join(", ")}`);
    waiting =
      message.role === "assistant"
        ? message.content.flatMap((block) => (block.type === "tool_call" ? [block.id] : []))
        : [];
  }
  if (waiting.length > 0) wrong.push(`calls without result at the end: ${waiting.join(", ")}`);
  return wrong;
}
