// Failures of a model call: what they are, whether another try may help, and sentences that are safe to show.

import type { ProviderError, ProviderErrorKind, Usage } from "../types/provider.ts";

export interface FailureDetails {
  status?: number | null;
  hint?: string | null;
  /** How many further tries this cause is worth; the configured number of retries caps it. */
  tries?: number;
  /** What the server asked to wait, or null. */
  retryAfterMs?: number | null;
  /** What is known to have been billed. */
  usage?: Usage | null;
  /** The request reached the server, which may have worked on it: it may be billed though no answer came. */
  billable?: boolean;
}

/** Thrown inside providers/ only; `stream` turns it into the last part. */
export class ProviderFailure extends Error {
  readonly kind: ProviderErrorKind;
  readonly details: FailureDetails;

  constructor(kind: ProviderErrorKind, message: string, details: FailureDetails = {}) {
    super(message);
    this.name = "ProviderFailure";
    this.kind = kind;
    this.details = details;
  }
}

/** One line of at most `limit` characters, without control, bidi and zero-width characters. */
export function cleanLine(text: string, limit = 300): string {
  const line = text
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/g, " ")
    .replace(/ {2,}/g, " ")
    .trim();
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}

/** Takes the values of keys in use out of text, in every spelling that is known. */
export type Redact = (text: string) => string;

export function toProviderError(failure: ProviderFailure, redact: Redact, partialText: string): ProviderError {
  return {
    kind: failure.kind,
    status: failure.details.status ?? null,
    message: redact(failure.message),
    hint: failure.details.hint === undefined || failure.details.hint === null ? null : redact(failure.details.hint),
    partialText: redact(partialText),
  };
}

/** Who was asked for what with which key: the names that a sentence about a failure must carry. */
export interface CallNames {
  provider: string;
  model: string;
  /** Where the key came from, never its value; null when none is sent. */
  keySource: string | null;
  host: string;
  /** Other models of the provider that are known, for the sentence about one that it does not serve. */
  alternatives: string[];
  /** For the server's own words, before they are cut to a length: half of a key would no longer be known as one. */
  redact: Redact;
}

const MANY = 99;
const OVERFLOW =
  /context[_ ](length|window)|prompt is too long|too many (input )?tokens|maximum context|input length|exceeds? the (maximum|context|limit)|request too large/i;

/**
 * Seconds or an HTTP date. A date is taken relative to the answer's own `date`, so that a wrong clock here does not
 * matter.
 */
export function retryAfter(headers: Record<string, string>, now: number): number | null {
  const milliseconds = Number(headers["retry-after-ms"] ?? "");
  if (headers["retry-after-ms"] !== undefined && Number.isFinite(milliseconds)) return Math.max(0, milliseconds);
  const value = headers["retry-after"]?.trim();
  if (value === undefined || value === "") return null;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const until = /[A-Za-z]/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(until)) return null;
  const reference = Date.parse(headers.date ?? "");
  return Math.max(0, until - (Number.isNaN(reference) ? now : reference));
}

/**
 * What a person may be shown of a body that is not the vendor's JSON: plain words as they are, of a page its title, of
 * bytes nothing.
 */
export function bodyWords(raw: string, redact: Redact): string {
  const body = redact(raw);
  const start = body.slice(0, 4096);
  if (/[\u0000-\u0008\ufffd]/.test(start)) return "(a body that is not text)";
  if (!/^\s*(<|<!--[\s\S]*?-->\s*<)[!?a-z]/i.test(start)) return body;
  const title = /<title[^>]{0,200}>([^<]{0,200})</i.exec(start)?.[1] ?? "";
  const words = cleanLine(
    title.trim() === "" ? start.replace(/<(script|style)[^>]*>[^<]*/gi, " ").replace(/<[^>]*>?/g, " ") : title,
    80,
  );
  return words === "" ? "(a web page)" : `(a web page: ${words})`;
}

/**
 * The vendor's own words and type out of an error body of any of the formats; the start of the body where it is none.
 */
function vendorWords(body: string, redact: Redact): { message: string; type: string } {
  try {
    const parsed: unknown = JSON.parse(body);
    const first: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
    if (first !== null && typeof first === "object") {
      const error: unknown = "error" in first ? first.error : first;
      if (typeof error === "string") return { message: error, type: "" };
      if (error !== null && typeof error === "object") {
        const message = "message" in error && typeof error.message === "string" ? error.message : JSON.stringify(error);
        const types = ["code" in error ? error.code : "", "type" in error ? error.type : ""].filter(
          (value) => typeof value === "string",
        );
        return { message, type: types.join(" ") };
      }
    }
  } catch {
    return { message: bodyWords(body, redact), type: "" }; // A gateway's page, or plain words.
  }
  return { message: bodyWords(body, redact), type: "" };
}

