// One request of a vendor's SDK over bmo's own transport: the fetch that the SDK is given, and what became of the
// request. Knows no vendor, no format and no retry.

import { setImmediate as nextTurn } from "node:timers/promises";
import { createDepthWatch, JSON_DEPTH_LIMIT } from "../util/json-bounds.ts";
import { batchedBody, type BatchedBody } from "./event-batches.ts";
import { STREAM_SIZE_LIMIT } from "./reply-bounds.ts";
import { isolated, lendGlobals, PlainHeaders } from "./sdk-globals.ts";
import type { HttpAnswer, Transport } from "./transport.ts";

/** Longer than any call: the silence that ends one is measured by the transport. */
export const NO_SDK_TIMEOUT_MS = 2 ** 31 - 1;
/** What the SDKs would tell of this machine is nobody's business; a null takes a header out. */
export const CLIENT_HEADERS: Record<string, string | null> = {
  "user-agent": "bmo",
  "x-stainless-arch": null,
  "x-stainless-lang": null,
  "x-stainless-os": null,
  "x-stainless-package-version": null,
  "x-stainless-retry-count": null,
  "x-stainless-runtime": null,
  "x-stainless-runtime-version": null,
  "x-stainless-timeout": null,
};

export interface Exchange {
  /**
   * Runs the call that makes the SDK send, in the surroundings that it needs: lent to it while it builds the request
   * and while it looks at the answer's head, not while it waits.
   */
  send<T>(call: () => PromiseLike<T>): Promise<T>;
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** The answer, once there is one. */
  answer(): HttpAnswer | null;
  /** What the transport threw instead of giving an answer; the SDK's own error for it says less. */
  thrown(): unknown;
  /** The start of the answer's body as text; the whole of an answer that is no stream. Reads it at most once. */
  text(): Promise<string>;
  /** The body of an answer that is a stream, as bytes. Throws RangeError beyond its bounds. Iterate at most once. */
  bytes(): AsyncIterable<Uint8Array>;
  /** The same body for a parser that pulls. */
  stream(): BatchedBody;
  requestBytes(): number;
  /** Gives up whatever is still coming, also an answer that has not begun. */
  close(): void;
  /** The answer is complete: its signal is let go of, and what follows may be drained. */
  release(): void;
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

/** Bytes after which other work gets its turn, however fast a server sends. */
const TURN_SIZE = 256 * 1024;

/**
 * @throws RangeError beyond the size of a reply, or where an event is nested so deep that parsing it would cost the
 * memory of the machine.
 */
async function* bounded(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const isShallow = createDepthWatch();
  let size = 0;
  let turn = 0;
  for await (const chunk of source) {
    size += chunk.length;
    turn += chunk.length;
    if (size > STREAM_SIZE_LIMIT) throw new RangeError(`it is larger than ${STREAM_SIZE_LIMIT / 1024 / 1024} MiB`);
    if (!isShallow(chunk)) throw new RangeError(`an event is nested deeper than ${JSON_DEPTH_LIMIT} levels`);
    yield chunk;
    if (turn < TURN_SIZE) continue;
    turn = 0;
    await nextTurn();
  }
}

/** The base URL as an SDK takes it: the path of the call goes before a query that it may have. */
export function address(baseUrl: string): { baseURL: string; defaultQuery: Record<string, string> } {
  const query = baseUrl.indexOf("?");
  if (query < 0) return { baseURL: baseUrl, defaultQuery: {} };
  return {
    baseURL: baseUrl.slice(0, query).replace(/\/+$/, ""),
    defaultQuery: Object.fromEntries(new URLSearchParams(baseUrl.slice(query))),
  };
}

/** @param signal stops the call; it is not shown to the SDK, which would leave a listener on it with each call. */
export function createExchange(transport: Transport, idleMs: number, signal: AbortSignal): Exchange {
  let giveBack = (): void => undefined;
  const ended = new AbortController();
  const onAbort = (): void => ended.abort();
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  let answer: HttpAnswer | null = null;
  let thrown: unknown = null;
  let requestBytes = 0;
  let text: Promise<string> | null = null;
  let stream: BatchedBody | null = null;

  const exchange: Exchange = {
    send: async (call) => {
      giveBack = lendGlobals();
      try {
        return await isolated(call);
      } finally {
        giveBack();
      }
    },
    fetch: async (input, init) => {
      giveBack();
      const body = typeof init?.body === "string" ? init.body : null;
      requestBytes = body?.length ?? 0;
      const url = input instanceof URL ? input.href : typeof input === "string" ? input : input.url;
      const headers = Object.fromEntries(init?.headers as unknown as PlainHeaders);
      try {
        const here = await transport.call({
          method: init?.method === "GET" ? "GET" : "POST",
          url,
          headers,
          body,
          idleMs,
          signal: ended.signal,
        });
        answer = here;
        const ok = here.status >= 200 && here.status <= 299;
        // Read before the SDK asks for it, so that from here on it needs no input again while it has the globals.
        if (!ok) await exchange.text().catch(() => undefined);
        giveBack = lendGlobals();
        const response = {
          ok,
          status: here.status,
          statusText: "",
          url,
          headers: new PlainHeaders(here.headers),
          text: exchange.text,
          ...(ok ? { body: exchange.stream().body } : {}),
        };
        return response as unknown as Response;
      } catch (failure) {
        thrown = failure;
        throw failure;
      }
    },
    answer: () => answer,
    thrown: () => thrown,
    text: () => (text ??= answer === null ? Promise.resolve("") : readText(answer.body)),
    bytes: () => bounded(answer?.body ?? { [Symbol.asyncIterator]: async function* none() {} }),
    stream: () => (stream ??= batchedBody(exchange.bytes())),
    requestBytes: () => requestBytes,
    close: () => {
      exchange.release();
      if (answer === null) ended.abort();
      else answer.close();
    },
    release: () => signal.removeEventListener("abort", onAbort),
  };
  return exchange;
}
