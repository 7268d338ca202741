// The staged workflow as whole event lists: plan, approve, execute; revise by talking; what an approval covers.

import { describe, expect, test } from "vitest";
import { call, createHarness, ONE_TICKET, plan, ticket, told, write } from "./harness.ts";

describe("plan, approve, execute", () => {
  test("the whole list of events", async () => {
    const harness = await createHarness({
      models: ["planner", "executor"],
      config: '[options.phase_model]\nplanning_model = "p/planner"\nexecution_model = "p/executor"',
      script: [
        { text: "I plan it.", ...plan([ticket("t1", { "a.txt": "create" }, { verify: ["test -s a.txt"] })]) },
        write("a.txt", "text\n"),
        { text: ["Do", "ne."] },
      ],
    });
    expect(await harness.submit("make a file")).toMatchObject({ reason: "awaiting_approval", error: null });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "turn 1 plan: make a file | gate off | route p/planner by stage",
        "step 1 p/planner | text "I plan it." | message text+set_plan_artifact | cost main p/planner 0.00012",
        "start set_plan_artifact: plan: The plan (1 ticket)",
        "end set_plan_artifact: Plan <plan 1>, revision 1, is stored and awaits the user's approval.",
        "turn 1 ends awaiting_approval",
        "plan ready, revision 1, for p/executor",
      ]
    `);
    expect(harness.agent.state().outcome).toBe(3);
    expect(harness.exists("a.txt")).toBe(false);
    expect(await harness.approve()).toEqual({ reason: "done", text: "Done.", error: null });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "approved revision 1 by command",
        "ticket t1 begins",
        "turn 2 execute: /approve The plan | gate off | route p/executor by stage",
        "step 1 p/executor | message write | cost main p/executor 0.00012",
        "start write: write a.txt (1 line)",
        "end write: Created a.txt (1 line, 5 bytes).",
        "step 2 p/executor | text "Do" | text "ne." | message text | cost main p/executor 0.00012",
        "turn 2 ends done",
        "start bash: verify t1: test -s a.txt",
        "end bash: exit code 0 …",
        "ticket t1 done, cost 0.00024",
      ]
    `);
    expect(harness.read("a.txt")).toBe("text\n");
    expect(harness.agent.state()).toMatchObject({
      outcome: 0,
      workflow: { stage: "plan", plan: { state: "done", tickets: { t1: "done" } } },
    });
    expect(harness.requests.map((request) => request.model)).toEqual(["p/planner", "p/executor", "p/executor"]);
    expect(told(harness.requests[1]).join("\n")).not.toContain("I plan it.");
  });
});

const TWO_TICKETS = plan([ticket("t1", { "a.txt": "create" }), ticket("t2", { "b.txt": "create" })]);

