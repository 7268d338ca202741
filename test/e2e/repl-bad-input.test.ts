// Bad input at a real terminal, through the program: pastes that contain a command, commands during a turn, Ctrl+C at
// every stage, 20 columns, a dumb terminal. What is on the screen, what the server saw, and what is on disk must agree.

import { afterEach, describe, expect, test } from "vitest";
import { startPty, type PtyProgram } from "../support/pty.ts";
import { BMO } from "./harness.ts";
import { isPlanning, planInput, planThen, resultOf, scene, ticket, type Scene } from "./scenario.ts";

const PLAN = planInput([ticket("t1", { "a.txt": "modify" })]);
const programs: PtyProgram[] = [];

afterEach(() => {
  for (const program of programs.splice(0)) program.dispose();
});

function open(
  { place }: Scene,
  words: string[] = [],
  options: { columns?: number; rows?: number; environment?: Record<string, string> } = {},
): PtyProgram {
  const program = startPty([process.execPath, BMO, ...words], {
    ...options,
    cwd: place.workspace,
    environment: { HOME: place.home, BMO_HOME: `${place.home}/bmo`, ...options.environment },
  });
  programs.push(program);
  return program;
}

/** What the prompt holds: the last line that begins with its mark, and what is wrapped below. */
function promptOf(screen: PtyProgram["screen"]): string {
  const lines = screen.lines();
  return lines
    .slice(lines.findLastIndex((line) => line.startsWith("›")))
    .join("")
    .replaceAll(/\s+/g, "");
}

/** Types a line as a person does: the text first, Enter as a key of its own once the text is in the prompt. */
async function type(program: PtyProgram, text: string): Promise<void> {
  program.write(text);
  await program.waitFor(
    (screen) => promptOf(screen).startsWith(`›${text.replaceAll(/\s+/g, "")}`),
    `the typed text ${text}`,
  );
  program.write("\r");
}

async function planned(): Promise<Scene & { program: PtyProgram; before: string }> {
  const one = await scene({ replies: planThen(PLAN, [{ text: "carried out" }]) });
  one.place.file("a.txt", "one\n");
  const before = one.place.digest();
  const program = open(one, ["plan it"]);
  await program.waitFor(/The plan/);
  await program.waitFor(/\/approve/);
  return { ...one, program, before };
}

describe("approval", () => {
  test("a paste that contains /approve and a newline neither approves nor sends", async () => {
    const { program, server, place, before } = await planned();
    program.paste("/approve\n");
    await program.waitFor((screen) => /\/approve\s*$/m.test(screen.text()), "the pasted text in the prompt");
    program.paste("text before\n/approve\n");
    await program.waitFor(/text before/);
    expect(server.requests).toHaveLength(1);
    expect(place.digest()).toBe(before);
    program.write("\u0003");
    await type(program, "/status");
    await program.waitFor(/awaiting approval/);
    expect(server.requests).toHaveLength(1);
  });

  test("Enter on empty input never approves", async () => {
    const { program, server, place, before } = await planned();
    program.write("\r");
    program.write("\r");
    await type(program, "/status");
    await program.waitFor(/awaiting approval/);
    expect(server.requests).toHaveLength(1);
    expect(place.digest()).toBe(before);
  });

  test("typed /approve does; typed twice says that the plan is done", async () => {
    const { program, server } = await planned();
    await type(program, "/approve");
    await program.waitFor(/carried out/);
    expect(server.requests.map(isPlanning)).toEqual([true, false]);
    await type(program, "/approve");
    await program.waitFor(/already done/);
    expect(server.requests).toHaveLength(2);
  });

  test("/approve with no plan is a clear message", async () => {
    const one = await scene({});
    const program = open(one);
    await program.waitFor(/p\/m-1|m-1/);
    await type(program, "/approve");
    await program.waitFor(/no plan to approve/);
    expect(one.server.requests).toEqual([]);
  });

  test("/approve during a turn approves nothing", async () => {
    const one = await scene({
      faults: [{ kind: "stall", after: 0 }],
      replies: planThen(PLAN, [{ text: "carried out" }]),
    });
    one.place.file("a.txt", "one\n");
    const before = one.place.digest();
    const program = open(one, ["plan it"]);
    await one.server.arrived(1);
    await type(program, "/approve");
    await program.waitFor(/queued|a turn is running|running/i);
    expect(one.server.requests).toHaveLength(1);
    expect(one.place.digest()).toBe(before);
  });

  test("an unknown command names the nearest", async () => {
    const one = await scene({});
    const program = open(one);
    await program.waitFor(/m-1/);
    await type(program, "/aprove");
    await program.waitFor(/unknown command \/aprove/);
    await program.waitFor(/Did you mean \/approve/);
    expect(one.server.requests).toEqual([]);
  });
});

