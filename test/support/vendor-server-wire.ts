// Renders one scripted reply as the event stream of a wire format. Pure: no I/O; ids and signatures are handed in.

import type { Json, JsonObject } from "../../src/types/json.ts";
import type { Usage } from "../../src/types/provider.ts";
import type { Wire } from "./vendor-server-rules.ts";

export interface ScriptedCall {
  name: string;
  input?: JsonObject;
  /** Sent as the argument text instead of `input`: broken JSON, an array, a cut text. */
  rawArguments?: string;
  /** Instead of the id that the server makes up. */
  id?: string;
}

/** What the model answers; every part is optional. */
export interface ScriptedReply {
  /** An array gives the deltas as they are; a string is cut into small ones. */
  text?: string | string[];
  reasoning?: string;
  calls?: ScriptedCall[];
  /**
   * Missing figures are taken from the sizes of request and reply. Figures exclude one another, as in our own Usage.
   */
  usage?: Partial<Usage>;
  stop?: "end" | "tool_calls" | "max_tokens" | "refusal";
  /** Model name in the answer; default the one asked for. */
  servedModel?: string;
}

export interface Rendering {
  /** Each entry is one complete server-sent event. */
  events: string[];
  /** The plain JSON answer for a request without `stream`. */
  json: JsonObject;
}

export interface RenderContext {
  model: string;
  requestBytes: number;
  makeId(prefix: string): string;
  /** Called with each reasoning text; returns the signature that the client must send back. */
  sign(text: string): string;
}

const slices = (text: string, size: number): string[] =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, index) => text.slice(index * size, (index + 1) * size));
const deltas = (text: string | string[] | undefined): string[] =>
  text === undefined ? [] : Array.isArray(text) ? text : slices(text, 7);
const event = (data: Json, name?: string): string =>
  `${name === undefined ? "" : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`;

export function usageOf(reply: ScriptedReply, requestBytes: number): Usage {
  const text = deltas(reply.text).join("");
  const size = text.length + (reply.reasoning?.length ?? 0) + JSON.stringify(reply.calls ?? "").length;
  return {
    input: Math.ceil(requestBytes / 4),
    output: Math.ceil(size / 4),
    cache_read: 0,
    cache_write: 0,
    ...reply.usage,
  };
}

function stopOf(reply: ScriptedReply): "end" | "tool_calls" | "max_tokens" | "refusal" {
  return reply.stop ?? ((reply.calls ?? []).length > 0 ? "tool_calls" : "end");
}

function anthropic(reply: ScriptedReply, context: RenderContext): Rendering {
  const usage = usageOf(reply, context.requestBytes);
  const stop = { end: "end_turn", tool_calls: "tool_use", max_tokens: "max_tokens", refusal: "refusal" }[stopOf(reply)];
  const wireUsage = {
    input_tokens: usage.input,
    cache_read_input_tokens: usage.cache_read,
    cache_creation_input_tokens: usage.cache_write,
  };
  const head = {
    id: context.makeId("msg_"),
    type: "message",
    role: "assistant",
    model: reply.servedModel ?? context.model,
    stop_sequence: null,
  };
  const named = (data: JsonObject): string => event(data, String(data.type));
  const content: JsonObject[] = [];
  const events = [
    named({
      type: "message_start",
      message: { ...head, content: [], stop_reason: null, usage: { ...wireUsage, output_tokens: 1 } },
    }),
    named({ type: "ping" }),
  ];
  const block = (start: JsonObject, pieces: JsonObject[], whole: JsonObject): void => {
    const index = content.push(whole) - 1;
    events.push(named({ type: "content_block_start", index, content_block: start }));
    for (const delta of pieces) events.push(named({ type: "content_block_delta", index, delta }));
    events.push(named({ type: "content_block_stop", index }));
  };
  if (reply.reasoning !== undefined) {
    const signature = context.sign(reply.reasoning);
    const pieces = slices(reply.reasoning, 9).map((thinking) => ({ type: "thinking_delta", thinking }));
    block({ type: "thinking", thinking: "", signature: "" }, [...pieces, { type: "signature_delta", signature }], {
      type: "thinking",
      thinking: reply.reasoning,
      signature,
    });
  }
  const pieces = deltas(reply.text);
  if (pieces.length > 0)
    block(
      { type: "text", text: "" },
      pieces.map((text) => ({ type: "text_delta", text })),
      { type: "text", text: pieces.join("") },
    );
  for (const call of reply.calls ?? []) {
    const id = call.id ?? context.makeId("toolu_");
    const raw = call.rawArguments ?? JSON.stringify(call.input ?? {});
    const partials = raw === "{}" ? [""] : ["", ...slices(raw, 11)];
    block(
      { type: "tool_use", id, name: call.name, input: {} },
      partials.map((partial_json) => ({ type: "input_json_delta", partial_json })),
      { type: "tool_use", id, name: call.name, input: call.input ?? {} },
    );
  }
  events.push(
    named({
      type: "message_delta",
      delta: { stop_reason: stop, stop_sequence: null },
      usage: { ...wireUsage, output_tokens: usage.output },
    }),
  );
  events.push(named({ type: "message_stop" }));
  return {
    events,
    json: { ...head, content, stop_reason: stop, usage: { ...wireUsage, output_tokens: usage.output } },
  };
}

