// OpenAI's SDK as both OpenAI formats use it: it builds and sends each request and types its errors.
//
// The events are read by our own reader, not by the SDK's Stream. Measured on Node 20, bundled, best of seven
// interleaved runs, reading
// 20,000 events of one token in chunks of 1, 16 and 64 KB: the SDK's takes 2.7, 5.2 and 5.4 times as long as ours,
// since it copies the rest of a chunk for every event in it; fed one event at a time, which needs our reader before it,
// 3.0, 4.2 and 3.9 times. Anthropic's takes 1.1, 1.6 and 1.7 times as long, so there it is the SDK's.

import { OpenAI } from "openai/client";
import { parseObject, type Endpoint, type Refusal, type WireFormat } from "./wire.ts";
import { address, CLIENT_HEADERS, NO_SDK_TIMEOUT_MS, type Exchange } from "./exchange.ts";
import { createSseReader } from "./sse.ts";

/** The SDK refuses to be without a key; where there is none, the header is taken out. */
const NO_KEY = "none";

export function openaiClient(endpoint: Endpoint, exchange: Exchange): OpenAI {
  const keyless = endpoint.key === null || endpoint.key === "";
  return new OpenAI({
    ...address(endpoint.baseUrl),
    apiKey: keyless ? NO_KEY : endpoint.key,
    organization: null,
    project: null,
    fetch: exchange.fetch,
    maxRetries: 0,
    timeout: NO_SDK_TIMEOUT_MS,
    logLevel: "off",
    defaultHeaders: { ...CLIENT_HEADERS, ...(keyless ? { authorization: null } : {}), ...endpoint.headers },
  });
}

/** The events of an answer that is a stream; data that is no JSON object stays text. */
export async function* openaiEvents(exchange: Exchange): AsyncGenerator<unknown[], void, undefined> {
  const reader = createSseReader();
  const parsed = (events: string[]): unknown[] => events.map((data) => parseObject(data) ?? data);
  for await (const chunk of exchange.bytes()) yield parsed(reader.push(chunk));
  yield parsed(reader.end());
}

function refusal(thrown: unknown): Refusal | null {
  if (!(thrown instanceof OpenAI.APIError) || typeof thrown.status !== "number") return null;
  return { status: thrown.status, headers: Object.fromEntries(thrown.headers?.entries() ?? []) };
}

/** What both formats have in common. */
export const openaiCalls: Pick<WireFormat, "probe" | "refusal" | "streamFailure"> = {
  probe: async (endpoint, exchange) => void (await openaiClient(endpoint, exchange).models.list().asResponse()),
  refusal,
  streamFailure: () => null,
};
