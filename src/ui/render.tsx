// Starts the REPL and ends it: first paint, terminal modes, Ink, session, signals. Light to import: Ink comes later.

import { EXIT, type ExitCode } from "../types/error.ts";
import { commands } from "../commands/index.ts";
import { createController } from "./controller.ts";
import { createDrawing } from "./drawing.ts";
import { typedAtEnd } from "./echo.ts";
import { paintFirst } from "./first-paint.ts";
import type { InputEvent } from "./input/decode.ts";
import { createInputReader } from "./input/reader.ts";
import { loadInk } from "./load-ink.ts";
import type { Mounted } from "./mount.tsx";
import type { ReplOptions } from "./options.ts";
import { initialState } from "./state.ts";
import { classifyPrompt } from "./runner.ts";
import { createStore } from "./store.ts";
import { createTerminal } from "./terminal.ts";
import { UP_ONE_ROW } from "./terminal-codes.ts";
import { wantsColor } from "./theme.ts";

const SIGNALS: Record<"SIGINT" | "SIGTERM" | "SIGHUP", ExitCode> = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGHUP: EXIT.hangup,
};
/** Milliseconds after which a stop that nobody carried out counts as ignored. */
const STOP_WAIT_MS = 100;

type Ending = { code: ExitCode } | { thrown: unknown };

/**
 * Runs until the person leaves or a signal ends it; the terminal is as it was found. @throws what the first opening of
 * the session or a drawing threw.
 */
export async function startRepl(options: ReplOptions): Promise<ExitCode> {
  const { stdin, stdout, stderr, environment } = options;
  const paint = options.firstPaint ?? paintFirst(options);
  const terminal = createTerminal(stdin, stdout, environment);
  terminal.enter();
  const { columns, rows } = terminal.size();
  const store = createStore(initialState(columns, rows));
  const drawing = createDrawing(wantsColor(environment), () => store.dispatch({ type: "set", values: {} }));
  let finish: (ending: Ending) => void = () => undefined;
  const finished = new Promise<Ending>((resolve) => {
    finish = resolve;
  });

  let mounted: Mounted | null = null;
  const mount = (): void => {
    store.dispatch({ type: "set", values: { hidden: false } });
    mounted = ink.mountApp(
      { store, commands, drawing, output: terminal.output, base: store.get().transcript.printed },
      stdin,
      stderr,
    );
    mounted.ended.catch((thrown: unknown) => finish({ thrown }));
  };
  const unmount = (): void => {
    store.dispatch({ type: "set", values: { hidden: true } });
    mounted?.flush();
    mounted?.unmount();
    mounted = null;
  };

  const withTerminal = async <Result,>(work: () => Promise<Result>): Promise<Result> => {
    reader.stop();
    unmount();
    // An empty frame is an empty line; what is drawn next brings its own.
    stdout.write(UP_ONE_ROW);
    terminal.leave();
    try {
      return await work();
    } finally {
      terminal.enter();
      const size = terminal.size();
      terminal.output.columns = size.columns;
      store.dispatch({ type: "set", values: size });
      mount();
      reader.start();
    }
  };
  const stopped = (): Promise<void> =>
    new Promise((resolve) => {
      // Without a shell that could continue the process the system ignores the stop.
      const timer = setTimeout(resolve, STOP_WAIT_MS);
      process.once("SIGCONT", () => {
        clearTimeout(timer);
        resolve();
      });
      process.kill(process.pid, "SIGTSTP");
    });
  const controller = createController(options, store, drawing, {
    exit: () => finish({ code: EXIT.done }),
    redraw: () => terminal.redraw(),
    suspend: () => void withTerminal(stopped),
    shownCard: () => terminal.output.shownCard,
    withTerminal,
  });

  let signalled = false;
  const onSignal = (name: NodeJS.Signals): void => {
    if (name !== "SIGINT" && name !== "SIGTERM" && name !== "SIGHUP") return;
    // The second one waits for nothing but a command's effects.
    if (signalled) {
      void (options.unsettled()?.settled() ?? Promise.resolve()).then(() => process.exit(SIGNALS[name]));
      return;
    }
    signalled = true;
    finish({ code: SIGNALS[name] });
  };
  for (const name of Object.keys(SIGNALS)) process.on(name, onSignal);

  const handleInput = (events: InputEvent[]): void => {
    const before = store.get();
    controller.handle(events);
    const typed = typedAtEnd(before, store.get());
    if (typed !== null) terminal.output.echo(typed);
  };

  const ink = await loadInk(environment);
  const reader = createInputReader(stdin, paint.takeOver(), handleInput);
  terminal.onResize((newColumns, newRows) => {
    store.dispatch({ type: "set", values: { columns: newColumns, rows: newRows } });
    mounted?.flush();
  });
  mount();
  reader.start();

  const openFirst = async (): Promise<void> => {
    try {
      if (options.initial.kind !== "pick") await controller.session.open(options.initial);
      else if (!(await controller.session.pick())) {
        finish({ code: EXIT.done });
        return;
      }
    } catch (thrown) {
      finish({ thrown });
      return;
    }
    if (options.startWithApprove) controller.runner.startApproved();
    else if (options.initialPrompt !== null && options.initialPrompt.trim() !== "")
      controller.runner.send(classifyPrompt(options.initialPrompt));
    controller.runner.drain();
  };
  void openFirst();

  const ending = await finished;
  reader.stop();
  controller.asker.dismissAll();
  const what = options.unsettled()?.what() ?? null;
  if (what !== null)
    store.dispatch({
      type: "print",
      block: { kind: "notice", level: "info", text: `ending ${what} and settling its effects` },
    });
  if (controller.runner.busy()) await controller.runner.interrupt();
  await controller.session.close();
  unmount();
  terminal.dispose();
  for (const name of Object.keys(SIGNALS)) process.off(name, onSignal);
  if ("thrown" in ending) throw ending.thrown;
  return ending.code;
}
