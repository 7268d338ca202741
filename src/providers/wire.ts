// What a wire format must bring, and the one way in which all of them are called: request, stream, retries, failures.

import type { ModelInfo, ModelRequest, Provider, StopReason, StreamPart, Usage } from "../types/provider.ts";
import type { AssistantMessage, ToolCallBlock } from "../types/message.ts";
import type { Json, JsonObject } from "../types/json.ts";
import { randomUUID } from "node:crypto";
import { cleanLine, failureFromAnswer, ProviderFailure, protocolFailure, redact, type CallNames } from "./failure.ts";
import { withRetries, type RetryPolicy } from "./retry.ts";
import { createSseReader } from "./sse.ts";
import type { HttpAnswer, Transport } from "./transport.ts";
import { TransportFailure } from "./transport-failure.ts";
import type { ChatDialect } from "./vendors.ts";

/** Where and with what a provider is called. Built by the registry; the key is a value, so it never goes anywhere but into headers. */
export interface Endpoint {
  provider: string;
  /** Without a slash at the end. */
  baseUrl: string;
  key: string | null;
  /** Send the key as a bearer token where the wire has another way. */
  bearer: boolean;
  /** Where the key came from, for sentences. */
  keySource: string | null;
  headers: Record<string, string>;
  idleMs: number;
  retry: RetryPolicy;
  dialect: ChatDialect;
  /** Ids of the provider's other models, as far as they are known. */
  alternatives(model: ModelInfo): string[];
  /** Values that no message may contain. */
  secrets: readonly string[];
}

/** Reads the events of one answer. `read` pushes deltas and throws ProviderFailure for an error event. */
export interface AnswerReader {
  read(event: JsonObject, parts: StreamPart[]): void;
  /** True once nothing more is needed, though the stream may still be open. */
  done(): boolean;
  /** The answer, or null when the stream ended before it was complete. */
  finish(): { message: AssistantMessage; usage: Usage; stopReason: StopReason; servedModel: string | null } | null;
  /** What is known to have been billed so far. */
  usage(): Usage | null;
}

export interface WireFormat {
  path: string;
  authorization(endpoint: Endpoint): Record<string, string>;
  /** The request's body; the order of its keys is part of the contract, since caches compare bytes. */
  body(request: ModelRequest, endpoint: Endpoint): object;
  reader(request: ModelRequest, names: CallNames, requestBytes: number): AnswerReader;
}

const ERROR_BODY_LIMIT = 64 * 1024;
/** How long an answer that is already complete may keep its connection before it is dropped. */
const DRAIN_MS = 250;
const CHECK_MS = 5_000;

async function readText(answer: HttpAnswer): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > ERROR_BODY_LIMIT) break;
  }
  return Buffer.concat(chunks).toString("utf8");
}

function transportFailure(names: CallNames, failure: TransportFailure, usage: Usage | null): ProviderFailure {
  const about = `Provider ${names.provider} (${names.host}) for model ${names.model}: ${failure.message}`;
  const details = { usage };
  switch (failure.reason) {
    case "aborted":
      return new ProviderFailure("aborted", "The model call was stopped.", details);
    case "refused":
    case "dns":
      return new ProviderFailure("network", about, { ...details, tries: 1, retryAfterMs: 200, hint: "Check the base URL and the network; `bmo doctor` tries each provider." });
    case "stall":
      return new ProviderFailure("network", about, { ...details, tries: 1, hint: `[providers.${names.provider}] timeout_s sets how long silence is borne.` });
    case "reset":
    case "other":
      return new ProviderFailure("network", about, { ...details, tries: failure.stale ? 99 : 2, ...(failure.stale ? { retryAfterMs: 0 } : {}), hint: null });
    case "tls":
      return new ProviderFailure("network", about, { ...details, hint: "NODE_EXTRA_CA_CERTS or SSL_CERT_FILE names further certificates." });
    case "redirect":
      return new ProviderFailure("protocol", about, { ...details, hint: "Set base_url to the address it redirects to, if you trust that one." });
    case "proxy":
      return new ProviderFailure("network", about, { ...details, hint: "Check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY." });
  }
}

/** The key as both OpenAI formats send it. */
export function bearer(endpoint: Endpoint): Record<string, string> {
  return endpoint.key === null ? {} : { authorization: `Bearer ${endpoint.key}` };
}

/** Appends to the delta before where that is of the same kind: one chunk of the network gives few parts. */
export function pushDelta(parts: StreamPart[], type: "text_delta" | "reasoning_delta", text: string): void {
  if (text === "") return;
  const last = parts.at(-1);
  if (last?.type === type) last.text += text;
  else parts.push({ type, text });
}

