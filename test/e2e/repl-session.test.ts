// Around the main job at a terminal: resuming and switching sessions, shell commands, completion, the editor, and what
// each slash command prints. Then the terminal itself: sizes, colours, a dumb one, and every way out.

import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { PtyProgram } from "../support/pty.ts";
import type { SeenRequest } from "../support/vendor-server.ts";
import { command, count, fill, idle, KEY, open, statusRow, type } from "./repl-scene.ts";
import { planInput, planThen, scene, ticket, type Scene } from "./scenario.ts";

const SIZE = { rows: 45, columns: 120 };
const PLAN = planInput([ticket("t1", { "a.txt": "modify" })], { title: "Change a" });
const EXECUTION = [
  { calls: [{ name: "view", input: { path: "a.txt" } }] },
  { calls: [{ name: "edit", input: { path: "a.txt", old: "one", new: "two" } }] },
  { text: "The edit is made." },
];
const END = /warnings +\S/;

async function planned(
  columns = SIZE.columns,
  environment: Record<string, string> = {},
): Promise<Scene & { program: PtyProgram }> {
  const one = await scene({ replies: planThen(PLAN, EXECUTION) });
  one.place.file("a.txt", "one\n");
  const program = open(one, [], { rows: 45, columns, environment });
  await idle(program);
  await type(program, "plan it");
  await program.waitFor(/\/reject +drops\s+it/);
  await idle(program);
  return { ...one, program };
}

async function chat(): Promise<Scene & { program: PtyProgram }> {
  const one = await scene({ replies: (request: SeenRequest) => ({ text: `Answer ${request.number} given.` }) });
  const program = open(one, ["--no-plan"], SIZE);
  await idle(program);
  return { ...one, program };
}

async function leave(program: PtyProgram): Promise<void> {
  program.write(KEY.ctrl("d"));
  expect((await program.exited).exitCode).toBe(0);
}

describe("sessions", () => {
  test("-c shows the waiting plan again, and /approve there carries it out", async () => {
    const one = await planned();
    await leave(one.program);
    const program = open(one, ["-c"], SIZE);
    await program.waitFor(/◆ Plan Change a[\s\S]*continues[\s\S]*the plan now executes on p\/m-1/);
    await idle(program);
    expect(program.screen.text()).toContain("plan · plan awaits /approve");
    expect(count(program, "› plan it")).toBe(1);
    await type(program, "/approve");
    await program.waitFor(/touched +modify a\.txt/);
    expect(one.place.read("a.txt")).toBe("two\n");
  });

  test("-r lets choose, /new begins another, /resume and /sessions know both", async () => {
    const { program, ...one } = await chat();
    await type(program, "the first session");
    await program.waitFor("Answer 1 given.");
    await idle(program);
    await type(program, "/new");
    await program.waitFor("A new session begins");
    await idle(program);
    await type(program, "the second session");
    await program.waitFor("Answer 2 given.");
    await idle(program);
    expect(one.server.requests[1]?.raw).not.toContain("the first session");
    const listed = await command(program, "/sessions", /the first session/);
    expect(listed).toMatch(/the second session\n.*1 turn .*the first session/);
    await type(program, "/resume");
    await program.waitFor("Which session?");
    program.write(KEY.escape);
    await idle(program);
    await leave(program);

    const second = open(one as Scene, ["-r"], SIZE);
    await second.waitFor("Which session?");
    second.write(KEY.down);
    await second.waitFor(/› 2\. the first session/);
    second.write(KEY.enter);
    await second.waitFor("Answer 1 given.");
    await idle(second);
    await type(second, "go on");
    await second.waitFor("Answer 3 given.");
    expect(one.server.requests[2]?.userTexts.join("\n")).toContain("the first session");
  });

  test("Esc in the picker of -r leaves", async () => {
    const { program, ...one } = await chat();
    await type(program, "something");
    await program.waitFor("Answer 1 given.");
    await idle(program);
    await leave(program);
    const second = open(one as Scene, ["-r"], SIZE);
    await second.waitFor("Which session?");
    second.write(KEY.escape);
    expect((await second.exited).exitCode).toBe(0);
  });

  test("bmo approve on a terminal opens the REPL at the execution", async () => {
    const one = await planned();
    await leave(one.program);
    const id = /p_\w+/.exec(one.program.screen.all().join("\n"))?.[0] ?? "";
    const program = open(one, ["approve", id], SIZE);
    await program.waitFor(/touched +modify a\.txt/);
    await idle(program);
    expect(one.place.read("a.txt")).toBe("two\n");
  });
});

