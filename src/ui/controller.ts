// What each key does: routes input to the open card, the history search, the completion list or the editor.
// Carries nothing out itself that takes time; that is the runner's.

import { createAsker, type Asker } from "./asker.ts";
import { handleInCard } from "./card-keys.ts";
import { createCompleter } from "./completer.ts";
import { moveSelection } from "./completion.ts";
import { expandPastes, isCommandTyped, moveVertically, type EditorAction } from "./editor.ts";
import { addEntry, loadHistory, saveEntry, walk } from "./history.ts";
import type { InputEvent, KeyEvent } from "./input/decode.ts";
import { bindingOf, type Binding } from "./keybindings.ts";
import type { Drawing } from "./drawing.ts";
import type { ReplOptions } from "./options.ts";
import { classify, createRunner, type Runner } from "./runner.ts";
import { handleInSearch } from "./search-keys.ts";
import { createUiSession, type UiSession } from "./session.ts";
import type { Store } from "./store.ts";
import { toErrorInfo } from "../util/errors.ts";
import { parseCommand } from "../commands/parse.ts";
import { width } from "./text.ts";
import { PROMPT } from "./first-paint.ts";

/** Milliseconds within which a second Ctrl+C ends the REPL. */
const TWICE_MS = 2000;

export interface ControllerHooks {
  exit(): void;
  redraw(): void;
  suspend(): void;
  /** The card that a person can have seen. */
  shownCard(): number | null;
  /** Runs the work while another program may have the terminal. */
  withTerminal<Result>(work: () => Promise<Result>): Promise<Result>;
}

export interface Controller {
  handle(events: readonly InputEvent[]): void;
  session: UiSession;
  runner: Runner;
  asker: Asker;
}