describe("Ctrl+C", () => {
  test("twice on an idle prompt leaves, the terminal as it was", async () => {
    const one = await scene({});
    const program = open(one);
    await program.waitFor(/m-1/);
    program.write("\u0003");
    await program.waitFor(/again|twice|exit/i);
    program.write("\u0003");
    const { exitCode } = await program.exited;
    expect([0, 130]).toContain(exitCode);
    expect(program.output()).not.toContain("\u001b[?1049h");
    expect(program.output().lastIndexOf("\u001b[?25h")).toBeGreaterThanOrEqual(
      program.output().lastIndexOf("\u001b[?25l"),
    );
    expect(program.output().lastIndexOf("\u001b[?2004l")).toBeGreaterThan(
      program.output().lastIndexOf("\u001b[?2004h"),
    );
  });

  test.each([
    ["while waiting for the server", 0],
    ["in mid-stream", 4],
  ])("%s: the turn ends, the session goes on", async (_name, after) => {
    const one = await scene({
      faults: [{ kind: "stall", after }],
      replies: () => ({ text: "an answer of several words" }),
    });
    const program = open(one, ["first words"]);
    await one.server.arrived(1);
    program.write("\u0003");
    await expect(one.server.closed(1)).resolves.toBe("cut");
    await program.waitFor(/interrupt|stopped|abort/i);
    await type(program, "second words");
    await one.server.arrived(2);
    await program.waitFor(/an answer of several words/);
    expect(one.server.requests[1]?.violations).toEqual([]);
    expect(one.server.requests[1]?.userTexts.join("\n")).toMatch(/first words[\s\S]*second words/);
  });

  test("SIGTERM restores the terminal and leaves with 143", async () => {
    const one = await scene({ faults: [{ kind: "stall", after: 0 }], replies: () => ({ text: "answer" }) });
    const program = open(one, ["first words"]);
    await one.server.arrived(1);
    program.signal("SIGTERM");
    expect((await program.exited).exitCode).toBe(143);
    expect(program.output().lastIndexOf("\u001b[?2004l")).toBeGreaterThan(
      program.output().lastIndexOf("\u001b[?2004h"),
    );
    one.server.clearFaults();
    expect(resultOf(await one.place.run(["-c", "--json", "go on"]))).toMatchObject({ exit_code: 0 });
    expect(one.server.requests.at(-1)?.userTexts.join("\n")).toContain("first words");
  });
});

describe("terminals", () => {
  test("20 columns: a plan is shown, answered and nothing is wider than the screen", async () => {
    const one = await scene({ replies: planThen(PLAN, [{ text: "carried out" }]) });
    one.place.file("a.txt", "one\n");
    const program = open(one, ["plan it"], { columns: 20, rows: 10 });
    await program.waitFor((screen) => screen.all().join("").replaceAll(/\s/g, "").includes("Theplan"), "the plan");
    await type(program, "/approve");
    await program.waitFor((screen) => screen.all().join("").replaceAll(/\s/g, "").includes("carriedout"), "the answer");
    expect(one.server.requests.map(isPlanning)).toEqual([true, false]);
  });

  test("TERM=dumb on a terminal runs headless: no escape sequence at all", async () => {
    const one = await scene({ replies: () => ({ text: "plain answer" }) });
    const program = open(one, ["hello"], { environment: { TERM: "dumb" } });
    expect((await program.exited).exitCode).toBe(0);
    expect(program.output()).toContain("plain answer");
    expect(program.output()).not.toContain("\u001b");
  });

  test("NO_COLOR: no colour, with everything still drawn", async () => {
    const one = await scene({ replies: () => ({ text: "plain **bold** answer" }) });
    const program = open(one, ["hello"], { environment: { NO_COLOR: "1" } });
    await program.waitFor(/plain/);
    expect(program.output()).not.toMatch(/\u001b\[(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|38;|48;)/);
  });

  test("a broken configuration at a terminal: exit 2 with the file, the terminal untouched", async () => {
    const one = await scene({});
    one.place.configure("model = [\n");
    const program = open(one);
    expect((await program.exited).exitCode).toBe(2);
    expect(program.output()).toContain("bmo.toml");
  });
});
