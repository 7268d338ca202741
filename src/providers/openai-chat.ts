// The Chat Completions format, for OpenAI and every compatible server: builds typed requests, which the SDK sends, and
// reads the chunks of an answer.
// What a vendor does differently comes in as its dialect, never as its name.

import type {
  ChatCompletionAssistantMessageParam,
  ChatCompletionChunk,
  ChatCompletionContentPart,
  ChatCompletionCreateParamsStreaming,
  ChatCompletionMessageFunctionToolCall,
  ChatCompletionMessageParam,
  ChatCompletionTool,
} from "openai/resources/chat/completions/completions";
import type { ImageBlock, TextBlock } from "../types/message.ts";
import type { ModelRequest, StopReason, StreamPart, Usage } from "../types/provider.ts";
import type { Json, JsonObject } from "../types/json.ts";
import type { CallNames } from "./failure.ts";
import type { ReplyMeter } from "./reply-bounds.ts";
import { legalToolName, prepareHistory, type AssistantTurn, type Turn } from "./history.ts";
import { effortValue } from "./reasoning.ts";
import { openaiCalls, openaiClient } from "./openai-client.ts";
import { asText, pushDelta, toolCall, withUniqueIds } from "./answer-parts.ts";
import type { AnswerReader, Endpoint, WireFormat } from "./wire.ts";
import type { ChatDialect } from "./vendors.ts";

const FORMAT = "chat";

function textOf(content: (TextBlock | ImageBlock)[]): string {
  return content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
}

function userContent(content: (TextBlock | ImageBlock)[]): string | ChatCompletionContentPart[] {
  if (content.every((block) => block.type === "text")) return textOf(content);
  return content.map((block): ChatCompletionContentPart =>
    block.type === "text"
      ? { type: "text", text: block.text }
      : { type: "image_url", image_url: { url: `data:${block.mediaType};base64,${block.data}` } },
  );
}

/**
 * Vendor fields that came with a call (thought signatures) go back beside it; they are kept in the reply's reasoning
 * block, by call.
 */
function assistantMessage(turn: AssistantTurn, dialect: ChatDialect): ChatCompletionAssistantMessageParam {
  const reasoning = turn.content.flatMap((block) => (block.type === "reasoning" ? [block] : []));
  const calls = turn.content.flatMap((block) => (block.type === "tool_call" ? [block] : []));
  const text = turn.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
  const extras = reasoning.map((block) => block.providerData?.extras).find((value) => Array.isArray(value)) ?? null;
  const thought = reasoning.map((block) => block.text).join("");
  return {
    role: "assistant",
    content: text === "" ? null : text,
    ...(dialect.reasoningBack && thought !== "" ? { reasoning_content: thought } : {}),
    ...(calls.length === 0
      ? {}
      : {
          tool_calls: calls.map((call, index): ChatCompletionMessageFunctionToolCall => {
            const extra = extras === null ? dialect.foreignCallMark : (extras[index] ?? null);
            return {
              id: call.id,
              type: "function",
              function: { name: call.name, arguments: JSON.stringify(call.input) },
              ...(extra !== null && typeof extra === "object" ? extra : {}),
            };
          }),
        }),
  };
}

function toMessages(system: string, turns: Turn[], dialect: ChatDialect): ChatCompletionMessageParam[] {
  const messages: ChatCompletionMessageParam[] = system.trim() === "" ? [] : [{ role: "system", content: system }];
  for (const turn of turns) {
    switch (turn.role) {
      case "user":
        messages.push({ role: "user", content: userContent(turn.content) });
        break;
      case "assistant":
        messages.push(assistantMessage(turn, dialect));
        break;
      case "results": {
        // Results are text here: images follow as a message of the user.
        const images: ImageBlock[] = [];
        for (const result of turn.results) {
          const shown = result.content.flatMap((block) => (block.type === "image" ? [block] : []));
          images.push(...shown);
          const text = textOf(result.content);
          messages.push({
            role: "tool",
            tool_call_id: result.callId,
            content: text === "" ? `(${shown.length} image(s), shown below)` : result.isError ? `Error: ${text}` : text,
          });
        }
        if (images.length > 0)
          messages.push({
            role: "user",
            content: userContent([{ type: "text", text: "Images from the tool results above:" }, ...images]),
          });
        break;
      }
    }
  }
  return messages;
}

function reasoning(request: ModelRequest, dialect: ChatDialect): JsonObject {
  const { model, reasoning: level } = request;
  if (level === null || model.reasoning === "none") return {};
  const toggle = (on: boolean): JsonObject =>
    dialect.thinking === "enable_thinking"
      ? { enable_thinking: on }
      : dialect.thinking === "thinking_type"
        ? { thinking: { type: on ? "enabled" : "disabled" } }
        : {};
  if (model.reasoning !== "effort") return level === "off" && !model.reasoningCanBeOff ? {} : toggle(level !== "off");
  const value = effortValue(model, level);
  if (value !== null) return { reasoning_effort: value };
  return level === "off" && model.reasoningCanBeOff ? toggle(false) : {};
}

function body(request: ModelRequest, endpoint: Endpoint): ChatCompletionCreateParamsStreaming {
  const { dialect } = endpoint;
  const turns = prepareHistory(request.messages, request.model, { callIds: dialect.callIds, format: FORMAT });
  const tools = request.tools.map((tool): ChatCompletionTool => ({
    type: "function",
    function: { name: legalToolName(tool.name), description: tool.description, parameters: tool.schema },
  }));
  return {
    model: request.model.wireId,
    stream: true,
    stream_options: { include_usage: true },
    [dialect.maxTokensField]: request.maxTokens,
    ...reasoning(request, dialect),
    ...(request.model.temperature && request.temperature !== null ? { temperature: request.temperature } : {}),
    ...(dialect.cacheKey ? { prompt_cache_key: request.cacheKey } : {}),
    ...(tools.length === 0 ? {} : { tools }),
    messages: toMessages(request.system, turns, dialect),
  };
}

