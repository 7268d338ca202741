// The REPL in a real pseudo-terminal with a scripted agent: what the person sees and what reaches the agent.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { READY, useRepl, type ReplRun } from "../support/pty-repl.ts";

const ENTER = "\r";
const ESCAPE = "\u001b";
const CTRL = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) - 96);
const SHIFT_TAB = "\u001b[Z";
const UP = "\u001b[A";

const { launch, start } = useRepl();

const submits = (run: ReplRun): unknown[] =>
  run
    .calls()
    .filter(({ call }) => call === "submit")
    .map(({ argument }) => (argument as { text: string }).text);
const named = (run: ReplRun, name: string): unknown[] =>
  run
    .calls()
    .filter(({ call }) => call === name)
    .map(({ argument }) => argument);
/** The screen's last line that is not empty. */
const bottom = (run: ReplRun): string =>
  run.screen
    .lines()
    .filter((line) => line !== "")
    .at(-1) ?? "";

describe("start", () => {
  test("header once, then the prompt with the cursor in it", async () => {
    const run = await start();
    expect(run.screen.lines().slice(0, 6)).toEqual([
      "bmo 1.2.3 · ~/project",
      "",
      "! two files in one folder",
      "",
      "›",
      READY,
    ]);
    expect(run.screen.cursor()).toEqual({ x: 2, y: 4 });
  });

  test("what is typed before Ink is there is not lost", async () => {
    const run = launch();
    run.write("early words");
    await run.waitFor("› early words");
    run.write(ENTER);
    await run.waitFor("echo: early words (1)");
    expect(submits(run)).toEqual(["early words"]);
  });

  test("header and prompt stand before Ink is loaded", async () => {
    const run = await start();
    expect(run.output()).toMatch(/^\u001b\[\?2004hbmo 1\.2\.3 · ~\/project\r\n\r\n› /);
  });

  test("a prompt given on the command line is sent; a command given there is one, ! is not", async () => {
    const prompt = await start(
      { arguments: { initialPrompt: "!ls is no command here" } },
      "echo: !ls is no command here (1)",
    );
    expect(submits(prompt)).toEqual(["!ls is no command here"]);
    const command = await start({ arguments: { initialPrompt: "/status" } }, "s_fake");
    expect(submits(command)).toEqual([]);
  });

  test("a session that cannot be opened ends the program with its message and a usable terminal", async () => {
    const run = launch({ arguments: { failOpening: true } });
    expect((await run.exited).exitCode).toBe(1);
    expect(run.screen.text()).toContain("failed: the data folder cannot be written");
    expect(run.output()).toContain("\u001b[?2004l\u001b[?25h");
  });

  test("the CI variable of the environment does not silence the screen", async () => {
    const run = await start({ environment: { CI: "true" } });
    run.submit("hello");
    await run.waitFor("Hello there, you said hello.");
    expect(submits(run)).toEqual(["hello"]);
  });

  test("colours only where they are wanted", async () => {
    const plain = await start();
    plain.submit("hello");
    await plain.waitFor("$0.0123");
    expect(plain.output()).not.toMatch(/\u001b\[[0-9;]*m(?!\u001b\[\?2004l)/);
    const colored = await start({ environment: { NO_COLOR: "", FORCE_COLOR: "1" } });
    colored.submit("hello");
    await colored.waitFor("$0.0123");
    expect(colored.output()).toContain("\u001b[1mthere\u001b[22m");
  });
});

describe("approval", () => {
  test("typed /approve approves; a paste, an empty Enter and a burst do not", async () => {
    const run = await start({ rows: 50 });
    run.submit("plan");
    await run.waitFor("/reject       drops it");
    await run.waitFor("plan · plan awaits /approve");
    const card = run.screen.text();
    for (const part of [
      "◆ Plan Fix the sum",
      "modify src/a.ts",
      "bash(npm test)",
      "the whole workspace (**)",
      "executes  fake/small",
      "/approve      carries it out",
      "none for commands",
    ])
      expect(card).toContain(part);

    run.paste("/approve\r");
    await run.waitFor("› /approve");
    run.write(ENTER);
    await run.waitFor("a pasted /approve approves nothing");
    run.write(CTRL("c"));
    await run.waitFor((screen) => screen.lines().includes("›"));
    run.write(ENTER);
    run.write("x\r/approve\ry");
    await run.waitFor((screen) => screen.lines().includes("  /approve") && screen.lines().includes("  y"));
    expect(submits(run)).toEqual(["plan"]);
    expect(named(run, "approve")).toEqual([]);
    run.write(CTRL("c"));
    await run.waitFor((screen) => screen.lines().includes("›") && !screen.lines().includes("  y"));

    // Text and Enter in one chunk: the text stays, and Enter alone then counts.
    run.submit("/approve t1 go");
    await run.waitFor("press enter again to approve");
    expect(named(run, "approve")).toEqual([]);
    run.write(ENTER);
    await run.waitFor("The plan is carried out.");
    expect(named(run, "approve")).toEqual([{ via: "command", tickets: ["t1"], note: "go", unscoped: false }]);
    await run.waitFor("+ new");
    await run.waitFor(/implement · balanced → fake\/small · the execute model · \$0\.0123/);
    expect(run.screen.all().filter((line) => line === "The plan is carried out.").length).toBe(1);
  });

  test("Esc on a waiting plan approves nothing and says so; plain text is sent as feedback", async () => {
    const run = await start({ rows: 50 });
    run.submit("plan open");
    await run.waitFor("1. Which port?");
    await run.waitFor("refused until the open questions are answered");
    await run.waitFor((screen) => !screen.text().includes("esc interrupts"));
    run.write(ESCAPE);
    await run.waitFor("nothing is approved");
    run.submit("use port 80");
    await run.waitFor("echo: use port 80");
    expect(submits(run)).toEqual(["plan open", "use port 80"]);
    expect(named(run, "approve")).toEqual([]);
  });

  test("bmo approve starts the execution at once", async () => {
    const run = await start({ arguments: { approve: true } }, "The plan is carried out.");
    expect(named(run, "approve")).toEqual([{ via: "subcommand", tickets: null, note: null, unscoped: false }]);
  });
});

describe("while a turn runs", () => {
  test("text is queued and sent afterwards, readers answer at once, /approve is refused", async () => {
    const run = await start({ rows: 60 });
    run.submit("gate");
    await run.waitFor("Open the gate?");
    run.write("n");
    await run.waitFor("gate deny");
    run.submit("slow");
    await run.waitFor("I am thinking about it");
    run.submit("after this");
    await run.waitFor("queued: after this");
    run.submit("/approve");
    await run.waitFor("press enter again to approve");
    run.write(ENTER);
    await run.waitFor("/approve counts only once its plan is on the screen");
    run.submit("/status");
    await run.waitFor("s_fake");
    expect(submits(run)).toEqual(["gate", "slow"]);
    run.write(ESCAPE);
    await run.waitFor("interrupted");
    // After an interruption nothing goes by itself: the text is back in the editor.
    await run.waitFor("› after this");
    expect(submits(run)).toEqual(["gate", "slow"]);
    run.write(ENTER);
    await run.waitFor("echo: after this");
    expect(named(run, "approve")).toEqual([]);
  });

  test("what was queued is sent when the turn is done", async () => {
    const run = await start({ rows: 40 });
    run.submit("gate");
    await run.waitFor("Open the gate?");
    run.write("y");
    await run.waitFor("gate allow_once");
    run.submit("stream 200");
    await run.waitFor("› stream 200");
    run.submit("second");
    await run.waitFor("echo: second");
    expect(submits(run)).toEqual(["gate", "stream 200", "second"]);
  });

  test("a shell command runs as typed, joins the context, and Esc stops it", async () => {
    const run = await start();
    run.submit("!ls -la | wc");
    await run.waitFor("ran ls -la | wc");
    run.submit("!wait");
    await run.waitFor("partial output");
    run.write(ESCAPE);
    await run.waitFor("ended by a signal");
    expect(named(run, "recordShell")).toEqual([
      { command: "ls -la | wc", output: "ran ls -la | wc\n", exitCode: 0 },
      { command: "wait", output: "stopped\n", exitCode: null },
    ]);
  });
});

describe("cards", () => {
  test("arrows, numbers and letters choose; Esc denies; a paste chooses nothing", async () => {
    const run = await start({ rows: 40 });
    const ask = async (keys: string, expected: string): Promise<void> => {
      const before = named(run, "reply").length;
      run.submit("permission");
      await run.waitFor("Allow bash?");
      run.write(keys);
      await run.waitFor(() => named(run, "reply").length > before, `a reply to ${JSON.stringify(keys)}`);
      expect((named(run, "reply").at(-1) as { answer: string }).answer).toBe(expected);
      await run.waitFor((screen) => !screen.text().includes("esc interrupts") && screen.lines().includes("›"));
    };
    await ask(ENTER, "allow_once");
    await ask("2", "allow_session");
    await ask("p", "allow_project");
    await ask("\u001b[B\u001b[B\u001b[B\r", "deny");
    await ask(ESCAPE, "deny");
    run.submit("permission");
    await run.waitFor("Allow bash?");
    run.paste("y\r");
    // A key in the chunk of a paste belongs to the paste: a moment passes first.
    await run.waitFor(/waiting for your answer [1-9]/);
    run.write("t");
    await run.waitFor("enter sends, esc goes back");
    run.submit("use git clean");
    await run.waitFor(() => named(run, "reply").length === 6);
    expect(named(run, "reply").at(-1)).toEqual({ answer: "deny", feedback: "use git clean" });
  });

  test("a question takes a choice or an own answer", async () => {
    const run = await start();
    run.submit("question");
    await run.waitFor("Which name?");
    run.write("b");
    await run.waitFor("chosen beta");
    run.submit("question");
    await run.waitFor((screen) => screen.lines().some((line) => line.startsWith("› 1. alpha")));
    run.write("3");
    await run.waitFor("enter sends");
    run.submit("gamma ray");
    await run.waitFor("chosen gamma ray");
    expect(named(run, "reply")).toEqual([
      { answer: "text", text: "beta" },
      { answer: "text", text: "gamma ray" },
    ]);
  });

  test("a card that opens in the middle of typing does not take the typed letters", async () => {
    const run = await start({ rows: 40 });
    run.write("permission");
    await run.waitFor("› permission");
    run.write(`${ENTER}yes, I`);
    await run.waitFor("Allow bash?");
    await run.waitFor((screen) => screen.text().includes("Allow bash?"));
    expect(named(run, "reply")).toEqual([]);
    run.write(ESCAPE);
    await run.waitFor(() => true);
    expect(named(run, "approve")).toEqual([]);
  });

  test("trust is asked before the session is there and defaults to no", async () => {
    const run = await start({ arguments: { trust: true } }, "Do you trust this directory");
    run.write(ENTER);
    await run.waitFor(READY);
    expect(named(run, "trust")).toEqual([{ answer: "deny", feedback: null }]);
  });

  test("a session is picked from a list; Esc leaves", async () => {
    const run = await start({ arguments: { initial: "pick" } }, "second of them");
    run.write("\u001b[B\r");
    await run.waitFor("the old answer");
    expect(named(run, "open")).toEqual([{ kind: "resume", id: "s_two" }]);
    expect(run.screen.all()).toContain("› the old question");
    const left = await start({ arguments: { initial: "pick" } }, "second of them");
    left.write(ESCAPE);
    expect((await left.exited).exitCode).toBe(0);
  });
});

describe("modes", () => {
  test("Shift+Tab goes plan, default, acceptEdits, plan", async () => {
    const run = await start();
    for (const mode of ["default", "acceptEdits", "plan"]) {
      run.write(SHIFT_TAB);
      await run.waitFor(() => bottom(run).startsWith(`${mode} ·`));
    }
    expect(
      run
        .calls()
        .filter(({ call }) => call.startsWith("set"))
        .map(({ argument }) => argument),
    ).toEqual([false, "default", false, "acceptEdits", true, "default"]);
  });

  test.each([
    [1, "default"],
    [2, "acceptEdits"],
    [3, "plan"],
  ])("pressed %i times while the session is opened, it leaves the mode %s", async (presses, mode) => {
    const folder = mkdtempSync(join(tmpdir(), "bmo-opening-"));
    const file = join(folder, "open");
    const run = launch({ arguments: { openWith: file } });
    await run.waitFor("opening the session");
    run.write(`${SHIFT_TAB.repeat(presses)}typed`);
    await run.waitFor("› typed");
    writeFileSync(file, "");
    await run.waitFor(() => bottom(run).startsWith(`${mode} ·`));
    expect(run.calls().filter(({ call }) => call.startsWith("set"))).toHaveLength(2 * presses);
    rmSync(folder, { recursive: true });
  });

  test("pressed while a session with a pending plan is opened, it is refused in words", async () => {
    const folder = mkdtempSync(join(tmpdir(), "bmo-opening-"));
    const file = join(folder, "open");
    const run = launch({ arguments: { openWith: file, approve: true } });
    await run.waitFor("opening the session");
    run.write(`${SHIFT_TAB}typed`);
    await run.waitFor("› typed");
    writeFileSync(file, "");
    await run.waitFor("the mode stays as it is, since a plan is pending");
    expect(named(run, "setWorkflow")).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  test("it is refused on an open card, waits for the turn's end, and asks when a plan is pending", async () => {
    const run = await start({ rows: 60 });
    run.submit("permission");
    await run.waitFor("Allow bash?");
    run.write(SHIFT_TAB);
    await run.waitFor("answer the question first");
    run.write("n");
    await run.waitFor("answered deny");
    run.submit("slow");
    await run.waitFor("I am thinking");
    run.write(SHIFT_TAB);
    await run.waitFor("plan → default next turn");
    expect(named(run, "setWorkflow")).toEqual([]);
    run.write(ESCAPE);
    await run.waitFor(() => bottom(run).startsWith("default ·"));
    run.write(SHIFT_TAB);
    run.write(SHIFT_TAB);
    await run.waitFor(() => bottom(run).startsWith("plan ·"));
    run.submit("plan");
    await run.waitFor(
      (screen) => screen.text().includes("plan awaits /approve") && !screen.text().includes("esc interrupts"),
    );
    const before = named(run, "setWorkflow").length;
    run.write(SHIFT_TAB);
    await run.waitFor("Switch to default although the plan");
    run.write("n");
    await run.waitFor("→ no");
    expect(named(run, "setWorkflow").length).toBe(before);
  });
});

describe("keys", () => {
  test("new lines by Ctrl+J, Alt+Enter and a trailing backslash; Enter sends all", async () => {
    const run = await start();
    run.write("one");
    run.write(CTRL("j"));
    run.write("two\u001b\rthree\\");
    await run.waitFor("three\\");
    run.write(ENTER);
    run.write("four");
    await run.waitFor("four");
    run.write(ENTER);
    await run.waitFor("echo: one");
    expect(submits(run)).toEqual(["one\ntwo\nthree\nfour"]);
  });

  test("history survives the process; Up, Down and Ctrl+R find it", async () => {
    const first = await start();
    first.submit("first thing");
    await first.waitFor("echo: first thing");
    first.submit("second thing");
    await first.waitFor("echo: second thing");
    first.write(CTRL("d"));
    await first.exited;
    const run = await start({ folder: first.folder });
    run.write(`draft${UP}`);
    await run.waitFor("› second thing");
    run.write(UP);
    await run.waitFor("› first thing");
    run.write("\u001b[B\u001b[B");
    await run.waitFor("› draft");
    run.write(`${CTRL("u")}${CTRL("r")}first`);
    await run.waitFor("search history: first");
    run.write(ENTER);
    await run.waitFor("› first thing");
    run.write(ENTER);
    await run.waitFor("echo: first thing");
    expect(readFileSync(join(first.folder, "state", "history.jsonl"), "utf8")).toBe(
      '"first thing"\n"second thing"\n"first thing"\n',
    );
  });

  test("Tab completes commands with hints, files and skills", async () => {
    const run = await start();
    run.write("/app");
    await run.waitFor("/approve [ids] [note]");
    run.write("\t");
    await run.waitFor("› /approve [ids] [note]");
    run.write(`${CTRL("u")}look at @beta`);
    await run.waitFor("› src/beta.ts");
    run.write("\t");
    await run.waitFor("› look at @src/beta.ts");
    run.write(`${CTRL("u")}@blank`);
    await run.waitFor("docs/with blank.md");
    run.write("\t");
    await run.waitFor('› @"docs/with blank.md"');
    run.write(`${CTRL("u")}/skill rel`);
    await run.waitFor((screen) => screen.lines().some((line) => line.trim() === "› release"));
    run.write("\t");
    await run.waitFor("› /skill release");
    expect(submits(run)).toEqual([]);
  });

  test("an unknown command names the nearest; // escapes; paths are prompts", async () => {
    const run = await start();
    run.submit("/statu");
    await run.waitFor("Did you mean /status");
    run.submit("//status of things");
    await run.waitFor("echo: /status of things");
    run.submit("/etc/hosts looks wrong");
    await run.waitFor("echo: /etc/hosts looks wrong");
    expect(submits(run)).toEqual(["/status of things", "/etc/hosts looks wrong"]);
  });

  test("Ctrl+O prints a folded result in full", async () => {
    const run = await start({ rows: 70 });
    run.submit("tool");
    await run.waitFor(/… 3\d more lines \(ctrl\+o\)/);
    expect(run.screen.text()).not.toContain("output line 20");
    run.write(CTRL("o"));
    await run.waitFor("output line 20");
    run.write(CTRL("o"));
    await run.waitFor("no folded output");
  });

  test("Ctrl+G hands the terminal to the editor and takes its text", async () => {
    const run = await start();
    run.write("draft");
    await run.waitFor("› draft");
    run.write(CTRL("g"));
    await run.waitFor("› draft edited");
    expect(named(run, "edit")).toEqual([{ text: "draft", extension: ".md", raw: false }]);
    expect(run.screen.all()).toContain("EDITOR HAS THE TERMINAL");
    run.write(ENTER);
    await run.waitFor("echo: draft edited");
    expect(run.screen.all().filter((line) => line.includes("echo: draft edited")).length).toBe(1);
  });

  test("Ctrl+C clears, cancels, and twice exits", async () => {
    const run = await start();
    run.write("some text");
    await run.waitFor("› some text");
    run.write(CTRL("c"));
    await run.waitFor((screen) => screen.lines().includes("›"));
    run.submit("slow");
    await run.waitFor("I am thinking");
    run.write(CTRL("c"));
    await run.waitFor("! interrupted");
    run.write(CTRL("c"));
    expect((await run.exited).exitCode).toBe(0);
    expect(
      run
        .calls()
        .map(({ call }) => call)
        .filter((call) => call === "abort" || call === "close"),
    ).toEqual(["abort", "close"]);
  });

  test("Ctrl+L draws anew and loses nothing; Ctrl+Z without a shell goes on", async () => {
    const run = await start();
    run.submit("hello");
    await run.waitFor("$0.0123");
    await run.waitFor((screen) => !screen.text().includes("esc interrupts"));
    run.write(CTRL("l"));
    await run.waitFor((screen) => screen.lines().includes("›") && !screen.text().includes("Hello there"));
    expect(run.screen.all()).toContain("Hello there, you said hello.");
    run.write(CTRL("z"));
    await run.waitForBytes(/\u001b\[\?2004l[\s\S]*\u001b\[\?2004h/);
    run.submit("hello");
    await run.waitFor((screen) => screen.text().includes("Hello there"));
  });
});
