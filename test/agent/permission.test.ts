// What is asked, what an answer lets through and for how long, and what a refusal leaves in records and exit code.

import { describe, expect, test } from "vitest";
import { call, createHarness, ONE_TICKET, plan, ticket, told, write, type HarnessOptions } from "./harness.ts";
import type { AskReply } from "../../src/types/permission.ts";

const CHAT: Pick<HarnessOptions, "flags" | "files"> = { flags: ["--no-plan"], files: { "a.txt": "one\n" } };
const twoWrites = [write("b.txt", "1"), call("write", { path: "c.txt", content: "2" }), { text: "Done." }];

describe("answers", () => {
  test("once: this call, and the next one asks again", async () => {
    const harness = await createHarness({
      ...CHAT,
      script: twoWrites,
      answers: [{ answer: "allow_once" }, { answer: "allow_once" }],
    });
    await harness.submit("write both");
    expect(harness.asked).toMatchObject([
      { kind: "permission", tool: "write", target: "b.txt" },
      { kind: "permission", tool: "write", target: "c.txt" },
    ]);
    expect(harness.agent.state()).toMatchObject({
      outcome: 0,
      grants: [],
      files: [
        { path: "b.txt", action: "create" },
        { path: "c.txt", action: "create" },
      ],
    });
  });

  test("for the session: kept in the record, and in force when the session goes on elsewhere", async () => {
    const harness = await createHarness({
      ...CHAT,
      script: [
        write("b.txt", "1"),
        { text: "One." },
        call("view", { path: "b.txt" }),
        write("b.txt", "2"),
        { text: "Two." },
      ],
      answers: [{ answer: "allow_session" }],
    });
    await harness.submit("write it");
    const { grants } = harness.agent.state();
    expect(grants).toHaveLength(1);
    await harness.reopen(["--no-plan"]);
    expect(harness.agent.state().grants).toEqual(grants);
    await harness.submit("change it");
    expect(harness.asked).toHaveLength(1);
    expect(harness.read("b.txt")).toBe("2");
  });

  test("denied with a word: the model reads it, the run goes on, exit 4", async () => {
    const harness = await createHarness({
      ...CHAT,
      script: [write("b.txt", "1"), { text: "As you say." }],
      answers: [{ answer: "deny", feedback: "not that file" }],
    });
    expect(await harness.submit("write it")).toMatchObject({ reason: "done", text: "As you say." });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "turn 1 chat: write it | gate off | route p/m-1 by default",
        "step 1 p/m-1 | message write | cost main p/m-1 0.00012",
        "start write: write b.txt (1 line)",
        "end write error: The user refused this write call. They say: not that file",
        "step 2 p/m-1 | text "As you say." | message text | cost main p/m-1 0.00012",
        "turn 1 ends done",
      ]
    `);
    expect(told(harness.requests[1]).at(-1)).toMatch(/not that file/);
    expect(harness.agent.state()).toMatchObject({
      outcome: 4,
      denials: [{ tool: "write", target: "b.txt", reason: "refused by the user" }],
    });
    expect(harness.exists("b.txt")).toBe(false);
  });

  test("a refusal that was permitted later in the run leaves exit 0", async () => {
    const harness = await createHarness({
      ...CHAT,
      script: [write("b.txt", "1"), write("b.txt", "1"), { text: "Done." }],
      answers: [{ answer: "deny", feedback: null }, { answer: "allow_once" }],
    });
    await harness.submit("write it");
    expect(harness.agent.state()).toMatchObject({ outcome: 0, denials: [{ tool: "write" }] });
    expect(harness.read("b.txt")).toBe("1");
  });

  test("nobody there: denied, and told so", async () => {
    const harness = await createHarness({
      ...CHAT,
      headless: true,
      script: [write("b.txt", "1"), { text: "I could not." }],
    });
    await harness.submit("write it");
    expect(told(harness.requests[1]).at(-1)).toMatch(/^Refused: .*nobody is here to ask/);
    expect(harness.agent.state()).toMatchObject({ outcome: 4, denials: [{ tool: "write", target: "b.txt" }] });
  });

  test("the mode of the session decides what is asked at all", async () => {
    const edits = await createHarness({
      flags: ["--no-plan", "--permission-mode", "acceptEdits"],
      script: [write("b.txt", "1"), call("bash", { command: "touch c.txt" }), { text: "Done." }],
    });
    await edits.submit("go");
    expect(edits.asked).toMatchObject([{ tool: "bash", target: "touch c.txt" }]);
    expect({ b: edits.exists("b.txt"), c: edits.exists("c.txt") }).toEqual({ b: true, c: false });
    edits.agent.setPermissionMode("bypassPermissions");
    expect(edits.agent.state().permissionMode).toBe("bypassPermissions");
  });

  test("a rule of the user denies whatever the mode is", async () => {
    const harness = await createHarness({
      flags: ["--no-plan", "--permission-mode", "bypassPermissions", "--disallowedTools", "write(secret/**)"],
      script: [write("secret/a.txt", "1"), write("b.txt", "1"), { text: "Done." }],
    });
    await harness.submit("go");
    expect(harness.asked).toEqual([]);
    expect({ secret: harness.exists("secret/a.txt"), b: harness.exists("b.txt") }).toEqual({ secret: false, b: true });
    expect(harness.agent.state().outcome).toBe(4);
  });
});

describe("the scope of an approved plan", () => {
  const outside = (answers: AskReply[], more: Partial<HarnessOptions> = {}): HarnessOptions => ({
    script: [ONE_TICKET, write("b.txt", "1"), write("b.txt", "2"), { text: "Done." }],
    answers,
    ...more,
  });

  test("its own files do not ask; another one asks to extend the scope, once for the plan", async () => {
    const harness = await createHarness({
      script: [
        ONE_TICKET,
        write("a.txt", "in"),
        write("b.txt", "out"),
        call("view", { path: "b.txt" }),
        call("edit", { path: "b.txt", old: "out", new: "still" }),
        { text: "Done." },
      ],
      answers: [{ answer: "allow_session" }],
    });
    await harness.submit("go");
    harness.lines();
    await harness.approve();
    expect(harness.asked).toMatchObject([{ kind: "scope", path: "b.txt", action: "create", tool: "write" }]);
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "approved revision 1 by command",
        "ticket t1 begins",
        "turn 2 execute: /approve The plan | gate off | route p/m-1 by default",
        "step 1 p/m-1 | message write | cost main p/m-1 0.00012",
        "start write: write a.txt (1 line)",
        "end write: Created a.txt (1 line, 2 bytes).",
        "step 2 p/m-1 | message write | cost main p/m-1 0.00012",
        "start write: write b.txt (1 line)",
        "end write: Created b.txt (1 line, 3 bytes).",
        "step 3 p/m-1 | message view | cost main p/m-1 0.00012",
        "start view: view b.txt",
        "end view: 1|out …",
        "step 4 p/m-1 | message edit | cost main p/m-1 0.00012",
        "start edit: edit b.txt",
        "end edit: Edited b.txt: …",
        "step 5 p/m-1 | text "Done." | message text | cost main p/m-1 0.00012",
        "turn 2 ends done",
        "ticket t1 done, cost 0.0006",
      ]
    `);
    expect(harness.read("b.txt")).toBe("still");
    expect(harness.agent.state().outcome).toBe(0);
  });

  test("refused: exit 4, and nothing is written", async () => {
    const harness = await createHarness(
      outside([
        { answer: "deny", feedback: null },
        { answer: "deny", feedback: null },
      ]),
    );
    await harness.submit("go");
    await harness.approve();
    expect(harness.exists("b.txt")).toBe(false);
    expect(harness.agent.state()).toMatchObject({ outcome: 4, workflow: { plan: { state: "done" } } });
  });

  test("headless nothing is asked of a person", async () => {
    const harness = await createHarness(outside([], { headless: true }));
    await harness.submit("go");
    await harness.approve();
    expect(harness.exists("b.txt")).toBe(false);
    expect(harness.agent.state().outcome).toBe(4);
  });

  test("containment = warn lets it through and records it", async () => {
    const harness = await createHarness(
      outside([], { config: '[options.containment]\nmode = "warn"', flags: ["--permission-mode", "acceptEdits"] }),
    );
    await harness.submit("go");
    harness.lines();
    await harness.approve();
    expect(harness.lines().filter((line) => line.startsWith("scope"))[0]).toMatch(/^scope create b\.txt allowed/);
    expect(harness.agent.state()).toMatchObject({
      files: [{ path: "b.txt", in_scope: false, rolled_back: false }],
      report: { out_of_scope: ["b.txt"] },
    });
  });

  test("a command's effect outside: restored for nobody, kept when the person says so", async () => {
    const script = [
      plan([ticket("t1", { "a.txt": "create" }, { commands: ["bash(sh make.sh)"] })]),
      call("bash", { command: "sh make.sh" }),
      { text: "Done." },
    ];
    const files = { "make.sh": "echo in > a.txt\necho out > b.txt\n" };
    const restored = await createHarness({ headless: true, files, script });
    await restored.submit("go");
    restored.lines();
    await restored.approve();
    expect({ a: restored.exists("a.txt"), b: restored.exists("b.txt") }).toEqual({ a: true, b: false });
    expect(restored.lines().filter((line) => /^(scope|rollback)/.test(line))).toMatchInlineSnapshot(`
      [
        "scope create b.txt refused: changed by \`sh make.sh\`",
        "rollback b.txt",
      ]
    `);
    expect(restored.agent.state().outcome).toBe(4);
    const kept = await createHarness({ files, script, answers: [{ answer: "keep" }] });
    await kept.submit("go");
    await kept.approve();
    expect(kept.exists("b.txt")).toBe(true);
    expect(kept.agent.state().outcome).toBe(0);
  });
});

describe("questions of the model", () => {
  test("answered by the person, or by nobody", async () => {
    const question = call("ask_question", { question: "Tabs?", options: ["yes", "no"] });
    const answered = await createHarness({
      script: [question, { text: "Tabs it is." }],
      answers: [{ answer: "text", text: "yes" }],
    });
    await answered.submit("go");
    expect(told(answered.requests[1]).at(-1)).toBe("yes");
    const nobody = await createHarness({ headless: true, script: [question, { text: "Open, then." }] });
    await nobody.submit("go");
    expect(told(nobody.requests[1]).at(-1)).toMatch(/nobody is here/);
  });
});
