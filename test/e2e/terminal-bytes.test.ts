// What reaches a real terminal from models, tools, names of files and titles of sessions: text, and no byte that the
// terminal obeys.

import { expect, test } from "vitest";
import type { PtyProgram } from "../support/pty.ts";
import { command, idle, KEY, open, type } from "./repl-scene.ts";
import { isPlanning, planInput, scene, submit, ticket } from "./scenario.ts";

/**
 * Sequences that the program itself never writes: a window title, the clipboard, blinking, C1, and text that runs
 * backwards.
 */
const HOSTILE = "\u001b]0;owned\u0007\u001b]52;c;b3duZWQ=\u0007\u001b[5;7mblink\u009b5mc1\u202erev\u2066iso";
const NAME = "evil\u001b[5;7m\u202eb.txt";

function expectHarmless(program: PtyProgram, seen: RegExp): void {
  const output = program.output();
  expect(output).toMatch(seen);
  expect(
    output.match(/\u001b[\]PX^_]|\u001b\[5;7m|[\u0080-\u009f]|[\u202a-\u202e\u2066-\u2069\u200e\u200f]/gu),
  ).toBeNull();
}

test("a plan, its tickets and a text of the model", async () => {
  const plan = planInput([ticket("t1", { "a.txt": "modify" }, { title: `Ticket ${HOSTILE}`, detail: HOSTILE })], {
    title: `Title ${HOSTILE}`,
    summary: `Summary ${HOSTILE}`,
  });
  const one = await scene({
    replies: (request) => (isPlanning(request) ? submit(plan) : { text: `carried ${HOSTILE} out` }),
  });
  one.place.file("a.txt", "one\n");
  const program = open(one, ["plan it"]);
  await program.waitFor(/\/approve/);
  await idle(program);
  await type(program, "/approve");
  await program.waitFor(/carried/);
  await idle(program);
  await command(program, "/plan show", /Title/);
  expectHarmless(program, /carried/);
});

test("the name of a tool, its arguments, and what a command of the user prints", async () => {
  let step = 0;
  const one = await scene({
    replies: () =>
      step++ === 0
        ? {
            calls: [
              { name: `tool${HOSTILE}`, input: { path: HOSTILE } },
              { name: "view", input: { path: NAME } },
              { name: "view", input: { path: `gone${HOSTILE}` } },
            ],
          }
        : { text: "looked" },
  });
  one.place.file(NAME, `content ${HOSTILE}\n`);
  const program = open(one, ["look"]);
  await program.waitFor(/looked/);
  await idle(program);
  await type(program, "!ls; cat evil*; echo printed");
  await program.waitFor(/^ *printed/m);
  await idle(program);
  expectHarmless(program, /content/);
});

test("the title of a session, in the list and in the choice", async () => {
  const one = await scene({ replies: () => ({ text: "answered" }) });
  const first = await one.place.run(["-p", "--no-plan", `title ${HOSTILE}`]);
  expect(first.code).toBe(0);
  const program = open(one);
  await idle(program);
  await type(program, "/sessions");
  await program.waitFor(/title/);
  expectHarmless(program, /title/);
  const chooser = open(one, ["-r"]);
  await chooser.waitFor(/title/);
  expectHarmless(chooser, /title/);
});

test("the name of a file in the completion", async () => {
  const one = await scene({});
  one.place.file(NAME, "x\n");
  const program = open(one);
  await idle(program);
  program.write("@evil");
  await program.waitFor(
    (screen) => screen.all().some((line) => line.includes("evil") && !line.startsWith("›")),
    "the list of files",
  );
  program.write(KEY.tab);
  await program.waitFor(
    (screen) => screen.all().some((line) => line.startsWith("›") && line.includes("b.txt")),
    "the completed name",
  );
  expectHarmless(program, /evil/);
});