describe("prompt", () => {
  test("! runs a shell command as typed; its output is in the next request", async () => {
    const { program, server, place } = await chat();
    await type(program, "!echo marked-$((40+2)) && touch made");
    await program.waitFor("marked-42");
    await idle(program);
    expect(server.requests.length).toBe(0);
    expect(place.read("made")).toBe("");
    await type(program, "what did I run?");
    await program.waitFor("Answer 1 given.");
    expect(server.requests[0]?.userTexts.join("\n")).toMatch(/echo marked-\$\(\(40\+2\)\)[\s\S]*marked-42/);
  });

  test("! alone is no shell command and no prompt either", async () => {
    const { program, server } = await chat();
    await type(program, "!");
    await program.waitFor("type the shell command behind the !");
    expect(server.requests).toEqual([]);
    program.write("echo from $0\r");
    await program.waitFor(/^! echo from \$0\n +from /m);
  });

  test("@ completes files, / commands with their arguments; Tab takes, Esc closes", async () => {
    const { program, place, server } = await chat();
    place.file("src/deep/needle.ts", "x\n");
    await fill(program, "look at @needl");
    await program.waitFor(/› src\/deep\/needle\.ts$/m);
    program.write(KEY.tab);
    await program.waitFor(/^› look at @src\/deep\/needle\.ts/m);
    program.write(KEY.enter);
    await program.waitFor("Answer 1 given.");
    expect(server.requests[0]?.userTexts.at(-1)).toContain("look at @src/deep/needle.ts");
    await idle(program);
    await fill(program, "/sta");
    await program.waitFor(/› \/status +stage, plan/);
    program.write(KEY.escape);
    await program.waitFor((screen) => !/stage, plan, models/.test(screen.text()), "a closed list");
    program.write(KEY.ctrl("c"));
    await idle(program);
    await fill(program, "/s");
    await program.waitFor(/^ {2}› \/status/m);
    program.write(KEY.down);
    await program.waitFor(/^ {2}› \/sessions/m);
    program.write(KEY.enter);
    await program.waitFor(/^› \/sessions$/m);
    program.write(KEY.enter);
    await program.waitFor("1 turn ");
    expect(server.requests.length).toBe(1);
  });

  test("history comes back in the next run; Ctrl+R searches it; Ctrl+J makes a line", async () => {
    const { program, ...one } = await chat();
    await type(program, "remember the needle");
    await program.waitFor("Answer 1 given.");
    await idle(program);
    await fill(program, "two");
    program.write(`${KEY.ctrl("j")}lines`);
    await program.waitFor(/^› two\n {2}lines$/m);
    program.write(KEY.enter);
    await program.waitFor("Answer 2 given.");
    await idle(program);
    await leave(program);
    expect(one.server.requests[1]?.userTexts.at(-1)).toContain("two\nlines");
    const second = open(one as Scene, [], SIZE);
    await idle(second);
    second.write(KEY.up);
    await second.waitFor(/^› two\n {2}lines$/m);
    second.write(KEY.ctrl("c"));
    await idle(second);
    second.write(KEY.ctrl("r"));
    await second.waitFor("search history");
    second.write("needl");
    await second.waitFor("remember the needle");
  });

  test("/plan edit does not open the editor while a turn runs; an interrupted plan says how it goes on", async () => {
    const one = await scene({
      replies: planThen(planInput([ticket("t1", { "a.txt": "modify" }, { commands: ["bash(sleep *)"] })]), [
        { calls: [{ name: "bash", input: { command: "sleep 60" } }] },
      ]),
    });
    const program = open(one, ["plan it"], { ...SIZE, environment: { EDITOR: "touch opened;" } });
    await program.waitFor(/\/reject +drops it/);
    await idle(program);
    await type(program, "/approve");
    await program.waitFor(/● bash sleep 60/);
    expect(program.screen.text()).toMatch(/^plan · executing 0\/1 · /m);
    await type(program, "/plan edit");
    await program.waitFor("✗ a turn is running: the plan cannot be edited now");
    expect(existsSync(join(one.place.workspace, "opened"))).toBe(false);
    program.write(KEY.escape);
    await program.waitFor(/^plan · stopped 0\/1, \/approve continues · /m);
  });

  test("/plan edit opens the editor; what was edited is the new revision with its changes", async () => {
    const editor =
      (script: string): ((one: Scene) => string) =>
      (one) => {
        one.place.file("../editor.sh", `#!/bin/sh\n${script}\n`);
        chmodSync(join(one.place.workspace, "..", "editor.sh"), 0o755);
        return join(one.place.workspace, "..", "editor.sh");
      };
    const one = await scene({ replies: planThen(PLAN, EXECUTION) });
    one.place.file("a.txt", "one\n");
    const path = editor('sed -i "s/Change a/Change a in another way/" "$1"')(one);
    const program = open(one, ["plan it"], { ...SIZE, environment: { EDITOR: path } });
    await program.waitFor(/\/reject +drops it/);
    await idle(program);
    await type(program, "/plan edit");
    await program.waitFor("~ title: Change a in another way");
    await idle(program);
    expect(program.screen.text()).toContain("revision 2");
    // One blank line below the command, as below any other.
    const shown = program.screen.all();
    expect(shown.slice(shown.lastIndexOf("› /plan edit")).slice(1, 3)).toEqual([
      "",
      expect.stringContaining("◆ Plan Change a in another way") as unknown,
    ]);
    expect(one.server.requests.length).toBe(1);
    editor("exit 1")(one);
    await type(program, "/plan edit");
    await program.waitFor("nothing was changed");
    editor('printf "title = 3" > "$1"')(one);
    await type(program, "/plan edit");
    await program.waitFor(/✗ .*(plan|title)/);
    await program.waitFor("What you wrote is kept");
    await idle(program);
    expect(statusRow(await command(program, "/status", END), "plan")).toContain("Change a in another way");
    // What could not be taken is opened again, and given up where the plan has changed meanwhile.
    editor('cp "$1" "$0.seen"; exit 1')(one);
    await type(program, "/plan edit");
    await program.waitFor((screen) => screen.text().split("nothing was changed").length === 3);
    expect(readFileSync(`${path}.seen`, "utf8")).toBe("title = 3");
  });
});

