// The OpenAI Responses format: builds typed requests without server-side state, which the SDK sends, and reads the
// events of an answer.

import type {
  EasyInputMessage,
  FunctionTool,
  ResponseCreateParamsStreaming,
  ResponseFunctionCallOutputItem,
  ResponseInputContent,
  ResponseInputItem,
  ResponseReasoningItem,
  ResponseStreamEvent,
  ResponseUsage,
} from "openai/resources/responses/responses";
import type { AssistantMessage, ImageBlock, ReasoningBlock, TextBlock } from "../types/message.ts";
import type { ModelRequest, StopReason, StreamPart, Usage } from "../types/provider.ts";
import type { Json, JsonObject } from "../types/json.ts";
import { failureFromEvent, type CallNames } from "./failure.ts";
import type { ReplyMeter } from "./reply-bounds.ts";
import { legalToolName, prepareHistory, type Turn } from "./history.ts";
import { effortValue } from "./reasoning.ts";
import { openaiCalls, openaiClient } from "./openai-client.ts";
import { asText, pushDelta, toolCall, withUniqueIds } from "./answer-parts.ts";
import type { AnswerReader, WireFormat } from "./wire.ts";

const FORMAT = "responses";

function visible(block: TextBlock | ImageBlock): ResponseInputContent & ResponseFunctionCallOutputItem {
  return block.type === "text"
    ? { type: "input_text", text: block.text }
    : { type: "input_image", detail: "auto", image_url: `data:${block.mediaType};base64,${block.data}` };
}

function reasoningItem(block: ReasoningBlock): ResponseReasoningItem[] {
  const { id, encrypted } = block.providerData ?? {};
  if (typeof id !== "string" || typeof encrypted !== "string") return [];
  return [
    {
      type: "reasoning",
      id,
      summary: block.text === "" ? [] : [{ type: "summary_text", text: block.text }],
      encrypted_content: encrypted,
    },
  ];
}

function toInput(turns: Turn[]): ResponseInputItem[] {
  return turns.flatMap((turn): ResponseInputItem[] => {
    switch (turn.role) {
      case "user":
        return [{ role: "user", content: turn.content.map(visible) } satisfies EasyInputMessage];
      case "assistant":
        return turn.content.flatMap((block): ResponseInputItem[] => {
          if (block.type === "text") return [{ role: "assistant", content: block.text }];
          if (block.type === "reasoning") return reasoningItem(block);
          return [
            { type: "function_call", call_id: block.id, name: block.name, arguments: JSON.stringify(block.input) },
          ];
        });
      case "results":
        return turn.results.map((result) => {
          const images = result.content.some((block) => block.type === "image");
          const text = result.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
          return {
            type: "function_call_output",
            call_id: result.callId,
            output: images ? result.content.map(visible) : result.isError ? `Error: ${text}` : text,
          };
        });
    }
  });
}

