// Which proxy serves a URL, and how to get through one: the rules of HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.

import type { Socket } from "node:net";
import { request as httpRequest } from "node:http";
import { isLoopbackHost } from "../util/loopback.ts";
import { TransportFailure } from "./transport-failure.ts";

const read = (environment: Record<string, string | undefined>, name: string): string =>
  environment[name.toLowerCase()] ?? environment[name] ?? "";

/** Whether an entry such as `*`, `example.com`, `.example.com`, `*.example.com` or `host:8080` covers the URL. */
function covers(entry: string, url: URL): boolean {
  if (entry === "*") return true;
  const match = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(entry.toLowerCase());
  const host = match?.[1] ?? "";
  const port = match?.[2];
  if (host === "" || (port !== undefined && port !== (url.port || (url.protocol === "https:" ? "443" : "80"))))
    return false;
  const name = url.hostname.toLowerCase();
  return name === host || name.endsWith(`.${host}`);
}

/**
 * The proxy for a URL, or null. Loopback addresses are always reached directly. @throws TransportFailure when the
 * variable holds no http URL.
 */
export function proxyFor(url: URL, environment: Record<string, string | undefined>): URL | null {
  const variable = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const value = read(environment, variable) || read(environment, "ALL_PROXY");
  if (value === "" || isLoopbackHost(url.hostname)) return null;
  if (
    read(environment, "NO_PROXY")
      .split(/[\s,]+/)
      .some((entry) => entry !== "" && covers(entry, url))
  )
    return null;
  const text = value.includes("://") ? value : `http://${value}`;
  if (!URL.canParse(text) || new URL(text).protocol !== "http:")
    throw new TransportFailure("proxy", `${variable} (or ALL_PROXY) is not the http:// URL of a proxy`);
  return new URL(text);
}

/** The header that a proxy with a name and password in its URL wants. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === "") return {};
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}

/** A connection through the proxy to the host of `url`. @throws TransportFailure */
export function openTunnel(proxy: URL, url: URL, signal: AbortSignal, idleMs: number): Promise<Socket> {
  const target = `${url.hostname}:${url.port || "443"}`;
  return new Promise((resolve, reject) => {
    const request = httpRequest(proxy, {
      method: "CONNECT",
      path: target,
      headers: { host: target, ...proxyAuthorization(proxy) },
      agent: false,
      signal,
    });
    request.setTimeout(idleMs, () =>
      request.destroy(new TransportFailure("stall", `the proxy ${proxy.host} does not answer`)),
    );
    request.once("connect", (answer, socket) => {
      if (answer.statusCode === 200) {
        socket.setTimeout(0);
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(new TransportFailure("proxy", `the proxy ${proxy.host} answered HTTP ${answer.statusCode ?? 0}`));
    });
    request.once("error", (error) =>
      reject(
        error instanceof TransportFailure
          ? error
          : new TransportFailure(
              signal.aborted ? "aborted" : "proxy",
              `the proxy ${proxy.host} cannot be reached: ${error.message}`,
            ),
      ),
    );
    request.end();
  });
}
