// A loopback server whose replies are made to exhaust a client: endless, huge, deep, slow, or of the wrong types. Which
// one comes is the first part of the path, so that one server serves all; the wire is read off the end of the path.

import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { createGzip } from "node:zlib";
import type { Wire } from "./vendor-server-rules.ts";

interface Speech {
  start: string;
  text(text: string): string;
  reasoning(text: string): string;
  /** A whole call. */
  call(index: unknown, id: unknown, name: unknown, input: string): string;
  /** The beginning of a call whose arguments follow. */
  openCall(index: number): string;
  argument(index: number, text: string): string;
  /** A block or item of a kind that nobody knows. */
  odd(index: number): string;
  end(usage?: Record<string, unknown>): string;
}

const event = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;

const SPEECH: Record<Wire, Speech> = {
  anthropic: {
    start:
      named({
        type: "message_start",
        message: {
          id: "m",
          type: "message",
          role: "assistant",
          content: [],
          model: "model-a",
          stop_reason: null,
          usage: { input_tokens: 10, output_tokens: 1 },
        },
      }) +
      named({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }) +
      named({
        type: "content_block_start",
        index: 1,
        content_block: { type: "thinking", thinking: "", signature: "" },
      }),
    text: (text) => named({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
    reasoning: (thinking) =>
      named({ type: "content_block_delta", index: 1, delta: { type: "thinking_delta", thinking } }),
    call: (index, id, name, input) =>
      named({
        type: "content_block_start",
        index: typeof index === "number" ? index + 2 : index,
        content_block: { type: "tool_use", id, name, input: {} },
      }) +
      named({
        type: "content_block_delta",
        index: typeof index === "number" ? index + 2 : index,
        delta: { type: "input_json_delta", partial_json: input },
      }),
    openCall: (index) =>
      named({
        type: "content_block_start",
        index: index + 2,
        content_block: { type: "tool_use", id: `id${index}`, name: "view", input: {} },
      }),
    argument: (index, text) =>
      named({ type: "content_block_delta", index: index + 2, delta: { type: "input_json_delta", partial_json: text } }),
    odd: (index) => named({ type: "content_block_start", index: index + 2, content_block: { type: "odd" } }),
    end: (usage = {}) =>
      named({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 5, ...usage } }) +
      named({ type: "message_stop" }),
  },
  chat: {
    start: event({ model: "model-a", choices: [{ index: 0, delta: { role: "assistant" } }] }),
    text: (content) => event({ choices: [{ index: 0, delta: { content } }] }),
    reasoning: (text) => event({ choices: [{ index: 0, delta: { reasoning_content: text } }] }),
    call: (index, id, name, input) =>
      event({ choices: [{ index: 0, delta: { tool_calls: [{ index, id, function: { name, arguments: input } }] } }] }),
    openCall: (index) =>
      event({
        choices: [
          { index: 0, delta: { tool_calls: [{ index, id: `id${index}`, function: { name: "view", arguments: "" } }] } },
        ],
      }),
    argument: (index, text) =>
      event({ choices: [{ index: 0, delta: { tool_calls: [{ index, function: { arguments: text } }] } }] }),
    odd: (index) =>
      event({ choices: [{ index: 0, delta: { tool_calls: [{ index, id: `odd${index}`, type: "odd" }] } }] }),
    end: (usage = {}) =>
      event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }) +
      event({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, ...usage } }) +
      "data: [DONE]\n\n",
  },
  responses: {
    start: event({ type: "response.created", response: { model: "model-a" } }),
    text: (delta) => event({ type: "response.output_text.delta", output_index: 0, delta }),
    reasoning: (delta) => event({ type: "response.reasoning_summary_text.delta", output_index: 1, delta }),
    call: (index, id, name, input) =>
      event({
        type: "response.output_item.done",
        output_index: typeof index === "number" ? index + 2 : index,
        item: { type: "function_call", call_id: id, name, arguments: input },
      }),
    openCall: (index) =>
      event({
        type: "response.output_item.added",
        output_index: index + 2,
        item: { type: "function_call", call_id: `id${index}`, name: "view", arguments: "" },
      }),
    argument: (index, delta) =>
      event({ type: "response.function_call_arguments.delta", output_index: index + 2, delta }),
    odd: (index) => event({ type: "response.output_item.added", output_index: index + 2, item: { type: "odd" } }),
    end: (usage = {}) =>
      event({
        type: "response.completed",
        response: {
          model: "model-a",
          status: "completed",
          output: [],
          usage: { input_tokens: 10, output_tokens: 5, ...usage },
        },
      }),
  },
};

