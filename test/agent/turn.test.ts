// The loop of one turn as whole event lists: repetition, empty and cut answers, calls that cannot run, limits,
// failures.

import { describe, expect, test } from "vitest";
import {
  call,
  createHarness,
  isPlanning,
  ONE_TICKET,
  PRICE,
  told,
  userToml,
  write,
  type HarnessOptions,
  type Reply,
} from "./harness.ts";

const CHAT = { flags: ["--no-plan", "--permission-mode", "bypassPermissions"] };
const look = call("view", { path: "a.txt" });
const other = call("glob", { pattern: "*.txt" });

describe("repetition", () => {
  test("the same call with the same result three times: a hint, then the end", async () => {
    const harness = await createHarness({
      ...CHAT,
      files: { "a.txt": "x\n" },
      script: [look, look, look, look, look, look],
    });
    expect(await harness.submit("go")).toMatchObject({
      reason: "error",
      error: { code: "failed", message: "the model repeats the same call with the same result" },
    });
    expect(harness.requests).toHaveLength(6);
    expect(told(harness.requests[3]).at(-1)).toContain("the same call with the same result again");
    expect(told(harness.requests[2]).at(-1)).not.toContain("the same call");
    expect(harness.agent.state().outcome).toBe(1);
  });

  test("two calls that alternate", async () => {
    const harness = await createHarness({
      ...CHAT,
      files: { "a.txt": "x\n" },
      script: (_request, number) => (number % 2 === 1 ? look : other),
    });
    expect(await harness.submit("go")).toMatchObject({
      reason: "error",
      error: { message: expect.stringMatching(/repeats/) as unknown },
    });
    expect(harness.requests).toHaveLength(12);
  });

  test("the same call is none where its result differs", async () => {
    const script: HarnessOptions["script"] = (_request, number, { put }) => {
      put("a.txt", `state ${number}\n`);
      return number < 8 ? look : { text: "Seen." };
    };
    const harness = await createHarness({ ...CHAT, files: { "a.txt": "x\n" }, script });
    expect(await harness.submit("watch")).toMatchObject({ reason: "done", text: "Seen." });
  });
});

describe("answers", () => {
  test("an empty one is asked again once", async () => {
    const harness = await createHarness({ ...CHAT, script: [{}, { text: "Here." }] });
    expect(await harness.submit("go")).toMatchObject({ reason: "done", text: "Here." });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "turn 1 chat: go | gate off | route p/m-1 by default",
        "step 1 p/m-1 | message  | cost main p/m-1 0.00012",
        "step 2 p/m-1 | text "Here." | message text | cost main p/m-1 0.00012",
        "turn 1 ends done",
      ]
    `);
    expect(told(harness.requests[1]).at(-1)).toMatch(/Your last reply was empty/);
  });

  test("two empty ones end the turn", async () => {
    const harness = await createHarness({ ...CHAT, script: [{ reasoning: "hm" }, {}] });
    expect(await harness.submit("go")).toMatchObject({
      reason: "error",
      error: { code: "failed", message: "p/m-1 gave no answer, also when asked again" },
    });
  });

  test("a refusal", async () => {
    const harness = await createHarness({ ...CHAT, script: [{ text: "I cannot help with that.", stop: "refusal" }] });
    expect(await harness.submit("go")).toMatchObject({
      reason: "error",
      text: "I cannot help with that.",
      error: { message: "p/m-1 refused to answer" },
    });
  });

  test("a text cut at the limit of the model is an answer, with a notice", async () => {
    const harness = await createHarness({ ...CHAT, script: [{ text: "Once upon", stop: "max_tokens" }] });
    expect(await harness.submit("go")).toMatchObject({ reason: "done", text: "Once upon" });
    expect(harness.lines()).toContain("warning: The reply was cut off at the model's output limit.");
  });

  test("a call with cut arguments does not run and is not repaired; the model sends it again", async () => {
    const harness = await createHarness({
      ...CHAT,
      script: [
        { stop: "max_tokens", calls: [{ name: "write", invalid: '{"path":"a.txt","content":"hal' }] },
        write("a.txt", "whole"),
        { text: "Done." },
      ],
    });
    await harness.submit("go");
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "turn 1 chat: go | gate off | route p/m-1 by default",
        "step 1 p/m-1 | message write | cost main p/m-1 0.00012",
        "start write: write",
        "end write error: The arguments of this write call were cut off or are not a JSON object, so it did not run. Send the call again, whole; split it if it is long.",
        "step 2 p/m-1 | message write | cost main p/m-1 0.00012",
        "start write: write a.txt (1 line)",
        "end write: Created a.txt (1 line, 5 bytes).",
        "step 3 p/m-1 | text "Done." | message text | cost main p/m-1 0.00012",
        "turn 1 ends done",
      ]
    `);
    expect(harness.read("a.txt")).toBe("whole");
    expect(harness.agent.state().outcome).toBe(0);
  });

  test("another model than the one asked for is named; a date or a dot does not make it another", async () => {
    const harness = await createHarness({
      ...CHAT,
      models: ["m-1.5"],
      script: [
        { text: "a", served: "m-1-5-20260101" },
        { text: "b", served: "m-1-mini" },
      ],
    });
    await harness.submit("one");
    await harness.submit("two");
    expect(harness.agent.state().routes.map((route) => route.served_model)).toEqual([null, "m-1-mini"]);
    expect(harness.lines().filter((line) => line.startsWith("warning"))).toEqual([
      "warning: p/m-1.5 was asked for, but the provider answered with m-1-mini.",
    ]);
  });
});

