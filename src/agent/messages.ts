// Small questions about messages that several files of the agent ask.

import type {
  AssistantMessage,
  ImageBlock,
  Message,
  TextBlock,
  ToolCallBlock,
  ToolResultMessage,
  UserMessage,
} from "../types/message.ts";
import type { ToolOutput } from "../types/tool.ts";

export function textBlock(text: string): TextBlock {
  return { type: "text", text };
}

export function userMessage(parts: string[], images: ImageBlock[] = []): UserMessage {
  return { role: "user", content: [...parts.filter((part) => part.trim() !== "").map(textBlock), ...images] };
}

export function stringifyMessageText(message: AssistantMessage): string {
  return message.content
    .flatMap((block) => (block.type === "text" ? [block.text] : []))
    .join("\n\n")
    .trim();
}

export function toolCalls(message: AssistantMessage): ToolCallBlock[] {
  return message.content.filter((block) => block.type === "tool_call");
}

export function toolResult(call: ToolCallBlock, output: ToolOutput): ToolResultMessage {
  return { role: "tool", callId: call.id, toolName: call.name, content: output.content, isError: output.isError };
}

/** True once the conversation holds an image: the model must then take images. */
export function holdsImage(messages: readonly Message[]): boolean {
  return messages.some(
    (message) => message.role !== "assistant" && message.content.some((block) => block.type === "image"),
  );
}

/** Rough size in tokens (bytes / 4), for context limits and cache estimates; not for money. */
export function estimateTokens(messages: readonly Message[]): number {
  let characters = 0;
  for (const message of messages) {
    for (const block of message.content) {
      if (block.type === "text" || block.type === "reasoning") characters += block.text.length;
      else if (block.type === "image") characters += 6000;
      else characters += JSON.stringify(block.input).length + block.name.length;
    }
  }
  return Math.ceil(characters / 4);
}
