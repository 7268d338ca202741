// The one hook: the state of the REPL, of which the agent's events are the larger part, as React sees it.

import { useSyncExternalStore } from "react";
import type { UiState } from "./state.ts";
import type { Store } from "./store.ts";

export function useAgent(store: Store): UiState {
  return useSyncExternalStore(store.subscribe, store.get, store.get);
}
