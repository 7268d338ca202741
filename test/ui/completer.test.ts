// The completion list follows the editor: names that come late do not open a list for a text that is gone.

import { expect, test } from "vitest";
import { createCompleter } from "../../src/ui/completer.ts";
import type { ReplOptions } from "../../src/ui/options.ts";
import { initialState } from "../../src/ui/state.ts";
import { createStore, type Store } from "../../src/ui/store.ts";

function typed(): { store: Store; listed: (names: string[]) => Promise<void> } {
  let list = (_: string[]): void => undefined;
  const names = new Promise<string[]>((resolve) => (list = resolve));
  const store = createStore(initialState(80, 24));
  const options: Pick<ReplOptions, "listFiles" | "skillNames"> = {
    listFiles: () => names,
    skillNames: () => Promise.resolve([]),
  };
  const completer = createCompleter(options as ReplOptions, store);
  store.dispatch({ type: "editor", action: { type: "insert", text: "look @al" } });
  completer.update();
  return {
    store,
    async listed(found) {
      list(found);
      // The matcher is loaded too.
      await new Promise((resolve) => setTimeout(resolve, 200));
    },
  };
}

test("files found while the text still stands are offered", async () => {
  const { store, listed } = typed();
  await listed(["src/alpha.ts"]);
  expect(store.get().completion?.items.map((item) => item.value)).toEqual(["@src/alpha.ts "]);
});

test.each([
  ["sent", ""],
  ["another one from the history", "an earlier text"],
])("not where the text was %s meanwhile", async (_, text) => {
  const { store, listed } = typed();
  store.dispatch({ type: "editor", action: { type: "set", text } });
  await listed(["src/alpha.ts"]);
  expect(store.get().completion).toBeNull();
});

test("the first files are offered before the search has ended, then all of them", async () => {
  let list = (_: string[]): void => undefined;
  let tell = (_: string[]): void => undefined;
  const whole = new Promise<string[]>((resolve) => (list = resolve));
  const store = createStore(initialState(80, 24));
  const shown: string[][] = [];
  const seen = new Map<string, () => void>();
  store.subscribe(() => {
    const labels = (store.get().completion?.items ?? []).map(({ label }) => label);
    if (labels.length > 0) shown.push(labels);
    seen.get(labels.join(" "))?.();
  });
  const until = (labels: string): Promise<void> => new Promise((resolve) => void seen.set(labels, resolve));
  const options: Pick<ReplOptions, "listFiles" | "skillNames"> = {
    listFiles: (onSome) => {
      tell = onSome;
      return whole;
    },
    skillNames: () => Promise.resolve([]),
  };
  const completer = createCompleter(options as ReplOptions, store);
  store.dispatch({ type: "editor", action: { type: "insert", text: "look @" } });
  const [some, all] = [until("b.ts"), until("a.ts b.ts")];
  completer.update();
  tell(["b.ts"]);
  await some;
  list(["b.ts", "a.ts"]);
  await all;
  expect(shown.at(-1)).toEqual(["a.ts", "b.ts"]);
});
