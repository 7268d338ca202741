// Keys while the history search is open.

import { searchHistory } from "./history.ts";
import type { InputEvent } from "./input/decode.ts";
import { bindingOf } from "./keybindings.ts";
import type { Store } from "./store.ts";

function search(store: Store, query: string, before: number): void {
  const { history, search: open } = store.get();
  if (open === null) return;
  const index = query === "" ? -1 : searchHistory(history, query, before);
  // Going on to older entries stops at the oldest match.
  const kept = index < 0 && query === open.query ? open.index : index;
  store.dispatch({ type: "set", values: { search: { ...open, query, index: kept } } });
  if (kept >= 0) store.dispatch({ type: "editor", action: { type: "set", text: history.entries[kept] ?? "" } });
}

/** @returns False when no search is open, or when the key ends it and counts for the editor too. */
export function handleInSearch(store: Store, event: InputEvent): boolean {
  const { search: open, history } = store.get();
  if (open === null) return false;
  if (event.type === "text") {
    search(store, open.query + event.text, history.entries.length);
    return true;
  }
  const binding = event.type === "key" ? bindingOf(event) : null;
  if (binding === "backspace") search(store, [...open.query].slice(0, -1).join(""), history.entries.length);
  else if (binding === "search") search(store, open.query, open.index < 0 ? history.entries.length : open.index);
  else if (binding === "escape" || binding === "interrupt")
    store.dispatch({ type: "set", values: { search: null, editor: open.before } });
  else {
    store.dispatch({ type: "set", values: { search: null, completionClosedFor: store.get().editor.text } });
    // Enter takes the entry into the editor; sending it needs another one.
    return binding === "send";
  }
  return true;
}