/** Turns an HTTP answer that is no success, or an error event with its equivalent status, into a failure. */
export function failureFromAnswer(
  names: CallNames,
  status: number,
  headers: Record<string, string>,
  body: string,
  usage: Usage | null = null,
): ProviderFailure {
  const words = vendorWords(body, names.redact);
  const text = cleanLine(names.redact(words.message), 400);
  const said = text === "" ? "" : `: ${text}`;
  const should = headers["x-should-retry"];
  const tries = should === "false" ? 0 : MANY;
  const details = { status, retryAfterMs: retryAfter(headers, Date.now()), usage };
  if (status === 401 || status === 403) {
    const key = names.keySource === null ? "without a key" : `the key from ${names.keySource}`;
    const hint =
      names.keySource === null
        ? `Give provider ${names.provider} a key: [providers.${names.provider}] api_key.`
        : `Check the key in ${names.keySource}.`;
    return new ProviderFailure(
      "credentials",
      `Provider ${names.provider} refused ${key} for model ${names.model} (HTTP ${status})${said}`,
      { ...details, hint },
    );
  }
  if (status === 404) {
    return new ProviderFailure(
      "model_not_found",
      `Provider ${names.provider} does not serve model ${names.model} at ${names.host} (HTTP 404)${said}`,
      {
        ...details,
        hint: `${names.alternatives.length === 0 ? "" : `Known for ${names.provider}: ${names.alternatives.slice(0, 5).join(", ")}${names.alternatives.length > 5 ? " …" : ""}. `}Check the id and the base URL; \`bmo models\` lists what is known.`,
      },
    );
  }
  if ((status === 400 || status === 413 || status === 422) && OVERFLOW.test(`${words.type} ${words.message}`)) {
    return new ProviderFailure(
      "context_overflow",
      `The conversation is too long for model ${names.model} of provider ${names.provider} (HTTP ${status})${said}`,
      { ...details, hint: "/compact shortens it." },
    );
  }
  // Not every "quota" is one that lasts: some vendors call a limit per minute so. Only what says money is final.
  const spent = /insufficient_quota|billing_error|billing_hard|credit balance/i.test(`${words.type} ${words.message}`);
  if (status === 429 || ((status === 400 || status === 402) && spent)) {
    return new ProviderFailure(
      "rate_limit",
      `Provider ${names.provider} limits the requests to model ${names.model} (HTTP ${status})${said}`,
      {
        ...details,
        tries: spent ? 0 : tries,
        hint: spent ? "The account's quota is used up." : "Try again later, or choose another model.",
      },
    );
  }
  if (status === 408 || status === 409 || status >= 500) {
    return new ProviderFailure(
      "overloaded",
      `Provider ${names.provider} could not serve model ${names.model} (HTTP ${status})${said}`,
      { ...details, tries, hint: "Try again later, or choose another model." },
    );
  }
  return new ProviderFailure(
    "bad_request",
    `Provider ${names.provider} refused the request to model ${names.model} (HTTP ${status})${said}`,
    { ...details, hint: null },
  );
}

const EVENT_STATUS: [RegExp, number][] = [
  [/overloaded/, 529],
  [/rate_limit|too_many_requests/, 429],
  [/authentication|invalid_api_key/, 401],
  [/permission/, 403],
  [/not_found/, 404],
  [/context_length|context_window/, 400],
  [/invalid_request|invalid_prompt/, 400],
];

/** An error event inside a stream that began with 200. */
export function failureFromEvent(
  names: CallNames,
  type: string,
  message: string,
  usage: Usage | null,
): ProviderFailure {
  const status = EVENT_STATUS.find(([pattern]) => pattern.test(type))?.[1] ?? 500;
  const failure = failureFromAnswer(names, status, {}, JSON.stringify({ error: { type, message } }), usage);
  return new ProviderFailure(
    failure.kind,
    failure.message.replace(
      `(HTTP ${status})`,
      `(error event ${cleanLine(names.redact(type), 60) || "without a type"})`,
    ),
    { ...failure.details, status: null },
  );
}

export const NO_OBJECT = "an event of its stream is not a JSON object";

/** An answer that is not what the protocol says; worth one more try. */
export function protocolFailure(
  names: CallNames,
  what: string,
  seen: string,
  usage: Usage | null = null,
): ProviderFailure {
  const shown = cleanLine(names.redact(seen), 200);
  return new ProviderFailure(
    "protocol",
    `Unexpected answer from provider ${names.provider} for model ${names.model}: ${what}${shown === "" ? "" : `: ${shown}`}`,
    { tries: 1, usage, hint: `Check that the base URL (${names.host}) is that of the API.` },
  );
}
