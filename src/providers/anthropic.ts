// The Anthropic Messages format: builds typed requests and reads the typed events of an answer; the vendor's SDK sends
// the requests and parses the events. Transport, retries and keys are elsewhere.

import type {
  ContentBlockParam,
  ImageBlockParam,
  MessageCreateParamsStreaming,
  MessageParam,
  RawMessageStreamEvent,
  TextBlockParam,
  ToolResultBlockParam,
} from "@anthropic-ai/sdk/resources/messages/messages";
import { BaseAnthropic } from "@anthropic-ai/sdk";
import type { Stream } from "@anthropic-ai/sdk/streaming";
import type { AssistantMessage, ImageBlock, ReasoningBlock, TextBlock } from "../types/message.ts";
import type { ModelRequest, StopReason, StreamPart, Usage } from "../types/provider.ts";
import type { JsonObject } from "../types/json.ts";
import { clientOptions, type Exchange } from "./exchange.ts";
import { failureFromEvent, NO_OBJECT, protocolFailure, type CallNames, type ProviderFailure } from "./failure.ts";
import { legalToolName, prepareHistory, type Turn } from "./history.ts";
import { budgetTokens, effortValue } from "./reasoning.ts";
import { asText, pushDelta, toolCall, withUniqueIds } from "./answer-parts.ts";
import type { AnswerReader, Endpoint, WireFormat } from "./wire.ts";
import type { ReplyMeter } from "./reply-bounds.ts";

const FORMAT = "anthropic";
const VERSION_WITH_TEMPERATURE = "2023-06-01";
/** The SDK looks for keys on disk unless it is given one; where there is none, the header is taken out. */
const NO_KEY = "none";
const CACHE_MARK = { type: "ephemeral" as const };

function visible(block: TextBlock | ImageBlock): TextBlockParam | ImageBlockParam {
  if (block.type === "text") return { type: "text", text: block.text };
  return { type: "image", source: { type: "base64", media_type: block.mediaType, data: block.data } };
}

function thinking(block: ReasoningBlock): ContentBlockParam {
  const { signature, redacted } = block.providerData ?? {};
  if (typeof redacted === "string") return { type: "redacted_thinking", data: redacted };
  return { type: "thinking", thinking: block.text, signature: typeof signature === "string" ? signature : "" };
}

function toMessages(turns: Turn[]): MessageParam[] {
  const messages: MessageParam[] = [];
  const addUser = (blocks: ContentBlockParam[]): void => {
    const last = messages.at(-1);
    if (last?.role === "user" && Array.isArray(last.content)) last.content.push(...blocks);
    else messages.push({ role: "user", content: blocks });
  };
  // The first message must be the user's and the last one may not be the assistant's.
  if (turns[0]?.role !== "user") addUser([{ type: "text", text: "Continue." }]);
  for (const turn of turns) {
    switch (turn.role) {
      case "user":
        addUser(turn.content.map(visible));
        break;
      case "results":
        addUser(
          turn.results.map((result): ToolResultBlockParam => ({
            type: "tool_result",
            tool_use_id: result.callId,
            content: result.content.map(visible),
            ...(result.isError ? { is_error: true } : {}),
          })),
        );
        break;
      case "assistant":
        messages.push({
          role: "assistant",
          content: turn.content.map((block): ContentBlockParam => {
            if (block.type === "text") return { type: "text", text: block.text };
            return block.type === "reasoning"
              ? thinking(block)
              : { type: "tool_use", id: block.id, name: block.name, input: block.input };
          }),
        });
        break;
    }
  }
  if (messages.at(-1)?.role === "assistant") addUser([{ type: "text", text: "Continue." }]);
  return messages;
}

type Parameters = MessageCreateParamsStreaming & { temperature?: number };

/** Marks the end of the last two user messages: the newest prefix is written, the one of the step before is found. */
function markCache(messages: MessageParam[]): void {
  for (const message of messages.filter(({ role }) => role === "user").slice(-2)) {
    const block = Array.isArray(message.content) ? message.content.at(-1) : undefined;
    if (block !== undefined && (block.type === "text" || block.type === "image" || block.type === "tool_result"))
      block.cache_control = CACHE_MARK;
  }
}

/**
 * Models with a token budget refuse to think in the middle of a tool loop whose reply came without thinking, as after a
 * hand-over.
 */
function mayThink(turns: Turn[]): boolean {
  if (turns.at(-1)?.role !== "results") return true;
  const reply = turns.at(-2);
  return reply?.role === "assistant" && reply.content[0]?.type === "reasoning";
}

