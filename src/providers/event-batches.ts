// Gathers what a vendor's parser makes of a stream into one array per chunk of the network, so that the deltas of a
// chunk travel as one. Knows no vendor and no format.

import { EVENT_LIMIT } from "./sse.ts";

export interface BatchedBody {
  /** What the parser reads. Throws RangeError where it makes no event of more bytes than one may have. */
  body: AsyncIterable<Uint8Array>;
  /**
   * The parser's events, at least one per array; what it throws comes after the events before it. Iterate at most once.
   */
  batches(events: AsyncIterable<unknown>): AsyncGenerator<unknown[], void, undefined>;
}

/**
 * A parser that pulls asks for the next chunk exactly when it is through with the one before: that is where a batch
 * ends. Until its batch is taken, no further chunk is read.
 */
export function batchedBody(source: AsyncIterable<Uint8Array>, limit: number = EVENT_LIMIT): BatchedBody {
  let gathered: unknown[] = [];
  let size = 0;
  let complete = false;
  let wake = (): void => undefined;
  let release = (): void => undefined;

  async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      size += chunk.length;
      if (size > limit) throw new RangeError(`an event is larger than ${limit} bytes`);
      yield chunk;
      if (gathered.length === 0) continue;
      await new Promise<void>((resolve) => {
        release = resolve;
        complete = true;
        wake();
      });
    }
  }

  async function* batches(events: AsyncIterable<unknown>): AsyncGenerator<unknown[], void, undefined> {
    let ended = false;
    let failure: { thrown: unknown } | null = null;
    const pull = async (): Promise<void> => {
      try {
        for await (const event of events) {
          size = 0;
          gathered.push(event);
        }
      } catch (thrown) {
        failure = { thrown };
      }
      ended = true;
      wake();
    };
    void pull();
    const settled = (): { thrown: unknown } | null => failure;
    for (;;) {
      if (!complete && !ended) await new Promise<void>((resolve) => void (wake = resolve));
      const batch = gathered;
      const last = ended;
      gathered = [];
      complete = false;
      release();
      if (batch.length > 0) yield batch;
      if (!last) continue;
      const failed = settled();
      if (failed !== null) throw failed.thrown;
      return;
    }
  }

  return { body: { [Symbol.asyncIterator]: body }, batches };
}
