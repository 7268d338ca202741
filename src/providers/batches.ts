// What a stream gives without waiting, as one array: the deltas that arrive together travel together. Knows no vendor
// and no format.

import { setImmediate as nextTurn } from "node:timers/promises";

/** Stands for the end of a turn of the event loop. */
const TURN_OVER = Symbol("turn over");

/**
 * The values of each turn of the event loop as one array, at least one in each. What the source throws comes after the
 * values before it. At most one value more than those taken is asked for; a source that is not read to its end is not
 * closed.
 */
export async function* batches<T>(source: AsyncIterable<T>): AsyncGenerator<T[], void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let next = iterator.next();
  for (;;) {
    const first = await next;
    if (first.done === true) return;
    const batch = [first.value];
    const turnOver = nextTurn(TURN_OVER);
    for (;;) {
      next = iterator.next();
      // An end and a failure are met again where the next batch begins.
      const result = await Promise.race([next, turnOver]).catch(() => TURN_OVER);
      if (typeof result === "symbol" || result.done === true) break;
      batch.push(result.value);
    }
    yield batch;
  }
}