function reasoning(
  request: ModelRequest,
  turns: Turn[],
): Pick<MessageCreateParamsStreaming, "thinking" | "output_config"> {
  const { model, reasoning: level } = request;
  if (level === null) return {};
  switch (model.reasoning) {
    case "none":
      return {};
    case "budget":
    case "toggle": {
      const budget = level === "off" || !mayThink(turns) ? null : budgetTokens(level, request.maxTokens);
      return budget === null ? {} : { thinking: { type: "enabled", budget_tokens: budget } };
    }
    case "effort": {
      const value = effortValue(model, level);
      if (value === null) return level === "off" && model.reasoningCanBeOff ? { thinking: { type: "disabled" } } : {};
      const effort = (["low", "medium", "high", "xhigh", "max"] as const).find((one) => one === value);
      return effort === undefined
        ? {}
        : { thinking: { type: "adaptive", display: "summarized" }, output_config: { effort } };
    }
  }
}

function body(request: ModelRequest): Parameters {
  const turns = prepareHistory(request.messages, request.model, { callIds: "open", format: FORMAT });
  const messages = toMessages(turns);
  markCache(messages);
  const thinks = reasoning(request, turns);
  const temperature =
    request.model.temperature &&
    request.temperature !== null &&
    (thinks.thinking === undefined || thinks.thinking.type === "disabled");
  return {
    model: request.model.wireId,
    max_tokens: request.maxTokens,
    stream: true,
    ...thinks,
    ...(temperature ? { temperature: Math.min(1, request.temperature ?? 1) } : {}),
    ...(request.tools.length === 0
      ? {}
      : {
          tools: request.tools.map((tool, index) => ({
            name: legalToolName(tool.name),
            description: tool.description,
            input_schema: { ...tool.schema, type: "object" as const },
            ...(index === request.tools.length - 1 ? { cache_control: CACHE_MARK } : {}),
          })),
        }),
    ...(request.system.trim() === ""
      ? {}
      : { system: [{ type: "text" as const, text: request.system, cache_control: CACHE_MARK }] }),
    messages,
  };
}

interface OpenBlock {
  type: "text" | "thinking" | "redacted" | "call" | "other";
  text: string;
  signature: string;
  id: string;
  name: string;
}

const STOPS: Record<string, StopReason> = {
  end_turn: "end",
  stop_sequence: "end",
  pause_turn: "end",
  tool_use: "tool_calls",
  max_tokens: "max_tokens",
  model_context_window_exceeded: "max_tokens",
  refusal: "refusal",
};

