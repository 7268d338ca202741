// HTTP itself: proxies, redirects, compression, dead connections.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createSecureServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { connect, type AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { proxyFor } from "../../src/providers/proxy.ts";
import { retryAfter } from "../../src/providers/failure.ts";
import { backoffMs } from "../../src/providers/retry.ts";
import { createTransport, type HttpCall } from "../../src/providers/transport.ts";
import { needProgram } from "../support/need.ts";

const servers: Server[] = [];
async function listen(
  handle: (incoming: IncomingMessage, response: ServerResponse) => void,
): Promise<{ server: Server; url: string; port: number }> {
  const server = createServer(handle);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}`, port };
}
afterEach(async () => {
  await Promise.all(
    servers.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
});

const call = (url: string, more: Partial<HttpCall> = {}): HttpCall => ({
  method: "POST",
  url,
  headers: { "x-api-key": "secret" },
  body: "{}",
  idleMs: 5000,
  signal: new AbortController().signal,
  ...more,
});
async function text(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

describe("redirects", () => {
  test("within one origin a 307 is followed with its body; to another host it is not, and nothing is sent there", async () => {
    const reached: string[] = [];
    const other = await listen((incoming, response) => {
      reached.push(incoming.url ?? "");
      response.end();
    });
    const first = await listen((incoming, response) => {
      if (incoming.url === "/near") response.writeHead(307, { location: "/here" }).end();
      else if (incoming.url === "/far") response.writeHead(307, { location: `${other.url}/steal` }).end();
      else if (incoming.url === "/get") response.writeHead(302, { location: "/here" }).end();
      else if (incoming.url === "/round") response.writeHead(308, { location: "/round" }).end();
      else incoming.pipe(response.writeHead(200, { "x-key": incoming.headers["x-api-key"] ?? "" }));
    });
    const transport = createTransport({});
    const answer = await transport.call(call(`${first.url}/near`, { body: "hello" }));
    expect([answer.headers["x-key"], await text(answer.body)]).toEqual(["secret", "hello"]);
    for (const path of ["/far", "/get", "/round"])
      await expect(transport.call(call(`${first.url}${path}`))).rejects.toMatchObject({ reason: "redirect" });
    expect(reached).toEqual([]);
  });
});

describe("proxies", () => {
  test("plain requests go through with their full address, secure ones by a tunnel, and NO_PROXY around", async () => {
    const lines: string[] = [];
    const target = await listen((incoming, response) => response.end(`direct ${incoming.url}`));
    const proxy = await listen((incoming, response) => {
      lines.push(`${incoming.method} ${incoming.url} ${incoming.headers["proxy-authorization"] ?? "-"}`);
      const onward = httpRequest(
        `${target.url}${new URL(incoming.url ?? "").pathname}`,
        { method: incoming.method },
        (answer) => answer.pipe(response),
      );
      incoming.pipe(onward);
    });
    proxy.server.on("connect", (incoming, socket) => {
      lines.push(`CONNECT ${incoming.url}`);
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    });
    const environment = {
      http_proxy: `http://user:p%40ss@127.0.0.1:${proxy.port}`,
      HTTPS_PROXY: `127.0.0.1:${proxy.port}`,
      NO_PROXY: "skipped.example, .inside.example",
    };
    const transport = createTransport(environment);
    const answer = await transport.call(call("http://models.example/v1/x"));
    expect(await text(answer.body)).toBe("direct /v1/x");
    await expect(transport.call(call("https://models.example/v1/x"))).rejects.toMatchObject({
      reason: "proxy",
      message: expect.stringContaining("407") as string,
    });
    expect(lines).toEqual([
      `POST http://models.example/v1/x Basic ${Buffer.from("user:p@ss").toString("base64")}`,
      "CONNECT models.example:443",
    ]);
  });

  test.each([
    ["http://a.example", { HTTP_PROXY: "http://p:1" }, "p:1"],
    ["http://a.example", { HTTPS_PROXY: "http://p:1" }, null],
    ["https://a.example", { ALL_PROXY: "p:1" }, "p:1"],
    ["https://a.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "*" }, null],
    ["https://a.example", { HTTPS_PROXY: "http://p:1", no_proxy: "example" }, null],
    ["https://a.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "b.example,ample" }, "p:1"],
    ["https://a.example:8443", { HTTPS_PROXY: "http://p:1", NO_PROXY: "a.example:443" }, "p:1"],
    ["http://localhost:11434", { HTTP_PROXY: "http://p:1" }, null],
    ["http://127.0.0.1:1", { HTTP_PROXY: "http://p:1" }, null],
    ["http://[::1]:1", { HTTP_PROXY: "http://p:1" }, null],
    ["http://127.models.example", { HTTP_PROXY: "http://p:1" }, "p:1"],
  ])("%s with %j", (url, environment, host) => {
    expect(proxyFor(new URL(url), environment)?.host ?? null).toBe(host);
  });

  test("a proxy that is no http address is an error, not a direct connection", () => {
    expect(() => proxyFor(new URL("http://a.example"), { HTTP_PROXY: "socks5://p:1" })).toThrow(/HTTP_PROXY/);
  });
});

const certificates = needProgram("openssl");