describe("revising", () => {
  test("text while a plan awaits approval is feedback; the revision replaces it and says what changed", async () => {
    const harness = await createHarness({
      script: [ONE_TICKET, { text: "As you like.", ...TWO_TICKETS }, { text: "Done." }],
    });
    await harness.submit("make a file");
    harness.lines();
    expect(await harness.submit("also b.txt")).toMatchObject({ reason: "awaiting_approval" });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "turn 2 plan: also b.txt | gate off | route p/m-1 by default",
        "step 1 p/m-1 | text "As you like." | message text+set_plan_artifact | cost main p/m-1 0.00012",
        "start set_plan_artifact: plan: The plan (2 tickets)",
        "end set_plan_artifact: Plan <plan 1>, revision 2, is stored and awaits the user's approval.",
        "turn 2 ends awaiting_approval",
        "plan ready, revision 2, for p/m-1; + ticket t2: Ticket t2; + t2 file: create b.txt",
      ]
    `);
    expect(harness.requests[1]?.tools).not.toContain("write");
    expect(told(harness.requests[1]).at(-1)).toBe("also b.txt");
    expect(harness.agent.state().workflow.approval).toBeNull();
  });

  test("a planner that only answers keeps the plan at hand", async () => {
    const harness = await createHarness({ script: [ONE_TICKET, { text: "Because of a.txt." }] });
    await harness.submit("make a file");
    expect(await harness.submit("why?")).toMatchObject({ reason: "done", text: "Because of a.txt." });
    expect(harness.agent.state().workflow.plan).toMatchObject({ state: "awaiting_approval", revision: 1 });
  });

  test("/plan <feedback> in execution: after the current tool, back to planning, the rest of the calls not run", async () => {
    let revised: Promise<unknown> | undefined;
    const harness = await createHarness({
      script: [
        ONE_TICKET,
        {
          calls: [
            { name: "write", input: { path: "a.txt", content: "one" } },
            { name: "write", input: { path: "a.txt", content: "two" } },
          ],
          before: ({ agent }) => void (revised = agent.revise("use b.txt instead")),
        },
        TWO_TICKETS,
      ],
    });
    await harness.submit("make a file");
    harness.lines();
    expect(await harness.approve()).toMatchObject({ reason: "awaiting_approval" });
    expect(await revised).toMatchObject({ reason: "awaiting_approval" });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "approved revision 1 by command",
        "ticket t1 begins",
        "turn 2 execute: /approve The plan | gate off | route p/m-1 by default",
        "step 1 p/m-1 | message write+write | cost main p/m-1 0.00012",
        "start write: write a.txt (1 line)",
        "end write: Created a.txt (1 line, 3 bytes).",
        "turn 2 ends done",
        "turn 3 plan: use b.txt instead | gate off | route p/m-1 by default",
        "step 1 p/m-1 | message set_plan_artifact | cost main p/m-1 0.00012",
        "start set_plan_artifact: plan: The plan (2 tickets)",
        "end set_plan_artifact: Plan <plan 1>, revision 2, is stored and awaits the user's approval.",
        "turn 3 ends awaiting_approval",
        "plan ready, revision 2, for p/m-1; + ticket t2: Ticket t2; + t2 file: create b.txt",
      ]
    `);
    expect(harness.read("a.txt")).toBe("one");
    expect(told(harness.requests[2]).at(-1)).toContain("use b.txt instead");
    expect(harness.agent.state().workflow).toMatchObject({
      stage: "plan",
      approval: null,
      plan: { state: "awaiting_approval", revision: 2 },
    });
  });

  test("/plan <feedback> that comes with the last answer is not lost, and does not stop a later turn", async () => {
    const harness = await createHarness({
      script: [
        ONE_TICKET,
        { text: "Done.", before: ({ agent }) => void agent.revise("one more thing") },
        TWO_TICKETS,
        write("a.txt", "x"),
        { text: "Done again." },
      ],
    });
    await harness.submit("make a file");
    expect(await harness.approve()).toMatchObject({ reason: "awaiting_approval" });
    expect(told(harness.requests[2]).at(-1)).toContain("one more thing");
    expect(await harness.approve()).toMatchObject({ reason: "done", text: "Done again." });
  });

  test("/plan <feedback> while bmo verifies is taken after the command", async () => {
    const harness = await createHarness({
      script: [plan([ticket("t1", { "a.txt": "create" }, { verify: ["true"] })]), { text: "Done." }, ONE_TICKET],
    });
    harness.agent.subscribe((event) => {
      if (event.type === "tool_start" && event.summary.startsWith("verify"))
        void harness.agent.revise("no checks please");
    });
    await harness.submit("make a file");
    expect(await harness.approve()).toMatchObject({ reason: "awaiting_approval" });
    expect(harness.agent.state().workflow).toMatchObject({
      stage: "plan",
      plan: { revision: 2, state: "awaiting_approval" },
    });
  });

  test("/plan <feedback> while a planner works becomes its next request", async () => {
    let revised: Promise<unknown> | undefined;
    const harness = await createHarness({
      files: { "a.txt": "x" },
      script: [
        { ...call("view", { path: "a.txt" }), before: ({ agent }) => void (revised = agent.revise("shorter")) },
        ONE_TICKET,
      ],
    });
    await harness.submit("plan something long");
    expect(await revised).toMatchObject({ reason: "awaiting_approval" });
    expect(told(harness.requests[1]).slice(-2)).toEqual([expect.stringContaining("1|x"), "shorter"]);
  });
});

