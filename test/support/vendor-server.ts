// A loopback server that speaks Anthropic Messages, OpenAI Responses and OpenAI Chat Completions, and refuses what the
// vendors refuse. It decides nothing about the client: tests script its replies and read what it saw.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { AddressInfo, Socket } from "node:net";
import type { Json, JsonObject } from "../../src/types/json.ts";
import { isObject, list, string, violations, type IssuedReasoning, type Wire } from "./vendor-server-rules.ts";
import { render, type ScriptedReply } from "./vendor-server-wire.ts";

export type { ScriptedCall, ScriptedReply } from "./vendor-server-wire.ts";
export type { Wire } from "./vendor-server-rules.ts";

/** One request for a model call, as the server saw it. */
export interface SeenRequest {
  /** From 1, over all model calls. */
  number: number;
  wire: Wire;
  path: string;
  headers: Record<string, string>;
  body: JsonObject;
  /** Exactly the bytes received. */
  raw: string;
  model: string;
  system: string;
  /** Names of the tools offered, in their order. */
  tools: string[];
  /** Texts of the user's messages, tool results apart. */
  userTexts: string[];
  /** All tool results in the conversation, in their order. */
  toolResults: { id: string; text: string }[];
  /** Calls of the assistant in the conversation, in their order. */
  toolCalls: { id: string; name: string }[];
  /** What the server answered: HTTP status; 0 when it destroyed the connection. */
  status: number;
  /** Why it answered 400, empty otherwise. */
  violations: string[];
}

/**
 * One fault hits one accepted request (or `times` of them) before any reply is taken. Counts are server-sent events.
 */
export type Fault = { times?: number } & (
  | { kind: "status"; status: number; headers?: Record<string, string>; message?: string; code?: string; body?: string }
  | { kind: "reset" }
  | { kind: "cut"; after: number }
  | { kind: "end"; after: number }
  | { kind: "stall"; after: number }
  | { kind: "malformed"; after: number }
  | { kind: "sse-error"; after: number; type: string; message: string }
  | { kind: "html"; body?: string }
  | { kind: "json"; body: string }
  /** Cuts the argument text of the last call in half and stops by max_tokens. */
  | { kind: "truncated-arguments" }
);

export interface VendorServerOptions {
  /**
   * In the order of accepted requests, or a function of the request. An exhausted list answers 418, which no client
   * retries.
   */
  replies?: ScriptedReply[] | ((request: SeenRequest) => ScriptedReply | Promise<ScriptedReply>);
  /** Keys accepted (x-api-key or bearer); default: any, also none. Others get 401. */
  keys?: string[];
  /** Models that exist; default: any. Others get 404. */
  models?: string[];
  faults?: Fault[];
  /** Writes the stream in pieces of so many bytes, so that characters and events are split across chunks. */
  chunkBytes?: number;
  /** Milliseconds between two events; default none. */
  paceMs?: number;
  /** A further reason to answer 400, e.g. a parameter that a certain model refuses. */
  refuse?: (request: SeenRequest) => string | null;
  /** Called before each event is written: lets a test act in the middle of a stream. */
  onEvent?: (request: SeenRequest, index: number) => void | Promise<void>;
}

export interface VendorServer {
  /** Base URL for `type = "anthropic"`; the two OpenAI formats take `${url}/v1`. */
  url: string;
  baseUrl(wire: Wire): string;
  /** Model calls in the order of their arrival, refused ones included. */
  requests: SeenRequest[];
  /** Other requests (model lists and probes) as `METHOD path`. */
  others: string[];
  /** Further faults for requests to come. */
  addFaults(faults: Fault[]): void;
  /** Drops the faults that have not hit yet. */
  clearFaults(): void;
  setReplies(replies: NonNullable<VendorServerOptions["replies"]>): void;
  /** Resolves when so many model calls have arrived. */
  arrived(count: number): Promise<SeenRequest>;
  /** Resolves when the client has closed the connection of that request, or its answer was sent whole. */
  closed(number: number): Promise<"whole" | "cut">;
  close(): Promise<void>;
}

const HTML = "<!doctype html><html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>";

function wireOf(path: string): Wire | null {
  if (path.endsWith("/messages")) return "anthropic";
  if (path.endsWith("/chat/completions")) return "chat";
  return path.endsWith("/responses") ? "responses" : null;
}

function plainText(content: Json | undefined): string {
  if (typeof content === "string") return content;
  return list(content)
    .map((part) => string(part.text))
    .filter((text) => text !== "")
    .join("\n");
}

