// Keeps the completion list in step with the editor: fetches names when they are first needed, drops late answers.

import { commands } from "../commands/index.ts";
import { commandItems, completionRequest, nameItems, type CompletionRequest, type Rank } from "./completion.ts";
import type { ReplOptions } from "./options.ts";
import type { Store } from "./store.ts";

/** Milliseconds after which the list of files is fetched anew. */
const FILES_FRESH_MS = 10_000;

export interface Completer {
  /** The text or cursor changed. */
  update(): void;
  /** Whether Enter means the list: an item was chosen by arrows. */
  wantsEnter(): boolean;
  /** Puts the selected item into the editor; false when no list is open. */
  accept(): boolean;
  close(): void;
}

export function createCompleter(options: ReplOptions, store: Store): Completer {
  let files: { at: number; names: Promise<string[]> } | null = null;
  let rank: Rank | null = null;
  let generation = 0;

  const loadRank = async (): Promise<Rank> => {
    if (rank !== null) return rank;
    const { default: fuzzysort } = await import("fuzzysort");
    rank = (query, names, limit) => fuzzysort.go(query, names, { limit }).map((result) => result.target);
    return rank;
  };
  const names = (kind: "skill" | "file"): Promise<string[]> => {
    if (kind === "skill") return options.skillNames();
    if (files === null || Date.now() - files.at > FILES_FRESH_MS) files = { at: Date.now(), names: options.listFiles() };
    return files.names;
  };
  const show = (request: CompletionRequest, items: ReturnType<typeof commandItems>): void => {
    store.dispatch({ type: "set", values: { completion: items.length === 0 ? null : { items, selected: 0, start: request.start, end: request.end } } });
  };
  const fetchNames = async (request: CompletionRequest & { kind: "skill" | "file" }, mine: number): Promise<void> => {
    const { text } = store.get().editor;
    const [list, rankNames] = await Promise.all([names(request.kind), loadRank()]);
    // The text may have been sent meanwhile, or another taken from the history.
    if (mine === generation && store.get().editor.text === text) show(request, nameItems(request.kind, list, request.query, rankNames));
  };

  const update = (): void => {
    const { editor, completion, completionClosedFor } = store.get();
    const mine = ++generation;
    const request = editor.text === completionClosedFor ? null : completionRequest(editor.text, editor.cursor);
    if (request === null) {
      if (completion !== null) store.dispatch({ type: "set", values: { completion: null } });
      return;
    }
    if (request.kind === "command") {
      show(request, commandItems(commands, request.query));
      return;
    }
    fetchNames({ ...request, kind: request.kind }, mine).catch((thrown: unknown) => {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      store.dispatch({ type: "set", values: { completion: null, hint: `no completion: ${message}` } });
    });
  };
  return {
    update,
    wantsEnter: () => (store.get().completion?.selected ?? 0) > 0,
    accept() {
      const { completion } = store.get();
      const item = completion?.items[completion.selected];
      if (completion === null || item === undefined) return false;
      store.dispatch({ type: "editor", action: { type: "replace", start: completion.start, end: completion.end, text: item.value } });
      update();
      return true;
    },
    close() {
      generation += 1;
      store.dispatch({ type: "set", values: { completion: null, completionClosedFor: store.get().editor.text } });
    },
  };
}