describe("an approval in advance", () => {
  const replan = call("request_replan", { reason: "it is elsewhere" });

  test("covers a revision that is not wider", async () => {
    const harness = await createHarness({ script: [TWO_TICKETS, replan, ONE_TICKET, { text: "Done." }] });
    await harness.submit("make two files");
    harness.lines();
    expect(await harness.approve({ via: "flag" })).toMatchObject({ reason: "done", text: "Done." });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "approved revision 1 by flag",
        "ticket t1 begins",
        "ticket t2 begins",
        "turn 2 execute: /approve The plan | gate off | route p/m-1 by default",
        "step 1 p/m-1 | message request_replan | cost main p/m-1 0.00012",
        "start request_replan: replan: it is elsewhere",
        "end request_replan: Execution stops here; the session returns to the plan stage with your reason.",
        "turn 2 ends done",
        "turn 3 plan: plan again: it is elsewhere | gate off | route p/m-1 by default",
        "step 1 p/m-1 | message set_plan_artifact | cost main p/m-1 0.00012",
        "start set_plan_artifact: plan: The plan (1 ticket)",
        "end set_plan_artifact: Plan <plan 1>, revision 2, is stored and awaits the user's approval.",
        "turn 3 ends awaiting_approval",
        "info: The approval in advance covers this revision: it is not wider than the first plan.",
        "approved revision 2 by flag",
        "ticket t1 begins",
        "turn 4 execute: /approve The plan | gate off | route p/m-1 by default",
        "step 1 p/m-1 | text "Done." | message text | cost main p/m-1 0.00012",
        "turn 4 ends done",
        "ticket t1 done, cost 0.00024",
      ]
    `);
    expect(harness.agent.state()).toMatchObject({ outcome: 0, workflow: { plan: { state: "done", revision: 2 } } });
  });

  test("does not cover a wider one: exit 3", async () => {
    const harness = await createHarness({ script: [ONE_TICKET, replan, TWO_TICKETS] });
    await harness.submit("make a file");
    expect(await harness.approve({ via: "flag" })).toMatchObject({ reason: "awaiting_approval" });
    expect(harness.agent.state()).toMatchObject({
      outcome: 3,
      workflow: { stage: "plan", approval: null, plan: { revision: 2, state: "awaiting_approval" } },
    });
  });

  test("does not cover open questions", async () => {
    const harness = await createHarness({
      script: [
        ONE_TICKET,
        replan,
        plan([ticket("t1", { "a.txt": "create" })], { open_questions: ["which encoding?"] }),
      ],
    });
    await harness.submit("make a file");
    expect(await harness.approve({ via: "flag" })).toMatchObject({ reason: "awaiting_approval" });
    await expect(harness.approve()).rejects.toThrow(/open questions: which encoding/);
  });

  test("ends with its plan: the next one needs its own", async () => {
    const harness = await createHarness({ script: [ONE_TICKET, { text: "Done." }, ONE_TICKET] });
    await harness.submit("make a file");
    await harness.approve({ via: "flag" });
    expect(await harness.submit("the same again")).toMatchObject({ reason: "awaiting_approval" });
  });

  test("waived by the user's configuration: every plan executes by itself", async () => {
    const harness = await createHarness({
      config: "[options.staged_workflow]\nrequire_approval_before_execute = false",
      script: [ONE_TICKET, { text: "First." }, ONE_TICKET, { text: "Second." }],
    });
    expect(await harness.submit("make a file")).toMatchObject({ reason: "done", text: "First." });
    expect(await harness.submit("the same again")).toMatchObject({ reason: "done", text: "Second." });
    expect(harness.events.flatMap((event) => (event.type === "plan_approved" ? [event.approval.via] : []))).toEqual([
      "configuration",
      "configuration",
    ]);
  });
});

describe("what an approval needs", () => {
  test.each([
    ["no plan", { text: "Nothing to plan." }, {}, /there is no plan to approve/],
    ["no file named", plan([ticket("t1", {})]), {}, /names no files/],
    ["an unknown ticket", TWO_TICKETS, { tickets: ["t7"] }, /no ticket t7/],
    [
      "an unselected dependency",
      plan([ticket("t1", { "a.txt": "create" }), ticket("t2", { "b.txt": "create" }, { depends_on: ["t1"] })]),
      { tickets: ["t2"] },
      /depends on t1/,
    ],
  ] as const)("%s: refused, and nothing changes", async (_name, reply, request, cause) => {
    const harness = await createHarness({ script: [reply] });
    await harness.submit("go");
    const before = harness.agent.state().workflow;
    await expect(harness.approve("tickets" in request ? { tickets: [...request.tickets] } : {})).rejects.toThrow(cause);
    expect(harness.agent.state().workflow).toEqual(before);
    expect(harness.requests).toHaveLength(1);
  });

  test("a finished plan: a message, and nothing runs", async () => {
    const harness = await createHarness({ script: [ONE_TICKET, { text: "Done." }] });
    await harness.submit("make a file");
    await harness.approve();
    expect(await harness.approve()).toMatchObject({
      reason: "done",
      text: expect.stringMatching(/already done/) as unknown,
    });
    expect(harness.requests).toHaveLength(2);
  });

  test("while a turn runs: refused", async () => {
    let refused: Promise<string> | undefined;
    const harness = await createHarness({
      script: [
        {
          ...ONE_TICKET,
          before: (running) =>
            void (refused = running.approve().then(
              () => "approved",
              (thrown: unknown) => String(thrown),
            )),
        },
      ],
    });
    await harness.submit("make a file");
    expect(await refused).toMatch(/a turn is running/);
  });

  test("some tickets: the others are skipped and out of scope", async () => {
    const harness = await createHarness({
      headless: true,
      script: [TWO_TICKETS, write("b.txt", "no"), write("a.txt", "yes"), { text: "Done." }],
    });
    await harness.submit("make two files");
    harness.lines();
    await harness.approve({ tickets: ["t1"], note: "be quick" });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "approved revision 1 by command for t1",
        "ticket t1 begins",
        "turn 2 execute: /approve The plan | gate off | route p/m-1 by default",
        "step 1 p/m-1 | message write | cost main p/m-1 0.00012",
        "start write: write b.txt (1 line)",
        "scope create b.txt refused: b.txt is not among the files of the approved plan",
        "end write error: Refused: b.txt is not among the files of the approved plan. If the task needs this file, call request_replan.",
        "step 2 p/m-1 | message write | cost main p/m-1 0.00012",
        "start write: write a.txt (1 line)",
        "end write: Created a.txt (1 line, 3 bytes).",
        "step 3 p/m-1 | text "Done." | message text | cost main p/m-1 0.00012",
        "turn 2 ends done",
        "ticket t1 done, cost 0.00036",
      ]
    `);
    expect(told(harness.requests[1]).join("\n")).toContain("be quick");
    expect(told(harness.requests[1]).join("\n")).not.toContain("Ticket t2");
    expect({ a: harness.exists("a.txt"), b: harness.exists("b.txt") }).toEqual({ a: true, b: false });
    expect(harness.agent.state()).toMatchObject({
      outcome: 4,
      workflow: { plan: { state: "done", tickets: { t1: "done", t2: "skipped" } } },
    });
  });

  test("naming further tickets of an interrupted plan approves those as well", async () => {
    const harness = await createHarness({
      script: [
        TWO_TICKETS,
        { hangs: true, before: ({ agent }) => void agent.abort("test") },
        write("b.txt", "yes"),
        { text: "Done." },
      ],
    });
    await harness.submit("make two files");
    expect(await harness.approve({ tickets: ["t1"] })).toMatchObject({ reason: "aborted" });
    expect(await harness.approve({ tickets: ["t1", "t2"] })).toMatchObject({ reason: "done" });
    expect(harness.agent.state().workflow.plan?.tickets).toEqual({ t1: "done", t2: "done" });
    expect(harness.exists("b.txt")).toBe(true);
  });
});

