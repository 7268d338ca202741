// What a wire format must bring, and the one way in which all of them are called: request, stream, retries, failures.

import type { ModelInfo, ModelRequest, Provider, StopReason, StreamPart, Usage } from "../types/provider.ts";
import type { AssistantMessage } from "../types/message.ts";
import type { JsonObject } from "../types/json.ts";
import { asText, parseObject } from "./answer-parts.ts";
import { batches } from "./batches.ts";
import { createExchange, type Exchange } from "./exchange.ts";
import {
  bodyWords,
  cleanLine,
  failureFromAnswer,
  ProviderFailure,
  protocolFailure,
  NO_OBJECT,
  type CallNames,
  type Redact,
} from "./failure.ts";
import { contentWaitMs, createReplyMeter, replyFailure, type ReplyMeter } from "./reply-bounds.ts";
import { withRetries, type RetryPolicy } from "./retry.ts";
import type { HttpAnswer, Transport } from "./transport.ts";
import { TransportFailure } from "./transport-failure.ts";
import type { ChatDialect } from "./vendors.ts";

/**
 * Where and with what a provider is called. Built by the registry; the key is a value, so it never goes anywhere but
 * into headers.
 */
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
  /** Takes keys in use out of whatever is said about a call. */
  redact: Redact;
}

/** Reads the events of one answer. `read` pushes deltas and throws ProviderFailure for an error event. */
export interface AnswerReader {
  read(event: JsonObject, parts: StreamPart[]): void;
  /** True once nothing more is needed, though the stream may still be open. */
  done(): boolean;
  /**
   * The answer, or null when the stream ended before it was complete. `requestBytes` stands in for usage that no server
   * reported.
   */
  finish(
    requestBytes: number,
  ): { message: AssistantMessage; usage: Usage; stopReason: StopReason; servedModel: string | null } | null;
  /** What is known to have been billed so far. */
  usage(): Usage | null;
}

/** Sends a request that is ready and gives the parsed events of its answer. @throws what the SDK throws. */
export type Send = (exchange: Exchange) => PromiseLike<AsyncIterable<unknown>>;

export interface WireFormat {
  /**
   * The request's parameters, typed by the SDK; the order of their keys is part of the contract, since caches compare
   * bytes.
   */
  body(request: ModelRequest, endpoint: Endpoint): object;
  /** Builds the parameters once; each try sends the same. */
  prepare(request: ModelRequest, endpoint: Endpoint): Send;
  /** Asks for the list of models. @throws what the SDK throws. */
  probe(endpoint: Endpoint, exchange: Exchange): Promise<void>;
  /** A failure out of what the SDK throws in the middle of a stream; null where another threw it. */
  streamFailure(thrown: unknown, names: CallNames, usage: Usage | null): ProviderFailure | null;
  /** The reader tells the meter all that it keeps. */
  reader(request: ModelRequest, names: CallNames, meter: ReplyMeter): AnswerReader;
}

/** How long an answer that is already complete may keep its connection before it is dropped. */
const DRAIN_MS = 250;
const CHECK_MS = 5_000;

function transportFailure(names: CallNames, failure: TransportFailure, usage: Usage | null): ProviderFailure {
  const about = `Provider ${names.provider} (${names.host}) for model ${names.model}: ${failure.message}`;
  const details = { usage };
  switch (failure.reason) {
    case "aborted":
      return new ProviderFailure("aborted", "The model call was stopped.", details);
    case "refused":
    case "dns":
      return new ProviderFailure("network", about, {
        ...details,
        tries: 1,
        retryAfterMs: 200,
        hint: "Check the base URL and the network; `bmo doctor` tries each provider.",
      });
    case "stall":
      return new ProviderFailure("network", about, {
        ...details,
        billable: true,
        tries: 1,
        hint: `[providers.${names.provider}] timeout_s sets how long silence is borne.`,
      });
    case "reset":
    case "other":
      return new ProviderFailure("network", about, {
        ...details,
        billable: !failure.stale,
        tries: failure.stale ? 99 : 2,
        ...(failure.stale ? { retryAfterMs: 0 } : {}),
        hint: null,
      });
    case "tls":
      return new ProviderFailure("network", about, {
        ...details,
        hint: "NODE_EXTRA_CA_CERTS or SSL_CERT_FILE names further certificates.",
      });
    case "redirect":
      return new ProviderFailure("protocol", about, {
        ...details,
        hint: "Set base_url to the address it redirects to, if you trust that one.",
      });
    case "proxy":
      return new ProviderFailure("network", about, {
        ...details,
        hint: "Check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY.",
      });
  }
}