function named(value: Record<string, unknown>): string {
  return `event: ${String(value["type"])}\n${event(value)}`;
}

const MEBIBYTE = "x".repeat(1024 * 1024);
const PIECE = "lorem ipsum ".repeat(80);

async function* forever(
  make: (index: number) => string,
  count = Number.POSITIVE_INFINITY,
): AsyncGenerator<string, void, undefined> {
  for (let index = 0; index < count;) {
    let batch = "";
    for (; batch.length < 60_000 && index < count; index++) batch += make(index);
    yield batch;
  }
}

async function* trickle(
  make: (index: number) => string,
  milliseconds: number,
): AsyncGenerator<string, void, undefined> {
  for (let index = 0; ; index++) {
    yield make(index);
    await delay(milliseconds);
  }
}

async function* texts(...all: string[]): AsyncGenerator<string, void, undefined> {
  yield* all;
}

type Body = (speech: Speech) => AsyncIterable<string>;

async function* joined(...parts: AsyncIterable<string>[]): AsyncGenerator<string, void, undefined> {
  for (const part of parts) yield* part;
}

const calls = (speech: Speech, ...inputs: string[]): string =>
  inputs.map((input, index) => speech.call(index, `id${index}`, "view", input)).join("");
const nested = (levels: number, open = "[", close = "]"): string =>
  `{"path":${open.repeat(levels)}1${close.repeat(levels)}}`;

/** Replies that never end by themselves, or are far beyond any size; each must be given up. */
export const ENDLESS: Record<string, Body> = {
  "a million calls": (speech) => forever((index) => speech.call(index, `id${index}`, "view", "{}"), 1_000_000),
  "a million calls of one index": (speech) => forever((index) => speech.call(0, `id${index}`, "view", "{}"), 1_000_000),
  "endless text": (speech) => forever(() => speech.text(PIECE)),
  "endless text letter by letter": (speech) => forever(() => speech.text("a")),
  "endless reasoning": (speech) => forever(() => speech.reasoning(PIECE)),
  "endless arguments": (speech) =>
    joined(
      texts(speech.openCall(0)),
      forever(() => speech.argument(0, PIECE)),
    ),
  "endless blocks": (speech) => forever((index) => speech.odd(index)),
  "a line of a gigabyte": () =>
    joined(
      texts('data: {"type":"x","a":"'),
      forever(() => MEBIBYTE, 1024),
    ),
  "a line of a gigabyte without a field": () => forever(() => MEBIBYTE, 1024),
  "an event of endless lines": () => forever(() => `data: ${"x".repeat(1000)}\n`),
  "an event nested without end": () =>
    joined(
      texts('data: {"type":"x","a":'),
      forever(() => "[".repeat(60_000)),
    ),
  "an event nested over lines": () =>
    joined(
      texts('data: {"type":"x","a":\r\n'),
      forever(() => `data: ${"[".repeat(50)}\r\n`),
    ),
  "an event nested by objects": () =>
    joined(
      texts('data: {"type":"x","a":'),
      forever(() => '{"a":'.repeat(10_000)),
    ),
  "endless empty deltas": (speech) => forever(() => speech.text("")),
};

/** Replies that keep the connection alive and say nothing. */
export const SILENT: Record<string, Body> = {
  pings: () => trickle(() => 'event: ping\ndata: {"type":"ping"}\n\n', 20),
  comments: () => trickle(() => ": still here\n\n", 20),
  "empty deltas": (speech) => trickle(() => speech.text(""), 20),
  "one byte at a time": () => trickle((index) => (index === 0 ? 'data: {"type":"' : "x"), 20),
  "a text and then pings": (speech) =>
    joined(
      texts(speech.text("hello")),
      trickle(() => ": ping\n\n", 20),
    ),
};