describe("tickets that depend on others", () => {
  const CHAIN = plan([
    ticket("t1", { "a.txt": "create" }),
    ticket("t2", { "b.txt": "create" }, { depends_on: ["t1"] }),
  ]);
  const BY_TICKET = '[options.phase_model]\nunit = "ticket"';

  test("are refused without those, and nothing runs", async () => {
    const harness = await createHarness({ config: BY_TICKET, script: [CHAIN] });
    await harness.submit("make two files");
    harness.lines();
    await expect(harness.approve({ tickets: ["t2"] })).rejects.toThrow(
      /ticket t2 depends on t1, which is not selected/,
    );
    expect(harness.lines()).toEqual([]);
    expect(harness.agent.state().workflow).toMatchObject({
      stage: "plan",
      plan: { state: "awaiting_approval", tickets: { t1: "open", t2: "open" } },
    });
  });

  test("are taken alone once those are done", async () => {
    const harness = await createHarness({
      config: BY_TICKET,
      script: [
        CHAIN,
        write("a.txt", "one"),
        { text: "a is there." },
        { hangs: true, before: ({ agent }) => void agent.abort("test") },
        write("b.txt", "two"),
        { text: "b is there." },
      ],
    });
    await harness.submit("make two files");
    expect(await harness.approve()).toMatchObject({ reason: "aborted" });
    expect(harness.agent.state().workflow.plan?.tickets).toEqual({ t1: "done", t2: "in_progress" });
    expect(await harness.approve({ tickets: ["t2"] })).toMatchObject({ reason: "done", text: "b is there." });
    expect([harness.read("a.txt"), harness.read("b.txt")]).toEqual(["one", "two"]);
    expect(harness.agent.state().workflow.plan).toMatchObject({ state: "done", tickets: { t1: "done", t2: "done" } });
  });
});

