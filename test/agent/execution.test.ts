// Carrying a plan out: verification, the way back to the planner, tickets one by one, resuming in the middle.

import { describe, expect, test } from "vitest";
import {
  call,
  createHarness,
  isPlanning,
  ONE_TICKET,
  plan,
  ticket,
  told,
  write,
  type HarnessOptions,
  type Reply,
} from "./harness.ts";

const BY_TICKET = '[options.phase_model]\nunit = "ticket"';
const checked = (verify: string): Reply => plan([ticket("t1", { "a.txt": "create" }, { verify: [verify] })]);

/** One plan, then replies to the executor in their order; the planner's own come from `planner`. */
function scripted(planner: Reply[], executor: Reply[]): HarnessOptions["script"] {
  let planned = 0;
  let executed = 0;
  return (request) => (isPlanning(request) ? planner[planned++] : executor[executed++]) ?? { text: "out of script" };
}

describe("verification", () => {
  test("a failure goes back to the executor; then it passes", async () => {
    const harness = await createHarness({
      script: [
        checked("grep -q good a.txt"),
        write("a.txt", "bad\n"),
        { text: "Done." },
        write("a.txt", "good\n"),
        { text: "Mended." },
      ],
    });
    await harness.submit("make a file");
    harness.lines();
    expect(await harness.approve()).toMatchObject({ reason: "done", text: "Mended." });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "approved revision 1 by command",
        "ticket t1 begins",
        "turn 2 execute: /approve The plan | gate off | route p/m-1 by default",
        "step 1 p/m-1 | message write | cost main p/m-1 0.00012",
        "start write: write a.txt (1 line)",
        "end write: Created a.txt (1 line, 4 bytes).",
        "step 2 p/m-1 | text "Done." | message text | cost main p/m-1 0.00012",
        "turn 2 ends done",
        "start bash: verify t1: grep -q good a.txt",
        "end bash error: exit code 1 …",
        "turn 3 execute: verification failed: trying again | gate off | route p/m-1 by default",
        "step 1 p/m-1 | message write | cost main p/m-1 0.00012",
        "start write: write a.txt (1 line)",
        "end write: Replaced a.txt (1 line, 5 bytes). …",
        "step 2 p/m-1 | text "Mended." | message text | cost main p/m-1 0.00012",
        "turn 3 ends done",
        "start bash: verify t1: grep -q good a.txt",
        "end bash: exit code 0 …",
        "ticket t1 done, cost 0.00048",
      ]
    `);
    expect(told(harness.requests[3]).at(-1)).toMatch(
      /The verify command `grep -q good a\.txt` of ticket t1 failed \(exit code 1\)/,
    );
  });

  const THREE = plan([
    ticket("t1", { "a.txt": "create" }, { verify: ["test -f a.txt"] }),
    ticket("t2", { "b.txt": "create" }, { verify: ["grep -q good b.txt"] }),
    ticket("t3", { "c.txt": "create" }, { verify: ["test -f c.txt"] }),
  ]);
  const about = (lines: string[]): string[] =>
    lines.filter((line) => /^(ticket|start bash|turn .* (begins|ends))/.test(line));

  test("in a plan of several tickets: what passed is done once, the rest waits for the one that failed", async () => {
    const harness = await createHarness({
      script: [
        THREE,
        {
          calls: [
            ...(write("a.txt", "a").calls ?? []),
            ...(write("b.txt", "bad\n").calls ?? []),
            ...(write("c.txt", "c").calls ?? []),
          ],
        },
        { text: "Done." },
        write("b.txt", "good\n"),
        { text: "Mended." },
      ],
    });
    await harness.submit("make three files");
    harness.lines();
    expect(await harness.approve()).toMatchObject({ reason: "done", text: "Mended." });
    expect(about(harness.lines())).toEqual([
      "ticket t1 begins",
      "ticket t2 begins",
      "ticket t3 begins",
      "turn 2 ends done",
      "start bash: verify t1: test -f a.txt",
      "ticket t1 done, cost null",
      "start bash: verify t2: grep -q good b.txt",
      "turn 3 ends done",
      "start bash: verify t1: test -f a.txt",
      "start bash: verify t2: grep -q good b.txt",
      "ticket t2 done, cost null",
      "start bash: verify t3: test -f c.txt",
      "ticket t3 done, cost null",
    ]);
    expect(told(harness.requests[3]).at(-1)).toMatch(
      /The verify command `grep -q good b\.txt` of ticket t2 failed \(exit code 1\)[\s\S]*call request_replan/,
    );
  });

  test("in a plan of several tickets, for good: only the one that failed is failed, and the planner hears of that one", async () => {
    const harness = await createHarness({
      script: scripted([THREE, { text: "No other way." }], [write("a.txt", "a"), { text: "Done." }]),
    });
    await harness.submit("make three files");
    harness.lines();
    expect(await harness.approve()).toMatchObject({ reason: "error" });
    expect(harness.agent.state().workflow.plan).toMatchObject({
      state: "failed",
      tickets: { t1: "done", t2: "failed", t3: "in_progress" },
    });
    expect(harness.agent.state().report).toMatchObject({ failed_tickets: ["t2"] });
    expect(told(harness.requests.filter(isPlanning)[1]).at(-1)).toMatch(/ticket t2 failed/);
  });

  test("failing for good: twice to the planner, then to the person", async () => {
    const harness = await createHarness({
      script: scripted([checked("false"), checked("false"), checked("false")], []),
    });
    await harness.submit("make a file");
    harness.lines();
    const result = await harness.approve({ via: "flag" });
    expect(result).toMatchObject({
      reason: "error",
      error: {
        code: "failed",
        message: expect.stringMatching(/could not be completed: The verify command `false`/) as unknown,
      },
    });
    // Each try is one request to the executor: three of them before each return to the planner.
    expect(harness.requests.map((request) => (isPlanning(request) ? "plan" : "execute")).join(" ")).toBe(
      "plan execute execute execute plan execute execute execute plan execute execute execute",
    );
    expect(harness.lines().filter((line) => /^(ticket|approved|turn .* (plan|ends error))/.test(line)))
      .toMatchInlineSnapshot(`
      [
        "approved revision 1 by flag",
        "ticket t1 begins",
        "turn 2 execute: /approve The plan | gate off | route p/m-1 by default",
        "ticket t1 failed, cost 0.00036",
        "turn 5 plan: plan again: The verify command \`false\` of ticket t1 failed (exit code 1): … | gate off | route p/m-1 by default",
        "approved revision 2 by flag",
        "ticket t1 begins",
        "turn 6 execute: /approve The plan | gate off | route p/m-1 by default",
        "ticket t1 failed, cost 0.00072",
        "turn 9 plan: plan again: The verify command \`false\` of ticket t1 failed (exit code 1): … | gate off | route p/m-1 by default",
        "approved revision 3 by flag",
        "ticket t1 begins",
        "turn 10 execute: /approve The plan | gate off | route p/m-1 by default",
        "ticket t1 failed, cost 0.00108",
      ]
    `);
    expect(harness.agent.state()).toMatchObject({
      outcome: 1,
      workflow: { stage: "plan", approval: null, plan: { state: "failed" } },
    });
    await expect(harness.approve()).rejects.toThrow(/was given up/);
  });

  test("a planner that makes no new plan has given up", async () => {
    const harness = await createHarness({
      script: [checked("true"), call("request_replan", { reason: "the file is gone" }), { text: "It cannot be done." }],
    });
    await harness.submit("make a file");
    expect(await harness.approve()).toMatchObject({
      reason: "error",
      text: "It cannot be done.",
      error: { code: "failed" },
    });
    expect(told(harness.requests[2]).at(-1)).toContain("the file is gone");
    expect(harness.agent.state()).toMatchObject({ outcome: 1, workflow: { plan: { state: "failed" } } });
  });

  test("aborted while a command verifies: interrupted, and /approve goes on with it", async () => {
    const harness = await createHarness({
      script: [checked("test -e go || sleep 30"), { text: "Done." }, { text: "Still done." }],
    });
    harness.agent.subscribe((event) => {
      if (event.type === "tool_start" && event.summary.startsWith("verify") && !harness.exists("go"))
        void harness.agent.abort("test");
    });
    await harness.submit("make a file");
    expect(await harness.approve()).toMatchObject({ reason: "aborted" });
    expect(harness.agent.state().workflow).toMatchObject({
      stage: "execute",
      interrupted: true,
      plan: { state: "executing", tickets: { t1: "in_progress" } },
    });
    harness.put("go", "");
    expect(await harness.approve()).toMatchObject({ reason: "done" });
  });
});

describe("unit = ticket", () => {
  const chain = plan([
    ticket("t1", { "a.txt": "create" }, { depends_on: ["t2"] }),
    ticket("t2", { "b.txt": "create" }),
  ]);

  test("each ticket is its own turn, in the order of dependencies, and is told what earlier ones reported", async () => {
    const harness = await createHarness({
      config: BY_TICKET,
      script: [
        { text: "Planning talk.", ...chain },
        write("b.txt", "bb"),
        { text: "b is there." },
        write("a.txt", "aa"),
        { text: "a is there." },
      ],
    });
    await harness.submit("make two files");
    harness.lines();
    expect(await harness.approve({ note: "in UTF-8" })).toMatchObject({ reason: "done", text: "a is there." });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "approved revision 1 by command",
        "ticket t2 begins",
        "turn 2 execute t2: t2: Ticket t2 | gate off | route p/m-1 by default",
        "step 1 p/m-1 | message write | cost main p/m-1 0.00012",
        "start write: write b.txt (1 line)",
        "end write: Created b.txt (1 line, 2 bytes).",
        "step 2 p/m-1 | text "b is there." | message text | cost main p/m-1 0.00012",
        "turn 2 ends done",
        "ticket t2 done, cost 0.00024",
        "ticket t1 begins",
        "turn 3 execute t1: t1: Ticket t1 | gate off | route p/m-1 by default",
        "step 1 p/m-1 | message write | cost main p/m-1 0.00012",
        "start write: write a.txt (1 line)",
        "end write: Created a.txt (1 line, 2 bytes).",
        "step 2 p/m-1 | text "a is there." | message text | cost main p/m-1 0.00012",
        "turn 3 ends done",
        "ticket t1 done, cost 0.00024",
      ]
    `);
    const [, first, , second] = harness.requests;
    expect(told(first).join("\n")).toContain("Ticket t2");
    expect(told(first).join("\n")).not.toContain("Ticket t1");
    expect(told(second)).toHaveLength(1);
    expect(told(second)[0]).toMatch(/- t2 \(Ticket t2\): b is there\./);
    expect(told(second)[0]).not.toContain("Planning talk.");
    for (const request of [first, second]) expect(told(request)[0]).toContain("in UTF-8");
    expect(harness.agent.state().report).toMatchObject({
      tickets: [
        { id: "t1", state: "done", report: "a is there.", cost_usd: 0.00024 },
        { id: "t2", state: "done", report: "b is there.", cost_usd: 0.00024 },
      ],
    });
  });

  test("stopped between tickets: another process goes on with the next one, and knows the report and the note", async () => {
    const harness = await createHarness({
      config: BY_TICKET,
      script: [
        chain,
        { text: "b is there." },
        { hangs: true, before: ({ agent }) => void agent.abort("test") },
        { text: "a is there." },
      ],
    });
    await harness.submit("make two files");
    expect(await harness.approve({ note: "in UTF-8" })).toMatchObject({ reason: "aborted" });
    await harness.reopen();
    harness.lines();
    expect(await harness.approve()).toMatchObject({ reason: "done", text: "a is there." });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "ticket t1 begins",
        "turn 4 execute t1: t1: Ticket t1 | gate off | route p/m-1 by default",
        "step 1 p/m-1 | text "a is there." | message text | cost main p/m-1 0.00012",
        "turn 4 ends done",
        "ticket t1 done, cost 0.00012",
      ]
    `);
    expect(told(harness.requests[3])[0]).toMatch(/- t2 \(Ticket t2\): b is there\./);
    expect(told(harness.requests[3])[0]).toContain("in UTF-8");
    expect(told(harness.requests[3]).at(-1)).toMatch(/was interrupted here/);
  });

  test("a ticket that fails its verification stops the others", async () => {
    const failing = plan([
      ticket("t1", { "a.txt": "create" }, { verify: ["false"] }),
      ticket("t2", { "b.txt": "create" }),
    ]);
    const harness = await createHarness({
      config: BY_TICKET,
      script: scripted([failing, { text: "No other way." }], []),
    });
    await harness.submit("make two files");
    expect(await harness.approve()).toMatchObject({ reason: "error" });
    expect(harness.agent.state().workflow.plan).toMatchObject({
      state: "failed",
      tickets: { t1: "failed", t2: "open" },
    });
    expect(harness.agent.state().report).toMatchObject({ failed_tickets: ["t1"] });
  });

  test("reports end with their plan: tickets of the next one bear the same ids", async () => {
    const harness = await createHarness({
      config: BY_TICKET,
      script: [chain, { text: "first b." }, { text: "first a." }, chain, { text: "second b." }, { text: "second a." }],
    });
    await harness.submit("make two files");
    await harness.approve();
    await harness.submit("again");
    await harness.approve();
    expect(told(harness.requests[4]).join("\n")).not.toMatch(/first [ab]\./);
    expect(told(harness.requests[5]).join("\n")).toMatch(/second b\./);
    // So do the costs, also for who reads the session later.
    const costs = (): unknown =>
      (harness.agent.state().report as { tickets: { cost_usd: number }[] } | null)?.tickets.map((one) => one.cost_usd);
    expect(costs()).toEqual([0.00012, 0.00012]);
    expect(harness.lines().filter((line) => line.startsWith("ticket t1 done"))).toEqual([
      "ticket t1 done, cost 0.00012",
      "ticket t1 done, cost 0.00012",
    ]);
    expect(harness.agent.state().planSince).toBe(4);
    await harness.reopen();
    expect(harness.agent.state().planSince).toBe(4);
  });
});

describe("what breaks outside of the model", () => {
  test("another run holds the workspace, and the wait is interrupted: nothing approved, nothing asked", async () => {
    const first = await createHarness({ script: [ONE_TICKET] });
    await first.submit("make a file");
    const aborted = new AbortController();
    const { lockExecution } = await import("../../src/containment/lock.ts");
    const release = await lockExecution({
      workspace: first.workspace,
      dataDirectory: first.home,
      sessionId: "other",
      signal: aborted.signal,
    });
    const waiting = first.approve().then(
      () => "executed",
      (thrown: unknown) => String(thrown),
    );
    await new Promise((resolve) => setImmediate(resolve));
    await first.agent.abort("test");
    expect(await waiting).toMatch(/interrupted while waiting for another run/);
    release();
    expect(first.agent.state()).toMatchObject({
      outcome: 130,
      workflow: { stage: "plan", approval: null, plan: { state: "awaiting_approval" } },
    });
    expect(first.requests).toHaveLength(1);
  });

  test("a handed over conversation with handoff = full goes on in the planning talk", async () => {
    const harness = await createHarness({
      config: '[options.phase_model]\nhandoff = "full"',
      script: [{ text: "Planning talk.", ...ONE_TICKET }, { text: "Done." }],
    });
    await harness.submit("make a file");
    await harness.approve();
    expect(harness.requests[1]?.messages.map((message) => message.role)).toEqual(["user", "assistant", "tool", "user"]);
    expect(harness.requests[1]?.cacheKey).toBe(harness.requests[0]?.cacheKey);
  });

  test("the planner is told how its plan ended", async () => {
    const harness = await createHarness({ script: [ONE_TICKET, { text: "All done." }, { text: "You are welcome." }] });
    await harness.submit("make a file");
    await harness.approve();
    await harness.submit("thanks");
    expect(told(harness.requests[2]).slice(-2)).toEqual([
      "The approved plan was executed. Report: All done.",
      "thanks",
    ]);
  });
});
