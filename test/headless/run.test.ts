// A run without a person, over a whole agent: what stands on stdout and stderr to the byte, and the exit code.

import { describe, expect, test } from "vitest";
import { runHeadless, type HeadlessRequest } from "../../src/headless/run.ts";
import { BmoError } from "../../src/util/errors.ts";
import { createHarness, ONE_TICKET, plan, ticket, write, type Harness, type HarnessOptions } from "../agent/harness.ts";

interface Ran {
  code: number;
  out: string;
  errors: string;
}

async function run(harness: Harness, more: Partial<HeadlessRequest> = {}): Promise<Ran> {
  const out: string[] = [];
  const errors: string[] = [];
  const code = await runHeadless(harness.agent, harness.context, {
    format: "text",
    quiet: false,
    verbose: false,
    prompt: null,
    command: null,
    approve: null,
    approveNow: null,
    approveHint: (made) => `approve ${made.content.title}`,
    startedAt: 1_000,
    clock: () => 1_234.6,
    notices: [],
    signalCode: () => null,
    writeOut: (text) => out.push(text),
    writeError: (text) => errors.push(text),
    ...more,
  });
  return { code, out: out.join(""), errors: errors.join("") };
}

const CHAT: Partial<HarnessOptions> = { flags: ["--no-plan"], headless: true };
const say = (text: string): HeadlessRequest["prompt"] => ({ text, images: [] });
const approvals = (harness: Harness): unknown[] =>
  harness.records().flatMap((record) => (record.type === "approval" ? [record.approval] : []));
const create = (options: HarnessOptions): Promise<Harness> => createHarness({ headless: true, ...options });

describe("text", () => {
  test("the answer alone on stdout, with one line end, and the way there on stderr", async () => {
    for (const text of ["Hi.", "Hi.\n"]) {
      const harness = await createHarness({ ...CHAT, script: [{ text }] });
      expect(await run(harness, { prompt: say("hello"), notices: ["first", "second", "first"] })).toEqual({
        code: 0,
        out: "Hi.\n",
        errors: "bmo: first\nbmo: second\n[chat] p/m-1 (default model of the configuration)\n",
      });
    }
  });

  test("quiet: nothing on stderr, failures included", async () => {
    const harness = await createHarness({
      ...CHAT,
      script: [{ text: "Hi." }, { error: { kind: "credentials", message: "no" } }],
    });
    expect(await run(harness, { prompt: say("hello"), quiet: true, notices: ["first"] })).toEqual({
      code: 0,
      out: "Hi.\n",
      errors: "",
    });
    expect(await run(harness, { prompt: say("again"), quiet: true })).toMatchObject({ out: "", errors: "" });
  });

  test("verbose: what each call took", async () => {
    const harness = await createHarness({
      ...CHAT,
      script: [{ text: "Hi.", usage: { input: 5, cache_read: 7, cache_write: 11, output: 3 } }],
    });
    expect((await run(harness, { prompt: say("hello"), verbose: true })).errors).toContain("  p/m-1: 23 in, 3 out\n");
  });

  test("a failure: its message and its hint", async () => {
    const harness = await createHarness({ ...CHAT, script: [{ stop: "refusal" }] });
    expect(await run(harness, { prompt: say("hello") })).toEqual({
      code: 1,
      out: "",
      errors:
        "[chat] p/m-1 (default model of the configuration)\nbmo: p/m-1 refused to answer\n     Rephrase the request or choose another model with /model.\n",
    });
  });

  test("an escaped slash is text", async () => {
    const harness = await createHarness({ ...CHAT, script: [{ text: "Hi." }] });
    await run(harness, { prompt: say("//status of things") });
    expect(JSON.stringify(harness.requests[0]?.messages)).toContain('"/status of things"');
  });

  test("control characters of names reach no terminal", async () => {
    const harness = await createHarness({ ...CHAT, script: [{ text: "Hi." }] });
    expect((await run(harness, { prompt: say("hello"), notices: ["a\u001b[2Jb"] })).errors).not.toContain("\u001b");
  });
});

