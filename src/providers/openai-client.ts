// OpenAI's SDK as both OpenAI formats use it: it builds and sends each request, and parses the events of the answer.

import OpenAI from "openai";
import type { Usage } from "../types/provider.ts";
import { clientOptions, type Exchange } from "./exchange.ts";
import { failureFromEvent, NO_OBJECT, protocolFailure, type CallNames, type ProviderFailure } from "./failure.ts";
import type { Endpoint, WireFormat } from "./wire.ts";

/** The SDK refuses to be without a key; where there is none, the header is taken out. */
const NO_KEY = "none";

export function openaiClient(endpoint: Endpoint, exchange: Exchange): OpenAI {
  const key = endpoint.key === "" ? null : endpoint.key;
  return new OpenAI({
    ...clientOptions(endpoint.baseUrl, exchange),
    apiKey: key ?? NO_KEY,
    organization: null,
    project: null,
    // Said although the SDK would say the same: this wins over the headers that the SDK reads from its environment
    // variable.
    defaultHeaders: { "user-agent": "bmo", authorization: key === null ? null : `Bearer ${key}`, ...endpoint.headers },
  });
}

/** What the server says in an event that is an error, in the words of the vendor or of a gateway. */
function failureFromError(names: CallNames, error: unknown, usage: Usage | null): ProviderFailure {
  const { code, type, message } =
    error !== null && typeof error === "object" ? (error as Record<string, unknown>) : { message: String(error) };
  const kinds = [code, type].filter((value) => typeof value === "string" || typeof value === "number");
  return failureFromEvent(names, kinds.join(" "), typeof message === "string" ? message : JSON.stringify(error), usage);
}

/** What both formats have in common. */
export const openaiCalls: Pick<WireFormat, "probe" | "streamFailure"> = {
  probe: async (endpoint, exchange) => {
    await openaiClient(endpoint, exchange).models.list({ signal: exchange.signal }).asResponse();
  },
  streamFailure: (thrown, names, usage) => {
    // Its message quotes a few characters of the event, which may be half of a key: no redaction would know that.
    if (thrown instanceof SyntaxError) return protocolFailure(names, NO_OBJECT, "", usage);
    return thrown instanceof OpenAI.APIError ? failureFromError(names, thrown.error, usage) : null;
  },
};
