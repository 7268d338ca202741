// How a prompt is put together and what counts as a command: pipe and argument, the dash, the silent pipe, escapes, and
// that nothing longer than one line ever commands or approves.

import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { expectFailure, planInput, resultOf, scene, submit, ticket, type Scene } from "./scenario.ts";

const PLAN = planInput([ticket("t1", { "a.txt": "modify" })]);

async function answering(): Promise<Scene> {
  return scene({ replies: () => ({ text: "answered" }) });
}

const promptOf = ({ server }: Scene): string => server.requests.at(-1)?.userTexts.at(-1) ?? "";

describe("pipe and arguments", () => {
  test("the piped text, a blank line, the argument", async () => {
    const one = await answering();
    expect(await one.place.run(["-p", "explain", "this"], { stdin: "line 1\n  line 2\n" })).toMatchObject({
      code: 0,
      stdout: "answered\n",
    });
    expect(promptOf(one)).toMatch(/line 1\n {2}line 2\n\nexplain this$/);
  });

  test("either alone", async () => {
    const one = await answering();
    expect((await one.place.run(["-p", "only words"], { stdin: "" })).code).toBe(0);
    expect(promptOf(one)).toMatch(/only words$/);
    expect((await one.place.run(["-p"], { stdin: "only a pipe\n" })).code).toBe(0);
    expect(promptOf(one)).toMatch(/only a pipe$/);
  });

  test("words after -- are the prompt, also with dashes", async () => {
    const one = await answering();
    expect((await one.place.run(["-p", "--", "--no-plan", "is", "a", "flag?"])).code).toBe(0);
    expect(promptOf(one)).toMatch(/--no-plan is a flag\?$/);
  });

  test("a pipe that stays silent is waited for 3 s, said on stderr; then the run goes on without it and ends", async () => {
    const one = await answering();
    const finished = await one.place.run(["-p", "hello there"], { stdin: "open" });
    expect(finished).toMatchObject({ code: 0, stdout: "answered\n" });
    expect(finished.stderr).toMatch(/stays silent/);
    expect(promptOf(one)).toMatch(/hello there$/);
  });

  test("a pipe that begins in time is read to its end, however slow", async () => {
    const one = await answering();
    const finished = await one.place.run(["-p", "summarise"], {
      stdin: "open",
      onStart(child) {
        child.stdin?.write("begin ");
        void delay(3_500).then(() => child.stdin?.end("and end"));
      },
    });
    expect(finished).toMatchObject({ code: 0 });
    expect(finished.stderr).not.toMatch(/stays silent/);
    expect(promptOf(one)).toMatch(/begin and end\n\nsummarise$/);
  });

  test("a dash among the arguments waits for the end however long it takes", async () => {
    const one = await answering();
    const finished = await one.place.run(["-p", "-", "summarise"], {
      stdin: "open",
      onStart: (child) => void delay(3_500).then(() => child.stdin?.end("late text")),
    });
    expect(finished).toMatchObject({ code: 0 });
    expect(finished.stderr).not.toMatch(/stays silent/);
    expect(promptOf(one)).toMatch(/late text\n\nsummarise$/);
  });
});