export function createController(
  options: ReplOptions,
  store: Store,
  drawing: Drawing,
  hooks: ControllerHooks,
): Controller {
  const asker = createAsker(store, hooks.shownCard);
  const session = createUiSession(options, store, asker, drawing);
  const runner = createRunner(options, store, session, {
    exit: hooks.exit,
    editText: (text, extension) => hooks.withTerminal(() => options.editText(text, extension)),
  });
  const completer = createCompleter(options, store);
  let armedAt = 0;
  store.dispatch({ type: "set", values: { history: loadHistory(options.historyFile) } });

  const hint = (text: string | null): void => store.dispatch({ type: "set", values: { hint: text } });
  const edit = (action: EditorAction): void => {
    store.dispatch({ type: "editor", action });
    completer.update();
  };
  /** A failure of what a key set off is shown, not thrown. */
  const guard = (work: Promise<void>): void => {
    work.catch((thrown: unknown) =>
      store.dispatch({ type: "print", block: { kind: "error", error: toErrorInfo(thrown) } }),
    );
  };
  const editorColumns = (): number => Math.max(2, store.get().columns - 1 - width(PROMPT));

  const send = (event: KeyEvent): void => {
    const { editor, history } = store.get();
    if (editor.text.endsWith("\\") && editor.cursor === editor.text.length) {
      edit({ type: "replace", start: editor.text.length - 1, end: editor.text.length, text: "\n" });
      return;
    }
    if (event.burst) {
      // Several lines at once: a paste of a terminal that does not mark pastes. It is never sent by itself.
      edit({ type: "insert", text: "\n" });
      hint("several lines came at once: enter sends them");
      return;
    }
    if (completer.wantsEnter()) {
      completer.accept();
      return;
    }
    const text = expandPastes(editor);
    if (text.trim() === "") return;
    if (text.trim() === "!") {
      hint("type the shell command behind the !");
      return;
    }
    const input = classify(text);
    if (input.kind === "command" && parseCommand(input.text)?.name === "approve" && !isCommandTyped(editor)) {
      hint("a pasted /approve approves nothing: clear the line (ctrl+c) and type it");
      return;
    }
    if (input.kind === "command" && parseCommand(input.text)?.name === "approve" && !event.alone) {
      hint("text and enter came at once, as in a paste: press enter again to approve");
      return;
    }
    saveEntry(options.historyFile, text);
    asker.typingEnded();
    store.dispatch({
      type: "set",
      values: { history: addEntry(history, text), completion: null, completionClosedFor: null },
    });
    store.dispatch({ type: "editor", action: { type: "clear" } });
    runner.send(input);
  };

  const recall = (direction: -1 | 1): void => {
    const { editor, history } = store.get();
    const step = walk(history, direction, editor.text);
    if (step === null) return;
    store.dispatch({
      type: "set",
      values: { history: step.history, completion: null, completionClosedFor: step.text },
    });
    store.dispatch({ type: "editor", action: { type: "set", text: step.text } });
  };
  const vertical = (direction: -1 | 1): void => {
    const { editor, completion } = store.get();
    if (completion !== null) {
      store.dispatch({ type: "set", values: { completion: moveSelection(completion, direction) } });
      return;
    }
    const moved = moveVertically(editor, direction, editorColumns());
    if (moved === null) recall(direction);
    else store.dispatch({ type: "set", values: { editor: moved } });
  };

  const interrupt = (): void => {
    const { editor, running } = store.get();
    const now = Date.now();
    if (editor.text !== "") {
      edit({ type: "clear" });
      return;
    }
    if (now - armedAt < TWICE_MS) {
      hooks.exit();
      return;
    }
    armedAt = now;
    if (running !== null || store.get().cards.length > 0) {
      asker.dismissAll();
      guard(runner.interrupt());
      hint("interrupted; ctrl+c again exits");
    } else hint("ctrl+c again exits");
  };

  const escape = (): void => {
    const { completion, running, status } = store.get();
    if (completion !== null) completer.close();
    else if (running !== null) guard(runner.interrupt());
    else if (status?.plan === "plan awaits /approve")
      hint("nothing is approved: type what to change, /approve or /reject");
  };

  const openEditor = async (): Promise<void> => {
    const text = expandPastes(store.get().editor);
    const edited = await hooks.withTerminal(() => options.editText(text, ".md"));
    if (edited !== null) edit({ type: "set", text: edited.replace(/\n$/, "") });
  };
  const cycleMode = (): void => {
    if (store.get().cards.length > 0) hint("answer the question first");
    else guard(session.cycleMode());
  };

  const carryOut = (binding: Binding, event: KeyEvent): void => {
    switch (binding) {
      case "send":
        return send(event);
      case "newline":
        return edit({ type: "insert", text: "\n" });
      case "up":
        return vertical(-1);
      case "down":
        return vertical(1);
      case "left":
      case "right":
      case "word_left":
      case "word_right":
      case "line_start":
      case "line_end":
      case "backspace":
      case "delete":
      case "kill_word":
      case "kill_line_start":
      case "kill_line_end":
      case "yank":
        return edit({ type: binding });
      case "delete_or_exit":
        return store.get().editor.text === "" ? hooks.exit() : edit({ type: "delete" });
      case "complete":
        if (!completer.accept()) completer.update();
        return;
      case "cycle_mode":
        return cycleMode();
      case "escape":
        return escape();
      case "interrupt":
        return interrupt();
      case "search":
        return store.dispatch({
          type: "set",
          values: { search: { query: "", index: -1, before: store.get().editor }, completion: null },
        });
      case "expand":
        return store.dispatch({ type: "expand_last" });
      case "edit":
        return guard(openEditor());
      case "redraw":
        return hooks.redraw();
      case "suspend":
        return hooks.suspend();
    }
  };

  const handleOne = (event: InputEvent): void => {
    if (store.get().hint !== null) hint(null);
    if (handleInCard(asker, event)) return;
    asker.typedElsewhere(Date.now(), event.type !== "key" || event.name === "backspace");
    if (handleInSearch(store, event)) return;
    if (event.type === "text") edit({ type: event.foreign ? "insert_foreign" : "insert", text: event.text });
    else if (event.type === "paste") edit({ type: "paste", text: event.text });
    else {
      const binding = bindingOf(event);
      if (binding !== null) carryOut(binding, event);
    }
  };

  return {
    handle(events) {
      for (const event of events) handleOne(event);
    },
    session,
    runner,
    asker,
  };
}
