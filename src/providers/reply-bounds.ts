// How large and how slow one reply may be, on every wire format. Counts what readers take; knows no format.

import type { AssistantMessage } from "../types/message.ts";
import type { Usage } from "../types/provider.ts";
import { ProviderFailure, type CallNames } from "./failure.ts";

/** Tool calls of one reply. Models send up to a few dozen; each has a result that is stored and sent again. */
export const REPLY_CALL_LIMIT = 256;
/**
 * Bytes of text, reasoning, signatures and arguments of one reply. A reply of 128,000 tokens has about half a megabyte.
 */
export const REPLY_SIZE_LIMIT = 4 * 1024 * 1024;
/** Blocks of any kind of one reply, also of kinds that are not known and hold nothing. */
export const REPLY_BLOCK_LIMIT = 4096;
/**
 * Bytes of one reply as they come over the network: 128,000 deltas of one token, each wrapped in 400 bytes, have 50
 * million.
 */
export const STREAM_SIZE_LIMIT = 64 * 1024 * 1024;
/**
 * Milliseconds without content, whatever else arrives: as long as the longest silence that hidden reasoning was seen to
 * take.
 */
const CONTENT_WAIT_MS = 600_000;

/**
 * A server that is told to be waited for longer is: pings then count for up to five times the silence that is borne.
 */
export function contentWaitMs(idleMs: number): number {
  return Math.max(idleMs, Math.min(5 * idleMs, CONTENT_WAIT_MS));
}

export interface ReplyMeter {
  /** Text of any kind that belongs to the reply. @throws ProviderFailure above the limit. */
  grow(text: string): void;
  /** A block was opened. @throws ProviderFailure above a limit. */
  open(kind: "call" | "other"): void;
  /** Rises whenever something was counted. */
  progress(): number;
}

/** @param usage what is known to have been billed when a limit is met. */
export function createReplyMeter(names: CallNames, usage: () => Usage | null): ReplyMeter {
  let [size, calls, blocks, progress] = [0, 0, 0, 0];
  const refuse = (what: string): never => {
    throw replyFailure(names, what, usage());
  };
  return {
    grow(text) {
      if (text === "") return;
      progress += 1;
      size += Buffer.byteLength(text);
      if (size > REPLY_SIZE_LIMIT) refuse(`more than ${REPLY_SIZE_LIMIT / 1024 / 1024} MiB of text`);
    },
    open(kind) {
      progress += 1;
      blocks += 1;
      if (kind === "call") calls += 1;
      if (calls > REPLY_CALL_LIMIT) refuse(`more than ${REPLY_CALL_LIMIT} tool calls`);
      if (blocks > REPLY_BLOCK_LIMIT) refuse(`more than ${REPLY_BLOCK_LIMIT} blocks`);
    },
    progress: () => progress,
  };
}

/** A reply beyond a limit is not asked for again: the same would come, and it was paid for. */
export function replyFailure(names: CallNames, what: string, usage: Usage | null): ProviderFailure {
  return new ProviderFailure(
    "protocol",
    `Provider ${names.provider} (${names.host}) sent a reply beyond all bounds for model ${names.model}: ${what}`,
    {
      usage,
      billable: true,
      tries: 0,
      hint: "Nothing of it was carried out. Choose another model with /model, or check the server.",
    },
  );
}

/** What is beyond the bounds in a finished message; null when nothing is. For replies that come whole. */
export function messageFault(content: AssistantMessage["content"]): string | null {
  const calls = content.filter((block) => block.type === "tool_call").length;
  if (calls > REPLY_CALL_LIMIT) return `more than ${REPLY_CALL_LIMIT} tool calls`;
  const size = content.reduce(
    (sum, block) => sum + (block.type === "tool_call" ? (block.invalid?.length ?? 0) : Buffer.byteLength(block.text)),
    0,
  );
  return size > REPLY_SIZE_LIMIT ? `more than ${REPLY_SIZE_LIMIT / 1024 / 1024} MiB of text` : null;
}