function createReader(request: ModelRequest, _names: CallNames, meter: ReplyMeter): AnswerReader {
  const blocks = new Map<number, OpenBlock>();
  let usage: Usage | null = null;
  let servedModel: string | null = null;
  let stop: string | null = null;
  let stopped = false;

  const takeUsage = (
    raw:
      | {
          input_tokens?: number | null;
          output_tokens?: number | null;
          cache_read_input_tokens?: number | null;
          cache_creation_input_tokens?: number | null;
        }
      | null
      | undefined,
  ): void => {
    if (raw === null || raw === undefined) return;
    usage = {
      input: raw.input_tokens ?? usage?.input ?? 0,
      output: raw.output_tokens ?? usage?.output ?? 0,
      cache_read: raw.cache_read_input_tokens ?? usage?.cache_read ?? 0,
      cache_write: raw.cache_creation_input_tokens ?? usage?.cache_write ?? 0,
    };
  };

  const read = (raw: JsonObject, parts: StreamPart[]): void => {
    const event = raw as unknown as RawMessageStreamEvent;
    switch (event.type) {
      case "message_start":
        servedModel = event.message?.model ?? null;
        takeUsage(event.message?.usage);
        break;
      case "content_block_start": {
        const start = event.content_block;
        const block: OpenBlock = { type: "other", text: "", signature: "", id: "", name: "" };
        if (start?.type === "text") Object.assign(block, { type: "text", text: asText(start.text) });
        if (start?.type === "thinking")
          Object.assign(block, { type: "thinking", text: asText(start.thinking), signature: asText(start.signature) });
        if (start?.type === "redacted_thinking") Object.assign(block, { type: "redacted", text: asText(start.data) });
        if (start?.type === "tool_use")
          Object.assign(block, { type: "call", id: asText(start.id), name: asText(start.name) });
        meter.open(block.type === "call" ? "call" : "other");
        meter.grow(block.text + block.signature + block.id + block.name);
        blocks.set(event.index, block);
        if (block.type === "text") pushDelta(parts, "text_delta", block.text);
        if (block.type === "thinking") pushDelta(parts, "reasoning_delta", block.text);
        break;
      }
      case "content_block_delta": {
        const block = blocks.get(event.index);
        if (block === undefined) break;
        const delta = event.delta;
        const grow = (piece: unknown): string => {
          const text = asText(piece);
          meter.grow(text);
          return text;
        };
        if (delta?.type === "text_delta") {
          const text = grow(delta.text);
          block.text += text;
          pushDelta(parts, "text_delta", text);
        } else if (delta?.type === "thinking_delta") {
          const text = grow(delta.thinking);
          block.text += text;
          pushDelta(parts, "reasoning_delta", text);
        } else if (delta?.type === "signature_delta") block.signature = grow(delta.signature);
        else if (delta?.type === "input_json_delta") block.text += grow(delta.partial_json);
        break;
      }
      case "message_delta":
        stop = event.delta?.stop_reason ?? stop;
        takeUsage(event.usage);
        break;
      case "message_stop":
        stopped = true;
        break;
      case "content_block_stop":
        break;
    }
  };

  return {
    read,
    done: () => stopped,
    usage: () => usage,
    finish: () => {
      if (!stopped) return null;
      const last = [...blocks.values()].at(-1);
      const content = [...blocks.values()].flatMap((block): AssistantMessage["content"] => {
        switch (block.type) {
          case "text":
            return block.text === "" ? [] : [{ type: "text" as const, text: block.text }];
          case "thinking":
            return [
              {
                type: "reasoning" as const,
                text: block.text,
                ...(block.signature === "" ? {} : { providerData: { format: FORMAT, signature: block.signature } }),
              },
            ];
          case "redacted":
            return [{ type: "reasoning" as const, text: "", providerData: { format: FORMAT, redacted: block.text } }];
          case "call":
            return [toolCall(block.id, block.name, block.text, block === last && stop === "max_tokens")];
          case "other":
            return [];
        }
      });
      const calls = content.some((block) => block.type === "tool_call");
      const stopReason = STOPS[stop ?? ""] ?? "end";
      return {
        message: { role: "assistant", model: request.model.id, content: withUniqueIds(content) },
        usage: usage ?? { input: 0, output: 0, cache_read: 0, cache_write: 0 },
        stopReason: stopReason === "end" && calls ? "tool_calls" : stopReason,
        servedModel,
      };
    },
  };
}

/**
 * The client without the vendor's resources: they would add a third to the bundle, and what is called here needs none
 * of them.
 */
function connect(endpoint: Endpoint, exchange: Exchange): BaseAnthropic {
  const key = endpoint.key === "" ? null : endpoint.key;
  // Gateways that speak this format know the key's own header, which the vendor takes too.
  const header = key === null ? {} : endpoint.bearer ? { authorization: `Bearer ${key}` } : { "x-api-key": key };
  return new BaseAnthropic({
    ...clientOptions(endpoint.baseUrl, exchange),
    authToken: key ?? NO_KEY,
    openTelemetry: false,
    // Said although the SDK would say some of it: this wins over the headers that the SDK reads from its environment
    // variable.
    defaultHeaders: { "user-agent": "bmo", authorization: null, "x-api-key": null, ...header, ...endpoint.headers },
  });
}

function streamFailure(thrown: unknown, names: CallNames, usage: Usage | null): ProviderFailure | null {
  // Its message quotes a few characters of the event, which may be half of a key: no redaction would know that.
  if (thrown instanceof SyntaxError) return protocolFailure(names, NO_OBJECT, "", usage);
  if (!(thrown instanceof BaseAnthropic.APIError)) return null;
  return failureFromEvent(names, thrown.type ?? "", thrown.apiMessage ?? thrown.message, usage);
}

export const anthropicFormat: WireFormat = {
  body,
  prepare: (request, endpoint) => {
    const parameters = body(request);
    // The SDK's version of the protocol has no temperature; the one before, which the vendor still serves, has.
    const older = parameters.temperature !== undefined && endpoint.headers["anthropic-version"] === undefined;
    const headers = older ? { "anthropic-version": VERSION_WITH_TEMPERATURE } : {};
    // `messages.create` does the same, but tells with console.warn that a model is outdated: between the lines of an
    // answer.
    return (exchange) =>
      connect(endpoint, exchange).post<Stream<RawMessageStreamEvent>>("/v1/messages", {
        body: parameters,
        headers,
        stream: true,
        signal: exchange.signal,
      });
  },
  probe: async (endpoint, exchange) => {
    await connect(endpoint, exchange).get("/v1/models", { signal: exchange.signal }).asResponse();
  },
  streamFailure,
  reader: createReader,
};
