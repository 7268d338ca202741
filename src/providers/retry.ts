// When a failed model call is tried again, how long is waited, and what is told meanwhile. Knows no wire format.

import { setTimeout as delay } from "node:timers/promises";
import type { StreamPart } from "../types/provider.ts";
import { ProviderFailure, toProviderError, type Redact } from "./failure.ts";

export interface RetryPolicy {
  /** Further tries after the first. */
  maxRetries: number;
  /** Milliseconds before the second try where the server asks for nothing; doubles from try to try. */
  baseMs: number;
}

/** No single wait is longer, whatever the server asks. */
const LONGEST_WAIT_MS = 120_000;
/** Asked to wait longer than this, the call fails at once and says so. */
const HOPELESS_WAIT_MS = 300_000;
/** All waits of one call together. */
const TOTAL_WAIT_MS = 300_000;
const LONGEST_BACKOFF_MS = 20_000;

/** Half of the doubled base for sure, the other half by chance, so that many clients do not come back at once. */
export function backoffMs(retries: number, baseMs: number, random: () => number): number {
  const full = Math.min(LONGEST_BACKOFF_MS, baseMs * 2 ** retries);
  return Math.round(full / 2 + (full / 2) * random());
}

/** A failure out of whatever an attempt threw: what is no failure of ours counts as an answer against the protocol. */
function asFailure(thrown: unknown, provider: string): ProviderFailure {
  if (thrown instanceof ProviderFailure) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new ProviderFailure("protocol", `Unexpected answer from provider ${provider}: ${message}`, { tries: 1 });
}

/**
 * Runs attempts until one ends or no further try is worth it. An attempt yields deltas and, last, its `end` part; it
 * throws ProviderFailure otherwise. Never rejects; the last part is `end` or `error`.
 */
export async function* withRetries(
  provider: string,
  attempt: () => AsyncIterable<StreamPart>,
  policy: RetryPolicy,
  redact: Redact,
  signal: AbortSignal,
): AsyncGenerator<StreamPart, void, undefined> {
  let waited = 0;
  for (let retries = 0; ; retries++) {
    let partial = "";
    let failure: ProviderFailure;
    try {
      for await (const part of attempt()) {
        if (part.type === "text_delta") partial += part.text;
        yield part;
        if (part.type === "end") return;
      }
      failure = new ProviderFailure("protocol", `Provider ${provider} gave no answer.`, { tries: 1 });
    } catch (thrown) {
      failure = asFailure(thrown, provider);
    }
    if (signal.aborted && failure.kind !== "aborted")
      failure = new ProviderFailure("aborted", "The model call was stopped.", { usage: failure.details.usage ?? null });
    const allowed = failure.kind === "aborted" ? 0 : Math.min(policy.maxRetries, failure.details.tries ?? 0);
    const asked = failure.details.retryAfterMs ?? null;
    const delayMs = asked === null ? backoffMs(retries, policy.baseMs, Math.random) : Math.min(asked, LONGEST_WAIT_MS);
    const hopeless = asked !== null && asked > HOPELESS_WAIT_MS;
    if (retries >= allowed || hopeless || waited + delayMs > TOTAL_WAIT_MS) {
      const said = hopeless
        ? ` It asks to wait ${Math.round(asked / 1000)} s.`
        : retries > 0
          ? ` ${retries + 1} tries were made.`
          : "";
      const complete = new ProviderFailure(
        failure.kind,
        `${failure.message}${/[.!?…]$/.test(failure.message) ? "" : "."}${said}`,
        failure.details,
      );
      yield { type: "error", error: toProviderError(complete, redact, partial), usage: failure.details.usage ?? null };
      return;
    }
    waited += delayMs;
    yield {
      type: "retry",
      attempt: retries + 2,
      maxAttempts: allowed + 1,
      delayMs,
      reason: toProviderError(failure, redact, "").message,
      billable: failure.details.billable === true || (failure.details.usage ?? null) !== null,
    };
    // Rejects only when stopped; the next attempt then fails as stopped, with the one sentence for it.
    await delay(delayMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) {
      yield {
        type: "error",
        error: toProviderError(new ProviderFailure("aborted", "The model call was stopped."), redact, ""),
        usage: null,
      };
      return;
    }
  }
}
