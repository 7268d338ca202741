// Turns a stored conversation into one that any vendor accepts: ids legal and paired, foreign reasoning dropped, no
// empty block, every call answered. Pure and deterministic: a longer conversation begins with the bytes of the shorter
// one.

import type {
  AssistantMessage,
  ImageBlock,
  Message,
  ReasoningBlock,
  TextBlock,
  ToolCallBlock,
  ToolResultMessage,
} from "../types/message.ts";
import type { ModelInfo } from "../types/provider.ts";

export type UserTurn = { role: "user"; content: (TextBlock | ImageBlock)[] };
export type AssistantTurn = { role: "assistant"; content: (TextBlock | ReasoningBlock | ToolCallBlock)[] };
export interface ResultBlock {
  callId: string;
  content: (TextBlock | ImageBlock)[];
  isError: boolean;
}
/** The results of exactly the calls of the assistant turn before, in their order. */
export type ResultTurn = { role: "results"; results: ResultBlock[] };
export type Turn = UserTurn | AssistantTurn | ResultTurn;

export interface HistoryOptions {
  /** Form of ids on this wire. */
  callIds: "open" | "nine-alphanumeric";
  /** Which reasoning data this wire wrote and can send back. */
  format: string;
}

const LEGAL_OPEN_ID = /^[a-zA-Z0-9_-]{1,40}$/;
const LEGAL_NINE_ID = /^[a-zA-Z0-9]{9}$/;
const INTERRUPTED = "This call was interrupted before it gave a result; it may or may not have taken effect.";
const NO_OUTPUT = "(no output)";

const isBlank = (text: string): boolean => text.trim() === "";

function visible(content: (TextBlock | ImageBlock)[], model: ModelInfo): (TextBlock | ImageBlock)[] {
  return content.flatMap((block): (TextBlock | ImageBlock)[] => {
    if (block.type === "text") return isBlank(block.text) ? [] : [block];
    return model.vision === false
      ? [{ type: "text", text: "[An image was left out: this model takes no images.]" }]
      : [block];
  });
}

/** Ids as this wire takes them. The n-th call of a conversation always gets the same id, whatever follows it. */
function createIdMap(form: HistoryOptions["callIds"]): (id: string, index: number) => string {
  const used = new Set<string>();
  const legal = form === "open" ? LEGAL_OPEN_ID : LEGAL_NINE_ID;
  return (id, index) => {
    let candidate =
      legal.test(id) && !used.has(id)
        ? id
        : form === "open"
          ? `call_${index}`
          : `call${String(index).padStart(5, "0")}`;
    for (let extra = 0; used.has(candidate); extra++)
      candidate =
        form === "open"
          ? `call_${index}_${extra}`
          : `c${String(extra % 1000).padStart(3, "0")}${String(index).padStart(5, "0")}`;
    used.add(candidate);
    return candidate;
  };
}

export function legalToolName(name: string): string {
  const cleaned = name.replace(/[^a-zA-Z0-9_-]/g, "_").slice(0, 64);
  return cleaned === "" ? "unnamed" : cleaned;
}

function ownReasoning(block: ReasoningBlock, message: AssistantMessage, model: ModelInfo, format: string): boolean {
  return message.model === model.id && block.providerData !== undefined && block.providerData.format === format;
}

/** @param messages as stored; results stand anywhere between their call and the next assistant message. */
export function prepareHistory(messages: Message[], model: ModelInfo, options: HistoryOptions): Turn[] {
  const mapId = createIdMap(options.callIds);
  const turns: Turn[] = [];
  let calls = 0;
  for (let index = 0; index < messages.length; index++) {
    const message = messages[index];
    if (message === undefined || message.role === "tool") continue;
    if (message.role === "user") {
      addUser(turns, visible(message.content, model));
      continue;
    }
    const content: AssistantTurn["content"] = [];
    const pairs: { block: ToolCallBlock; original: string }[] = [];
    for (const block of message.content) {
      if (block.type === "text" && !isBlank(block.text)) content.push(block);
      if (block.type === "reasoning" && ownReasoning(block, message, model, options.format)) content.push(block);
      if (block.type === "tool_call") {
        const call = {
          ...block,
          id: mapId(block.id, ++calls),
          name: legalToolName(block.name),
          input: block.invalid === undefined ? block.input : {},
        };
        pairs.push({ block: call, original: block.id });
        content.push(call);
      }
    }
    // Reasoning that nothing follows (the reply was cut there) is refused by the vendors that sign it.
    while (content.at(-1)?.type === "reasoning") content.pop();
    if (content.length === 0) continue;
    turns.push({ role: "assistant", content });
    if (pairs.length > 0) turns.push({ role: "results", results: pairUp(pairs, resultsAfter(messages, index), model) });
  }
  return mergeAssistants(turns);
}

function addUser(turns: Turn[], content: UserTurn["content"]): void {
  if (content.length === 0) return;
  const last = turns.at(-1);
  if (last?.role === "user") last.content.push(...content);
  else turns.push({ role: "user", content: [...content] });
}

function resultsAfter(messages: Message[], index: number): ToolResultMessage[] {
  const results: ToolResultMessage[] = [];
  for (let next = index + 1; next < messages.length; next++) {
    const message = messages[next];
    if (message === undefined || message.role === "assistant") break;
    if (message.role === "tool") results.push(message);
  }
  return results;
}

/** One result for each call, by id; equal ids in the order of their occurrence. What answers no call is dropped. */
function pairUp(
  pairs: { block: ToolCallBlock; original: string }[],
  results: ToolResultMessage[],
  model: ModelInfo,
): ResultBlock[] {
  const free = [...results];
  return pairs.map(({ block, original }) => {
    const position = free.findIndex((result) => result.callId === original);
    const result = position < 0 ? undefined : free.splice(position, 1)[0];
    if (result === undefined)
      return { callId: block.id, content: [{ type: "text", text: INTERRUPTED }], isError: true };
    const content = visible(result.content, model);
    return {
      callId: block.id,
      content: content.length > 0 ? content : [{ type: "text", text: NO_OUTPUT }],
      isError: result.isError,
    };
  });
}

/** Two assistant turns in a row (an interrupted one before) become one, as every vendor wants them alternating. */
function mergeAssistants(turns: Turn[]): Turn[] {
  const merged: Turn[] = [];
  for (const turn of turns) {
    const last = merged.at(-1);
    if (turn.role === "assistant" && last?.role === "assistant") last.content.push(...turn.content);
    else merged.push(turn);
  }
  return merged;
}