describe("commands and what only looks like one", () => {
  test.each([
    ["/etc/hosts looks wrong", /\/etc\/hosts looks wrong$/],
    ["//status", /(^|\n)\/status$/],
    ["//approve it", /(^|\n)\/approve it$/],
    ["/Status", /\/Status$/],
    ["/status2 is a file", /\/status2 is a file$/],
    ["/", /(^|\n)\/$/],
    ["what does /status do", /what does \/status do$/],
  ])("%j is a prompt", async (words, prompt) => {
    const one = await answering();
    expect(await one.place.run(["-p", words])).toMatchObject({ code: 0, stdout: "answered\n" });
    expect(promptOf(one)).toMatch(prompt);
  });

  test.each([
    ["a pipe of one line", ["-p"], "/status\n"],
    ["a pipe without a newline", [], "/status"],
    ["an argument", ["-p", "/status"], null],
    ["an argument of several words", ["-p", "/why", "1"], null],
  ])("%s is a command: no model call", async (_name, words, stdin) => {
    const one = await answering();
    expect((await one.place.run(["-p", "a first turn"])).code).toBe(0);
    const finished = await one.place.run(["-c", ...words], { stdin });
    expect(finished.code).toBe(0);
    expect(finished.stdout).toMatch(/p\/m-1/);
    expect(one.server.requests).toHaveLength(1);
  });

  test.each([
    ["two lines", ["-p"], "/approve\nand more\n"],
    ["a blank line before it", ["-p"], "text\n\n/approve"],
    ["a pipe beside an argument", ["-p", "what is this"], "/approve\n"],
    ["an argument beside a pipe", ["-p", "/approve"], "some text\n"],
    ["many lines that end with it", ["-p"], `${"log line\n".repeat(50)}/approve\n`],
    ["carriage returns", ["-p"], "/approve\r\nrm -rf /\r\n"],
  ])("%s never approve", async (_name, words, stdin) => {
    const { place, server } = await scene({ replies: () => submit(PLAN) });
    place.file("a.txt", "a\n");
    const before = place.digest();
    expect((await place.run(["-p", "plan it"])).code).toBe(3);
    const finished = await place.run(["-c", ...words], { stdin });
    expect(finished.code).toBe(3);
    expect(server.requests.every((request) => request.tools.includes("set_plan_artifact"))).toBe(true);
    expect(place.digest()).toBe(before);
  });

  const PIPED = [
    "/approve",
    "/approve\n",
    "/approve\r\n",
    "/approve\r",
    "\ufeff/approve\n",
    "\n\n  /approve  \n\n",
    "\t/approve\t",
    "/approve unscoped\n",
    "/approve t1\n",
    "/approve t1 as the issue says",
    "/approve\t\u2028",
  ];
  test.each([[["-c", "-p"]], [["-c"]], [["-c", "-p", "-"]], [["-c", "--permission-mode", "bypassPermissions", "-p"]]])(
    "one piped line approves nothing, however it is written (%j): exit 2 names what approves",
    async (words) => {
      const { place, server } = await scene({ replies: () => submit(PLAN) });
      place.file("a.txt", "a\n");
      const before = place.digest();
      expect((await place.run(["-p", "plan it"])).code).toBe(3);
      for (const stdin of PIPED) {
        const finished = await place.run(words, { stdin });
        expect({ stdin, finished }).toEqual({
          stdin,
          finished: {
            code: 2,
            signal: null,
            stdout: "",
            stderr: expect.stringMatching(
              /piped text approves no plan[\s\S]*bmo approve <plan-id>[\s\S]*-p \/approve/,
            ) as unknown,
          },
        });
      }
      expect(server.requests).toHaveLength(1);
      expect(place.digest()).toBe(before);
      expect((await place.run(["-c", "-p"], { stdin: "/status\n" })).stdout).toContain("awaiting approval");
    },
  );

  test.each([
    ["/plan off\n", /does not switch the staged workflow off[\s\S]*--no-plan/],
    ["/plan off", /does not switch the staged workflow off/],
    ["/permissions bypassPermissions\n", /does not widen the permissions[\s\S]*--permission-mode/],
    ["/permissions acceptedits", /does not widen the permissions/],
  ])(
    "one piped line opens no other way to a change (%j): exit 2, and the session is as before",
    async (stdin, said) => {
      const { place } = await scene({ replies: () => submit(PLAN) });
      place.file("a.txt", "a\n");
      expect((await place.run(["-p", "plan it"])).code).toBe(3);
      for (const words of [["-c"], ["-c", "-p", "-"]]) {
        const finished = await place.run(words, { stdin });
        expect(finished).toMatchObject({ code: 2, stdout: "" });
        expect(finished.stderr).toMatch(said);
      }
      expect((await place.run(["-c", "-p", "/status"])).stdout).toContain("awaiting approval");
      // A line that only narrows, and the same line as an argument, are commands as before.
      expect((await place.run(["-c"], { stdin: "/permissions plan\n" })).code).toBe(0);
      expect((await place.run(["-c", "-p", stdin.trim()])).code).toBe(0);
    },
  );

  test("/approve as an argument approves", async () => {
    const { place } = await scene({
      replies: (request) => (request.tools.includes("set_plan_artifact") ? submit(PLAN) : { text: "executed" }),
    });
    place.file("a.txt", "a\n");
    expect((await place.run(["-p", "plan it"])).code).toBe(3);
    expect(await place.run(["-c", "-p", "/approve"])).toMatchObject({ code: 0, stdout: "executed\n" });
  });
});

