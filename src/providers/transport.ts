// HTTP for providers on node:http and node:https: proxies, idle limit, abort, redirects within one origin, keep-alive.
// The global fetch is not used: on Node 20 loading it alone costs four times a bare start. Knows no wire format and no
// retry.

import {
  Agent as HttpAgent,
  request as httpRequest,
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { isIP } from "node:net";
import { systemErrorCode } from "../util/errors.ts";
import { openTunnel, proxyAuthorization, proxyFor } from "./proxy.ts";
import { TransportFailure } from "./transport-failure.ts";

export interface HttpCall {
  method: "GET" | "POST";
  url: string;
  headers: Record<string, string>;
  body: string | null;
  /** Milliseconds without a byte after which the call counts as stalled. */
  idleMs: number;
  signal: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** Bytes as they come, decoded if the server compressed them unasked. Iterate at most once. */
  body: AsyncIterable<Uint8Array>;
  /** Gives the rest of the body up. */
  close(): void;
}

export interface Transport {
  /** @throws TransportFailure, also while the body is read. */
  call(call: HttpCall): Promise<HttpAnswer>;
}

const REDIRECT_LIMIT = 3;

function classify(thrown: unknown, stale: boolean): TransportFailure {
  if (thrown instanceof TransportFailure) return thrown;
  const code = systemErrorCode(thrown) ?? "";
  const message = thrown instanceof Error && thrown.message !== "" ? thrown.message : code;
  if (code === "ECONNREFUSED") return new TransportFailure("refused", "the connection was refused");
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return new TransportFailure("dns", `the host name could not be resolved (${code})`);
  if (code === "ECONNRESET" || code === "EPIPE" || code === "ERR_STREAM_PREMATURE_CLOSE" || code === "UND_ERR_SOCKET")
    return new TransportFailure("reset", "the connection was cut", stale);
  if (code.startsWith("ERR_TLS") || code.startsWith("ERR_SSL") || /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|EPROTO/.test(code))
    return new TransportFailure("tls", `the secure connection failed (${code}): ${message}`);
  if (code === "ETIMEDOUT" || code === "EHOSTUNREACH" || code === "ENETUNREACH" || code === "EHOSTDOWN")
    return new TransportFailure("refused", `the host could not be reached (${code})`);
  return new TransportFailure("other", message);
}

function plainHeaders(message: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers))
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  return headers;
}

async function decoded(message: IncomingMessage): Promise<AsyncIterable<Uint8Array>> {
  const encoding = message.headers["content-encoding"];
  if (encoding === undefined || encoding === "identity") return message;
  const { createBrotliDecompress, createUnzip } = await import("node:zlib");
  const decoder = encoding === "br" ? createBrotliDecompress() : createUnzip();
  message.on("error", (error) => decoder.destroy(error));
  // Given up without a reason: the decoder would wait for the rest for ever.
  message.on(
    "close",
    () =>
      void (message.complete ? undefined : decoder.destroy(new TransportFailure("reset", "the connection was cut"))),
  );
  return message.pipe(decoder);
}

/**
 * @param environment where HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY and SSL_CERT_FILE are looked up; Node itself
 * reads NODE_EXTRA_CA_CERTS.
 */
