// What the vendors answer 400 to, per wire format, as sentences. Pure: the server hands in the body and what it issued
// itself.

import type { Json, JsonObject } from "../../src/types/json.ts";

export type Wire = "anthropic" | "responses" | "chat";

/** Signatures and encrypted reasoning that this server gave out, each with the model it gave them to. */
export type IssuedReasoning = Map<string, { model: string; text: string }>;

export const list = (value: Json | undefined): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);
export const isObject = (value: Json | undefined): value is JsonObject =>
  value !== null && typeof value === "object" && !Array.isArray(value);
export const string = (value: Json | undefined): string => (typeof value === "string" ? value : "");

const LEGAL_ID = /^[a-zA-Z0-9_-]{1,64}$/;
const LEGAL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

function countKey(value: Json, key: string): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countKey(item, key), 0);
  if (!isObject(value)) return 0;
  return Object.entries(value).reduce((sum, [name, member]) => sum + (name === key ? 1 : 0) + countKey(member, key), 0);
}

function parsesToObject(text: string): boolean {
  try {
    return isObject(JSON.parse(text) as Json);
  } catch {
    return false;
  }
}

function imageFault(mediaType: string, data: string): string | null {
  if (!/^image\/(png|jpeg|gif|webp)$/.test(mediaType)) return `image media type ${mediaType}`;
  return data.length > 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(data) ? null : "image data is not base64";
}

function anthropicContent(where: string, parts: JsonObject[], bad: (sentence: string) => void): void {
  for (const part of parts) {
    if (part.type === "text" && string(part.text).trim() === "") bad(`${where}: text content blocks must be non-empty`);
    if (part.type === "image" && isObject(part.source)) {
      const fault = imageFault(string(part.source.media_type), string(part.source.data));
      if (fault !== null) bad(`${where}: ${fault}`);
    }
  }
}

function anthropic(body: JsonObject, headers: Record<string, string>, issued: IssuedReasoning): string[] {
  const wrong: string[] = [];
  const bad = (sentence: string): void => void wrong.push(sentence);
  if (headers["anthropic-version"] === undefined) bad("anthropic-version: header is required");
  const maximum = body.max_tokens;
  if (typeof maximum !== "number" || maximum < 1) bad("max_tokens: Field required");
  const messages = list(body.messages);
  if (messages[0]?.role !== "user") bad("messages: first message must use the user role");
  if (countKey(body, "cache_control") > 4) bad("A maximum of 4 blocks with cache_control may be provided");
  if (isObject(body.thinking) && body.thinking.type === "enabled") {
    const budget = body.thinking.budget_tokens;
    if (typeof budget !== "number" || budget < 1024 || (typeof maximum === "number" && budget >= maximum))
      bad("thinking.budget_tokens: must be at least 1024 and below max_tokens");
    if (body.temperature !== undefined && body.temperature !== 1)
      bad("temperature may only be set to 1 when thinking is enabled");
  }
  if (Array.isArray(body.system)) anthropicContent("system", list(body.system), bad);
  else if (body.system !== undefined && string(body.system).trim() === "")
    bad("system: text content blocks must be non-empty");
  const seen = new Set<string>();
  for (const [index, message] of messages.entries()) {
    const where = `messages.${index}`;
    if (message.role !== "user" && message.role !== "assistant") bad(`${where}.role: ${string(message.role)}`);
    const parts =
      typeof message.content === "string" ? [{ type: "text", text: message.content }] : list(message.content);
    if (parts.length === 0) bad(`${where}: content must be non-empty`);
    anthropicContent(where, parts, bad);
    for (const part of parts) {
      if (part.type === "thinking") {
        const known = issued.get(string(part.signature));
        if (known === undefined || known.model !== body.model || known.text !== part.thinking)
          bad(`${where}: Invalid signature in thinking block`);
        if (part.cache_control !== undefined) bad(`${where}: cache_control is not allowed on thinking blocks`);
      }
      if (part.type === "tool_use") {
        if (!LEGAL_ID.test(string(part.id))) bad(`${where}: tool_use.id ${string(part.id)} does not match the pattern`);
        if (!LEGAL_NAME.test(string(part.name))) bad(`${where}: tool_use.name is illegal`);
        if (!isObject(part.input)) bad(`${where}: tool_use.input must be an object`);
        if (seen.has(string(part.id))) bad(`${where}: tool_use ids must be unique`);
        seen.add(string(part.id));
      }
      if (part.type === "tool_result") {
        const before = list(messages[index - 1]?.content)
          .filter((one) => one.type === "tool_use")
          .map((one) => one.id);
        if (message.role !== "user" || !before.includes(part.tool_use_id ?? null))
          bad(`${where}: tool_result ${string(part.tool_use_id)} has no tool_use in the message before`);
        if (Array.isArray(part.content)) anthropicContent(where, list(part.content), bad);
      }
    }
    const uses = parts.filter((part) => part.type === "tool_use").map((part) => part.id);
    const results = list(messages[index + 1]?.content)
      .filter((part) => part.type === "tool_result")
      .map((part) => part.tool_use_id);
    for (const id of uses)
      if (results.filter((one) => one === id).length !== 1)
        bad(`${where}: tool_use ${string(id)} without exactly one tool_result in the next message`);
    const firstOther = parts.findIndex((part) => part.type !== "tool_result");
    if (firstOther >= 0 && parts.slice(firstOther).some((part) => part.type === "tool_result"))
      bad(`${where}: tool_result blocks must come first`);
  }
  if (seen.size > 0 && list(body.tools).length === 0)
    bad("tools: requests which include tool_use or tool_result blocks must define tools");
  for (const tool of list(body.tools))
    if (!LEGAL_NAME.test(string(tool.name)) || !isObject(tool.input_schema) || tool.input_schema.type !== "object")
      bad(`tools: ${string(tool.name)} is malformed`);
  return wrong;
}

