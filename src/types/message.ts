// Provider-neutral conversation messages. What only one vendor understands sits in `providerData` and is
// dropped when the next step goes to another provider.

import type { JsonObject } from "./json.ts";

export interface TextBlock {
  type: "text";
  text: string;
}

/** `data` is base64 without a prefix. */
export interface ImageBlock {
  type: "image";
  mediaType: "image/png" | "image/jpeg" | "image/gif" | "image/webp";
  data: string;
}

/**
 * Reasoning as the vendor returned it. `providerData` (signature, encrypted content, item id) goes back to the same
 * model only.
 */
export interface ReasoningBlock {
  type: "reasoning";
  text: string;
  providerData?: JsonObject;
}

/**
 * A tool call as the model asked for it. `invalid` holds the raw argument text when it was cut off or is no JSON
 * object: such a call is never run and never repaired; `input` is then `{}`.
 */
export interface ToolCallBlock {
  type: "tool_call";
  id: string;
  name: string;
  input: JsonObject;
  invalid?: string;
}

export interface UserMessage {
  role: "user";
  content: (TextBlock | ImageBlock)[];
}

/** `model` is the canonical `provider/model` that wrote it; it decides whether provider data may go back. */
export interface AssistantMessage {
  role: "assistant";
  model: string;
  content: (TextBlock | ReasoningBlock | ToolCallBlock)[];
}

export interface ToolResultMessage {
  role: "tool";
  callId: string;
  toolName: string;
  content: (TextBlock | ImageBlock)[];
  isError: boolean;
}

export type Message = UserMessage | AssistantMessage | ToolResultMessage;
