// Makes a conversation one that a vendor accepts: after an interruption each tool call gets its one result. Pure.

import { messagesIn, type SessionState } from "./state.ts";
import type { Message, ToolResultMessage } from "../types/message.ts";

const STARTED = "Interrupted while this call was running: what it did is unknown. Look before you repeat it.";
const NOT_STARTED = "Not run: the session was interrupted before this call.";

function syntheticResult(callId: string, toolName: string, started: boolean): ToolResultMessage {
  return {
    role: "tool",
    callId,
    toolName,
    content: [{ type: "text", text: started ? STARTED : NOT_STARTED }],
    isError: true,
  };
}

/** `started` = ids of calls that had begun to run. Results without their call, and second ones, are left out. */
export function repairConversation(messages: readonly Message[], started: ReadonlySet<string>): Message[] {
  const repaired: Message[] = [];
  /** Calls of the last assistant message that still wait for their result, by id. */
  const open = new Map<string, string>();
  const closeOpen = (): void => {
    // Nearly always: to clear an empty map costs as much as all the rest here.
    if (open.size === 0) return;
    for (const [callId, toolName] of open) repaired.push(syntheticResult(callId, toolName, started.has(callId)));
    open.clear();
  };
  for (const message of messages) {
    if (message.role === "tool") {
      if (open.delete(message.callId)) repaired.push(message);
      continue;
    }
    closeOpen();
    repaired.push(message);
    if (message.role !== "assistant") continue;
    for (const block of message.content) if (block.type === "tool_call") open.set(block.id, block.name);
  }
  closeOpen();
  return repaired;
}

/** A conversation of a session as a vendor accepts it. */
export function messagesOf(state: Pick<SessionState, "talk" | "intents">, conversation: number): Message[] {
  const messages = messagesIn(state, conversation).flatMap(({ value }) => value ?? []);
  return repairConversation(messages, new Set(Object.keys(state.intents)));
}