describe("plans", () => {
  test("one that awaits approval: the plan on stdout, how to approve it on stderr, exit 3", async () => {
    const harness = await create({ script: [ONE_TICKET] });
    const ran = await run(harness, { prompt: say("make a file") });
    expect(ran.code).toBe(3);
    expect(ran.out).toMatch(/^# The plan\n[\s\S]*a\.txt/);
    expect(ran.errors.split("\n").slice(-2)).toEqual(["bmo: approve The plan", ""]);
    expect(harness.exists("a.txt")).toBe(false);
  });

  test("none made: said, unless the workflow is off", async () => {
    expect((await run(await create({ script: [{ text: "Blue." }] }), { prompt: say("which colour?") })).errors).toMatch(
      /\nbmo: no plan was made\n$/,
    );
    expect(
      (await run(await createHarness({ ...CHAT, script: [{ text: "Blue." }] }), { prompt: say("which colour?") }))
        .errors,
    ).not.toContain("no plan");
  });

  test("approved in advance: shown on stderr, executed, and stdout holds the result alone", async () => {
    const harness = await create({ script: [ONE_TICKET, write("a.txt", "x\n"), { text: "Made." }] });
    const ran = await run(harness, { prompt: say("make a file"), approve: { unscoped: false } });
    expect({ code: ran.code, out: ran.out, file: harness.read("a.txt") }).toEqual({
      code: 0,
      out: "Made.\n",
      file: "x\n",
    });
    expect(ran.errors).toContain("# The plan\n");
    expect(ran.errors).toContain("\nticket t1: Ticket t1\n");
    expect(ran.errors).toContain("\nticket t1: done\n");
  });

  test("what cannot be approved in advance says why, and still awaits a person", async () => {
    const harness = await create({
      script: [plan([ticket("t1", { "a.txt": "create" })], { open_questions: ["which encoding?"] })],
    });
    const ran = await run(harness, { prompt: say("make a file"), approve: { unscoped: false } });
    expect(ran.code).toBe(3);
    expect(ran.errors).toMatch(/bmo: not approved in advance: .*which encoding/);
    expect(harness.agent.state().workflow).toMatchObject({ stage: "plan", approval: null });
  });

  test("approved by the subcommand: executed, and not printed again", async () => {
    const harness = await create({ script: [ONE_TICKET, write("a.txt", "x\n"), { text: "Made." }] });
    await harness.submit("make a file");
    const ran = await run(harness, { approveNow: { unscoped: false } });
    expect({ code: ran.code, out: ran.out }).toEqual({ code: 0, out: "Made.\n" });
    expect(ran.errors).not.toContain("# The plan");
    expect(approvals(harness)).toMatchObject([{ via: "subcommand", tickets: null, unscoped: false }]);
  });

  test("outside the plan: refused, told on stderr, exit 4", async () => {
    const harness = await create({ script: [ONE_TICKET, write("b.txt", "x"), { text: "Could not." }] });
    const ran = await run(harness, { prompt: say("make a file"), approve: { unscoped: false } });
    expect(ran.code).toBe(4);
    expect(ran.errors).toContain(
      "outside the plan: create b.txt (b.txt is not among the files of the approved plan)\n",
    );
    expect(ran.errors).toMatch(/\n {4}failed: Refused: b\.txt is not among/);
  });
});

describe("commands", () => {
  test("answer on stdout, without a model call", async () => {
    const harness = await create({ script: [] });
    const ran = await run(harness, { command: "/help" });
    expect({ code: ran.code, errors: ran.errors }).toEqual({ code: 0, errors: "" });
    expect(ran.out).toContain("/approve");
    expect(harness.requests).toEqual([]);
  });

  test("a choice in a session of commands only is said to be lost; a look at things is not", async () => {
    const harness = await create({ script: [{ text: "Blue." }] });
    const lost =
      "bmo: this session holds commands only and -c will not take it: give the choice as an option of the run that has the request\n";
    expect((await run(harness, { command: "/status" })).errors).not.toContain(lost);
    expect((await run(harness, { command: "/tier deep" })).errors).toContain(lost);
    await harness.submit("which colour?");
    expect((await run(harness, { command: "/tier smart" })).errors).not.toContain(lost);
  });

  test("an unknown one is a usage error with its hint, exit 2", async () => {
    const ran = await run(await create({ script: [] }), { command: "/statsu" });
    expect(ran).toMatchObject({ code: 2, out: "" });
    expect(ran.errors).toMatch(/^bmo: .*statsu.*\n/);
  });

  test("/approve executes what awaits", async () => {
    const harness = await create({ script: [ONE_TICKET, write("a.txt", "x\n"), { text: "Made." }] });
    await harness.submit("make a file");
    expect(await run(harness, { command: "/approve" })).toMatchObject({ code: 0, out: "Made.\n" });
    expect(approvals(harness)).toMatchObject([{ via: "command" }]);
  });
});

describe("endings", () => {
  test("without a prompt and without anything else: exit 2", async () => {
    expect(await run(await create({ script: [] }))).toEqual({
      code: 2,
      out: "",
      errors: "bmo: there is no prompt\n     Give one as an argument or pipe it in.\n",
    });
  });

  test("the code of a signal goes before all others", async () => {
    const harness = await createHarness({ ...CHAT, script: [{ text: "Hi." }] });
    expect((await run(harness, { prompt: say("hello"), signalCode: () => 130 })).code).toBe(130);
  });

  test("a fault of bmo itself: its trace only where it was asked for", async () => {
    for (const verbose of [false, true]) {
      const harness = await createHarness({ ...CHAT, script: [{ text: "Hi." }] });
      const broken = { ...harness.agent, submit: () => Promise.reject(new BmoError("internal", "out of order")) };
      const ran = await run({ ...harness, agent: broken }, { prompt: say("hello"), verbose });
      expect(ran).toMatchObject({ code: 1, out: "" });
      expect(ran.errors).toContain("bmo: out of order\n");
      expect(/\n {4}at /.test(ran.errors)).toBe(verbose);
    }
  });
});

describe("machine-readable", () => {
  test("json: one object with everything, and whole milliseconds", async () => {
    const harness = await createHarness({ ...CHAT, script: [{ text: "Hi." }] });
    const ran = await run(harness, { format: "json", prompt: say("hello"), notices: ["first"] });
    expect(ran.out.endsWith("}\n")).toBe(true);
    expect(JSON.parse(ran.out)).toMatchObject({
      type: "result",
      version: 1,
      session_id: harness.agent.sessionId,
      status: "done",
      exit_code: 0,
      result: "Hi.",
      data: null,
      plan: null,
      usage: { input: 100, output: 10, cache_read: 0, cache_write: 0 },
      cost_usd: 0.00012,
      cost_is_estimate: false,
      files: [],
      denials: [],
      report: null,
      warnings: ["first"],
      error: null,
      duration_ms: 235,
    });
  });

  test("json: a failure has its code, message and hint, and exit code and status agree", async () => {
    const harness = await createHarness({ ...CHAT, script: [{ stop: "refusal" }] });
    const ran = await run(harness, { format: "json", prompt: say("hello") });
    expect(JSON.parse(ran.out)).toMatchObject({
      status: "error",
      exit_code: ran.code,
      result: "",
      error: {
        code: "failed",
        message: "p/m-1 refused to answer",
        hint: "Rephrase the request or choose another model with /model.",
      },
    });
  });

  test("stream-json: the session first, each event as a line, the result last", async () => {
    const harness = await create({ script: [ONE_TICKET] });
    const ran = await run(harness, { format: "stream-json", prompt: say("make a file") });
    const lines = ran.out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; text?: string });
    // What the machine lacks is not part of what the run does.
    const own = lines.filter(({ text }) => text?.startsWith("no sandbox:") !== true);
    expect(own.map(({ type }) => type).filter((type, index, all) => type !== all[index - 1])).toEqual([
      "session_start",
      "turn_start",
      "gate_decision",
      "route_decision",
      "step_start",
      "message_end",
      "cost_entry",
      "tool_start",
      "tool_end",
      "turn_end",
      "plan_ready",
      "result",
    ]);
    expect(lines[0]).toEqual({
      type: "session_start",
      session_id: harness.agent.sessionId,
      workspace: harness.workspace,
      resumed: false,
    });
    expect(lines.at(-1)).toMatchObject({
      status: "awaiting_approval",
      exit_code: 3,
      plan: {
        revision: 1,
        state: "awaiting_approval",
        title: "The plan",
        tickets: [
          { id: "t1", title: "Ticket t1", state: "open", files: [{ path: "a.txt", action: "create" }], cost_usd: 0 },
        ],
      },
    });
    const again = await run(harness, { format: "stream-json", command: "/help" });
    expect(JSON.parse(again.out.split("\n")[0] ?? "")).toMatchObject({ resumed: true });
  });
});
