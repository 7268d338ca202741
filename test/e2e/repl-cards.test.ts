// Questions at a terminal, end to end: permissions once, for the session, for good; extending the scope; keeping or
// restoring what a command changed; trust; the model's own question. What was answered must be what happened.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { PtyProgram } from "../support/pty.ts";
import type { ScriptedReply, SeenRequest } from "../support/vendor-server.ts";
import { command, count, idle, KEY, open, type } from "./repl-scene.ts";
import { isPlanning, lastResult, planInput, planThen, scene, stepsOf, ticket, type Scene } from "./scenario.ts";

const SIZE = { rows: 45, columns: 160 };
const bash = (line: string): ScriptedReply => ({ calls: [{ name: "bash", input: { command: line } }] });

/** Each reply of the list answers one request, whatever it says. */
const inTurn =
  (replies: ScriptedReply[]) =>
  (request: SeenRequest): ScriptedReply =>
    replies[request.number - 1] ?? { text: "Nothing left." };

async function chat(
  replies: ScriptedReply[],
  words: string[] = ["--no-plan"],
): Promise<Scene & { program: PtyProgram }> {
  const one = await scene({ replies: inTurn(replies) });
  const program = open(one, words, SIZE);
  await idle(program);
  await type(program, "go ahead");
  return { ...one, program };
}

describe("permission", () => {
  test("once, for the session, no, and no with a reason: what each lets through", async () => {
    const { program, place, server } = await chat([
      bash("mkdir -p one"),
      bash("mkdir -p two"),
      bash("mkdir -p three"),
      bash("touch four"),
      bash("touch five"),
      { text: "All asked." },
    ]);
    await program.waitFor(/command +mkdir -p one/);
    expect(existsSync(join(place.workspace, "one"))).toBe(false);
    program.write("y");
    await program.waitFor(/command +mkdir -p two/);
    program.write("s");
    // The rule counts within the same turn: the third is not asked about.
    await program.waitFor(/command +touch four/);
    expect([count(program, "✓ bash mkdir -p three"), existsSync(join(place.workspace, "three"))]).toEqual([1, true]);
    program.write("n");
    await program.waitFor(/command +touch five/);
    program.write("t");
    await program.waitFor("enter sends, esc goes back");
    program.write("leave it to me");
    await program.waitFor("› leave it to me");
    program.write(KEY.enter);
    await program.waitFor("All asked.");
    await idle(program);
    expect(readdirSync(place.workspace).sort()).toEqual(["one", "three", "two"]);
    const results = server.requests.at(-1)?.toolResults.map((result) => result.text) ?? [];
    expect(results[3]).toBe("The user refused this bash call. Do not try it another way.");
    expect(results[4]).toBe("The user refused this bash call. They say: leave it to me");
    for (const line of [
      "? allow bash mkdir -p one → yes, this once",
      "? allow bash mkdir -p two → yes, for this session",
      "? allow bash touch four → no",
      "? allow bash touch five → leave it to me",
    ])
      expect(count(program, line)).toBe(1);
    expect(await command(program, "/permissions", /this session/)).toMatch(/allow +bash\(mkdir \*\) +this session/);
  });

  test("always in this project: kept outside the repository, counts in the next session and headless, is listed and forgotten", async () => {
    const one = await chat([bash("mkdir -p one"), { text: "Done once." }]);
    const { program, place, server } = one;
    await program.waitFor(/command +mkdir -p one/);
    program.write("p");
    await program.waitFor("Done once.");
    await idle(program);
    program.write(KEY.ctrl("d"));
    expect((await program.exited).exitCode).toBe(0);
    expect(readdirSync(place.workspace)).toEqual(["one"]);

    server.setReplies((request) =>
      stepsOf(request) === 0
        ? bash("mkdir -p two")
        : { text: lastResult(request) === "(no output)" ? "Allowed." : "Refused." },
    );
    expect(await place.run(["--no-plan", "-p", "again"])).toMatchObject({ code: 0, stdout: "Allowed.\n" });
    expect(existsSync(join(place.workspace, "two"))).toBe(true);

    const second = open(one, [], SIZE);
    await idle(second);
    expect(await command(second, "/permissions", /takes back/)).toMatch(
      /allow +bash\(mkdir \*\) +always in this project/,
    );
    await type(second, "/permissions forget bash(mkdir *)");
    await second.waitFor("Forgotten: bash(mkdir *)");
    await idle(second);
    expect(await command(second, "/permissions", /no rules/)).not.toContain("mkdir");
    server.setReplies((request) => (stepsOf(request) === 0 ? bash("mkdir -p three") : { text: "After." }));
    expect((await place.run(["--no-plan", "-p", "again"])).code).toBe(4);
    expect(existsSync(join(place.workspace, "three"))).toBe(false);
  });

  test("Esc in a card says no and does not end the turn; a paste answers nothing", async () => {
    const { program, place } = await chat([bash("mkdir -p one"), { text: "Went on." }]);
    await program.waitFor(/command +mkdir -p one/);
    program.paste("y\n");
    program.write("hello");
    program.write(KEY.escape);
    await program.waitFor("Went on.");
    expect(count(program, "? allow bash mkdir -p one → no")).toBe(1);
    expect(readdirSync(place.workspace)).toEqual([]);
  });

  test("an edit is shown as a diff before it is allowed; arrows and Enter choose", async () => {
    const one = await scene({
      replies: inTurn([
        { calls: [{ name: "view", input: { path: "a.txt" } }] },
        { calls: [{ name: "edit", input: { path: "a.txt", old: "one", new: "two" } }] },
        { text: "Edited." },
      ]),
    });
    one.place.file("a.txt", "one\n");
    const program = open(one, ["--no-plan", "change it"], SIZE);
    await program.waitFor(/Allow edit\?[\s\S]*1 - one\n +1 \+ two[\s\S]*esc says no/);
    expect(one.place.read("a.txt")).toBe("one\n");
    program.write(KEY.down + KEY.up);
    program.write(KEY.enter);
    await program.waitFor("Edited.");
    expect(one.place.read("a.txt")).toBe("two\n");
  });

  test("nobody is asked about an edit or a write that is bound to fail; the model reads why", async () => {
    const call = (name: string, input: Record<string, string>): ScriptedReply => ({ calls: [{ name, input }] });
    const one = await scene({
      replies: inTurn([
        call("edit", { path: "a.txt", old: "one", new: "two" }),
        call("view", { path: "a.txt" }),
        call("edit", { path: "a.txt", old: "zero", new: "two" }),
        call("write", { path: "a.txt", content: "one\n" }),
        { text: "Gave up." },
      ]),
    });
    one.place.file("a.txt", "one\n");
    const program = open(one, ["--no-plan", "change it"], SIZE);
    await program.waitFor("Gave up.");
    expect(program.output()).not.toMatch(/Allow (edit|write)\?/);
    expect(one.server.requests.at(-1)?.toolResults.map(({ text }) => text)).toEqual([
      "edit: a.txt: was not read in this session. View it first",
      expect.stringContaining("one") as unknown,
      'edit: a.txt: "old" was not found. View the file again.',
      "write: a.txt: holds exactly this content already; nothing to do",
    ]);
  });
});

