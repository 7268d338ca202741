// What this process must not be ended in the middle of: a command whose effects are not settled, an undo. Knows what is
// going on and waits for it; ends nothing.

export interface Unsettled {
  /** Counts the work as going on until it ends. @param what for people: `the command \`npm test\``. */
  during<Result>(what: string, work: () => Promise<Result>): Promise<Result>;
  /** What is going on, or null. */
  what(): string | null;
  /** Resolves when nothing is going on. Never rejects. */
  settled(): Promise<void>;
}

export function createUnsettled(): Unsettled {
  const going = new Map<Promise<unknown>, string>();
  return {
    async during(what, work) {
      const result = work();
      going.set(result, what);
      try {
        return await result;
      } finally {
        going.delete(result);
      }
    },
    what: () => [...going.values()][0] ?? null,
    async settled() {
      while (going.size > 0) await Promise.allSettled([...going.keys()]);
    },
  };
}