const asObject = (value: unknown): JsonObject | null =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? (value as JsonObject) : null;

/** Figures of the wire are whole numbers or none: they are multiplied exactly later. */
function soundUsage(usage: Usage | null): Usage | null {
  if (usage === null) return null;
  const figure = (value: unknown): number =>
    typeof value === "number" && value > 0 && value <= 1e12 ? Math.round(value) : 0;
  return {
    input: figure(usage.input),
    output: figure(usage.output),
    cache_read: figure(usage.cache_read),
    cache_write: figure(usage.cache_write),
  };
}

/** Ends the exchange when nothing that belongs to a reply came for so long, whatever else did. */
function watchContent(
  exchange: Exchange,
  names: CallNames,
  waitMs: number,
): { seen(): void; failure(): ProviderFailure | null; stop(): void } {
  let failure: ProviderFailure | null = null;
  const end = (): void => {
    failure = transportFailure(
      names,
      new TransportFailure(
        "stall",
        `nothing of a reply arrived for ${Math.round(waitMs / 1000)} s, although the connection was alive`,
      ),
      null,
    );
    exchange.close();
  };
  let timer = setTimeout(end, waitMs);
  return {
    seen() {
      clearTimeout(timer);
      timer = setTimeout(end, waitMs);
    },
    failure: () => failure,
    stop: () => clearTimeout(timer),
  };
}

async function* attempt(
  wire: WireFormat,
  send: Send,
  exchange: Exchange,
  request: ModelRequest,
  names: CallNames,
  waitMs: number,
): AsyncGenerator<StreamPart, void, undefined> {
  let usage = (): Usage | null => null;
  const meter = createReplyMeter(names, () => usage());
  const reader = wire.reader(request, names, meter);
  usage = () => soundUsage(reader.usage());
  const content = watchContent(exchange, names, waitMs);
  let complete = false;
  let progress = 0;
  try {
    const events = batches(await send(exchange));
    const type = exchange.answer()?.headers["content-type"] ?? "text/event-stream";
    if (!type.includes("event-stream")) throw wholeAnswer(names, type, await exchange.text());
    while (!reader.done()) {
      const { done, value } = await events.next();
      if (done === true) break;
      const parts: StreamPart[] = [];
      for (const raw of value) {
        const event = asObject(raw);
        if (event === null)
          throw protocolFailure(names, NO_OBJECT, typeof raw === "string" ? raw : JSON.stringify(raw), usage());
        reader.read(event, parts);
      }
      if (meter.progress() > progress) content.seen();
      progress = meter.progress();
      yield* parts;
    }
    const result = reader.finish(exchange.requestBytes());
    if (result === null)
      throw new ProviderFailure(
        "network",
        `Provider ${names.provider} (${names.host}) for model ${names.model}: the stream ended before the answer was complete`,
        { tries: 2, usage: usage(), billable: true },
      );
    complete = true;
    drain(events, exchange);
    yield {
      type: "end",
      ...result,
      usage: soundUsage(result.usage) ?? result.usage,
      servedModel: asText(result.servedModel) || null,
    };
  } catch (thrown) {
    throw content.failure() ?? (await failureOf(wire, exchange, names, thrown, usage()));
  } finally {
    content.stop();
    if (complete) exchange.release();
    else exchange.close();
  }
}

/** The answer, where it says that the call failed. */
function refusalOf(exchange: Exchange): HttpAnswer | null {
  const answer = exchange.answer();
  return answer === null || (answer.status >= 200 && answer.status <= 299) ? null : answer;
}

