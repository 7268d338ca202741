// One request of a vendor's SDK over bmo's own transport: the fetch that the SDK is given, and what became of the
// request. Knows no vendor, no format and no retry.

import { wholeEvents } from "./event-bounds.ts";
import type { HttpAnswer, Transport } from "./transport.ts";
import { TransportFailure } from "./transport-failure.ts";

export interface Exchange {
  /**
   * For the SDK's option of this name: what it sends goes through the transport, and the answer's body stays within its
   * bounds.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** For the SDK's option of this name: ends with the call's signal, and by `close`. */
  signal: AbortSignal;
  /** The answer, once there is one. */
  answer(): HttpAnswer | null;
  /** What the transport threw instead of giving an answer; the SDK's own error for it says less. */
  thrown(): unknown;
  /**
   * The start of the answer's body as text; the whole of an answer that is not a stream. Reads the body at most once.
   */
  text(): Promise<string>;
  requestBytes(): number;
  /** Gives up whatever is still coming, also an answer that has not begun. */
  close(): void;
  /** The answer is complete: lets go of the call's signal; what follows may be drained. */
  release(): void;
}

/** Longer than any call: the transport measures the silence that ends one. */
const NO_SDK_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * The options of both SDKs that leave to bmo what bmo does: the transport, retries, time limits and what is printed.
 */
export function clientOptions(baseUrl: string, exchange: Exchange) {
  return {
    ...address(baseUrl),
    fetch: exchange.fetch,
    maxRetries: 0,
    timeout: NO_SDK_TIMEOUT_MS,
    logLevel: "off" as const,
  };
}

/** The base URL as an SDK takes it: the path of the call goes before a query that the URL may have. */
function address(baseUrl: string): { baseURL: string; defaultQuery: Record<string, string> } {
  const query = baseUrl.indexOf("?");
  if (query < 0) return { baseURL: baseUrl, defaultQuery: {} };
  return {
    baseURL: baseUrl.slice(0, query).replace(/\/+$/, ""),
    defaultQuery: Object.fromEntries(new URLSearchParams(baseUrl.slice(query))),
  };
}

/** What a call needs of the SDKs' own headers. */
const PROTOCOL_HEADERS = ["accept", "content-type", "authorization", "x-api-key", "anthropic-version", "user-agent"];

/**
 * The headers that may be sent: those of the protocol and of the configuration. The SDKs add what they know of this
 * machine, and whatever ANTHROPIC_CUSTOM_HEADERS and OPENAI_CUSTOM_HEADERS say, which may hold the secrets of another
 * provider.
 */
function allowedHeaders(headers: RequestInit["headers"], allowed: ReadonlySet<string>): Record<string, string> {
  return Object.fromEntries([...new Headers(headers)].filter(([name]) => allowed.has(name)));
}

const TEXT_LIMIT = 64 * 1024;

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > TEXT_LIMIT) break;
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The body as a Response takes it; read no sooner than the SDK asks. */
function streamOf(source: AsyncIterable<Uint8Array>): ReadableStream {
  const iterator = source[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      pull: async (controller) => {
        const { done, value } = await iterator.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => void (await iterator.return?.()),
    },
    { highWaterMark: 0 },
  );
}

/** Statuses that a Response takes only without a body. */
const WITHOUT_BODY = [204, 205, 304];

/** @throws TransportFailure for a status that HTTP does not have. */
function responseOf(answer: HttpAnswer, body: string | AsyncIterable<Uint8Array>): Response {
  const { status, headers } = answer;
  if (status < 200 || status > 599) throw new TransportFailure("other", `the server answered with status ${status}`);
  if (WITHOUT_BODY.includes(status)) return new Response(null, { status, headers });
  return new Response(typeof body === "string" ? body : streamOf(body), { status, headers });
}

/**
 * @param ownHeaders the configured headers of the provider; names in any case
 * @param signal stops the call
 */
export function createExchange(
  transport: Transport,
  idleMs: number,
  ownHeaders: Record<string, string>,
  signal: AbortSignal,
): Exchange {
  const allowed = new Set([...PROTOCOL_HEADERS, ...Object.keys(ownHeaders).map((name) => name.toLowerCase())]);
  // A signal for each exchange: the SDKs leave listeners on theirs.
  const ended = new AbortController();
  const onAbort = (): void => ended.abort();
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  let answer: HttpAnswer | null = null;
  let thrown: unknown = null;
  let requestBytes = 0;
  let text: Promise<string> | null = null;

  const exchange: Exchange = {
    signal: ended.signal,
    fetch: async (input, init) => {
      const body = typeof init?.body === "string" ? init.body : null;
      requestBytes = body?.length ?? 0;
      const url = input instanceof URL ? input.href : typeof input === "string" ? input : input.url;
      const method = init?.method === "GET" ? "GET" : "POST";
      try {
        const headers = allowedHeaders(init?.headers, allowed);
        answer = await transport.call({ method, url, headers, body, idleMs, signal: init?.signal ?? ended.signal });
        const ok = answer.status >= 200 && answer.status <= 299;
        return responseOf(answer, ok ? wholeEvents(answer.body) : await exchange.text().catch(() => ""));
      } catch (failure) {
        thrown = failure;
        throw failure;
      }
    },
    answer: () => answer,
    thrown: () => thrown,
    text: () => (text ??= answer === null ? Promise.resolve("") : readText(answer.body)),
    requestBytes: () => requestBytes,
    close: () => {
      exchange.release();
      ended.abort();
      answer?.close();
    },
    release: () => signal.removeEventListener("abort", onAbort),
  };
  return exchange;
}