function chat(body: JsonObject): string[] {
  const wrong: string[] = [];
  const bad = (sentence: string): void => void wrong.push(sentence);
  const messages = list(body.messages);
  if (messages.length === 0) bad("messages: too short");
  if (body.stream_options !== undefined && body.stream !== true) bad("stream_options is only allowed with stream");
  let open: string[] = [];
  for (const [index, message] of messages.entries()) {
    const where = `messages[${index}]`;
    if (message.role !== "tool" && open.length > 0) {
      bad(`tool_calls must be followed by tool messages: ${open.join(", ")}`);
      open = [];
    }
    if (message.role === "tool") {
      if (!open.includes(string(message.tool_call_id))) bad(`${where}: tool message answers no preceding tool_calls`);
      open = open.filter((id) => id !== message.tool_call_id);
      if (typeof message.content !== "string" && list(message.content).some((part) => part.type !== "text"))
        bad(`${where}: tool messages take text only`);
    } else if (message.role === "assistant") {
      const calls = list(message.tool_calls);
      if ((message.content === null || message.content === undefined || message.content === "") && calls.length === 0)
        bad(`${where}: assistant message needs content or tool_calls`);
      if (message.tool_calls !== undefined && calls.length === 0) bad(`${where}: tool_calls is empty`);
      for (const call of calls) {
        const definition = isObject(call.function) ? call.function : {};
        if (string(call.id) === "" || string(call.id).length > 40)
          bad(`${where}: tool call id is missing or above 40 characters`);
        if (!LEGAL_NAME.test(string(definition.name))) bad(`${where}: function name is illegal`);
        if (!parsesToObject(string(definition.arguments)))
          bad(`${where}: arguments of ${string(call.id)} are not a JSON object`);
      }
      open = calls.map((call) => string(call.id));
      if (new Set(open).size !== open.length) bad(`${where}: duplicate tool call ids`);
    } else if (message.role === "user" || message.role === "system" || message.role === "developer") {
      const parts = typeof message.content === "string" ? [] : list(message.content);
      if (typeof message.content !== "string" && parts.length === 0) bad(`${where}: content is missing`);
      for (const part of parts) {
        if (part.type === "image_url" && message.role !== "user") bad(`${where}: images are for user messages`);
        if (part.type === "image_url")
          checkDataUrl(where, isObject(part.image_url) ? string(part.image_url.url) : "", bad);
      }
    } else bad(`${where}.role: ${string(message.role)}`);
  }
  if (open.length > 0) bad(`tool_calls must be followed by tool messages: ${open.join(", ")}`);
  for (const tool of list(body.tools))
    if (tool.type !== "function" || !isObject(tool.function) || !LEGAL_NAME.test(string(tool.function.name)))
      bad("tools: malformed function");
  if (Array.isArray(body.tools) && body.tools.length === 0) bad("tools: [] is too short");
  return wrong;
}

