// The one monotonic clock. Tells no time of day.

/**
 * Milliseconds since the process's start. Not `performance.now()`: the first look at the global `performance` loads a
 * module that nothing else needs and costs a millisecond of every start.
 */
export function elapsedMs(): number {
  return process.uptime() * 1000;
}
