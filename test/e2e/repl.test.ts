// The main job at a terminal: the request is typed, the plan read, models changed and changed back, /approve typed, the
// edit seen as a diff. Card, /status and the server's log agree at every point. Then the keys that steer it.

import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { PtyProgram } from "../support/pty.ts";
import type { ScriptedReply, SeenRequest, VendorServerOptions } from "../support/vendor-server.ts";
import { command, count, fill, idle, KEY, open, statusRow, type } from "./repl-scene.ts";
import { calledTimes, isPlanning, planInput, scene, submit, ticket, type Scene } from "./scenario.ts";

interface Drawn extends Scene {
  planner: string;
  executor: string;
  other: string;
  marker: string;
}

const END = /warnings +\S/;

/** Planner, executor and a third model with ids drawn for this run; the edit needs what `view` showed. */
async function draw(more: Partial<VendorServerOptions> = {}): Promise<Drawn> {
  const random = (): string => randomBytes(4).toString("hex");
  const [planner, executor, other, marker] = [
    `planner-${random()}`,
    `executor-${random()}`,
    `other-${random()}`,
    random(),
  ];
  const plan = planInput([ticket("t1", { "src/a.txt": "modify" })], { title: "Reverse the marker" });
  const replies = (request: SeenRequest): ScriptedReply => {
    if (isPlanning(request))
      return calledTimes(request, "view") === 0
        ? { text: "I look first.", calls: [{ name: "view", input: { path: "src/a.txt" } }] }
        : submit(plan);
    if (calledTimes(request, "view") === 0) return { calls: [{ name: "view", input: { path: "src/a.txt" } }] };
    const seen = /marker=(\w+)/.exec(request.toolResults.map((result) => result.text).join("\n"))?.[1] ?? "nothing";
    if (calledTimes(request, "edit") === 0)
      return {
        calls: [
          {
            name: "edit",
            input: { path: "src/a.txt", old: `marker=${seen}`, new: `marker=${[...seen].reverse().join("")}` },
          },
        ],
      };
    return { text: "The marker is reversed now." };
  };
  const one = await scene(
    { replies, ...more },
    {
      models: [other, planner, executor],
      tables: `[options.phase_model]\nplanning_model = "p/${planner}"\nexecution_model = "p/${executor}"`,
    },
  );
  one.place.file("src/a.txt", `first\nmarker=${marker}\nlast\n`);
  return { ...one, planner, executor, other, marker };
}

const models = (one: Drawn): string[] => one.server.requests.map((request) => request.model);

async function planned(one: Drawn): Promise<PtyProgram> {
  const program = open(one, [], { rows: 40, columns: 100 });
  await idle(program);
  await type(program, "reverse the marker please");
  await program.waitFor(/\/reject +drops it/);
  await idle(program);
  return program;
}