describe("an approved plan", () => {
  async function approved(
    plan: ReturnType<typeof planInput>,
    execution: ScriptedReply[],
  ): Promise<Scene & { program: PtyProgram }> {
    const one = await scene({ replies: planThen(plan, execution) });
    one.place.file("a.txt", "one\n");
    const program = open(one, ["plan it"], SIZE);
    await program.waitFor(/\/reject +drops it/);
    await idle(program);
    await type(program, "/approve");
    return { ...one, program };
  }
  const write = (path: string): ScriptedReply => ({
    calls: [{ name: "write", input: { path, content: `${path}\n` } }],
  });
  const PLAN = planInput([ticket("t1", { "a.txt": "modify" }, { commands: ["bash(echo *)"] })]);

  test("a write outside asks to extend the scope: yes writes, no refuses, and both stand in the report", async () => {
    const { program, place, server } = await approved(PLAN, [write("b.txt"), write("c.txt"), { text: "Finished." }]);
    await program.waitFor(/Extend the plan's scope\?\n +create +b\.txt[\s\S]*esc says no/);
    expect(existsSync(join(place.workspace, "b.txt"))).toBe(false);
    program.write("y");
    await program.waitFor(/create +c\.txt/);
    program.write("n");
    await program.waitFor(/touched +create b\.txt/);
    await idle(program);
    expect([place.read("b.txt"), existsSync(join(place.workspace, "c.txt"))]).toEqual(["b.txt\n", false]);
    expect(program.screen.text()).not.toContain("create b.txt is outside");
    expect(program.screen.text()).toMatch(/! create c\.txt is outside the plan's scope: refused/);
    expect(lastResult(server.requests.at(-1) as SeenRequest)).toMatch(/^Refused: .*request_replan/);
    expect(await command(program, "/permissions", /extends/)).toMatch(
      /allow +create b\.txt +extends the approved plan/,
    );
  });

  test("a command that writes outside: restored with a copy, or kept, as answered", async () => {
    const { program, place } = await approved(PLAN, [
      bash("echo stray > stray.txt"),
      bash("echo kept > kept.txt"),
      { text: "Finished." },
    ]);
    for (const [file, key] of [
      ["stray.txt", "r"],
      ["kept.txt", "k"],
    ] as const) {
      await program.waitFor(
        (screen) => new RegExp(`command +echo \\w+ > ${file.replace(".", "\\.")}`).test(screen.text()),
        `the question about ${file}`,
      );
      if (/Allow bash/.test(program.screen.text())) program.write("y");
      await program.waitFor(
        (screen) =>
          new RegExp(`A command changed 1 path outside[\\s\\S]*create +${file.replace(".", "\\.")}`).test(
            screen.text(),
          ),
        `the effects of ${file}`,
      );
      program.write(key);
    }
    await program.waitFor(/put back +stray\.txt/);
    await idle(program);
    expect([existsSync(join(place.workspace, "stray.txt")), place.read("kept.txt")]).toEqual([false, "kept\n"]);
    const printed = program.screen.all().join("\n");
    expect(printed).toMatch(/! create stray\.txt is outside the plan's scope: refused/);
    expect(printed).toMatch(/! create kept\.txt is outside the plan's scope: allowed/);
    expect(printed).toMatch(/outside the plan +stray\.txt, kept\.txt|outside the plan +kept\.txt, stray\.txt/);
    const copy = /copy: (\S+)/.exec(printed)?.[1] ?? "";
    expect(readFileSync(join(copy, "stray.txt"), "utf8")).toBe("stray\n");
  });
});

describe("questions", () => {
  const SETTINGS = '[permissions]\nallow = ["bash(mkdir *)"]\n';

  test("trust: No and Yes hold until the settings change, Esc and this time only for one run, --trust takes a No back", async () => {
    const one = await scene({ replies: () => ({ text: "hello" }) });
    one.place.file(".bmorc.toml", SETTINGS);
    const start = async (keys: string, asked: boolean, ignored: boolean, words: string[] = []): Promise<void> => {
      const program = open(one, words, SIZE);
      await program.waitFor(
        asked
          ? /Do you trust this directory's project configuration\?[\s\S]*permissions\.allow[\s\S]*if yes[\s\S]*start programs[\s\S]*esc cancels/
          : /^plan · p\//m,
      );
      program.write(keys);
      await idle(program);
      expect((await command(program, "/permissions", /mode: default\n.*\S/)).includes("bash(mkdir *)")).toBe(!ignored);
      program.write(KEY.ctrl("d"));
      await program.exited;
    };
    await start(KEY.escape, true, true);
    await start(KEY.enter, true, true);
    await start("", false, true);
    await start("", false, false, ["--trust"]);
    await start("t", true, false);
    await start("y", true, false);
    await start("", false, false);
    one.place.file(".bmorc.toml", `${SETTINGS}deny = ["bash(rm *)"]\n`);
    await start("n", true, true);
  });

  test("the model's own question: chosen by number, by letter, or answered in words", async () => {
    const ask = (question: string): ScriptedReply => ({
      calls: [{ name: "ask_question", input: { question, options: ["alpha", "beta"] } }],
    });
    const { program, server } = await chat([ask("First?"), ask("Second?"), ask("Third?"), { text: "Thanks." }], []);
    await program.waitFor("First?");
    program.write("2");
    await program.waitFor("Second?");
    program.write("a");
    await program.waitFor("Third?");
    program.write("3");
    await program.waitFor("enter sends, esc goes back");
    program.write("neither of them");
    await program.waitFor("› neither of them");
    program.write(KEY.enter);
    await program.waitFor("Thanks.");
    const results = server.requests.at(-1)?.toolResults.map((result) => result.text) ?? [];
    expect(["beta", "alpha", "neither of them"].map((text, index) => results[index]?.includes(text))).toEqual([
      true,
      true,
      true,
    ]);
    expect(server.requests.every(isPlanning)).toBe(true);
  });
});