function reasoning(request: ModelRequest): Pick<ResponseCreateParamsStreaming, "reasoning"> {
  const { model, reasoning: level } = request;
  if (model.reasoning !== "effort" || level === null) return {};
  const value = effortValue(model, level);
  const effort = (["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const).find((one) => one === value);
  if (effort === undefined) return {};
  return { reasoning: effort === "none" ? { effort } : { effort, summary: "auto" } };
}

function body(request: ModelRequest): ResponseCreateParamsStreaming {
  const turns = prepareHistory(request.messages, request.model, { callIds: "open", format: FORMAT });
  const tools = request.tools.map((tool): FunctionTool => ({
    type: "function",
    name: legalToolName(tool.name),
    description: tool.description,
    parameters: tool.schema,
    strict: false,
  }));
  return {
    model: request.model.wireId,
    stream: true,
    store: false,
    max_output_tokens: request.maxTokens,
    prompt_cache_key: request.cacheKey,
    ...reasoning(request),
    ...(request.model.reasoning === "effort" ? { include: ["reasoning.encrypted_content" as const] } : {}),
    ...(request.model.temperature && request.temperature !== null ? { temperature: request.temperature } : {}),
    ...(request.system.trim() === "" ? {} : { instructions: request.system }),
    ...(tools.length === 0 ? {} : { tools }),
    input: toInput(turns),
  };
}

interface OpenItem {
  type: "text" | "reasoning" | "call" | "other";
  id: string;
  callId: string;
  name: string;
  text: string;
  encrypted: string | null;
  refusal: boolean;
}

function usageFrom(raw: ResponseUsage): Usage {
  const read = raw.input_tokens_details?.cached_tokens ?? 0;
  const write = raw.input_tokens_details?.cache_write_tokens ?? 0;
  return {
    input: Math.max(0, (raw.input_tokens ?? 0) - read - write),
    output: raw.output_tokens ?? 0,
    cache_read: read,
    cache_write: write,
  };
}

/** What is no object has no fields. */
const asObject = (value: unknown): JsonObject =>
  value !== null && typeof value === "object" ? (value as JsonObject) : {};
const joined = (value: Json | undefined): string =>
  Array.isArray(value)
    ? value
        .map((part) =>
          part !== null && typeof part === "object" && !Array.isArray(part)
            ? asText(part.text) || asText(part.refusal)
            : "",
        )
        .join("")
    : "";

const TYPES: Record<string, OpenItem["type"]> = { message: "text", reasoning: "reasoning", function_call: "call" };

function createReader(request: ModelRequest, names: CallNames, meter: ReplyMeter): AnswerReader {
  const items = new Map<number, OpenItem>();
  let usage: Usage | null = null;
  let servedModel: string | null = null;
  let stop: StopReason | null = null;

  const itemAt = (index: number, raw: JsonObject): OpenItem => {
    const known = items.get(index);
    if (known !== undefined) return known;
    const item: OpenItem = {
      type: TYPES[asText(raw.type)] ?? "other",
      id: asText(raw.id),
      callId: asText(raw.call_id),
      name: asText(raw.name),
      text: "",
      encrypted: null,
      refusal: false,
    };
    meter.open(item.type === "call" ? "call" : "other");
    meter.grow(item.id + item.callId + item.name);
    items.set(index, item);
    return item;
  };

  /** The finished item is what counts; it also serves servers that send no deltas. */
  const finishItem = (index: number, raw: JsonObject): void => {
    const item = itemAt(index, raw);
    meter.open("other");
    const kept = item.text.length + (item.encrypted?.length ?? 0);
    if (item.type === "call") {
      item.callId = asText(raw.call_id) || item.callId;
      item.name = asText(raw.name) || item.name;
      item.text = asText(raw.arguments) || item.text;
    } else if (item.type === "reasoning") {
      item.id = asText(raw.id) || item.id;
      item.encrypted = asText(raw.encrypted_content) || null;
      item.text = item.text || joined(raw.summary);
    } else if (item.type === "text") item.text = item.text || joined(raw.content);
    meter.grow(`${item.text}${item.encrypted ?? ""}`.slice(kept));
  };

  const settle = (
    response:
      { model?: string; usage?: ResponseUsage | null; incomplete_details?: { reason?: string } | null } | undefined,
    complete: boolean,
  ): void => {
    servedModel = response?.model ?? servedModel;
    if (response?.usage !== null && response?.usage !== undefined) usage = usageFrom(response.usage);
    const refused = [...items.values()].some((item) => item.refusal);
    stop = complete
      ? refused
        ? "refusal"
        : "end"
      : response?.incomplete_details?.reason === "content_filter"
        ? "refusal"
        : "max_tokens";
  };

  const read = (raw: JsonObject, parts: StreamPart[]): void => {
    const event = raw as unknown as ResponseStreamEvent;
    const grow = (index: number, type: string, text: string): OpenItem => {
      const item = itemAt(index, { type });
      meter.grow(text);
      item.text += text;
      return item;
    };
    switch (event.type) {
      case "response.created":
        servedModel = event.response?.model ?? null;
        break;
      case "response.output_item.added":
        itemAt(event.output_index, asObject(event.item));
        break;
      case "response.output_text.delta":
        grow(event.output_index, "message", asText(event.delta));
        pushDelta(parts, "text_delta", asText(event.delta));
        break;
      case "response.refusal.delta":
        grow(event.output_index, "message", asText(event.delta)).refusal = true;
        pushDelta(parts, "text_delta", asText(event.delta));
        break;
      case "response.reasoning_summary_text.delta":
      case "response.reasoning_text.delta":
        grow(event.output_index, "reasoning", asText(event.delta));
        pushDelta(parts, "reasoning_delta", asText(event.delta));
        break;
      case "response.reasoning_summary_part.added":
        if (event.summary_index > 0) {
          grow(event.output_index, "reasoning", "\n\n");
          pushDelta(parts, "reasoning_delta", "\n\n");
        }
        break;
      case "response.function_call_arguments.delta":
        grow(event.output_index, "function_call", asText(event.delta));
        break;
      case "response.output_item.done":
        finishItem(event.output_index, asObject(event.item));
        break;
      case "response.completed":
        settle(event.response, true);
        break;
      case "response.incomplete":
        settle(event.response, false);
        break;
      case "response.failed":
        throw failureFromEvent(
          names,
          asText(event.response?.error?.code),
          asText(event.response?.error?.message) || "the response failed",
          usage,
        );
      case "error":
        throw failureFromEvent(names, asText(event.code), asText(event.message), usage);
      default:
        break;
    }
  };

  return {
    read,
    done: () => stop !== null,
    usage: () => usage,
    finish: (requestBytes) => {
      if (stop === null) return null;
      const ordered = [...items.entries()].sort(([left], [right]) => left - right).map(([, item]) => item);
      const last = ordered.at(-1);
      const content = ordered.flatMap((item): AssistantMessage["content"] => {
        switch (item.type) {
          case "text":
            return item.text === "" ? [] : [{ type: "text" as const, text: item.text }];
          case "reasoning":
            return [
              {
                type: "reasoning" as const,
                text: item.text,
                ...(item.encrypted === null
                  ? {}
                  : { providerData: { format: FORMAT, id: item.id, encrypted: item.encrypted } }),
              },
            ];
          case "call":
            return [toolCall(item.callId, item.name, item.text, item === last && stop === "max_tokens")];
          case "other":
            return [];
        }
      });
      const size = ordered.reduce((sum, item) => sum + item.text.length, 0);
      const calls = content.some((block) => block.type === "tool_call");
      return {
        message: { role: "assistant", model: request.model.id, content: withUniqueIds(content) },
        usage: usage ?? {
          input: Math.ceil(requestBytes / 4),
          output: Math.ceil(size / 4),
          cache_read: 0,
          cache_write: 0,
        },
        stopReason: stop === "end" && calls ? "tool_calls" : stop,
        servedModel,
      };
    },
  };
}

export const responsesFormat: WireFormat = {
  ...openaiCalls,
  body,
  prepare: (request, endpoint) => {
    const parameters = body(request);
    return (exchange) => openaiClient(endpoint, exchange).responses.create(parameters, { signal: exchange.signal });
  },
  reader: createReader,
};
