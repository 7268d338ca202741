// The vendors' SDKs as bmo uses them: what they send, that nothing of the process has a say, and that they print
// nothing.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startVendorServer, type VendorServer, type VendorServerOptions } from "../support/vendor-server.ts";
import { ask, ended, failed, KEY, open, request, textOf, user, WIRES } from "./support.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const servers: VendorServer[] = [];
async function serve(options: VendorServerOptions): Promise<VendorServer> {
  const server = await startVendorServer(options);
  servers.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe("in a process of its own, bundled as it ships", () => {
  const folder = mkdtempSync(join(tmpdir(), "bmo-sdk-"));
  const program = `
    import { createRegistry } from "./src/providers/index.ts";
    import { plainSettings } from "./test/support/settings.ts";
    const [type, base_url, id] = process.argv.slice(2);
    const model = { id, temperature: true, ...(type === "anthropic" ? { reasoning: true, reasoning_style: "budget" } : {}) };
    const registry = createRegistry({ settings: plainSettings(null, { house: { type, base_url, api_key: "${KEY}", models: [model] } }), environment: {}, runKeyCommand: () => Promise.reject(new Error("none")), onKey: () => {}, baseDirectory: "/", now: () => new Date("2026-11-21") });
    const found = registry.resolve("house/" + id, "test").model;
    const provider = await registry.provider(found);
    const message = { role: "user", content: [{ type: "text", text: "hi" }] };
    const kinds = [];
    for await (const part of provider.stream({ model: found, system: "s", messages: [message], tools: [], maxTokens: 8000, temperature: 0.5, reasoning: "high", cacheKey: "k" }, new AbortController().signal)) kinds.push(part.type === "error" ? part.error.message : part.type);
    const check = await provider.check(new AbortController().signal);
    process.exitCode = kinds.at(-1) === "end" && check.ok ? 0 : 3;
    if (process.exitCode !== 0) process.stdout.write(JSON.stringify({ kinds, check }));
  `;
  beforeAll(async () => {
    await build({
      stdin: { contents: program, resolveDir: root, loader: "ts" },
      absWorkingDir: root,
      outfile: join(folder, "program.mjs"),
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      external: ["vitest"],
      banner: {
        js: "import{createRequire as bmoCreateRequire}from'node:module';const require=bmoCreateRequire(import.meta.url);",
      },
    });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ["anthropic", "claude-sonnet-4-5"],
    ["anthropic", "claude-opus-4-6"],
    ["responses", "gpt-5"],
    ["chat", "gpt-5"],
  ] as const)(
    "%s with %s, which the SDK may find outdated: nothing is printed, no variable has a say",
    async (wire, id) => {
      const server = await serve({ keys: [KEY], replies: [{ text: "ok" }] });
      const type = { anthropic: "anthropic", responses: "openai", chat: "openai-compatible" }[wire];
      const environment = {
        PATH: process.env.PATH,
        HOME: folder,
        ANTHROPIC_API_KEY: "sk-stolen-1",
        ANTHROPIC_AUTH_TOKEN: "sk-stolen-2",
        ANTHROPIC_CUSTOM_HEADERS:
          "x-stolen: 3\nAuthorization: Bearer stolen-8\nX-API-Key: stolen-9\nUser-Agent: stolen-10",
        ANTHROPIC_LOG: "debug",
        ANTHROPIC_BASE_URL: "http://127.0.0.1:9",
        OPENAI_API_KEY: "sk-stolen-4",
        OPENAI_CUSTOM_HEADERS: "x-stolen: 5\nAuthorization: Bearer stolen-11\nUser-Agent: stolen-12",
        OPENAI_ORG_ID: "stolen-6",
        OPENAI_PROJECT_ID: "stolen-7",
        OPENAI_LOG: "debug",
        OPENAI_BASE_URL: "http://127.0.0.1:9",
      };
      const outcome = await new Promise((resolve) => {
        execFile(
          process.execPath,
          [join(folder, "program.mjs"), type, server.baseUrl(wire), id],
          { env: environment },
          (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }),
        );
      });
      expect(outcome).toEqual({ code: 0, stdout: "", stderr: "" });
      const headers = server.requests[0]?.headers ?? {};
      expect(JSON.stringify(headers)).not.toMatch(/stolen|stainless/i);
      expect(headers["user-agent"]).toBe("bmo");
    },
  );
});