/** Replies that end and hold what a client must bear. */
export const ODD: Record<string, Body> = {
  "arguments nested 3,000 levels": (speech) => texts(calls(speech, nested(3_000)), speech.end()),
  "arguments nested 100,000 levels": (speech) =>
    texts(calls(speech, nested(100_000), nested(50_000, '{"a":', "}")), speech.end()),
  "arguments nested and never closed": (speech) => texts(calls(speech, "[".repeat(1_000_000)), speech.end()),
  "arguments of 100,000 keys": (speech) =>
    texts(calls(speech, `{${Array.from({ length: 100_000 }, (_, index) => `"k${index}":0`).join(",")}}`), speech.end()),
  "one id for all calls": (speech) =>
    texts([0, 1, 2].map((index) => speech.call(index, "same", "view", '{"path":"a.txt"}')).join(""), speech.end()),
  "an index of 2^32": (speech) =>
    texts(
      speech.call(2 ** 32, "a", "view", '{"path":"a.txt"}'),
      speech.call(-1, "b", "view", "{}"),
      speech.call(1e300, "c", "view", "{}"),
      speech.end(),
    ),
  "names and ids of a megabyte": (speech) =>
    texts(speech.call(0, "i".repeat(1_000_000), "n".repeat(1_000_000), "{}"), speech.end()),
  "names and ids of other types": (speech) =>
    texts(
      speech.call(0, 7, { a: 1 }, "{}"),
      speech.call("x", null, ["view"], "{}"),
      speech.call(null, [], 3, "{}"),
      speech.end(),
    ),
  "tokens that are no numbers": (speech) =>
    texts(
      speech.text("hello"),
      speech.end({
        input_tokens: -1,
        output_tokens: 1e300,
        prompt_tokens: 1.5,
        completion_tokens: "many",
        cache_read_input_tokens: {},
      }),
    ),
};

export interface HostileServer {
  /** Base URL of one kind, without /v1. */
  url(kind: string): string;
  /** Requests that have come so far. */
  requests(): number;
  close(): Promise<void>;
}

async function pump(
  response: ServerResponse | NodeJS.WritableStream,
  body: AsyncIterable<string>,
  closed: Promise<unknown>,
): Promise<void> {
  let open = true;
  void closed.then(() => (open = false));
  for await (const text of body) {
    if (!open) return;
    if (!response.write(text)) await Promise.race([once(response, "drain").catch(() => undefined), closed]);
  }
  response.end();
}

async function answer(kind: string, wire: Wire, response: ServerResponse, socket: Socket): Promise<void> {
  const speech = SPEECH[wire];
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const head = { "content-type": "text/event-stream" };
  const body = ENDLESS[kind] ?? SILENT[kind] ?? ODD[kind];
  if (body !== undefined) {
    response.writeHead(200, head);
    await pump(response, joined(texts(speech.start), body(speech)), closed);
    return;
  }
  switch (kind) {
    case "a compressed bomb": {
      response.writeHead(200, { ...head, "content-encoding": "gzip" });
      const zip = createGzip();
      zip.pipe(response);
      await pump(
        zip,
        joined(
          texts(speech.start),
          forever(() => speech.text("a".repeat(20_000))),
        ),
        closed,
      );
      return;
    }
    case "a head byte by byte":
      socket.write("HTTP/1.1 200 OK\r\n");
      for (let index = 0; !socket.destroyed; index++) {
        socket.write(`x-${index}: y\r\n`);
        await delay(20);
      }
      return;
    case "a head of a megabyte":
      socket.write(
        `HTTP/1.1 200 OK\r\n${Array.from({ length: 1000 }, (_, index) => `x-${index}: ${"y".repeat(1000)}\r\n`).join("")}\r\n`,
      );
      return;
    case "an error byte by byte":
      response.writeHead(400, { "content-type": "application/json" });
      await pump(
        response,
        trickle(() => "x", 20),
        closed,
      );
      return;
    default:
      if (kind.startsWith("a body that is no stream")) {
        response.writeHead(200, { "content-type": "text/html" });
        await pump(
          response,
          trickle(() => "x", 20),
          closed,
        );
        return;
      }
      response.writeHead(200, head);
      response.end(speech.start + speech.text("done") + speech.end());
  }
}

export async function startHostileServer(): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((request, response) => {
    count += 1;
    const path = request.url ?? "";
    const wire: Wire = path.endsWith("/messages")
      ? "anthropic"
      : path.endsWith("/chat/completions")
        ? "chat"
        : "responses";
    const kind = decodeURIComponent(path.split("/")[1] ?? "");
    request.resume();
    request.on("end", () => void answer(kind, wire, response, request.socket).catch(() => request.socket.destroy()));
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: (kind) => `http://127.0.0.1:${port}/${encodeURIComponent(kind)}`,
    requests: () => count,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