function checkDataUrl(where: string, url: string, bad: (sentence: string) => void): void {
  const match = /^data:([^;]+);base64,(.*)$/.exec(url);
  const fault = match === null ? "image url is no data url" : imageFault(match[1] ?? "", match[2] ?? "");
  if (fault !== null) bad(`${where}: ${fault}`);
}

function responses(body: JsonObject, issued: IssuedReasoning): string[] {
  const wrong: string[] = [];
  const bad = (sentence: string): void => void wrong.push(sentence);
  const input = list(body.input);
  if (input.length === 0) bad("input: Missing required parameter");
  const calls = new Set<string>();
  const outputs = new Set<string>();
  for (const [index, item] of input.entries()) {
    const where = `input[${index}]`;
    if (item.type === "function_call") {
      const id = string(item.call_id);
      if (id === "" || id.length > 64) bad(`${where}: call_id is missing or above 64 characters`);
      if (calls.has(id)) bad(`${where}: duplicate call_id ${id}`);
      calls.add(id);
      if (!LEGAL_NAME.test(string(item.name))) bad(`${where}: name is illegal`);
      if (!parsesToObject(string(item.arguments))) bad(`${where}: arguments are not a JSON object`);
    } else if (item.type === "function_call_output") {
      const id = string(item.call_id);
      if (!calls.has(id)) bad(`No tool call found for function call output with call_id ${id}`);
      if (outputs.has(id)) bad(`${where}: second output for ${id}`);
      outputs.add(id);
    } else if (item.type === "reasoning") {
      const known = issued.get(string(item.encrypted_content));
      if (known === undefined || known.model !== body.model)
        bad(`${where}: The encrypted content could not be verified`);
      const next = input[index + 1];
      if (next === undefined || next.type === "function_call_output" || next.role === "user")
        bad(`${where}: reasoning item was provided without its required following item`);
    } else if (item.type === undefined || item.type === "message") {
      const parts = list(item.content);
      if (typeof item.content !== "string" && parts.length === 0) bad(`${where}: content is missing`);
      for (const part of parts) {
        if (
          item.role === "assistant"
            ? part.type !== "output_text" && part.type !== "refusal"
            : part.type !== "input_text" && part.type !== "input_image"
        )
          bad(`${where}: invalid value ${string(part.type)} for role ${string(item.role)}`);
        if (part.type === "input_image") checkDataUrl(where, string(part.image_url), bad);
      }
    } else bad(`${where}.type: ${string(item.type)}`);
  }
  for (const id of calls) if (!outputs.has(id)) bad(`No tool output found for function call ${id}`);
  for (const tool of list(body.tools))
    if (tool.type !== "function" || !LEGAL_NAME.test(string(tool.name)) || !isObject(tool.parameters))
      bad("tools: malformed function");
  return wrong;
}

/** Why the vendor would answer 400 to this body; empty when it would not. */
export function violations(
  wire: Wire,
  body: JsonObject,
  headers: Record<string, string>,
  issued: IssuedReasoning,
): string[] {
  const missing = string(body.model) === "" ? ["model: Field required"] : [];
  switch (wire) {
    case "anthropic":
      return [...missing, ...anthropic(body, headers, issued)];
    case "chat":
      return [...missing, ...chat(body)];
    case "responses":
      return [...missing, ...responses(body, issued)];
  }
}