export function createTransport(environment: Record<string, string | undefined>): Transport {
  let plainAgent: HttpAgent | null = null;
  let secure: Promise<{ agent: Agent; ca: string[] | undefined }> | null = null;

  const loadSecure = async (): Promise<{ agent: Agent; ca: string[] | undefined }> => {
    const { Agent: HttpsAgent } = await import("node:https");
    const file = environment.SSL_CERT_FILE;
    if (file === undefined || file === "") return { agent: new HttpsAgent({ keepAlive: true }), ca: undefined };
    const [{ readFile }, { rootCertificates }] = await Promise.all([import("node:fs/promises"), import("node:tls")]);
    try {
      const ca = [...rootCertificates, await readFile(file, "utf8")];
      return { agent: new HttpsAgent({ keepAlive: true, ca }), ca };
    } catch (thrown) {
      throw new TransportFailure(
        "tls",
        `the certificates named by SSL_CERT_FILE cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      );
    }
  };

  const open = async (url: URL, call: HttpCall): Promise<ClientRequest> => {
    const headers: Record<string, string> = { ...call.headers, "accept-encoding": "identity" };
    if (call.body !== null) headers["content-length"] = String(Buffer.byteLength(call.body));
    const options: RequestOptions = { method: call.method, headers };
    const proxy = proxyFor(url, environment);
    if (url.protocol === "https:") {
      const { request } = await import("node:https");
      const { agent, ca } = await (secure ??= loadSecure());
      if (proxy === null) return request(url, { ...options, agent });
      const socket = await openTunnel(proxy, url, call.signal, call.idleMs);
      const { connect } = await import("node:tls");
      const tunnelled = connect({
        socket,
        ...(isIP(url.hostname) === 0 ? { servername: url.hostname } : {}),
        ...(ca === undefined ? {} : { ca }),
      });
      // No agent is named: only then is the connection made here used. Each call through a tunnel has one of its own.
      return request(url, { ...options, createConnection: () => tunnelled });
    }
    plainAgent ??= new HttpAgent({ keepAlive: true });
    if (proxy === null) return httpRequest(url, { ...options, agent: plainAgent });
    return httpRequest(proxy, {
      ...options,
      headers: { ...headers, host: url.host, ...proxyAuthorization(proxy) },
      path: url.href,
      agent: plainAgent,
    });
  };

  const once = async (
    url: URL,
    call: HttpCall,
  ): Promise<{ message: IncomingMessage; fail: () => TransportFailure | null }> => {
    if (call.signal.aborted) throw new TransportFailure("aborted", "the call was stopped");
    const request = await open(url, call);
    return new Promise((resolve, reject) => {
      let failure: TransportFailure | null = null;
      let message: IncomingMessage | null = null;
      const end = (cause: TransportFailure): void => {
        failure ??= cause;
        message?.destroy(failure);
        request.destroy(failure);
        reject(failure);
      };
      const onAbort = (): void => end(new TransportFailure("aborted", "the call was stopped"));
      const stop = (): void => call.signal.removeEventListener("abort", onAbort);
      call.signal.addEventListener("abort", onAbort, { once: true });
      request.setTimeout(call.idleMs, () =>
        end(new TransportFailure("stall", `nothing arrived for ${Math.round(call.idleMs / 1000)} s`)),
      );
      request.on("error", (error) => {
        stop();
        reject(failure ?? classify(error, request.reusedSocket && message === null));
      });
      request.on("response", (incoming) => {
        message = incoming;
        incoming.once("close", stop);
        resolve({ message: incoming, fail: () => failure });
      });
      // Stopped while the connection was prepared: the listener came too late for it.
      if (call.signal.aborted) onAbort();
      else request.end(call.body ?? undefined);
    });
  };

  async function* guarded(message: IncomingMessage, fail: () => TransportFailure | null): AsyncGenerator<Uint8Array> {
    try {
      yield* await decoded(message);
    } catch (thrown) {
      throw fail() ?? classify(thrown, false);
    }
    if (!message.complete) throw fail() ?? new TransportFailure("reset", "the connection was cut");
  }

  return {
    async call(call) {
      let url = new URL(call.url);
      for (let hop = 0; ; hop++) {
        const { message, fail } = await once(url, call);
        const status = message.statusCode ?? 0;
        const location = message.headers.location;
        if (status < 300 || status > 399 || location === undefined)
          return {
            status,
            headers: plainHeaders(message),
            body: guarded(message, fail),
            close: () => message.destroy(),
          };
        message.resume();
        const next = new URL(location, url);
        // The headers carry the key: they go to nobody but the origin that was configured, and a POST stays a POST.
        const follows =
          (status === 307 || status === 308 || call.method === "GET") &&
          next.origin === url.origin &&
          hop < REDIRECT_LIMIT;
        if (!follows)
          throw new TransportFailure(
            "redirect",
            `the server redirects (HTTP ${status}) to ${next.origin}${next.pathname}, which is not followed`,
          );
        url = next;
      }
    },
  };
}