/** Fields of compatible servers that the format itself does not have. */
interface CompatibleDelta {
  reasoning_content?: string | null;
  reasoning?: string | null;
}
interface CompatibleUsage {
  prompt_cache_hit_tokens?: number;
}
interface OpenCall {
  index: number | null;
  id: string;
  name: string;
  text: string;
  extra: JsonObject | null;
}

const STOPS: Record<string, StopReason> = {
  stop: "end",
  tool_calls: "tool_calls",
  function_call: "tool_calls",
  length: "max_tokens",
  content_filter: "refusal",
};

function usageFrom(raw: NonNullable<ChatCompletionChunk["usage"]> & CompatibleUsage): Usage {
  const details = raw.prompt_tokens_details;
  const read = details?.cached_tokens ?? raw.prompt_cache_hit_tokens ?? 0;
  const write = details?.cache_write_tokens ?? 0;
  return {
    input: Math.max(0, (raw.prompt_tokens ?? 0) - read - write),
    output: raw.completion_tokens ?? 0,
    cache_read: read,
    cache_write: write,
  };
}

function createReader(request: ModelRequest, _names: CallNames, meter: ReplyMeter): AnswerReader {
  let text = "";
  let thought = "";
  let usage: Usage | null = null;
  let servedModel: string | null = null;
  let finish: string | null = null;
  const calls: OpenCall[] = [];

  /**
   * Pieces belong to the call of their index; servers that give no index, or one index to all, tell calls apart by id.
   */
  const openCall = (index: number | undefined, id: string): OpenCall => {
    const last = calls.at(-1);
    const same =
      index === undefined
        ? id === "" || id === last?.id
          ? last
          : undefined
        : calls.findLast((call) => call.index === index);
    if (same !== undefined && (id === "" || same.id === "" || same.id === id)) return same;
    const call: OpenCall = { index: index ?? null, id, name: "", text: "", extra: null };
    meter.open("call");
    calls.push(call);
    return call;
  };

  const read = (raw: JsonObject, parts: StreamPart[]): void => {
    const chunk = raw as unknown as ChatCompletionChunk;
    servedModel = typeof chunk.model === "string" && chunk.model !== "" ? chunk.model : servedModel;
    if (chunk.usage !== null && chunk.usage !== undefined) usage = usageFrom(chunk.usage);
    const choice = chunk.choices?.[0];
    if (choice === undefined) return;
    const delta: (ChatCompletionChunk.Choice.Delta & CompatibleDelta) | undefined = choice.delta;
    const thinking = delta?.reasoning_content ?? delta?.reasoning;
    if (typeof thinking === "string") {
      meter.grow(thinking);
      thought += thinking;
      pushDelta(parts, "reasoning_delta", thinking);
    }
    for (const piece of [delta?.content, delta?.refusal]) {
      if (typeof piece !== "string") continue;
      meter.grow(piece);
      text += piece;
      pushDelta(parts, "text_delta", piece);
    }
    if (typeof delta?.refusal === "string" && delta.refusal !== "") finish = "content_filter";
    for (const piece of delta?.tool_calls ?? []) {
      const id = asText(piece.id);
      const call = openCall(typeof piece.index === "number" ? piece.index : undefined, id);
      if (call.id === "") call.id = id;
      if (call.name === "") call.name = asText(piece.function?.name);
      const written = asText(piece.function?.arguments);
      meter.grow(id + asText(piece.function?.name) + written);
      call.text += written;
      const extra = (piece as unknown as JsonObject).extra_content;
      if (extra === undefined || extra === null) continue;
      meter.grow(JSON.stringify(extra));
      call.extra = { extra_content: extra };
    }
    if (typeof choice.finish_reason === "string") finish ??= choice.finish_reason;
  };

  const reasoningBlock = (): { type: "reasoning"; text: string; providerData: JsonObject }[] => {
    const extras: Json[] | null = calls.some((call) => call.extra !== null) ? calls.map((call) => call.extra) : null;
    return thought === "" && extras === null
      ? []
      : [
          {
            type: "reasoning",
            text: thought,
            providerData: { format: FORMAT, ...(extras === null ? {} : { extras }) },
          },
        ];
  };

  return {
    read,
    done: () => finish !== null && usage !== null,
    usage: () => usage,
    finish: (requestBytes) => {
      if (finish === null) return null;
      const stopReason = STOPS[finish] ?? "end";
      const last = calls.at(-1);
      const content = [
        ...reasoningBlock(),
        ...(text === "" ? [] : [{ type: "text" as const, text }]),
        ...calls.map((call) => toolCall(call.id, call.name, call.text, call === last && stopReason === "max_tokens")),
      ];
      const size = text.length + thought.length + calls.reduce((sum, call) => sum + call.text.length, 0);
      return {
        message: { role: "assistant", model: request.model.id, content: withUniqueIds(content) },
        // A server that reports no usage is counted by size, so that limits still hold: nothing would look like free.
        usage: usage ?? {
          input: Math.ceil(requestBytes / 4),
          output: Math.ceil(size / 4),
          cache_read: 0,
          cache_write: 0,
        },
        stopReason: stopReason === "end" && calls.length > 0 ? "tool_calls" : stopReason,
        servedModel,
      };
    },
  };
}

export const chatFormat: WireFormat = {
  ...openaiCalls,
  body,
  prepare: (request, endpoint) => {
    const parameters = body(request, endpoint);
    return (exchange) =>
      openaiClient(endpoint, exchange).chat.completions.create(parameters, { signal: exchange.signal });
  },
  reader: createReader,
};