describe.each(WIRES)("%s", (wire) => {
  test("the query of a base URL and the user's headers go with every call; a header of the user wins", async () => {
    const server = await serve({ replies: [{ text: "ok" }] });
    const seen: string[] = [];
    const { createServer, request: forward } = await import("node:http");
    const gate = createServer((incoming, response) => {
      seen.push(incoming.url ?? "");
      incoming.pipe(
        forward(
          `${server.url}${new URL(incoming.url ?? "", "http://gate").pathname}`,
          { method: incoming.method, headers: incoming.headers },
          (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 0, answer.headers)),
        ),
      );
    });
    await new Promise<void>((resolve) => gate.listen(0, "127.0.0.1", resolve));
    const address = gate.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const path = new URL(server.baseUrl(wire)).pathname.replace(/\/$/, "");
    const { provider, model } = await open(wire, server, {
      base_url: `http://127.0.0.1:${port}${path}?api-version=2026-01-01`,
      headers: { "X-Team": "blue", "user-agent": "ours/1" },
    });
    ended(await ask(provider, model, [user("hi")]));
    await provider.check(new AbortController().signal);
    const call = { anthropic: "/v1/messages", responses: "/v1/responses", chat: "/v1/chat/completions" }[wire];
    expect(seen).toEqual([`${call}?api-version=2026-01-01`, "/v1/models?api-version=2026-01-01"]);
    expect(server.requests[0]?.headers).toMatchObject({ "x-team": "blue", "user-agent": "ours/1" });
    gate.closeAllConnections();
    await new Promise((resolve) => gate.close(resolve));
  });

  test("without a key no header for one is sent", async () => {
    const server = await serve({ replies: [{ text: "ok" }] });
    const { provider, model } = await open(wire, server, { api_key: "" });
    ended(await ask(provider, model, [user("hi")]));
    expect(server.requests[0]?.headers).not.toHaveProperty("authorization");
    expect(server.requests[0]?.headers).not.toHaveProperty("x-api-key");
  });

  test("deltas that arrive together travel together", async () => {
    const server = await serve({ replies: [{ text: Array.from({ length: 2000 }, (_, index) => `${index} `) }] });
    const { provider, model } = await open(wire, server);
    const parts = await ask(provider, model, [user("hi")]);
    expect(textOf(parts)).toBe(Array.from({ length: 2000 }, (_, index) => `${index} `).join(""));
    expect(parts.length).toBeLessThan(500);
  });

  test("an error body of a shape that the SDK does not know is quoted", async () => {
    const server = await serve({
      faults: [
        { kind: "status", status: 400, body: '{"detail":"no such field: frobnicate"}' },
        { kind: "status", status: 400, body: "<b>plain text refusal</b>" },
        { kind: "status", status: 400, body: '[{"error":{"message":"listed refusal"}}]' },
      ],
    });
    const { provider, model } = await open(wire, server);
    for (const words of ["no such field: frobnicate", "plain text refusal", "listed refusal"]) {
      expect(failed(await ask(provider, model, [user("hi")])).error).toMatchObject({
        kind: "bad_request",
        status: 400,
        message: expect.stringContaining(words) as string,
      });
    }
  });

  test("events that nobody can parse are not printed, and nothing of them is said", async () => {
    const { createServer } = await import("node:http");
    const bodies = [
      'event: thread.run\ndata: {"\u001b]0;title\u0007\n\n',
      `event: message_start\ndata: ${KEY.slice(0, 12)} {\n\n`,
      "data: 1\n\nevent: message_start\ndata: 1\n\n",
    ];
    const vendor = createServer((incoming, response) => {
      incoming.resume();
      response.writeHead(200, { "content-type": "text/event-stream" }).end(bodies[0]);
    });
    await new Promise<void>((resolve) => vendor.listen(0, "127.0.0.1", resolve));
    const address = vendor.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const server = await serve({});
    const { provider, model } = await open(wire, server, { base_url: `http://127.0.0.1:${port}`, max_retries: 0 });
    const printed: string[] = [];
    const { write } = process.stderr;
    process.stderr.write = (text) => printed.push(String(text)) > 0;
    try {
      for (; bodies.length > 0; bodies.shift()) {
        const { error } = failed(await ask(provider, model, [user("hi")]));
        expect(error.kind).toBe("protocol");
        expect(error.message).not.toMatch(/title|sk-plant/);
      }
    } finally {
      process.stderr.write = write;
      await new Promise((resolve) => vendor.close(resolve));
    }
    expect(printed).toEqual([]);
  });

  test("many calls with one signal leave no listener on it, and no warning", async () => {
    const server = await serve({ replies: () => ({ text: "ok" }) });
    const { provider, model } = await open(wire, server);
    const warnings: string[] = [];
    const note = (warning: Error): void => void warnings.push(warning.message);
    process.on("warning", note);
    const { signal } = new AbortController();
    for (let step = 0; step < 15; step++)
      for await (const part of provider.stream(request(model, [user("hi")]), signal))
        expect(part.type).not.toBe("error");
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", note);
    expect(warnings).toEqual([]);
  });

  test("calls at the same time do not disturb each other, and the globals are what they were", async () => {
    const server = await serve({
      replies: () => ({ text: "abc" }),
      faults: [{ kind: "status", status: 500 }, { kind: "reset" }],
    });
    const { provider, model } = await open(wire, server);
    const names = ["Headers", "FormData", "ReadableStream", "console", "process"];
    const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));
    const all = await Promise.all(Array.from({ length: 8 }, () => ask(provider, model, [user("hi")])));
    expect(all.map((parts) => ended(parts).message.content)).toEqual(
      Array.from({ length: 8 }, () => [{ type: "text", text: "abc" }]),
    );
    expect(names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name))).toEqual(before);
  });
});

describe("the version of the Anthropic protocol", () => {
  test("is the SDK's, or the one before where a temperature is sent, or the user's", async () => {
    const server = await serve({ replies: () => ({ text: "ok" }) });
    const plain = await open("anthropic", server);
    ended(await ask(plain.provider, plain.model, [user("hi")], { temperature: 0.5 }));
    const warm = await open("anthropic", server, {}, { temperature: true });
    ended(await ask(warm.provider, warm.model, [user("hi")], { temperature: 0.5 }));
    const fixed = await open(
      "anthropic",
      server,
      { headers: { "Anthropic-Version": "2024-02-29" } },
      { temperature: true },
    );
    ended(await ask(fixed.provider, fixed.model, [user("hi")], { temperature: 0.5 }));
    expect(server.requests.map((seen) => [seen.headers["anthropic-version"], seen.body.temperature])).toEqual([
      ["2026-10-21", undefined],
      ["2023-06-01", 0.5],
      ["2024-02-29", 0.5],
    ]);
  });
});