/** Reads what tests ask for out of a body of any of the three formats. */
function look(
  wire: Wire,
  body: JsonObject,
): Pick<SeenRequest, "model" | "system" | "tools" | "userTexts" | "toolResults" | "toolCalls"> {
  const messages = list(wire === "responses" ? body.input : body.messages);
  const parts = wire === "anthropic" ? messages.flatMap((message) => list(message.content)) : [];
  const userTexts = messages
    .filter((message) => message.role === "user")
    .map((message) => plainText(message.content))
    .filter((text) => text !== "");
  const model = string(body.model);
  const tools = list(body.tools).map((tool) => string(isObject(tool.function) ? tool.function.name : tool.name));
  switch (wire) {
    case "anthropic":
      return {
        model,
        tools,
        userTexts,
        system: plainText(body.system),
        toolResults: parts
          .filter((part) => part.type === "tool_result")
          .map((part) => ({ id: string(part.tool_use_id), text: plainText(part.content) })),
        toolCalls: parts
          .filter((part) => part.type === "tool_use")
          .map((part) => ({ id: string(part.id), name: string(part.name) })),
      };
    case "responses":
      return {
        model,
        tools,
        userTexts,
        system: string(body.instructions),
        toolResults: messages
          .filter((item) => item.type === "function_call_output")
          .map((item) => ({ id: string(item.call_id), text: plainText(item.output) })),
        toolCalls: messages
          .filter((item) => item.type === "function_call")
          .map((item) => ({ id: string(item.call_id), name: string(item.name) })),
      };
    case "chat":
      return {
        model,
        tools,
        userTexts,
        system: messages
          .filter((message) => message.role === "system")
          .map((message) => plainText(message.content))
          .join("\n"),
        toolResults: messages
          .filter((message) => message.role === "tool")
          .map((message) => ({ id: string(message.tool_call_id), text: plainText(message.content) })),
        toolCalls: messages
          .flatMap((message) => list(message.tool_calls))
          .map((call) => ({ id: string(call.id), name: isObject(call.function) ? string(call.function.name) : "" })),
      };
  }
}

function errorBody(wire: Wire | null, type: string, message: string, code: string | null): string {
  return JSON.stringify(
    wire === "anthropic"
      ? { type: "error", error: { type, message } }
      : { error: { message, type, code, param: null } },
  );
}

const ERROR_TYPES: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
  529: "overloaded_error",
};

function truncated(reply: ScriptedReply): ScriptedReply {
  const calls = reply.calls ?? [];
  const last = calls.at(-1);
  if (last === undefined) return { ...reply, stop: "max_tokens" };
  const raw = last.rawArguments ?? JSON.stringify(last.input ?? {});
  return {
    ...reply,
    calls: [...calls.slice(0, -1), { ...last, rawArguments: raw.slice(0, Math.floor(raw.length / 2)) }],
    stop: "max_tokens",
  };
}

/**
 * Starts the server on a free loopback port. Typical use:
 *   const replies = [{ text: "hi" }, { calls: [{ name: "view", input: { path: "a" } }] }];
 *   const server = await startVendorServer({ keys: ["k"], replies });
 *   … point a provider at server.baseUrl("anthropic") … expect(server.requests[0]?.model) … await server.close();
 */
