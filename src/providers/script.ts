// The provider `script`: replays replies from a file, for `bmo demo` and tests. Keeps no state: which reply comes is
// read off the conversation alone, so that planning in one process and executing in another meet the right lines.

import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod/mini";
import type { AssistantMessage, ToolCallBlock } from "../types/message.ts";
import type { ModelRequest, Provider, ProviderError, StreamPart, Usage } from "../types/provider.ts";
import { BmoError } from "../util/errors.ts";
import { messageFault } from "./reply-bounds.ts";
import { toolCall } from "./answer-parts.ts";

/** All conditions given must hold. */
const Conditions = z.strictObject({
  /** Text that the system prompt contains. */
  system: z.optional(z.string()),
  /** Text that the last message of the user contains. */
  user: z.optional(z.string()),
  /** Text that any message contains, tool results included. */
  text: z.optional(z.string()),
  /** Text that the last tool result contains. */
  result: z.optional(z.string()),
  /** A tool that is offered, or is not. */
  tools_include: z.optional(z.string()),
  tools_exclude: z.optional(z.string()),
  /** No tool at all is offered, as in a gate or classifier call. */
  no_tools: z.optional(z.boolean()),
  /** The id asked for, with or without the provider. */
  model: z.optional(z.string()),
  /** Exact numbers in the conversation. */
  after_tool_results: z.optional(z.number()),
  after_assistant_messages: z.optional(z.number()),
});
type Conditions = z.infer<typeof Conditions>;

const Reply = z.strictObject({
  when: z.optional(Conditions),
  text: z.optional(z.string()),
  reasoning: z.optional(z.string()),
  calls: z.optional(
    z.array(
      z.strictObject({
        name: z.string(),
        input: z.optional(z.record(z.string(), z.json())),
        raw: z.optional(z.string()),
      }),
    ),
  ),
  usage: z.optional(
    z.strictObject({
      input: z.optional(z.number()),
      output: z.optional(z.number()),
      cache_read: z.optional(z.number()),
      cache_write: z.optional(z.number()),
    }),
  ),
  stop: z.optional(z.enum(["end", "tool_calls", "max_tokens", "refusal"])),
  /** Milliseconds between two pieces of text, for demonstrations. */
  pace_ms: z.optional(z.number()),
  /** Fails instead of answering. */
  error: z.optional(z.string()),
});
type Reply = z.infer<typeof Reply>;

const Scene = z.strictObject({ when: z.optional(Conditions), replies: z.array(Reply) });
/** `replies` alone is one scene without conditions. The first scene that fits is taken. */
const Script = z.strictObject({
  description: z.optional(z.string()),
  scenes: z.optional(z.array(Scene)),
  replies: z.optional(z.array(Reply)),
});
type Scene = z.infer<typeof Scene>;