export function parseObject(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json;
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** A finished call. Argument text that is no JSON object is kept as `invalid`, never repaired; `cut` = the reply's limit fell inside the call. */
export function toolCall(id: string, name: string, raw: string, cut: boolean): ToolCallBlock {
  const block = { type: "tool_call" as const, id: id === "" ? `call_${randomUUID().replaceAll("-", "").slice(0, 20)}` : id, name };
  const input = raw.trim() === "" && !cut ? {} : parseObject(raw);
  return input === null ? { ...block, input: {}, invalid: raw === "" ? "(cut off before any argument)" : raw } : { ...block, input };
}

/** Gives each call of a message an id of its own; some servers repeat one or send none. */
export function withUniqueIds(content: AssistantMessage["content"]): AssistantMessage["content"] {
  const used = new Set<string>();
  return content.map((block) => {
    if (block.type !== "tool_call") return block;
    const unique = used.has(block.id) ? { ...block, id: `call_${randomUUID().replaceAll("-", "").slice(0, 20)}` } : block;
    used.add(unique.id);
    return unique;
  });
}

async function* attempt(wire: WireFormat, endpoint: Endpoint, transport: Transport, request: ModelRequest, names: CallNames, body: string, signal: AbortSignal): AsyncGenerator<StreamPart, void, undefined> {
  const reader = wire.reader(request, names, body.length);
  let answer: HttpAnswer | null = null;
  let complete = false;
  try {
    answer = await transport.call({
      method: "POST",
      url: urlOf(endpoint.baseUrl, wire.path),
      headers: { "content-type": "application/json", accept: "text/event-stream", "user-agent": "bmo", ...wire.authorization(endpoint), ...endpoint.headers },
      body,
      idleMs: endpoint.idleMs,
      signal,
    });
    if (answer.status < 200 || answer.status > 299) throw failureFromAnswer(names, answer.status, answer.headers, await readText(answer));
    const type = answer.headers["content-type"] ?? "text/event-stream";
    if (!type.includes("event-stream")) throw wholeAnswer(names, type, await readText(answer));
    const events = createSseReader();
    const iterator = answer.body[Symbol.asyncIterator]();
    while (!reader.done()) {
      const { done, value } = await iterator.next();
      const parts: StreamPart[] = [];
      for (const data of done === true ? events.end() : events.push(value)) {
        const event = parseObject(data);
        if (event === null) throw protocolFailure(names, "an event of its stream is no JSON object", data, reader.usage());
        reader.read(event, parts);
      }
      yield* parts;
      if (done === true) break;
    }
    const result = reader.finish();
    if (result === null) throw new ProviderFailure("network", `Provider ${names.provider} (${names.host}) for model ${names.model}: the stream ended before the answer was complete`, { tries: 2, usage: reader.usage() });
    complete = true;
    drain(iterator, answer);
    yield { type: "end", ...result };
  } catch (thrown) {
    if (thrown instanceof TransportFailure) throw transportFailure(names, thrown, reader.usage());
    if (thrown instanceof RangeError) throw protocolFailure(names, thrown.message, "", reader.usage());
    throw thrown;
  } finally {
    if (!complete) answer?.close();
  }
}

/** Reads the little that follows a complete answer, so that the connection can be used again; a server that keeps it open loses it. */
function drain(iterator: AsyncIterator<Uint8Array>, answer: HttpAnswer): void {
  const timer = setTimeout(() => answer.close(), DRAIN_MS);
  timer.unref();
  const rest = async (): Promise<void> => {
    while ((await iterator.next()).done !== true);
  };
  // What breaks after the answer was complete concerns nobody.
  void rest().catch(() => undefined).finally(() => clearTimeout(timer));
}

/** An answer with status 2xx that is no stream: an error object of a gateway, a login page, or another program. */
function wholeAnswer(names: CallNames, type: string, text: string): ProviderFailure {
  const object = parseObject(text);
  if (object?.error !== undefined && object.error !== null) return protocolFailure(names, "an error with HTTP 200", JSON.stringify(object.error));
  return protocolFailure(names, `no event stream but ${cleanLine(type, 60)}`, text);
}

/** The path goes before a query that the base URL may have. */
export function urlOf(baseUrl: string, path: string): string {
  const query = baseUrl.indexOf("?");
  return query < 0 ? `${baseUrl}${path}` : `${baseUrl.slice(0, query).replace(/\/+$/, "")}${path}${baseUrl.slice(query)}`;
}

export function hostOf(baseUrl: string): string {
  return URL.canParse(baseUrl) ? new URL(baseUrl).host : baseUrl;
}

export function createHttpProvider(wire: WireFormat, endpoint: Endpoint, transport: Transport): Provider {
  const names = (model: ModelInfo): CallNames => ({ provider: endpoint.provider, model: model.wireId, keySource: endpoint.key === null ? null : endpoint.keySource, host: hostOf(endpoint.baseUrl), alternatives: endpoint.alternatives(model) });
  return {
    id: endpoint.provider,
    scripted: false,
    stream: (request, signal) => {
      const body = JSON.stringify(wire.body(request, endpoint));
      return withRetries(endpoint.provider, () => attempt(wire, endpoint, transport, request, names(request.model), body, signal), endpoint.retry, () => endpoint.secrets, signal);
    },
    check: async (signal) => {
      const path = wire.path.startsWith("/v1/") ? "/v1/models" : "/models";
      const limit = AbortSignal.any([signal, AbortSignal.timeout(CHECK_MS)]);
      const call = (): Promise<HttpAnswer> =>
        transport.call({ method: "GET", url: urlOf(endpoint.baseUrl, path), headers: { accept: "application/json", "user-agent": "bmo", ...wire.authorization(endpoint), ...endpoint.headers }, body: null, idleMs: CHECK_MS, signal: limit });
      try {
        const answer = await call().catch((thrown: unknown) => {
          if (thrown instanceof TransportFailure && thrown.stale) return call();
          throw thrown;
        });
        const text = await readText(answer);
        answer.close();
        if (answer.status === 401 || answer.status === 403) return { ok: false, detail: `reachable, but it refused ${endpoint.keySource === null ? "a call without a key" : `the key from ${endpoint.keySource}`} (HTTP ${answer.status})` };
        if (answer.status === 404) return { ok: true, detail: "reachable; it lists no models" };
        if (answer.status >= 400) return { ok: false, detail: redact(`HTTP ${answer.status}: ${cleanLine(text, 120)}`, endpoint.secrets) };
        return { ok: true, detail: endpoint.key === null ? "reachable" : "reachable, key not refused" };
      } catch (thrown) {
        const message = thrown instanceof Error ? thrown.message : String(thrown);
        return { ok: false, detail: redact(limit.aborted && !signal.aborted ? `no answer within ${CHECK_MS / 1000} s` : message, endpoint.secrets) };
      }
    },
  };
}
