// Keeps the completion list in step with the editor: fetches names when they are first needed, drops late answers.

import { commands } from "../commands/index.ts";
import { commandItems, completionRequest, nameItems, type CompletionRequest, type Rank } from "./completion.ts";
import type { ReplOptions } from "./options.ts";
import { createRank } from "./rank-names.ts";
import type { Store } from "./store.ts";

/** Milliseconds after which the list of files is fetched again. */
const FILES_FRESH_MS = 10_000;
const KEPT_NAMES = 1_000;

export interface Completer {
  /** The text or cursor changed. */
  update(): void;
  /** Whether Enter means the list: an item was chosen by arrows. */
  wantsEnter(): boolean;
  /** Puts the selected item into the editor; false when no list is open. */
  accept(): boolean;
  close(): void;
}

/** Names of files as far as they are known. */
interface FileNames {
  at: number;
  found: readonly string[];
  /** Resolves with the first names, or with the last where there are few. */
  some: Promise<unknown>;
}

export function createCompleter(options: ReplOptions, store: Store): Completer {
  let files: FileNames | null = null;
  let rank: Rank | null = null;
  let generation = 0;

  const loadRank = async (): Promise<Rank> => {
    if (rank !== null) return rank;
    const { default: fuzzysort } = await import("fuzzysort");
    rank = createRank((query, names, limit) => {
      const best = fuzzysort.go(query, names, { limit }).map((result) => result.target);
      // The matcher keeps a kilobyte for every name it was ever given.
      if (names.length > KEPT_NAMES) fuzzysort.cleanup();
      return best;
    });
    return rank;
  };
  const listFiles = (): FileNames => {
    let first = (): void => undefined;
    const anything = new Promise<void>((resolve) => (first = resolve));
    const take = (names: readonly string[]): void => {
      list.found = names;
      first();
      // What is shown follows, unless somebody is choosing from the list.
      if (files === list && (store.get().completion?.selected ?? 0) === 0) refreshFiles();
    };
    const whole = options.listFiles((names) => take(names)).then(take);
    const list: FileNames = { at: Date.now(), found: [], some: Promise.race([anything, whole]) };
    return list;
  };
  const names = async (kind: "skill" | "file"): Promise<readonly string[]> => {
    if (kind === "skill") return options.skillNames();
    if (files === null || Date.now() - files.at > FILES_FRESH_MS) files = listFiles();
    const { some } = files;
    await some;
    return files.found;
  };
  const show = (request: CompletionRequest, items: ReturnType<typeof commandItems>): void => {
    store.dispatch({
      type: "set",
      values: {
        completion: items.length === 0 ? null : { items, selected: 0, start: request.start, end: request.end },
      },
    });
  };
  const fetchNames = async (request: CompletionRequest & { kind: "skill" | "file" }, mine: number): Promise<void> => {
    const { text } = store.get().editor;
    const [list, rankNames] = await Promise.all([names(request.kind), loadRank()]);
    // The text may have been sent meanwhile, or another taken from the history.
    if (mine === generation && store.get().editor.text === text)
      show(request, nameItems(request.kind, list, request.query, rankNames));
  };

  const refreshFiles = (): void => {
    const { editor, completion, completionClosedFor } = store.get();
    if (
      completion !== null &&
      editor.text !== completionClosedFor &&
      completionRequest(editor.text, editor.cursor)?.kind === "file"
    )
      update();
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
      store.dispatch({
        type: "editor",
        action: { type: "replace", start: completion.start, end: completion.end, text: item.value },
      });
      update();
      return true;
    },
    close() {
      generation += 1;
      store.dispatch({ type: "set", values: { completion: null, completionClosedFor: store.get().editor.text } });
    },
  };
}
