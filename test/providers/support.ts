// Shared by the provider tests: a registry against a loopback server, and requests in short form.

import type { AssistantMessage, Message } from "../../src/types/message.ts";
import type {
  ModelInfo,
  ModelRegistry,
  ModelRequest,
  Provider,
  StreamPart,
  ToolSpec,
} from "../../src/types/provider.ts";
import type { ModelSettings, ProviderSettings } from "../../src/types/settings.ts";
import { createRegistry } from "../../src/providers/index.ts";
import { plainSettings } from "../support/settings.ts";
import type { VendorServer, Wire } from "../support/vendor-server.ts";

export const WIRES: Wire[] = ["anthropic", "responses", "chat"];
export const KEY = "sk-planted-0123456789abcdef";

export interface RegistryOptions {
  environment?: Record<string, string | undefined>;
  keys?: string[];
  today?: string;
  runKeyCommand?: (command: string) => Promise<string>;
  baseDirectory?: string;
}

export function registryWith(
  providers: Record<string, ProviderSettings>,
  options: RegistryOptions = {},
): ModelRegistry {
  return createRegistry({
    settings: plainSettings(null, providers),
    environment: options.environment ?? {},
    runKeyCommand: options.runKeyCommand ?? (() => Promise.reject(new Error("no command expected"))),
    onKey: (value) => void options.keys?.push(value),
    baseDirectory: options.baseDirectory ?? "/",
    now: () => new Date(options.today ?? "2026-11-21T12:00:00Z"),
    retryBaseMs: 2,
  });
}

/** Provider settings that speak the given format to the server. */
export function settingsFor(
  wire: Wire,
  server: VendorServer,
  more: Partial<ProviderSettings> = {},
  model: Partial<ModelSettings> = {},
): ProviderSettings {
  const type = { anthropic: "anthropic", responses: "openai", chat: "openai-compatible" } as const;
  return {
    type: type[wire],
    base_url: server.baseUrl(wire),
    api_key: KEY,
    models: [{ id: "model-a", ...model }],
    ...more,
  };
}

export async function open(
  wire: Wire,
  server: VendorServer,
  more: Partial<ProviderSettings> = {},
  model: Partial<ModelSettings> = {},
): Promise<{ provider: Provider; model: ModelInfo }> {
  const registry = registryWith({ house: settingsFor(wire, server, more, model) });
  const found = registry.resolve("house/model-a", "test").model;
  return { provider: await registry.provider(found), model: found };
}

export const VIEW: ToolSpec = {
  name: "view",
  description: "Reads a file.",
  schema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
};

export function request(model: ModelInfo, messages: Message[], more: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model,
    system: "You are tested.",
    messages,
    tools: [VIEW],
    maxTokens: 4000,
    temperature: null,
    reasoning: null,
    cacheKey: "conversation-1",
    ...more,
  };
}

export const user = (text: string): Message => ({ role: "user", content: [{ type: "text", text }] });
export const result = (callId: string, text: string, isError = false): Message => ({
  role: "tool",
  callId,
  toolName: "view",
  content: text === "" ? [] : [{ type: "text", text }],
  isError,
});

export async function collect(stream: AsyncIterable<StreamPart>): Promise<StreamPart[]> {
  const parts: StreamPart[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

export async function ask(
  provider: Provider,
  model: ModelInfo,
  messages: Message[],
  more: Partial<ModelRequest> = {},
): Promise<StreamPart[]> {
  return collect(provider.stream(request(model, messages, more), new AbortController().signal));
}

export function ended(parts: StreamPart[]): Extract<StreamPart, { type: "end" }> {
  const last = parts.at(-1);
  if (last?.type !== "end") throw new Error(`expected an end, got ${JSON.stringify(last)}`);
  return last;
}

export function failed(parts: StreamPart[]): Extract<StreamPart, { type: "error" }> {
  const last = parts.at(-1);
  if (last?.type !== "error") throw new Error(`expected an error, got ${JSON.stringify(last)}`);
  return last;
}

export function callIds(message: AssistantMessage): string[] {
  return message.content.flatMap((block) => (block.type === "tool_call" ? [block.id] : []));
}

export function textOf(parts: StreamPart[]): string {
  return parts.flatMap((part) => (part.type === "text_delta" ? [part.text] : [])).join("");
}