/** What the SDK or the transport threw, as a failure with its sentence; what is neither's passes. */
async function failureOf(
  wire: WireFormat,
  exchange: Exchange,
  names: CallNames,
  thrown: unknown,
  usage: Usage | null,
): Promise<unknown> {
  const cause = exchange.thrown() ?? thrown;
  if (cause instanceof TransportFailure) return transportFailure(names, cause, usage);
  if (cause instanceof ProviderFailure) return cause;
  if (cause instanceof RangeError) return replyFailure(names, cause.message, usage);
  const refusal = refusalOf(exchange);
  // The body as it came: the SDK's error keeps of some bodies less than a sentence needs.
  if (refusal !== null)
    return failureFromAnswer(names, refusal.status, refusal.headers, await exchange.text().catch(() => ""));
  return wire.streamFailure(cause, names, usage) ?? cause;
}

/**
 * Reads the little that follows a complete answer, so that the connection can be used again; a server that keeps it
 * open loses it.
 */
function drain(events: AsyncIterator<unknown[]>, exchange: Exchange): void {
  const timer = setTimeout(() => exchange.close(), DRAIN_MS);
  timer.unref();
  const rest = async (): Promise<void> => {
    while ((await events.next()).done !== true);
  };
  // What breaks after the answer was complete concerns nobody.
  void rest()
    .catch(() => undefined)
    .finally(() => clearTimeout(timer));
}

/** An answer with status 2xx that is no stream: an error object of a gateway, a login page, or another program. */
function wholeAnswer(names: CallNames, type: string, text: string): ProviderFailure {
  const object = parseObject(text);
  if (object?.error !== undefined && object.error !== null)
    return protocolFailure(names, "an error with HTTP 200", JSON.stringify(object.error));
  return protocolFailure(names, `no event stream but ${cleanLine(type, 60)}`, bodyWords(text, names.redact));
}

function hostOf(baseUrl: string): string {
  return URL.canParse(baseUrl) ? new URL(baseUrl).host : baseUrl;
}

export function createHttpProvider(wire: WireFormat, endpoint: Endpoint, transport: Transport): Provider {
  const names = (model: ModelInfo): CallNames => ({
    provider: endpoint.provider,
    model: model.wireId,
    keySource: endpoint.key === null ? null : endpoint.keySource,
    host: hostOf(endpoint.baseUrl),
    alternatives: endpoint.alternatives(model),
    redact: endpoint.redact,
  });
  return {
    id: endpoint.provider,
    scripted: false,
    stream: (request, signal) => {
      const send = wire.prepare(request, endpoint);
      return withRetries(
        endpoint.provider,
        () =>
          attempt(
            wire,
            send,
            createExchange(transport, endpoint.idleMs, endpoint.headers, signal),
            request,
            names(request.model),
            contentWaitMs(endpoint.idleMs),
          ),
        endpoint.retry,
        endpoint.redact,
        signal,
      );
    },
    check: async (signal) => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(CHECK_MS)]);
      const probe = async (again: boolean): Promise<{ ok: boolean; detail: string }> => {
        const exchange = createExchange(transport, CHECK_MS, endpoint.headers, limit);
        try {
          await wire.probe(endpoint, exchange);
          await exchange.text();
          return { ok: true, detail: endpoint.key === null ? "reachable" : "reachable, key not refused" };
        } catch (thrown) {
          const cause = exchange.thrown() ?? thrown;
          if (cause instanceof TransportFailure && cause.stale && again) return probe(false);
          const status = refusalOf(exchange)?.status;
          if (status === 401 || status === 403)
            return {
              ok: false,
              detail: `reachable, but it refused ${endpoint.keySource === null ? "a call without a key" : `the key from ${endpoint.keySource}`} (HTTP ${status})`,
            };
          if (status === 404) return { ok: true, detail: "reachable; it lists no models" };
          const text =
            status === undefined
              ? cause instanceof Error
                ? cause.message
                : String(cause)
              : `HTTP ${status}: ${cleanLine(bodyWords(await exchange.text().catch(() => ""), endpoint.redact), 120)}`;
          return {
            ok: false,
            detail: endpoint.redact(limit.aborted && !signal.aborted ? `no answer within ${CHECK_MS / 1000} s` : text),
          };
        } finally {
          exchange.close();
        }
      };
      return probe(true);
    },
  };
}