describe("interrupted", () => {
  test("text steers the executor within the same scope and conversation", async () => {
    const harness = await createHarness({
      script: [
        ONE_TICKET,
        write("a.txt", "one"),
        { hangs: true, before: ({ agent }) => void agent.abort("test") },
        { text: "Steered." },
      ],
    });
    await harness.submit("make a file");
    await harness.approve();
    expect(harness.agent.state()).toMatchObject({ outcome: 130, workflow: { stage: "execute", interrupted: true } });
    harness.lines();
    expect(await harness.submit("mind the encoding")).toMatchObject({ reason: "done", text: "Steered." });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "ticket t1 begins",
        "turn 3 execute: mind the encoding | gate off | route p/m-1 by default",
        "step 1 p/m-1 | text "Steered." | message text | cost main p/m-1 0.00012",
        "turn 3 ends done",
        "ticket t1 done, cost 0.00024",
      ]
    `);
    expect(told(harness.requests[3])[0]).toContain("The user approved this plan");
    expect(told(harness.requests[3]).at(-1)).toBe("mind the encoding");
    expect(harness.agent.state()).toMatchObject({ outcome: 0, workflow: { plan: { state: "done" } } });
  });

  test("closing while a turn runs ends it; feedback that waits starts nothing", async () => {
    let revised: Promise<unknown> | undefined;
    const harness = await createHarness({
      script: [
        ONE_TICKET,
        {
          hangs: true,
          before: ({ agent }) => {
            revised = agent.revise("later");
            void agent.close();
          },
        },
      ],
    });
    await harness.submit("make a file");
    expect(await harness.approve()).toMatchObject({ reason: "aborted" });
    expect(await revised).toMatchObject({ reason: "aborted" });
    expect(harness.requests).toHaveLength(2);
    expect(harness.records().at(-1)).toMatchObject({ type: "workflow", event: { type: "execution_interrupted" } });
  });
});