describe.skipIf(certificates.missing)(certificates.title("secure connections"), () => {
  test("an unknown certificate is refused, one named by SSL_CERT_FILE is taken, directly and through a tunnel", async () => {
    const folder = mkdtempSync(join(tmpdir(), "bmo-tls-"));
    const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        keyFile,
        "-out",
        certFile,
        "-subj",
        "/CN=models.example",
        "-addext",
        "subjectAltName=DNS:models.example,DNS:localhost,IP:127.0.0.1",
      ],
      { stdio: "ignore" },
    );
    const secure = createSecureServer(
      { key: readFileSync(keyFile), cert: readFileSync(certFile) },
      (incoming, response) => response.end(`secure ${incoming.url}`),
    );
    await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
    const { port } = secure.address() as AddressInfo;
    const proxy = await listen((_incoming, response) => response.writeHead(500).end());
    const tunnels: string[] = [];
    const open: Duplex[] = [];
    proxy.server.on("connect", (incoming, socket, head) => {
      open.push(socket);
      tunnels.push(incoming.url ?? "");
      const onward = connect(port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        onward.write(head);
        onward.pipe(socket).pipe(onward);
      });
      onward.on("error", () => socket.destroy());
      socket.on("error", () => onward.destroy());
    });
    await expect(createTransport({}).call(call(`https://127.0.0.1:${port}/a`))).rejects.toMatchObject({
      reason: "tls",
    });
    const answer = await createTransport({ SSL_CERT_FILE: certFile }).call(call(`https://127.0.0.1:${port}/a`));
    expect(await text(answer.body)).toBe("secure /a");
    const tunnelled = await createTransport({ SSL_CERT_FILE: certFile, HTTPS_PROXY: proxy.url }).call(
      call("https://models.example/b"),
    );
    expect(await text(tunnelled.body)).toBe("secure /b");
    expect(tunnels).toEqual(["models.example:443"]);
    await expect(
      createTransport({ SSL_CERT_FILE: join(folder, "none.pem") }).call(call(`https://127.0.0.1:${port}/a`)),
    ).rejects.toMatchObject({ reason: "tls", message: expect.stringContaining("SSL_CERT_FILE") as string });
    for (const socket of open) socket.destroy();
    secure.closeAllConnections();
    await new Promise((resolve) => secure.close(resolve));
    rmSync(folder, { recursive: true });
  });
});

describe("answers", () => {
  test("compression that nobody asked for is undone; a cut one is a cut", async () => {
    const zipped = gzipSync("x".repeat(10_000));
    const { url } = await listen((incoming, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      response.end(incoming.url === "/cut" ? zipped.subarray(0, 20) : zipped);
    });
    const transport = createTransport({});
    expect((await text((await transport.call(call(`${url}/whole`))).body)).length).toBe(10_000);
    const cut = await transport.call(call(`${url}/cut`));
    await expect(text(cut.body)).rejects.toMatchObject({ name: "TransportFailure" });
  });

  test("a connection kept from before that breaks is told apart from a fresh one that does", async () => {
    const met: string[] = [];
    const { url } = await listen((incoming, response) => {
      incoming.resume();
      met.push(`${incoming.url} from ${incoming.socket.remotePort}`);
      if (incoming.url === "/break") incoming.socket.destroy();
      else response.end("ok");
    });
    const transport = createTransport({});
    await expect(transport.call(call(`${url}/break`))).rejects.toMatchObject({ reason: "reset", stale: false });
    expect(await text((await transport.call(call(`${url}/whole`))).body)).toBe("ok");
    await expect(transport.call(call(`${url}/break`))).rejects.toMatchObject({ reason: "reset", stale: true });
    expect(await text((await transport.call(call(`${url}/whole`))).body)).toBe("ok");
    const ports = met.map((line) => line.split(" ")[2]);
    expect(met.map((line) => line.split(" ")[0])).toEqual(["/break", "/whole", "/break", "/whole"]);
    expect(ports[2]).toBe(ports[1]);
    expect(new Set([ports[0], ports[1], ports[3]]).size).toBe(3);
  });

  test("names that do not exist and ports where nobody listens are named", async () => {
    const transport = createTransport({});
    await expect(transport.call(call("http://nobody.invalid/x"))).rejects.toMatchObject({ reason: "dns" });
    const { server, url } = await listen((_incoming, response) => response.end());
    await new Promise((resolve) => server.close(resolve));
    servers.pop();
    await expect(transport.call(call(url))).rejects.toMatchObject({ reason: "refused" });
  });
});

describe("waiting", () => {
  test.each([
    [{ "retry-after": "3" }, 3000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after-ms": "40", "retry-after": "9" }, 40],
    [{ "retry-after": "Sat, 21 Nov 2026 12:00:30 GMT", date: "Sat, 21 Nov 2026 12:00:00 GMT" }, 30_000],
    [{ "retry-after": "Sat, 21 Nov 2026 11:00:00 GMT", date: "Sat, 21 Nov 2026 12:00:00 GMT" }, 0],
    [{ "retry-after": "Sat, 21 Nov 2026 12:00:30 GMT" }, 20_000],
    [{ "retry-after": "soon" }, null],
    [{ "retry-after": "-5" }, null],
    [{}, null],
  ])("%j asks for %s ms", (headers, expected) => {
    expect(retryAfter(headers as Record<string, string>, Date.parse("2026-11-21T12:00:10Z"))).toBe(expected);
  });

  test("back-off doubles, is capped, and chance decides about half of it", () => {
    expect([0, 1, 2, 9].map((retries) => backoffMs(retries, 500, () => 0))).toEqual([250, 500, 1000, 10_000]);
    expect([0, 1, 2, 9].map((retries) => backoffMs(retries, 500, () => 1))).toEqual([500, 1000, 2000, 20_000]);
  });
});