describe("calls that cannot run", () => {
  test.each([
    ["an unknown tool", call("veiw", { path: "a.txt" }), /There is no tool "veiw"\. Did you mean view\?/],
    ["another name for handing in a plan", call("submit_plan", { plan: "x" }), /handed in with set_plan_artifact/],
    ["a tool of another stage", call("set_plan_artifact", {}), /not available in the chat stage/],
    ["a missing argument", call("view", {}), /path/],
    ["a wrong argument", call("view", { path: 3 }), /path/],
  ])("%s: said to the model, and the turn goes on", async (_name, reply, cause) => {
    const harness = await createHarness({ ...CHAT, files: { "a.txt": "x\n" }, script: [reply, { text: "I see." }] });
    expect(await harness.submit("go")).toMatchObject({ reason: "done", text: "I see." });
    expect(told(harness.requests[1]).at(-1)).toMatch(cause);
    expect(harness.agent.state().outcome).toBe(0);
  });

  test("writing while planning is refused by construction, and counts for nothing in the exit code", async () => {
    const harness = await createHarness({ script: [write("a.txt", "x"), ONE_TICKET] });
    await harness.submit("go");
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "turn 1 plan: go | gate off | route p/m-1 by default",
        "step 1 p/m-1 | message write | cost main p/m-1 0.00012",
        "start write: write a.txt (1 line)",
        "end write error: write is not available in the plan stage: nothing is changed before the user approves a plan. Put the change into the plan. Tools now: view, grep, glob, bash, set_plan_artifact, ask_question.",
        "step 2 p/m-1 | message set_plan_artifact | cost main p/m-1 0.00012",
        "start set_plan_artifact: plan: The plan (1 ticket)",
        "end set_plan_artifact: Plan <plan 1>, revision 1, is stored and awaits the user's approval.",
        "turn 1 ends awaiting_approval",
        "plan ready, revision 1, for p/m-1",
      ]
    `);
    expect(harness.exists("a.txt")).toBe(false);
    expect(harness.agent.state()).toMatchObject({ outcome: 3, denials: [{ tool: "write", target: "a.txt" }] });
  });

  test("refused calls end the turn when nothing else comes, with one notice in execution", async () => {
    let number = 0;
    const refused = (): Reply => write(`other-${(number += 1)}.txt`, "x");
    const harness = await createHarness({
      headless: true,
      script: (request) => (isPlanning(request) ? ONE_TICKET : refused()),
    });
    await harness.submit("go");
    harness.lines();
    expect(await harness.approve()).toMatchObject({
      reason: "error",
      error: { message: "50 calls in a row were refused" },
    });
    expect(harness.lines().filter((line) => line.startsWith("warning: Two refusals"))).toHaveLength(1);
    // One request for the plan, fifty refused, and none after them.
    expect(harness.requests).toHaveLength(51);
  });

  test("a call that is carried out ends a row of refusals: 49, one that succeeds, and 49 more are no row of fifty", async () => {
    let number = 0;
    const script = (): Reply => {
      number += 1;
      if (number === 50) return write("a.txt", "x");
      return number === 100 ? { text: "Done." } : write(`other-${number}.txt`, "x");
    };
    const harness = await createHarness({
      headless: true,
      script: (request) => (isPlanning(request) ? ONE_TICKET : script()),
    });
    await harness.submit("go");
    harness.lines();
    expect(await harness.approve()).toMatchObject({ reason: "done", text: "Done." });
    expect(harness.lines().filter((line) => line.startsWith("warning: Two refusals"))).toHaveLength(2);
    expect(harness.agent.state().outcome).toBe(4);
  });

  test("a single refusal in execution says nothing of the plan being too narrow", async () => {
    const harness = await createHarness({
      headless: true,
      script: [ONE_TICKET, write("other.txt", "x"), write("a.txt", "x"), write("another.txt", "x"), { text: "Done." }],
    });
    await harness.submit("go");
    await harness.approve();
    expect(harness.lines().filter((line) => line.startsWith("warning: Two refusals"))).toEqual([]);
  });
});

describe("limits and failures", () => {
  test("model calls of a run", async () => {
    const harness = await createHarness({
      flags: [...CHAT.flags, "--max-turns", "2"],
      files: { "a.txt": "x\n" },
      script: [look, other],
    });
    expect(await harness.submit("go")).toMatchObject({
      reason: "limit",
      error: { code: "limit", message: "the limit of 2 model calls for this run is reached" },
    });
    expect(harness.agent.state().outcome).toBe(5);
  });

  test("a request that does not fit is tried again with old tool output left out", async () => {
    const long = `${"0123456789".repeat(120)}\n`;
    const script = (request: { messages: unknown[] }, number: number): Reply => {
      if (number <= 5) return call("view", { path: `${number}.txt` });
      return number === 6
        ? { error: { kind: "context_overflow" } }
        : { text: `Seen ${request.messages.length} messages.` };
    };
    const harness = await createHarness({
      ...CHAT,
      files: Object.fromEntries([1, 2, 3, 4, 5].map((one) => [`${one}.txt`, long])),
      script,
    });
    expect(await harness.submit("go")).toMatchObject({ reason: "done", text: "Seen 11 messages." });
    const lengths = (index: number): number[] =>
      told(harness.requests[index]).map((text) => (text.includes("left out to make room") ? 1 : 0));
    expect({ before: lengths(5), after: lengths(6) }).toEqual({
      before: [0, 0, 0, 0, 0, 0],
      after: [0, 1, 1, 0, 0, 0],
    });
    expect(harness.lines().filter((line) => line.startsWith("warning"))).toHaveLength(1);
  });

  test("near the window old tool output is cut before the request is made; the stored history stays whole", async () => {
    const long = Array.from({ length: 400 }, (_, index) => `line ${index} of a long file that fills the window`).join(
      "\n",
    );
    const harness = await createHarness({
      ...CHAT,
      files: Object.fromEntries([1, 2, 3, 4, 5].map((one) => [`${one}.txt`, long])),
      script: (_request, number) => (number <= 5 ? call("view", { path: `${number}.txt` }) : { text: "Seen." }),
    });
    await harness.submit("go");
    expect(
      told(harness.requests.at(-1)).filter((text) => text.includes("left out to make room")).length,
    ).toBeGreaterThan(0);
    const stored = harness
      .records()
      .flatMap((record) =>
        record.type === "message" && record.message.role === "tool" ? [JSON.stringify(record.message.content)] : [],
      );
    expect(stored.filter((text) => text.includes("left out to make room"))).toEqual([]);
  });

  test("what a failed call was billed is in the figures", async () => {
    const harness = await createHarness({
      ...CHAT,
      script: [{ text: "half", error: { kind: "bad_request", usage: { input: 1000, output: 0 } } }],
    });
    expect(await harness.submit("go")).toMatchObject({ reason: "error", error: { code: "provider" } });
    expect(harness.agent.state()).toMatchObject({ outcome: 7, totals: { cost_usd: 0.001, usage: { input: 1000 } } });
    expect(harness.records().filter((record) => record.type === "cost")).toHaveLength(1);
  });

  test.each([
    ["credentials", 6],
    ["network", 7],
    ["rate_limit", 7],
    ["model_not_found", 2],
  ] as const)("a failure of kind %s: exit %d, and the next turn goes on", async (kind, outcome) => {
    const harness = await createHarness({
      ...CHAT,
      headless: true,
      script: [{ error: { kind } }, { text: "Back again." }],
    });
    expect(await harness.submit("one")).toMatchObject({ reason: "error" });
    expect(harness.agent.state().outcome).toBe(outcome);
    expect(await harness.submit("two")).toMatchObject({ reason: "done", text: "Back again." });
    expect(told(harness.requests[1])).toEqual([expect.stringContaining("one"), "two"]);
  });
});

describe("another model after a failure", () => {
  const two = {
    flags: CHAT.flags,
    models: ["m-1", "m-2"],
    config:
      '[options.phase_router]\nenabled = true\n[options.phase_router.capability."p/m-1"]\nimplement = 90\ndebug = 90\nplan = 90\ntest = 90\nrefactor = 90\ndocument = 90\nsmall_edit = 90\n[options.phase_router.capability."p/m-2"]\nimplement = 80\ndebug = 80\nplan = 80\ntest = 80\nrefactor = 80\ndocument = 80\nsmall_edit = 80\n',
  };
  const failing: Reply[] = [{ error: { kind: "overloaded" } }, { text: "From the other." }];

  test("policy allow: the next candidate, with a notice and a route", async () => {
    const harness = await createHarness({
      ...two,
      config: `${two.config}[options.fallback]\npolicy = "allow"`,
      script: failing,
    });
    expect(await harness.submit("implement a parser")).toMatchObject({ reason: "done", text: "From the other." });
    expect(harness.agent.state().routes.map((route) => route.source)).toEqual(["phase", "fallback"]);
    const [first, second] = harness.requests.map((request) => request.model);
    expect(new Set([first, second]).size).toBe(2);
    expect(harness.lines().filter((line) => line.startsWith("warning"))).toEqual([
      `warning: ${first} failed (overloaded of the script); continuing with ${second}.`,
    ]);
  });

  test("policy ask: as the person says; headless it fails", async () => {
    const yes = await createHarness({ ...two, script: failing, answers: [{ answer: "allow_once" }] });
    expect(await yes.submit("implement a parser")).toMatchObject({ reason: "done" });
    expect(yes.asked.map((request) => request.kind)).toEqual(["fallback"]);
    const no = await createHarness({ ...two, script: failing, answers: [{ answer: "deny", feedback: null }] });
    expect(await no.submit("implement a parser")).toMatchObject({ reason: "error", error: { code: "provider" } });
    const nobody = await createHarness({ ...two, headless: true, script: failing });
    expect(await nobody.submit("implement a parser")).toMatchObject({ reason: "error" });
    expect(nobody.asked).toEqual([]);
  });

  test("a candidate that cannot serve the request is no substitute", async () => {
    const toml = userToml({ ...two, config: `${two.config}[options.fallback]\npolicy = "allow"` }).replace(
      'id = "m-2"',
      'id = "m-2"\ntools = false',
    );
    const harness = await createHarness({ flags: [...CHAT.flags, "--model", "p/m-1"], script: failing });
    harness.configure(toml);
    expect(await harness.submit("implement a parser")).toMatchObject({ reason: "error" });
    expect(harness.requests.map((request) => request.model)).toEqual(["p/m-1"]);
  });

  test("policy fail: never another", async () => {
    const fail = await createHarness({
      ...two,
      config: `${two.config}[options.fallback]\npolicy = "fail"`,
      script: failing,
      answers: [{ answer: "allow_once" }],
    });
    expect(await fail.submit("implement a parser")).toMatchObject({ reason: "error" });
  });
});

test("prices of the harness are those that the figures above count on", () => {
  expect(PRICE).toContain("input = 1.0, output = 2.0");
});