describe("commands without a person", () => {
  const reading = [
    "help",
    "status",
    "model",
    "tier",
    "plan",
    "why",
    "cost",
    "diff",
    "sessions",
    "skills",
    "tools",
    "permissions",
    "config",
  ];
  test("what reads, with --json: text in result, data where there is some, no model call", async () => {
    const { place, server } = await scene({ replies: () => submit(PLAN) });
    place.file("a.txt", "a\n");
    expect((await place.run(["-p", "plan it"])).code).toBe(3);
    const before = place.digest();
    for (const name of reading) {
      const result = resultOf(await place.run(["-c", "--json", `/${name}`]));
      expect({ name, ...result }).toMatchObject({
        name,
        error: null,
        exit_code: 0,
        status: "done",
        result: expect.stringMatching(/\S/) as unknown,
        plan: { state: "awaiting_approval" },
      });
      if (["status", "model", "plan", "why", "cost", "sessions"].includes(name)) expect(result.data).not.toBeNull();
    }
    expect(server.requests).toHaveLength(1);
    expect(place.digest()).toBe(before);
  });

  test("/status tells the plan, both models and why", async () => {
    const { place } = await scene(
      { replies: () => submit(PLAN) },
      { models: ["m-1", "m-2"], tables: '[options.phase_model]\nplanning_model = "p/m-1"\nexecution_model = "p/m-2"' },
    );
    expect((await place.run(["-p", "plan it"])).code).toBe(3);
    const { data } = resultOf(await place.run(["-c", "--json", "/status"]));
    expect(data).toMatchObject({
      stage: "plan",
      workflow: "on",
      last_model: "p/m-1",
      plan: expect.stringMatching(/awaiting approval: The plan/) as unknown,
      execution_would_take: expect.stringContaining("p/m-2") as unknown,
    });
  });

  const wrong: readonly (readonly [line: string, problem: RegExp | null])[] = [
    ["/plan edit", /\/plan edit needs a terminal\n +Use \/plan <feedback>/],
    ["/exit now", null],
    ["/resume", /\/resume needs the REPL\n +bmo -r <id>/],
    ["/model p/nope", /provider p has no model `nope`\n +Known: `p\/m-1`/],
    ["/tier huge", /no tier "huge"\n +Tiers: balanced/],
    ["/skill nope", /no skill nope/],
    ["/undo", /nothing to undo in this session/],
    ["/why 99", /turn 99 has no route\n +Turns with a route: 1\./],
  ];
  test("what cannot be done says what is wrong with it, and never waits", async () => {
    const { place, server } = await scene({ replies: () => submit(PLAN) });
    expect((await place.run(["-p", "plan it"])).code).toBe(3);
    for (const [line, problem] of wrong) {
      const finished = await place.run(["-c", "-p", line]);
      if (problem === null)
        expect({ line, code: finished.code, stdout: finished.stdout }).toEqual({ line, code: 0, stdout: "" });
      else expectFailure(finished, 2, problem);
    }
    expect(server.requests).toHaveLength(1);
  });

  test("/plan <feedback> revises: exit 3 with the next revision", async () => {
    let revision = 0;
    const { place, server } = await scene({
      replies: () => submit(planInput([ticket("t1", { [`a${revision++}.txt`]: "create" })])),
    });
    expect((await place.run(["-p", "plan it"])).code).toBe(3);
    const revised = resultOf(await place.run(["-c", "--json", "/plan take another file"]));
    expect(revised).toMatchObject({
      exit_code: 3,
      status: "awaiting_approval",
      plan: { revision: 2, state: "awaiting_approval" },
    });
    expect(revised.result).toMatch(/^# The plan/);
    expect(server.requests.at(-1)?.userTexts.at(-1)).toContain("take another file");
    const spoken = await place.run(["-c", "-p", "and yet another"]);
    expect(spoken.code).toBe(3);
    expect(spoken.stdout).toContain("a2.txt");
  });

  test("a command's change holds for the next process: /model, /tier, /plan off", async () => {
    const { place, server } = await scene({ replies: () => ({ text: "hi" }) }, { models: ["m-1", "m-2"] });
    expect((await place.run(["-p", "hello"])).code).toBe(0);
    expect((await place.run(["-c", "-p", "/model p/m-2"])).code).toBe(0);
    expect((await place.run(["-c", "-p", "/plan off"])).code).toBe(0);
    expect((await place.run(["-c", "-p", "hello"])).code).toBe(0);
    expect(server.requests.at(-1)?.model).toBe("m-2");
    expect(server.requests.at(-1)?.tools).toContain("write");
    expect((await place.run(["-c", "-p", "/model default"])).code).toBe(0);
    expect((await place.run(["-c", "-p", "/plan on"])).code).toBe(0);
    expect((await place.run(["-c", "-p", "hello"])).code).toBe(0);
    expect(server.requests.at(-1)?.model).toBe("m-1");
    expect(server.requests.at(-1)?.tools).not.toContain("write");
  });
});

test("a reader that goes away does not end the work", async () => {
  const { place, server } = await scene({ replies: () => ({ text: "word ".repeat(60_000) }) });
  const finished = await place.run(["-p", "--output-format", "stream-json", "talk"], {
    onStart(child) {
      void once(child.stdout ?? child, "data").then(() => child.stdout?.destroy());
    },
  });
  expect({ code: finished.code, signal: finished.signal }).toEqual({ code: 0, signal: null });
  expect(finished.stderr).not.toMatch(/EPIPE/);
  await expect(server.closed(1)).resolves.toBe("whole");
  const resumed = await place.run(["-c", "-p", "again"]);
  expect(resumed.code).toBe(0);
  expect(server.requests.at(-1)?.raw).toContain("word word");
});