describe("plan, approve, execute", () => {
  test("card, /status and the server's log agree while the model is changed and changed back", async () => {
    const one = await draw();
    const before = one.place.digest();
    const program = await planned(one);
    expect(models(one)).toEqual([one.planner, one.planner]);
    expect(program.screen.text()).toContain("◆ Plan Reverse the marker");
    expect(program.screen.text()).toMatch(new RegExp(`executes +p/${one.executor}`));
    const first = await command(program, "/status", END);
    expect([statusRow(first, "last model"), statusRow(first, "execution would take")]).toEqual([
      `p/${one.planner}`,
      expect.stringContaining(`p/${one.executor} (`) as unknown,
    ]);

    await type(program, `/model p/${one.other}`);
    await program.waitFor(`the plan now executes on p/${one.other}: pinned by /model`);
    const pinned = await command(program, "/status", END);
    expect([
      statusRow(pinned, "next model"),
      statusRow(pinned, "execution would take"),
      statusRow(pinned, "routing"),
    ]).toEqual([
      expect.stringContaining(`p/${one.other} (`) as unknown,
      expect.stringContaining(`p/${one.other} (`) as unknown,
      `off: pinned by /model to p/${one.other}`,
    ]);
    await type(program, "/model default");
    await program.waitFor(`the plan now executes on p/${one.executor}`);
    const back = await command(program, "/status", END);
    expect(statusRow(back, "execution would take")).toContain(`p/${one.executor} (`);
    expect(one.server.requests.length).toBe(2);
    expect(one.place.digest()).toBe(before);

    await type(program, "/approve");
    await program.waitFor(/touched +modify src\/a\.txt/);
    await idle(program);
    const reversed = [...one.marker].reverse().join("");
    const printed = program.screen.all().join("\n");
    expect(printed).toContain(`  2 - marker=${one.marker}\n  2 + marker=${reversed}\n`);
    expect(printed).toContain("✓ plan approved: Reverse the marker");
    expect(count(program, "The marker is reversed now.")).toBe(1);
    expect(one.place.read("src/a.txt")).toBe(`first\nmarker=${reversed}\nlast\n`);
    expect(models(one)).toEqual([one.planner, one.planner, one.executor, one.executor, one.executor]);
    const done = await command(program, "/status", END);
    expect([statusRow(done, "last model"), statusRow(done, "plan")]).toEqual([
      `p/${one.executor}`,
      expect.stringContaining("done: Reverse the marker") as unknown,
    ]);
    expect(one.server.requests.flatMap((request) => request.violations)).toEqual([]);
  });

  test("a model that stays pinned carries the plan out, and the next request too", async () => {
    const one = await draw();
    const program = await planned(one);
    await type(program, `/model p/${one.other}`);
    await program.waitFor(`the plan now executes on p/${one.other}`);
    await type(program, "/approve");
    await program.waitFor(/touched +modify/);
    expect(models(one)).toEqual([one.planner, one.planner, one.other, one.other, one.other]);
  });

  test("a paste of /approve and a newline does nothing, Enter after it neither", async () => {
    const one = await draw();
    const before = one.place.digest();
    const program = await planned(one);
    program.paste("/approve\n");
    await program.waitFor((screen) => /^› \/approve/m.test(screen.text()), "the pasted text");
    program.write(KEY.enter);
    await program.waitFor("a pasted /approve approves nothing");
    program.write(KEY.ctrl("c"));
    await idle(program);
    const status = await command(program, "/status", END);
    expect(statusRow(status, "plan")).toContain("awaiting approval");
    expect([one.server.requests.length, one.place.digest()]).toEqual([2, before]);
  });

  test.each([["/approve\r\n"], ["/approve\n"], ["please\r/approve\r"], ["!touch pasted\r/approve\r"]])(
    "lines that come at once without paste marks (%j) stay in the prompt",
    async (bytes) => {
      const one = await draw();
      const before = one.place.digest();
      const program = await planned(one);
      program.write(bytes);
      await program.waitFor((screen) => /\/approve$/m.test(screen.text()), "the pasted text");
      expect(program.screen.text()).not.toContain("plan approved");
      program.write(KEY.ctrl("c"));
      await idle(program);
      const status = await command(program, "/status", END);
      expect(statusRow(status, "plan")).toContain("awaiting approval");
      expect([one.server.requests.length, one.place.digest()]).toEqual([2, before]);
    },
  );

  test("text while a plan awaits approval revises it; the new card says what changed", async () => {
    const one = await draw();
    const program = await planned(one);
    one.server.setReplies(() =>
      submit(planInput([ticket("t1", { "src/a.txt": "modify", "src/b.txt": "create" })], { title: "Reverse it" })),
    );
    await type(program, "also make a copy");
    await program.waitFor("changed in this revision");
    await idle(program);
    const text = program.screen.text();
    expect(text).toMatch(/^ {2}~ title: Reverse it$/m);
    expect(text).toMatch(/^ {2}\+ t1 file: create src\/b\.txt$/m);
    expect(text).toContain("revision 2");
    expect(one.server.requests.at(-1)?.userTexts.join("\n")).toContain("also make a copy");
  });

  test("/reject drops the plan; /approve then says that there is none", async () => {
    const one = await draw();
    const program = await planned(one);
    await type(program, "/reject");
    await idle(program);
    await type(program, "/approve");
    await program.waitFor(/✗ plan p_\w+ was rejected; there is no plan to approve/);
    expect(one.server.requests.length).toBe(2);
  });
});