/** @throws BmoError configuration naming file and place. */
export function parseScript(text: string, file: string): Scene[] {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (thrown) {
    throw new BmoError(
      "configuration",
      `the script ${file} is not JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      'It holds {"replies": [{"text": "…", "calls": [{"name": "…", "input": {}}]}]}.',
    );
  }
  const parsed = z.safeParse(Script, raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new BmoError(
      "configuration",
      `the script ${file} is wrong at ${issue?.path.join(".") || "its top"}: ${issue?.message ?? "invalid"}`,
      "Allowed: scenes[{when, replies}], replies[{when, text, reasoning, calls, usage, stop, pace_ms, error}].",
    );
  }
  const scenes = parsed.data.scenes ?? [];
  return parsed.data.replies === undefined ? scenes : [...scenes, { replies: parsed.data.replies }];
}

const textOf = (content: { type: string; text?: string }[]): string =>
  content.flatMap((block) => (block.type === "text" && block.text !== undefined ? [block.text] : [])).join("\n");

function holds(when: Conditions | undefined, request: ModelRequest): boolean {
  if (when === undefined) return true;
  const texts = request.messages.map((message) => ({ role: message.role, text: textOf(message.content) }));
  const last = (role: string): string => texts.findLast((one) => one.role === role)?.text ?? "";
  const count = (role: string): number => texts.filter((one) => one.role === role).length;
  const offers = (name: string): boolean => request.tools.some((tool) => tool.name === name);
  return [
    when.system === undefined || request.system.includes(when.system),
    when.user === undefined || last("user").includes(when.user),
    when.text === undefined || texts.some((one) => one.text.includes(when.text ?? "")),
    when.result === undefined || last("tool").includes(when.result),
    when.tools_include === undefined || offers(when.tools_include),
    when.tools_exclude === undefined || !offers(when.tools_exclude),
    when.no_tools === undefined || when.no_tools === (request.tools.length === 0),
    when.model === undefined || when.model === request.model.wireId || when.model === request.model.id,
    when.after_tool_results === undefined || when.after_tool_results === count("tool"),
    when.after_assistant_messages === undefined || when.after_assistant_messages === count("assistant"),
  ].every(Boolean);
}

/**
 * The reply for a request: the first scene that fits; in it the first reply whose own conditions hold, else, among the
 * replies without conditions, the one at the place given by the number of assistant messages since the user last spoke.
 * null = the script has none.
 */
export function chooseReply(scenes: Scene[], request: ModelRequest): Reply | null {
  const scene = scenes.find((one) => holds(one.when, request));
  if (scene === undefined) return null;
  const conditional = scene.replies.find((reply) => reply.when !== undefined && holds(reply.when, request));
  if (conditional !== undefined) return conditional;
  const lastUser = request.messages.findLastIndex((message) => message.role === "user");
  const place = request.messages.slice(lastUser + 1).filter((message) => message.role === "assistant").length;
  return scene.replies.filter((reply) => reply.when === undefined)[place] ?? null;
}

function messageOf(reply: Reply, request: ModelRequest): AssistantMessage {
  const earlier = request.messages.reduce(
    (sum, message) =>
      sum + (message.role === "assistant" ? message.content.filter((block) => block.type === "tool_call").length : 0),
    0,
  );
  const calls = (reply.calls ?? []).map((call, index): ToolCallBlock => {
    const id = `script_${earlier + index + 1}`;
    return toolCall(id, call.name, call.raw ?? JSON.stringify(call.input ?? {}), reply.stop === "max_tokens");
  });
  return {
    role: "assistant",
    model: request.model.id,
    content: [
      ...(reply.reasoning === undefined ? [] : [{ type: "reasoning" as const, text: reply.reasoning }]),
      ...(reply.text === undefined || reply.text === "" ? [] : [{ type: "text" as const, text: reply.text }]),
      ...calls,
    ],
  };
}

/** Figures that the script does not give are counted by size, four bytes to a token. */
function usageOf(reply: Reply, request: ModelRequest): Usage {
  const sent = request.system.length + JSON.stringify(request.messages).length + JSON.stringify(request.tools).length;
  const got = (reply.text ?? "").length + (reply.reasoning ?? "").length + JSON.stringify(reply.calls ?? []).length;
  return { input: Math.ceil(sent / 4), output: Math.ceil(got / 4), cache_read: 0, cache_write: 0, ...reply.usage };
}

const failure = (kind: ProviderError["kind"], message: string, hint: string | null = null): StreamPart => ({
  type: "error",
  error: { kind, status: null, message, hint, partialText: "" },
  usage: null,
});

/** @param file absolute path; read at the first request. */
export function createScriptProvider(id: string, file: string): Provider {
  let scenes: Promise<Scene[]> | null = null;
  const load = async (): Promise<Scene[]> => {
    let text: string;
    try {
      text = await readFile(file, "utf8");
    } catch (thrown) {
      throw new BmoError(
        "configuration",
        `the script ${file} of provider ${id} cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
        `[providers.${id}] file names it.`,
      );
    }
    return parseScript(text, file);
  };

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<StreamPart, void, undefined> {
    try {
      const reply = chooseReply(await (scenes ??= load()), request);
      if (signal.aborted) return yield failure("aborted", "The model call was stopped.");
      if (reply === null)
        return yield failure(
          "protocol",
          `The script of provider ${id} has no reply for this request.`,
          `Look at the conditions and the number of replies in ${file}.`,
        );
      if (reply.error !== undefined)
        return yield failure("overloaded", `The script of provider ${id} fails here: ${reply.error}`);
      if (reply.reasoning !== undefined) yield { type: "reasoning_delta", text: reply.reasoning };
      const pieces = reply.pace_ms === undefined ? [reply.text ?? ""] : ((reply.text ?? "").match(/\S+\s*/g) ?? []);
      for (const text of pieces) {
        if (reply.pace_ms !== undefined) await delay(reply.pace_ms, undefined, { signal });
        if (text !== "") yield { type: "text_delta", text };
      }
      const message = messageOf(reply, request);
      const fault = messageFault(message.content);
      if (fault !== null)
        return yield failure("protocol", `The script of provider ${id} holds a reply beyond all bounds: ${fault}.`);
      const calls = message.content.some((block) => block.type === "tool_call");
      yield {
        type: "end",
        message,
        usage: usageOf(reply, request),
        stopReason: reply.stop ?? (calls ? "tool_calls" : "end"),
        servedModel: null,
      };
    } catch (thrown) {
      if (signal.aborted) yield failure("aborted", "The model call was stopped.");
      else
        yield failure(
          "bad_request",
          thrown instanceof Error ? thrown.message : String(thrown),
          thrown instanceof BmoError ? thrown.hint : null,
        );
    }
  }

  return {
    id,
    scripted: true,
    stream,
    check: async () => {
      try {
        const count = (await load()).reduce((sum, scene) => sum + scene.replies.length, 0);
        return { ok: true, detail: `${count} scripted replies, no model` };
      } catch (thrown) {
        return { ok: false, detail: thrown instanceof Error ? thrown.message : String(thrown) };
      }
    },
  };
}
