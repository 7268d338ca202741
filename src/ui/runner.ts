// Carries out what was sent: prompts, slash commands, shell commands; one at a time, the rest waits in the queue.
// Approval comes from here only, for a command that was typed.

import { findCommand, runCommand } from "../commands/index.ts";
import { parseCommand, unescapePrompt } from "../commands/parse.ts";
import type { CommandAction, CommandResult } from "../types/command.ts";
import type { ImageBlock } from "../types/message.ts";
import { toErrorInfo } from "../util/errors.ts";
import { mentionedPaths } from "./completion.ts";
import { FRAME_MS } from "./components/status-line.ts";
import type { ReplOptions } from "./options.ts";
import type { UiSession } from "./session.ts";
import type { QueuedInput } from "./state.ts";
import type { Store } from "./store.ts";

/** Commands that act from the next turn on, stop the turn by themselves, or end the REPL: they need not wait. */
const AT_ONCE: ReadonlySet<string> = new Set(["plan", "model", "tier", "exit"]);
const IMAGE = /\.(png|jpe?g|gif|webp)$/i;

export interface RunnerHooks {
  exit(): void;
  /** Hands the terminal to the editor and takes it back. */
  editText(text: string, extension: string): Promise<string | null>;
}

export interface Runner {
  /** What the person sent. A slash command counts only where `isCommand`; `/approve` only where it was typed. */
  send(input: QueuedInput): void;
  /** Starts the execution that `bmo approve` on the command line approved. */
  startApproved(): void;
  busy(): boolean;
  /** Stops what runs; what waits goes back to the person. */
  interrupt(): Promise<void>;
  drain(): void;
}

/** What a text typed into the prompt is. */
export function classify(text: string): QueuedInput {
  if (text.startsWith("!") && text.slice(1).trim() !== "") return { kind: "shell", text: text.slice(1).trim() };
  return classifyPrompt(text);
}

/** The same for a text from elsewhere, which never runs a shell. */
export function classifyPrompt(text: string): QueuedInput {
  if (parseCommand(text) !== null) return { kind: "command", text: text.trim() };
  return { kind: "prompt", text: unescapePrompt(text) };
}

function sameText(left: string, right: string): boolean {
  return left.replace(/\s+/g, "") === right.replace(/\s+/g, "");
}