describe("while a turn runs", () => {
  /** The first reply stops in the middle until `release` is called. */
  async function held(): Promise<Drawn & { program: PtyProgram; release: () => void }> {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const one = await draw({
      replies: (request) => ({ text: `Answer number ${request.userTexts.length} is here.` }),
      onEvent: (request, index) => (request.number === 1 && index === 3 ? gate : undefined),
    });
    const program = open(one, ["--no-plan"], { rows: 40, columns: 100 });
    await idle(program);
    await type(program, "first request");
    await program.waitFor("esc interrupts");
    await one.server.arrived(1);
    return { ...one, program, release };
  }

  test("text is queued and shown, commands that read answer at once, both texts are sent in their order", async () => {
    const { program, release, server } = await held();
    await type(program, "second request");
    await program.waitFor("queued: second request");
    await type(program, "/cost");
    await program.waitFor("No model was called in this session.");
    expect(server.requests.length).toBe(1);
    release();
    await program.waitFor(() => server.requests.length === 2, "the second request");
    await idle(program);
    expect(server.requests[1]?.userTexts.at(-1)).toContain("second request");
    expect(program.screen.all().join("\n")).toMatch(/first request[\s\S]*\/cost[\s\S]*second request/);
    expect(count(program, "› second request")).toBe(1);
  });

  test("Esc interrupts: the connection is cut, the queue comes back into the prompt, the session goes on", async () => {
    const { program, server } = await held();
    await type(program, "second request");
    await program.waitFor("queued: second request");
    program.write(KEY.escape);
    await program.waitFor("! interrupted");
    expect(await server.closed(1)).toBe("cut");
    await program.waitFor(/^› second request$/m);
    program.write(KEY.enter);
    await program.waitFor(/Answer number \d is here\./);
    expect(server.requests.map((request) => request.violations)).toEqual([[], []]);
  });

  test("/approve does not wait for a plan that nobody has read", async () => {
    const { program, release } = await held();
    await type(program, "/approve");
    await program.waitFor("a turn is running: /approve counts only once its plan is on the screen");
    expect(program.screen.text()).not.toContain("queued:");
    release();
    await idle(program);
  });

  test("Ctrl+C cancels, a second one leaves; the session is kept", async () => {
    const { program, place } = await held();
    program.write(KEY.ctrl("c"));
    await program.waitFor("! interrupted");
    program.write(KEY.ctrl("c"));
    expect((await program.exited).exitCode).toBe(0);
    expect(program.output()).toMatch(/\u001b\[\?2004l(?:\u001b\[\?25h)+$/);
    const listed = await place.run(["sessions", "--json"]);
    expect((JSON.parse(listed.stdout) as unknown[]).length).toBe(1);
  });
});

describe("keys", () => {
  test("Ctrl+D on empty input leaves with 0, with text it deletes", async () => {
    const one = await draw();
    const program = open(one);
    await idle(program);
    await fill(program, "ab");
    program.write(`${KEY.ctrl("a")}${KEY.ctrl("d")}`);
    await program.waitFor(/^› b$/m);
    program.write(`${KEY.ctrl("d")}${KEY.ctrl("d")}`);
    expect((await program.exited).exitCode).toBe(0);
  });

  test("Shift+Tab goes round plan, default, acceptEdits; the server sees the tools of the mode", async () => {
    const one = await draw({ replies: () => ({ text: "noted." }) });
    const program = open(one);
    await program.waitFor(/^plan · p\//m);
    program.write(KEY.shiftTab);
    await program.waitFor(/^default · p\//m);
    program.write(KEY.shiftTab);
    await program.waitFor(/^acceptEdits · p\//m);
    await type(program, "anything");
    await program.waitFor("noted.");
    expect(one.server.requests[0]?.tools).toContain("write");
    await idle(program);
    program.write(KEY.shiftTab);
    await program.waitFor(/^plan · p\//m);
    await type(program, "more");
    await program.waitFor(() => one.server.requests.length === 2, "the second request");
    await idle(program);
    expect(one.server.requests[1]?.tools).toContain("set_plan_artifact");
    expect(one.server.requests[1]?.tools).not.toContain("write");
  });

  test("Shift+Tab asks first when a plan is pending, and is refused on an open card", async () => {
    const one = await draw();
    const program = await planned(one);
    program.write(KEY.shiftTab);
    await program.waitFor('Switch to default although the plan "Reverse the marker" is awaiting approval?');
    program.write(KEY.shiftTab);
    await program.waitFor("answer the question first");
    program.write("n");
    await idle(program);
    expect(program.screen.text()).toMatch(/^plan · plan awaits \/approve/m);
    program.write(KEY.shiftTab);
    await program.waitFor((screen) => screen.lines().some((line) => line.startsWith("› 1. Yes")), "the second card");
    program.write("y");
    await program.waitFor(/^default · /m);
    expect(one.server.requests.length).toBe(2);
  });
});
