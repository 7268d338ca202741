// What the REPL does to the terminal: scrollback, sizes, resizing, hostile bytes, large pastes, and every way out.

import { describe, expect, test } from "vitest";
import { startPty } from "../support/pty.ts";
import { READY, useRepl, type ReplRun } from "../support/pty-repl.ts";

const CTRL_D = "\u0004";

const { build, launch, start, track } = useRepl();

const idle = (run: ReplRun): Promise<void> =>
  run.waitFor((screen) => !screen.text().includes("esc interrupts"), "idle");
const count = (run: ReplRun, line: string): number => run.screen.all().filter((one) => one === line).length;

describe("scrollback", () => {
  test("a long answer wipes nothing, and stands there once and in order", async () => {
    const run = await start({ rows: 20 });
    run.submit("stream 300");
    await run.waitFor("paragraph 300 of the answer");
    await run.waitFor("$0.0123");
    await idle(run);
    const shown = run.screen.all().filter((line) => line.startsWith("paragraph "));
    expect(shown).toEqual(Array.from({ length: 300 }, (_, index) => `paragraph ${index + 1} of the answer`));
    expect(run.output()).not.toContain("\u001b[3J");
    expect(run.output()).not.toContain("\u001b[2J");
    expect(run.screen.all()[0]).toBe("bmo 1.2.3 · ~/project");
  });

  test("lines of the shell before the start are kept", async () => {
    const run = track(
      startPty(
        [
          "/bin/sh",
          "-c",
          `for i in $(seq 50); do echo "shell line $i"; done; exec "$0" "$@"`,
          process.execPath,
          `${build().folder}/program.mjs`,
          JSON.stringify({ folder: build().folder, log: `${build().folder}/log` }),
        ],
        { rows: 20 },
      ),
    );
    await run.waitFor(READY);
    run.write("stream 100\r");
    await run.waitFor("$0.0123");
    expect(run.screen.all().slice(0, 51)).toEqual([
      ...Array.from({ length: 50 }, (_, index) => `shell line ${index + 1}`),
      "bmo 1.2.3 · ~/project",
    ]);
  });

  test("the frame never reaches the terminal's height, whatever is in it", async () => {
    const run = await start({ rows: 12 });
    run.write(`${"line\n".repeat(30)}/`);
    await run.waitFor((screen) => screen.lines().some((line) => line.endsWith("/")));
    run.write("\u0003permission\r");
    await run.waitFor("1. Yes, this once (y)");
    expect(run.screen.all()[0]).toBe("bmo 1.2.3 · ~/project");
    expect(run.screen.lines().at(-1)).toBe("");
    run.write("n");
    await run.waitFor("answered deny");
    await idle(run);
    expect(count(run, "bmo 1.2.3 · ~/project")).toBe(1);
  });
});