export function createRunner(options: ReplOptions, store: Store, session: UiSession, hooks: RunnerHooks): Runner {
  /** Commands that run beside a turn, such as `/plan <feedback>`; what runs is over when they are. */
  const beside = new Set<Promise<void>>();
  let shellAbort: AbortController | null = null;
  /** An edited text that could not be taken, and what it was made of: opened again, so that nothing written is lost. */
  let refusedEdit: { of: string; text: string } | null = null;
  const print = (block: Parameters<Store["dispatch"]>[0] & { type: "print" }): void => store.dispatch(block);
  const printError = (thrown: unknown): void =>
    print({ type: "print", block: { kind: "error", error: toErrorInfo(thrown) } });

  /** Runs one thing with the clock on; `work` says whether the queue may follow. */
  const operate = async (label: string, work: () => Promise<boolean>): Promise<void> => {
    const now = Date.now();
    store.dispatch({ type: "set", values: { running: { since: now, label }, now } });
    const clock = setInterval(() => store.dispatch({ type: "set", values: { now: Date.now() } }), FRAME_MS);
    let goOn = false;
    try {
      goOn = await work();
    } catch (thrown) {
      printError(thrown);
    }
    while (beside.size > 0) await Promise.allSettled(beside);
    await session.settle();
    session.showReport();
    clearInterval(clock);
    session.applyNextMode();
    store.dispatch({ type: "set", values: { running: null, shellOutput: "" } });
    await session.refreshNext();
    if (goOn) drain();
    else returnQueue();
  };

  /** After a failure or an interruption nothing is sent by itself: the text goes back into the editor. */
  const returnQueue = (): void => {
    const { queue, editor } = store.get();
    if (queue.length === 0) return;
    const back = queue.map((one) => (one.kind === "shell" ? `!${one.text}` : one.text)).join("\n");
    store.dispatch({ type: "set", values: { queue: [] } });
    store.dispatch({
      type: "editor",
      action: { type: "set", text: editor.text === "" ? back : `${back}\n${editor.text}` },
    });
  };

  const imagesOf = async (text: string): Promise<ImageBlock[]> => {
    const images: ImageBlock[] = [];
    for (const path of mentionedPaths(text).filter((one) => IMAGE.test(one))) {
      const image = await options.readImage(path);
      if (image === null)
        print({
          type: "print",
          block: {
            kind: "notice",
            level: "warning",
            text: `${path} is not sent as an image: it cannot be read or is not a PNG, JPEG, GIF or WebP`,
          },
        });
      else images.push(image);
    }
    return images;
  };

  const prompt = async (text: string): Promise<boolean> => {
    const opened = session.current();
    if (opened === null) return false;
    print({ type: "print", block: { kind: "user", text } });
    const result = await opened.agent.submit({ text, images: await imagesOf(text) });
    return result.reason === "done" || result.reason === "awaiting_approval";
  };

  const shell = async (command: string): Promise<boolean> => {
    shellAbort = new AbortController();
    try {
      const outcome = await options.runShell(
        command,
        (text) =>
          store.dispatch({ type: "set", values: { shellOutput: (store.get().shellOutput + text).slice(-8000) } }),
        shellAbort.signal,
      );
      print({ type: "print", block: { kind: "shell", command, output: outcome.output, exitCode: outcome.exitCode } });
      session.current()?.agent.recordShell(command, outcome.output, outcome.exitCode);
      return !shellAbort.signal.aborted;
    } finally {
      shellAbort = null;
    }
  };

  const act = async (action: CommandAction): Promise<void> => {
    switch (action.type) {
      case "none":
        return;
      case "exit":
        hooks.exit();
        return;
      case "new_session":
        await session.open({ kind: "new" });
        return;
      case "resume_session":
        if (action.id === null) await session.pick();
        else await session.open({ kind: "resume", id: action.id });
        return;
      case "toggle_detail":
        store.dispatch({ type: "toggle_detail" });
        return;
      case "edit_text": {
        const edited = await hooks.editText(
          refusedEdit?.of === action.text ? refusedEdit.text : action.text,
          action.extension,
        );
        if (edited === null) {
          print({ type: "print", block: { kind: "notice", level: "info", text: "nothing was changed" } });
          return;
        }
        let result: CommandResult;
        try {
          result = await action.apply(edited);
        } catch (thrown) {
          refusedEdit = { of: action.text, text: edited };
          print({
            type: "print",
            block: {
              kind: "notice",
              level: "warning",
              text: "What you wrote is kept: the same command opens it again.",
            },
          });
          throw thrown;
        }
        refusedEdit = null;
        await showResult(result);
      }
    }
  };

  const showResult = async (result: CommandResult): Promise<void> => {
    if (result.text.trim() !== "")
      print({
        type: "print",
        block: { kind: "output", text: result.text, failed: result.exitCode === 2 || result.exitCode === 1 },
      });
    await act(result.action);
  };

  const command = async (text: string): Promise<boolean> => {
    const opened = session.current();
    const parsed = parseCommand(text);
    if (opened === null || parsed === null) return false;
    print({ type: "print", block: { kind: "user", text } });
    const turnBefore = session.lastTurn();
    const result = await runCommand(parsed, opened.context);
    await session.settle();
    const turn = session.lastTurn();
    // What the turn of this command said is on the screen already.
    const said = turn !== null && turn !== turnBefore && sameText(turn.text, result.text);
    await showResult(said ? { ...result, text: "" } : result);
    session.noteExecutionModel();
    return result.exitCode === 0 || result.exitCode === 3;
  };

  const start = (input: QueuedInput): void => {
    if (input.kind === "shell") void operate("running", () => shell(input.text));
    else if (input.kind === "prompt") void operate("working", () => prompt(input.text));
    else void startCommand(input.text);
  };

  const startCommand = async (text: string): Promise<void> => {
    const definition = findCommand(parseCommand(text)?.name ?? "");
    if (definition !== undefined && !definition.readOnly && store.get().running === null) {
      await operate("working", () => command(text));
      return;
    }
    // Answers at once, also beside a running turn.
    const answered = command(text).then(() => undefined, printError);
    beside.add(answered);
    await answered;
    beside.delete(answered);
    await session.refreshNext();
    if (store.get().running === null) drain();
  };

  const drain = (): void => {
    const { queue, running, ready } = store.get();
    const [first, ...rest] = queue;
    if (first === undefined || running !== null || !ready) return;
    store.dispatch({ type: "set", values: { queue: rest } });
    start(first);
  };

  const mayRunNow = (input: QueuedInput): boolean => {
    const { running, ready } = store.get();
    if (!ready) return false;
    if (running === null) return true;
    if (input.kind !== "command") return false;
    const definition = findCommand(parseCommand(input.text)?.name ?? "");
    return definition === undefined || definition.readOnly || AT_ONCE.has(definition.name);
  };

  return {
    send(input) {
      if (mayRunNow(input)) {
        start(input);
        return;
      }
      // An approval never waits for a plan that nobody has read yet.
      if (input.kind === "command" && parseCommand(input.text)?.name === "approve") {
        print({
          type: "print",
          block: {
            kind: "notice",
            level: "warning",
            text: store.get().ready
              ? "a turn is running: /approve counts only once its plan is on the screen"
              : "the session is still being opened; type /approve again once the plan is on the screen",
          },
        });
        return;
      }
      store.dispatch({ type: "set", values: { queue: [...store.get().queue, input] } });
    },
    startApproved() {
      const opened = session.current();
      if (opened === null) return;
      void operate("executing", async () => {
        const result = await opened.agent.approve({ via: "subcommand", tickets: null, note: null, unscoped: false });
        return result.reason === "done";
      });
    },
    busy: () => store.get().running !== null,
    async interrupt() {
      shellAbort?.abort();
      await session.current()?.agent.abort("the user interrupted it");
    },
    drain,
  };
}
