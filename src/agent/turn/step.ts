// One model call: count, reserve, stream, book. Turns a provider's typed failure into the error the run ends with.

import { sanitizeText } from "../../util/sanitize.ts";
import { estimateTokens } from "../messages.ts";
import type { AgentContext } from "../context.ts";
import type { AgentPorts } from "../ports.ts";
import type { ErrorCode, ErrorInfo } from "../../types/error.ts";
import type { Json, JsonObject } from "../../types/json.ts";
import type { LedgerEntry, ModelCall } from "../../types/ledger.ts";
import type { AssistantMessage, Message } from "../../types/message.ts";
import type {
  ModelInfo,
  ProviderError,
  ProviderErrorKind,
  ReasoningLevel,
  StopReason,
  StreamPart,
  ToolSpec,
} from "../../types/provider.ts";

export interface StepInput {
  call: ModelCall;
  system: string;
  messages: Message[];
  tools: ToolSpec[];
  sampling: {
    reasoning: ReasoningLevel | null;
    temperature: number | null;
    /** Upper limit of the reply in tokens; null = the model's own, within reason. */
    maxTokens: number | null;
  };
  cacheKey: string;
  /** Start and deltas go up as events only for the turn's own steps, not for small-model calls. */
  visible: boolean;
}

export type StepOutcome =
  | {
      kind: "message";
      message: AssistantMessage;
      stopReason: StopReason;
      servedModel: string | null;
      entry: LedgerEntry;
      error: ErrorInfo | null;
    }
  /** `entry` is what the failed call was billed, null where nothing is known of it. */
  | { kind: "error"; error: ErrorInfo; providerErrorKind: ProviderErrorKind | null; entry: LedgerEntry | null };

/** More than any sensible reply, less than what makes a budget's worst case useless. */
const DEFAULT_MAX_TOKENS = 32_000;
const UNKNOWN_MODEL_MAX_TOKENS = 8_192;
const SMALLEST_MAX_TOKENS = 1_024;

const CODE_BY_KIND: Record<ProviderErrorKind, ErrorCode> = {
  credentials: "credentials",
  model_not_found: "configuration",
  bad_request: "provider",
  context_overflow: "provider",
  rate_limit: "provider",
  overloaded: "provider",
  network: "provider",
  protocol: "provider",
  aborted: "aborted",
};

export function errorOfProvider(error: ProviderError): ErrorInfo {
  return { code: CODE_BY_KIND[error.kind], message: error.message, hint: error.hint };
}

function replyLimit(model: ModelInfo, messages: Message[], wanted: number | null): number {
  const own = Math.min(model.maxOutput ?? UNKNOWN_MODEL_MAX_TOKENS, DEFAULT_MAX_TOKENS);
  const limit = wanted === null ? own : Math.min(own, wanted);
  if (model.contextWindow === null) return limit;
  return Math.max(
    Math.min(SMALLEST_MAX_TOKENS, limit),
    Math.min(limit, model.contextWindow - estimateTokens(messages)),
  );
}