describe("what commands print", () => {
  test("/diff, /why, /cost, /undo after an execution; /tier, /skill, /tools, unknown names", async () => {
    const { program, place } = await planned();
    await type(program, "/approve");
    await program.waitFor(/touched +modify a\.txt/);
    await idle(program);
    expect(await command(program, "/diff", /two/)).toMatch(/-\s*one[\s\S]*\+\s*two/);
    expect(await command(program, "/why", /decided in/)).toMatch(/turn 2 \(execute\): p\/m-1/);
    expect(await command(program, "/cost", /Cost /)).toMatch(/p\/m-1 +4 /);
    await type(program, "/undo");
    await program.waitFor("Put back: a.txt");
    await idle(program);
    expect(place.read("a.txt")).toBe("one\n");
    expect(await command(program, "/diff", /changed no file/)).toContain("changed no file");
    await type(program, "/tier deep");
    await program.waitFor(/\(deep\)$|\(deep\) · /m);
    await idle(program);
    expect(statusRow(await command(program, "/status", END), "tier")).toContain("deep (source: user)");
    expect(await command(program, "/skill", /active skill/)).toContain("active skill: none");
    expect(await command(program, "/tools", /activate_skill/)).toMatch(/write +write +not offered now/);
    await type(program, "/aprove");
    await program.waitFor("unknown command /aprove");
    await program.waitFor("Did you mean /approve");
  });
});

describe("terminal", () => {
  test.each([
    [20, { NO_COLOR: "1" }],
    [20, { NO_COLOR: "" }],
    [40, { NO_COLOR: "1" }],
    [40, { NO_COLOR: "" }],
    [80, { NO_COLOR: "" }],
    [200, { NO_COLOR: "1" }],
    [200, { NO_COLOR: "" }],
  ])("%i columns, %o: planned, approved, nothing drawn twice", async (columns, environment) => {
    const { program, place } = await planned(columns, environment);
    await type(program, "/status");
    await program.waitFor(/warnings +\S/);
    await idle(program);
    await type(program, "/approve");
    await program.waitFor(() => place.read("a.txt") === "two\n", "the edit");
    await program.waitFor(/touched +modify/);
    await idle(program);
    const printed = program.screen.all();
    expect(printed.filter((line) => line.startsWith("◆ Plan")).length).toBe(1);
    expect(printed.filter((line) => line.startsWith("✓ ticket t1 done")).length).toBe(1);
    // Nothing is broken into pieces that could have stood on one line.
    expect(printed.filter((line) => /^ +\S{1,2}$/.test(line)).length).toBeLessThan(3);
    expect(printed.filter((line) => /esc interrupts/.test(line))).toEqual([]);
    expect(printed.filter((line) => line.startsWith("› plan it")).length).toBe(1);
    expect(/\u001b\[3[1-7]m/.test(program.output())).toBe(environment.NO_COLOR === "");
  });

  test("TERM=dumb is a headless run: the plan on stdout, exit 3, no control sequence", async () => {
    const one = await scene({ replies: planThen(PLAN, EXECUTION) });
    one.place.file("a.txt", "one\n");
    const program = open(one, ["plan it"], { ...SIZE, environment: { TERM: "dumb" } });
    expect((await program.exited).exitCode).toBe(3);
    expect(program.output()).toContain("# Change a");
    expect(program.output()).not.toContain("\u001b");
  });

  test.each([
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGINT", 130],
  ] as const)("%s in the middle of a turn: exit %i, the terminal as it was, the session kept", async (signal, code) => {
    const gate = new Promise<void>(() => undefined);
    const one = await scene({
      replies: () => ({ text: "An answer that never ends." }),
      onEvent: (_, index) => (index === 3 ? gate : undefined),
    });
    const program = open(one, ["--no-plan", "begin"], SIZE);
    await one.server.arrived(1);
    await program.waitFor("esc interrupts");
    program.signal(signal);
    expect((await program.exited).exitCode).toBe(code);
    expect(program.output()).toMatch(/\u001b\[\?2004l(?:\u001b\[\?25h)+$/);
    expect(program.screen.text()).not.toContain("esc interrupts");
    expect((JSON.parse((await one.place.run(["sessions", "--json"])).stdout) as unknown[]).length).toBe(1);
  });
});