export async function startVendorServer(options: VendorServerOptions = {}): Promise<VendorServer> {
  const requests: SeenRequest[] = [];
  const others: string[] = [];
  const issued: IssuedReasoning = new Map();
  const sockets = new Set<Socket>();
  const ends = new Map<number, Promise<"whole" | "cut">>();
  const waiting: { count: number; resolve: (request: SeenRequest) => void }[] = [];
  let replies: NonNullable<VendorServerOptions["replies"]> = options.replies ?? [];
  let taken = 0;
  let ids = 0;
  const unfold = (faults: Fault[]): Fault[] =>
    faults.flatMap((fault) => Array.from({ length: fault.times ?? 1 }, () => fault));
  const faults = unfold(options.faults ?? []);

  const nextReply = async (request: SeenRequest): Promise<ScriptedReply | undefined> =>
    typeof replies === "function" ? replies(request) : replies[taken++];

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks).toString("utf8");
    const path = incoming.url ?? "/";
    const wire = wireOf(path.split("?")[0] ?? "");
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(", ") : (value ?? ""),
      ]),
    );
    const answer = (status: number, body: string, extra: Record<string, string> = {}): void => {
      response
        .writeHead(status, { "content-type": "application/json", "request-id": `req_${requests.length}`, ...extra })
        .end(body);
    };
    const fail = (
      status: number,
      message: string,
      code: string | null = null,
      extra: Record<string, string> = {},
    ): void => {
      const seen = requests.at(-1);
      if (wire !== null && seen !== undefined) seen.status = status;
      answer(status, errorBody(wire, ERROR_TYPES[status] ?? "api_error", message, code), extra);
    };
    const key = headers["x-api-key"] ?? headers.authorization?.replace(/^Bearer /i, "");
    const wrongKey = options.keys !== undefined && !options.keys.includes(key ?? "");
    if (wire === null || incoming.method !== "POST") {
      others.push(`${incoming.method ?? ""} ${path}`);
      if (wrongKey) return fail(401, "invalid x-api-key");
      if (path.endsWith("/models"))
        return answer(
          200,
          JSON.stringify({ object: "list", data: (options.models ?? []).map((id) => ({ id, object: "model" })) }),
        );
      return fail(404, `no route ${path}`);
    }
    let body: JsonObject = {};
    let parsed = true;
    try {
      const value = JSON.parse(raw) as Json;
      if (isObject(value)) body = value;
      else parsed = false;
    } catch {
      parsed = false;
    }
    const seen: SeenRequest = {
      number: requests.length + 1,
      wire,
      path,
      headers,
      body,
      raw,
      ...look(wire, body),
      status: 200,
      violations: [],
    };
    requests.push(seen);
    ends.set(
      seen.number,
      new Promise((resolve) => response.once("close", () => resolve(response.writableFinished ? "whole" : "cut"))),
    );
    for (const one of waiting.filter(({ count }) => count === requests.length)) one.resolve(seen);
    if (!parsed) return fail(400, "We could not parse the JSON body of your request");
    if (wrongKey)
      return fail(
        401,
        wire === "anthropic" ? "invalid x-api-key" : `Incorrect API key provided: ${key ?? ""}`,
        "invalid_api_key",
      );
    if (options.models !== undefined && !options.models.includes(seen.model))
      return fail(404, `model: ${seen.model} does not exist`, "model_not_found");
    const refused = options.refuse?.(seen);
    seen.violations = [
      ...violations(wire, body, headers, issued),
      ...(refused === null || refused === undefined ? [] : [refused]),
    ];
    if (seen.violations.length > 0) return fail(400, seen.violations.join("; "));

    const fault = faults.shift();
    if (fault?.kind === "status") {
      seen.status = fault.status;
      if (fault.body !== undefined) return answer(fault.status, fault.body, fault.headers);
      return fail(fault.status, fault.message ?? `fault ${fault.status}`, fault.code ?? null, fault.headers);
    }
    if (fault?.kind === "reset") {
      seen.status = 0;
      incoming.socket.destroy();
      return;
    }
    if (fault?.kind === "html") return answer(200, fault.body ?? HTML, { "content-type": "text/html; charset=utf-8" });
    if (fault?.kind === "json") return answer(200, fault.body);
    const scripted = await nextReply(seen);
    if (scripted === undefined) return fail(418, `the script has no reply for request ${seen.number}`);
    const reply = fault?.kind === "truncated-arguments" ? truncated(scripted) : scripted;
    const { events, json } = render(wire, reply, {
      model: seen.model,
      requestBytes: raw.length,
      makeId: (prefix) =>
        `${prefix}${String(++ids).padStart(6, "0")}${Math.random().toString(36).slice(2, 10).padEnd(8, "0")}`,
      sign: (text) => {
        const signature = `sig${++ids}-${Buffer.from(`${seen.model}:${text}`).toString("base64url").slice(0, 40)}`;
        issued.set(signature, { model: seen.model, text });
        return signature;
      },
    });
    if (body.stream !== true) return answer(200, JSON.stringify(json));
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "request-id": `req_${seen.number}`,
    });
    response.flushHeaders();
    await write(seen, response, events, fault);
  };

  const write = async (
    seen: SeenRequest,
    response: ServerResponse,
    events: string[],
    fault: Fault | undefined,
  ): Promise<void> => {
    const after = fault !== undefined && "after" in fault ? fault.after : events.length;
    const slow = options.paceMs !== undefined || options.onEvent !== undefined;
    const closed = new Promise((resolve) => response.once("close", resolve));
    const send = async (text: string): Promise<void> => {
      const bytes = Buffer.from(text);
      const size = options.chunkBytes ?? bytes.length;
      for (let offset = 0; offset < bytes.length && !response.destroyed; offset += size) {
        const flushed = response.write(bytes.subarray(offset, offset + size));
        if (options.chunkBytes !== undefined) await new Promise((resolve) => setImmediate(resolve));
        else if (!flushed) await Promise.race([new Promise((resolve) => response.once("drain", resolve)), closed]);
      }
    };
    if (!slow) await send(events.slice(0, after).join(""));
    else {
      for (const [index, text] of events.slice(0, after).entries()) {
        await options.onEvent?.(seen, index);
        await send(text);
        if (options.paceMs !== undefined) await delay(options.paceMs);
      }
    }
    switch (fault?.kind) {
      case "cut":
        await new Promise((resolve) => setImmediate(resolve));
        response.socket?.destroy();
        return;
      case "stall":
        return;
      case "malformed":
        await send('event: content_block_delta\ndata: {"type": "broken\n\n');
        break;
      case "sse-error":
        await send(
          `event: error\ndata: ${JSON.stringify({ type: "error", error: { type: fault.type, message: fault.message }, message: fault.message, code: fault.type })}\n\n`,
        );
        break;
      default:
        break;
    }
    response.end();
  };

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch((thrown: unknown) => {
      if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
      response.end(`vendor server failed: ${String(thrown)}`);
    });
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    baseUrl: (wire) => (wire === "anthropic" ? url : `${url}/v1`),
    requests,
    others,
    addFaults: (more) => void faults.push(...unfold(more)),
    clearFaults: () => void faults.splice(0),
    setReplies: (next) => {
      replies = next;
      taken = 0;
    },
    arrived: (count) => {
      const there = requests[count - 1];
      return there === undefined ? new Promise((resolve) => waiting.push({ count, resolve })) : Promise.resolve(there);
    },
    closed: (number) => ends.get(number) ?? Promise.reject(new Error(`request ${number} has not arrived`)),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