/** Prefixes of dates and dots for dashes aside, the provider answered with another model than the one asked for. */
export function isOtherModel(asked: string, served: string | null): boolean {
  if (served === null || served === "") return false;
  const normal = (name: string): string =>
    name
      .toLowerCase()
      .replace(/^.*\//, "")
      .replaceAll(".", "-")
      .replace(/-(\d{8}|\d{4}-\d{2}-\d{2})$/, "");
  return normal(asked) !== normal(served);
}

/** Arguments without keys in use: what is stored and sent again is also what runs. */
function cleanInput(input: JsonObject, redact: (text: string) => string): JsonObject {
  return JSON.parse(JSON.stringify(input), (_key, member: Json) =>
    typeof member === "string" ? redact(member) : member,
  ) as JsonObject;
}

function cleanMessage(message: AssistantMessage, redact: (text: string) => string): AssistantMessage {
  return {
    ...message,
    content: message.content.map((block) => {
      if (block.type === "text") return { ...block, text: redact(sanitizeText(block.text)) };
      return block.type === "tool_call" ? { ...block, input: cleanInput(block.input, redact) } : block;
    }),
  };
}

/**
 * At least as many bytes as any wire format makes of the request: one of them encodes tool input twice, all of them
 * wrap blocks into members of their own.
 */
function requestBytes(input: StepInput): number {
  const blocks = input.messages.flatMap((message): Message["content"][number][] => [...message.content]);
  const doubled = blocks
    .map((block) => (block.type === "tool_call" ? JSON.stringify(JSON.stringify(block.input)) : ""))
    .join("");
  return (
    Buffer.byteLength(JSON.stringify([input.system, input.tools, input.messages])) +
    Buffer.byteLength(doubled) +
    160 * (blocks.length + input.tools.length) +
    2_048
  );
}

/**
 * Never rejects for what a provider does; rejects only for bugs. @throws BmoError credentials or configuration from the
 * registry.
 */
export async function runStep(context: AgentContext, input: StepInput, signal: AbortSignal): Promise<StepOutcome> {
  const { ports, emit } = context;
  const { registry, accounting } = ports.models;
  const { call, sampling } = input;
  const limit = context.countCall(call.purpose);
  if (limit !== null) return { kind: "error", error: limit, providerErrorKind: null, entry: null };
  if (input.visible) emit({ type: "step_start", turn: call.turn, step: call.step, model: call.model.id });
  const wanted = replyLimit(call.model, input.messages, sampling.maxTokens);
  const reserved = accounting.reserve(call, () => requestBytes(input), wanted);
  if (!reserved.ok) return { kind: "error", error: reserved.error, providerErrorKind: null, entry: null };
  const provider = await registry.provider(call.model);
  const stream = provider.stream(
    {
      model: call.model,
      system: input.system,
      messages: input.messages,
      tools: input.tools,
      maxTokens: reserved.maxTokens,
      temperature: call.model.temperature ? sampling.temperature : null,
      reasoning: sampling.reasoning,
      cacheKey: input.cacheKey,
    },
    signal,
  );
  const shown = { text_delta: ports.redaction.stream(), reasoning_delta: ports.redaction.stream() };
  const show = (type: "text_delta" | "reasoning_delta", text: string): void => {
    if (input.visible && text !== "") emit({ type, text: sanitizeText(text) });
  };
  for await (const part of stream) {
    switch (part.type) {
      case "text_delta":
      case "reasoning_delta":
        show(part.type, shown[part.type].push(sanitizeText(part.text)));
        break;
      case "retry":
        emit({
          type: "retry",
          attempt: part.attempt,
          maxAttempts: part.maxAttempts,
          delayMs: part.delayMs,
          reason: part.reason,
        });
        if (part.billable === true) {
          // The failed try keeps its reservation, so the next one needs a further one; leaving the loop stops the
          // provider.
          const again = accounting.reserve({ ...call }, () => requestBytes(input), reserved.maxTokens);
          if (!again.ok || again.maxTokens < reserved.maxTokens)
            return {
              kind: "error",
              error: again.ok ? notTriedAgain(call, part.reason) : again.error,
              providerErrorKind: null,
              entry: null,
            };
        }
        break;
      case "end":
        show("reasoning_delta", shown.reasoning_delta.end());
        show("text_delta", shown.text_delta.end());
        return book(ports, call, part);
      case "error": {
        const entry = part.usage === null ? null : accounting.settle(call, part.usage, null).entry;
        return { kind: "error", error: errorOfProvider(part.error), providerErrorKind: part.error.kind, entry };
      }
    }
  }
  return {
    kind: "error",
    error: { code: "provider", message: `${call.model.id}: the reply ended without an end`, hint: null },
    providerErrorKind: "protocol",
    entry: null,
  };
}

function notTriedAgain(call: ModelCall, reason: string): ErrorInfo {
  return {
    code: "limit",
    message: `${call.model.id} failed (${reason}); the failed call may be billed, and the budget does not allow another one like it`,
    hint: "Raise the cap, or continue with bmo -c.",
  };
}

function book(
  { models, redaction }: AgentPorts,
  call: ModelCall,
  part: Extract<StreamPart, { type: "end" }>,
): StepOutcome {
  const served = isOtherModel(call.model.wireId, part.servedModel) ? part.servedModel : null;
  const { entry, error } = models.accounting.settle(call, part.usage, served);
  return {
    kind: "message",
    message: cleanMessage(part.message, redaction.redact),
    stopReason: part.stopReason,
    servedModel: served,
    entry,
    error,
  };
}

/** Keeps what a call cost, also a failed one; null where nothing is known to have been billed. */
export function bookEntry({ state, emit }: AgentContext, entry: LedgerEntry | null): void {
  if (entry === null) return;
  state.addCost(entry);
  emit({ type: "cost_entry", entry });
}