function chat(reply: ScriptedReply, context: RenderContext): Rendering {
  const usage = usageOf(reply, context.requestBytes);
  const finish = { end: "stop", tool_calls: "tool_calls", max_tokens: "length", refusal: "content_filter" }[
    stopOf(reply)
  ];
  const id = context.makeId("chatcmpl-");
  const prompt = usage.input + usage.cache_read + usage.cache_write;
  const wireUsage = {
    prompt_tokens: prompt,
    completion_tokens: usage.output,
    total_tokens: prompt + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cache_read, cache_write_tokens: usage.cache_write },
  };
  const chunk = (rest: JsonObject): string =>
    event({ id, object: "chat.completion.chunk", created: 1, model: reply.servedModel ?? context.model, ...rest });
  const delta = (value: JsonObject, finish_reason: string | null = null): string =>
    chunk({ choices: [{ index: 0, delta: value, finish_reason }] });
  const events = [delta({ role: "assistant", content: "" })];
  for (const piece of reply.reasoning === undefined ? [] : slices(reply.reasoning, 9))
    events.push(delta({ reasoning_content: piece }));
  for (const piece of deltas(reply.text)) events.push(delta({ content: piece }));
  const calls: JsonObject[] = [];
  for (const [index, call] of (reply.calls ?? []).entries()) {
    const raw = call.rawArguments ?? JSON.stringify(call.input ?? {});
    const callId = call.id ?? context.makeId("call_");
    calls.push({ id: callId, type: "function", function: { name: call.name, arguments: raw } });
    events.push(
      delta({ tool_calls: [{ index, id: callId, type: "function", function: { name: call.name, arguments: "" } }] }),
    );
    for (const piece of slices(raw, 11))
      events.push(delta({ tool_calls: [{ index, function: { arguments: piece } }] }));
  }
  events.push(delta({}, finish), chunk({ choices: [], usage: wireUsage }), "data: [DONE]\n\n");
  const message = {
    role: "assistant",
    content: deltas(reply.text).join(""),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
  return {
    events,
    json: {
      id,
      object: "chat.completion",
      model: context.model,
      choices: [{ index: 0, message, finish_reason: finish }],
      usage: wireUsage,
    },
  };
}

function responses(reply: ScriptedReply, context: RenderContext): Rendering {
  const usage = usageOf(reply, context.requestBytes);
  const stop = stopOf(reply);
  const input = usage.input + usage.cache_read + usage.cache_write;
  const id = context.makeId("resp_");
  const output: JsonObject[] = [];
  const events: string[] = [];
  const push = (data: JsonObject): void =>
    void events.push(event({ ...data, sequence_number: events.length }, String(data.type)));
  const shell = {
    id,
    object: "response",
    created_at: 1,
    model: reply.servedModel ?? context.model,
    output: [],
    status: "in_progress",
  };
  push({ type: "response.created", response: shell });
  push({ type: "response.in_progress", response: shell });
  const item = (added: JsonObject, done: JsonObject, between: (output_index: number) => void): void => {
    const output_index = output.push(done) - 1;
    push({ type: "response.output_item.added", output_index, item: added });
    between(output_index);
    push({ type: "response.output_item.done", output_index, item: done });
  };
  if (reply.reasoning !== undefined) {
    const text = reply.reasoning;
    const item_id = context.makeId("rs_");
    item(
      { type: "reasoning", id: item_id, summary: [] },
      {
        type: "reasoning",
        id: item_id,
        summary: [{ type: "summary_text", text }],
        encrypted_content: context.sign(text),
      },
      (output_index) => {
        for (const delta of slices(text, 9))
          push({ type: "response.reasoning_summary_text.delta", item_id, output_index, summary_index: 0, delta });
      },
    );
  }
  const pieces = deltas(reply.text);
  if (pieces.length > 0) {
    const item_id = context.makeId("msg_");
    const done = {
      type: "message",
      id: item_id,
      role: "assistant",
      status: "completed",
      content: [{ type: "output_text", text: pieces.join(""), annotations: [] }],
    };
    item({ ...done, content: [], status: "in_progress" }, done, (output_index) => {
      for (const delta of pieces)
        push({ type: "response.output_text.delta", item_id, output_index, content_index: 0, delta, logprobs: [] });
    });
  }
  for (const call of reply.calls ?? []) {
    const raw = call.rawArguments ?? JSON.stringify(call.input ?? {});
    const item_id = context.makeId("fc_");
    const done = {
      type: "function_call",
      id: item_id,
      call_id: call.id ?? context.makeId("call_"),
      name: call.name,
      arguments: raw,
      status: stop === "max_tokens" ? "incomplete" : "completed",
    };
    item({ ...done, arguments: "", status: "in_progress" }, done, (output_index) => {
      for (const delta of slices(raw, 11))
        push({ type: "response.function_call_arguments.delta", item_id, output_index, delta });
    });
  }
  const wireUsage = {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cache_read, cache_write_tokens: usage.cache_write },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + usage.output,
  };
  const reason = stop === "max_tokens" ? "max_output_tokens" : stop === "refusal" ? "content_filter" : null;
  const final = {
    ...shell,
    output,
    usage: wireUsage,
    status: reason === null ? "completed" : "incomplete",
    incomplete_details: reason === null ? null : { reason },
  };
  push({ type: reason === null ? "response.completed" : "response.incomplete", response: final });
  return { events, json: final };
}

export function render(wire: Wire, reply: ScriptedReply, context: RenderContext): Rendering {
  switch (wire) {
    case "anthropic":
      return anthropic(reply, context);
    case "chat":
      return chat(reply, context);
    case "responses":
      return responses(reply, context);
  }
}