describe("resizing", () => {
  test.each([
    [80, 24, 40, 24],
    [80, 24, 200, 50],
    [80, 24, 80, 10],
    [100, 30, 30, 8],
  ])("%i×%i to %i×%i leaves one prompt and one status line", async (columns, rows, newColumns, newRows) => {
    const run = await start({ columns, rows });
    run.submit("hello");
    await run.waitFor("$0.0123");
    await idle(run);
    run.write("some words in the editor, wrapped on a narrow screen");
    // Drawn, not only shown ahead of the drawing.
    await run.waitForBytes(/narrow screen\u001b\[K/);
    run.resize(newColumns, newRows);
    // The new size is drawn once quiet: another key then goes to a consistent screen.
    await run.waitForBytes(/\r\u001b\[J/);
    run.write("\u0015bye");
    await run.waitFor((screen) => screen.lines().some((line) => line === "› bye"));
    await run.waitFor(
      (screen) => screen.lines().filter((line) => line.startsWith("›") && line !== "› hello").length === 1,
      "one prompt",
    );
    expect(run.screen.lines().filter((line) => line.startsWith("plan")).length).toBe(1);
    expect(run.screen.all().filter((line) => line.includes("Hello there")).length).toBe(1);
    run.submit("");
    await run.waitFor("echo: bye");
  });

  test.each(["", "vscode"])(
    "back and forth with wrapped text in the editor leaves nothing behind and takes nothing away (%s)",
    async (program) => {
      const run = await start({ columns: 90, rows: 20, environment: { TERM_PROGRAM: program } });
      run.write("a draft of some length in the editor that is nearly as wide as it gets here");
      await run.waitForBytes(/gets here\u001b\[K/);
      for (const [columns, rows, row] of [
        [50, 14, 2],
        [120, 24, 1],
        [40, 20, 3],
        [90, 20, 1],
      ] as const) {
        run.resize(columns, rows);
        await run.waitFor(
          (screen) =>
            screen.cursor().y === screen.lines().findIndex((line) => line.startsWith("› a draft")) + row - 1 &&
            screen.lines().filter((line) => line.startsWith("› a draft")).length === 1 &&
            screen.lines().filter((line) => line.startsWith("plan ·")).length === 1,
          `a clean screen at ${columns}×${rows}`,
        );
      }
      expect(run.screen.lines().slice(0, 4)).toEqual(["bmo 1.2.3 · ~/project", "", "! two files in one folder", ""]);
      expect(run.screen.all().filter((line) => line.includes("a draft")).length).toBe(1);
      run.write("!");
      await run.waitFor("gets here!");
    },
  );

  test.each([20, 40, 80, 200])("%i columns: nothing is wider, and everything works", async (columns) => {
    const run = await start({ columns, rows: 60 }, /\nplan/);
    run.submit("plan");
    await run.waitFor("/reject");
    await run.waitFor((screen) => !screen.text().includes("esc inter") && screen.lines().includes("›"));
    expect(run.screen.lines().every((line) => [...line].length <= columns)).toBe(true);
    run.submit("permission");
    await run.waitFor("Allow bash?");
    run.write("n");
    await run.waitFor("answered deny");
  });

  test.each([1, 2, 3, 5])("%i rows: it runs, takes input and ends", async (rows) => {
    const run = launch({ rows });
    run.submit("small screen");
    await run.waitFor("echo: small screen");
    run.write(CTRL_D);
    expect((await run.exited).exitCode).toBe(0);
  });
});

describe("what is shown", () => {
  test("hostile bytes of tools and models move nothing and stay visible as text", async () => {
    const run = await start();
    run.submit("hostile");
    await run.waitFor("$0.0123");
    await idle(run);
    const sent = run.output();
    for (const bytes of ["\u001b]0;owned", "\u001b]52;", "\u001b[2J", "\u001b[31m", "\u202e"])
      expect(sent).not.toContain(bytes);
    expect(run.screen.text()).toContain("abc<U+202E>dcba");
    expect(run.screen.text()).toContain("red and clip");
  });

  test("emoji, CJK and combining marks keep the cursor where it belongs", async () => {
    const run = await start();
    run.write("日本e\u0301x");
    await run.waitFor("日本");
    await run.waitFor((screen) => screen.cursor().x === 2 + 4 + 1 + 1);
    run.write("\u007f\u007f\u007f");
    await run.waitFor((screen) => screen.lines().includes("› 日") && screen.cursor().x === 4);
    run.submit("!");
    await run.waitFor("$0.0123");
    expect(
      run
        .calls()
        .filter(({ call }) => call === "submit")
        .map(({ argument }) => argument),
    ).toEqual([{ text: "日!", images: 0 }]);
  });

  test("keys shown ahead of the drawing leave the screen that the drawing leaves", async () => {
    const run = await start({ columns: 40 });
    const typed = "words up to the edge of forty columns, and beyond";
    for (const character of typed) {
      run.write(character);
      const { x } = run.screen.cursor();
      await run.waitFor((screen) => screen.cursor().x !== x);
    }
    await run.waitFor(
      (screen) =>
        screen.text().includes("› words up to the edge of forty column\n  s, and beyond\nplan ") &&
        screen.cursor().x === 15,
    );
    // A character in the middle, the start of a shell command and a deletion take the long way.
    run.write("\u001b[D\u001b[DX\u007f\u0005!");
    await run.waitFor((screen) => screen.lines().includes("  s, and beyond!") && screen.cursor().x === 16);
    run.write("\u0015");
    await run.waitFor((screen) => screen.lines().includes("›"));
    run.write("!");
    await run.waitFor((screen) => screen.lines().includes("!") && screen.cursor().x === 2);
    run.write("ls");
    await run.waitFor((screen) => screen.lines().includes("! ls") && screen.cursor().x === 4);
    expect(run.screen.lines().filter((line) => line.includes("words"))).toEqual([]);
  });

  test("an edit is shown as a diff", async () => {
    const run = await start();
    run.submit("edit");
    await run.waitFor("$0.0123");
    expect(run.screen.lines().map((line) => line.trim())).toEqual(
      expect.arrayContaining([
        "✓ edit src/a.ts",
        "src/a.ts +1 -1",
        "1   keep",
        "2 - return a - b;",
        "2 + return a + b;",
        "3   end",
      ]),
    );
  });

  test("a paste of a megabyte arrives whole and is shown as a mark", async () => {
    const run = await start();
    const text = "0123456789abcdef\n".repeat(62_000);
    run.write("\u001b[200~");
    for (let at = 0; at < text.length; at += 4096) run.write(text.slice(at, at + 4096));
    run.write("\u001b[201~");
    await run.waitFor("[paste 1: 62001 lines, 1054000 characters]");
    run.write("\r");
    await run.waitFor("echo: 1054000 characters");
    expect(
      run
        .calls()
        .filter(({ call }) => call === "submit")
        .map(({ argument }) => (argument as { text: string }).text),
    ).toEqual([text]);
  });
});

describe("ways out", () => {
  const RESTORED = /\u001b\[\?2004l\u001b\[\?25h(?:[^\u001b]|\u001b\[\?25h)*$/;

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("%s during a turn: session closed, terminal restored, exit %i", async (signal, code) => {
    const run = await start();
    run.submit("slow");
    await run.waitFor("I am thinking");
    run.signal(signal);
    expect((await run.exited).exitCode).toBe(code);
    expect(
      run
        .calls()
        .map(({ call }) => call)
        .slice(-2),
    ).toEqual(["abort", "close"]);
    expect(run.output()).toMatch(RESTORED);
    expect(
      run.screen
        .lines()
        .filter((line) => line !== "")
        .at(-1),
    ).toBe(`ended with ${code}`);
  });

  test("/exit and Ctrl+D end with 0 and leave the transcript", async () => {
    for (const keys of ["/exit\r", CTRL_D]) {
      const run = await start();
      run.submit("hello");
      await run.waitFor("$0.0123");
      await idle(run);
      run.write(keys);
      expect((await run.exited).exitCode).toBe(0);
      expect(run.screen.text()).toContain("Hello there, you said hello.");
      expect(run.screen.text()).not.toContain("›\n");
      expect(run.output()).toMatch(RESTORED);
    }
  });

  test("a crash while drawing restores the terminal and is told", async () => {
    const run = await start();
    run.submit("crash");
    expect((await run.exited).exitCode).toBe(1);
    expect(run.output()).toMatch(/\u001b\[\?2004l/);
    expect(run.output()).toMatch(/\u001b\[\?25h[^\u001b]*$/);
    expect(run.screen.all().join("\n")).toContain("failed: ");
  });
});
