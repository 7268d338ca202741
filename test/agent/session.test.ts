// What outlives a turn: overrides, skills, gate replies, edited configuration, compaction, the user's own commands,
// secrets.

import { describe, expect, test } from "vitest";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { call, createHarness, ONE_TICKET, told, userToml, type Harness } from "./harness.ts";

const CHAT = { flags: ["--no-plan"] };
const answers = (count: number): { text: string }[] =>
  Array.from({ length: count }, (_, index) => ({ text: `Answer ${index + 1}.` }));
const modelsOf = (harness: Harness): string[] => harness.requests.map((request) => request.model);

describe("which model serves a turn", () => {
  const stages = {
    models: ["m-1", "planner", "executor"],
    config: '[options.phase_model]\nplanning_model = "p/planner"\nexecution_model = "p/executor"',
  };

  test("workflow off with stage models: planner, executor, executor", async () => {
    const harness = await createHarness({ ...CHAT, ...stages, script: answers(3) });
    for (const text of ["one", "two", "three"]) await harness.submit(text);
    expect(modelsOf(harness)).toEqual(["p/planner", "p/executor", "p/executor"]);
  });

  test("a model chosen once serves the next turn alone, also where a turn takes several steps", async () => {
    const harness = await createHarness({
      ...CHAT,
      models: ["m-1", "m-2"],
      files: { "a.txt": "x" },
      script: [call("view", { path: "a.txt" }), { text: "Seen." }, { text: "Again." }],
    });
    harness.agent.setOverrides({ model: { value: "p/m-2", once: true, from: "command" }, tier: null });
    await harness.submit("one");
    expect(harness.agent.state().overrides).toEqual({ model: null, tier: null });
    await harness.submit("two");
    expect(modelsOf(harness)).toEqual(["p/m-2", "p/m-2", "p/m-1"]);
  });

  test("a model chosen by command holds across /approve and resume; one of a flag holds for its run", async () => {
    const harness = await createHarness({
      ...stages,
      script: [ONE_TICKET, { text: "Done." }, { text: "Later." }, { text: "By flag." }, { text: "Without." }],
    });
    harness.agent.setOverrides({ model: { value: "p/m-1", once: false, from: "command" }, tier: null });
    await harness.submit("plan it");
    await harness.approve();
    await harness.reopen();
    await harness.submit("thanks for that");
    await harness.reopen(["--model", "p/planner"]);
    await harness.submit("thanks again");
    await harness.reopen();
    await harness.submit("and again");
    expect(modelsOf(harness)).toEqual(["p/m-1", "p/m-1", "p/m-1", "p/planner", "p/m-1"]);
  });

  test("an edited configuration serves the next turn; a broken edit keeps the earlier one and says so", async () => {
    const harness = await createHarness({ ...CHAT, script: answers(3) });
    await harness.submit("one");
    harness.configure(userToml({ models: ["m-2", "m-1"] }));
    await harness.submit("two");
    harness.configure("model = [broken");
    await harness.submit("three");
    expect(modelsOf(harness)).toEqual(["p/m-1", "p/m-2", "p/m-2"]);
    expect(harness.lines().filter((line) => line.startsWith("warning"))).toEqual([
      expect.stringMatching(/^warning: the edited configuration is not used: /),
    ]);
  });
});

describe("the gate", () => {
  test("a stay reply is a turn of its own: no tools, no history, and later requests do not carry it", async () => {
    const harness = await createHarness({
      ...CHAT,
      config: "[options.gate]\nenabled = true",
      script: [{ text: "First answer." }, { text: "You are welcome!" }, { text: "Second answer." }],
    });
    await harness.submit("explain the file src/a.ts of this project");
    harness.lines();
    expect(await harness.submit("thank you!")).toMatchObject({ reason: "done", text: "You are welcome!" });
    expect(harness.lines()).toMatchInlineSnapshot(`
      [
        "turn 2 chat: thank you! | gate stay | route p/m-1 by gate",
        "step 1 p/m-1 | text "You are welcome!" | message text | cost gate p/m-1 0.00012",
        "turn 2 ends done",
      ]
    `);
    await harness.submit("fix the bug in src/a.ts");
    expect(harness.requests.map((request) => request.tools.length > 0)).toEqual([true, false, true]);
    expect(told(harness.requests[1])).toEqual(["thank you!"]);
    expect(told(harness.requests[2]).join("\n")).not.toMatch(/thank you/);
    await harness.reopen(["--no-plan"]);
    expect(harness.agent.state().routes.map((route) => route.gate)).toEqual(["escalate", "stay", "escalate"]);
  });

  test("it is skipped while a plan awaits approval", async () => {
    const harness = await createHarness({
      config: "[options.gate]\nenabled = true",
      script: [ONE_TICKET, { text: "Good." }],
    });
    await harness.submit("create the file a.txt");
    await harness.submit("thank you!");
    expect(harness.requests[1]?.tools).toContain("set_plan_artifact");
  });
});

describe("skills", () => {
  const put = (harness: Harness): string => {
    const folder = join(harness.home, "skills", "tidy");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "SKILL.md"), "---\nname: tidy\ndescription: Tidies up\n---\nAlways tidy up.\n");
    return folder;
  };

  test("an active one is in the prompt until it is gone, which is said once", async () => {
    const harness = await createHarness({ ...CHAT, script: answers(4) });
    const folder = put(harness);
    await harness.agent.setSkill("tidy");
    await harness.submit("one");
    rmSync(folder, { recursive: true });
    await harness.submit("two");
    await harness.submit("three");
    expect(harness.requests.map((request) => request.system.includes("Always tidy up."))).toEqual([true, false, false]);
    expect(harness.agent.state().skill).toBeNull();
    expect(harness.lines().filter((line) => line.startsWith("warning"))).toEqual([expect.stringMatching(/tidy/)]);
  });

  test("the tool is offered only where there is one, and an unknown name is an answer", async () => {
    const harness = await createHarness({
      ...CHAT,
      script: [{ text: "None." }, call("activate_skill", { name: "tidi" }), { text: "Unknown." }],
    });
    await harness.submit("one");
    put(harness);
    await harness.submit("two");
    expect(harness.requests.map((request) => request.tools.includes("activate_skill"))).toEqual([false, true, true]);
    expect(told(harness.requests[2]).at(-1)).toMatch(/tidi/);
  });
});

describe("what the session keeps", () => {
  test("a command of the user joins the context of the next request, also before the first one", async () => {
    const harness = await createHarness({ ...CHAT, script: answers(2) });
    harness.agent.recordShell("ls", "a.txt\n", 0);
    await harness.submit("what is there?");
    harness.agent.recordShell("false", "", 1);
    await harness.submit("and now?");
    expect(told(harness.requests[1])).toEqual([
      expect.stringMatching(/^I ran `ls` myself \(exit code 0\):\na\.txt/),
      expect.stringContaining("what is there?"),
      expect.stringMatching(/^I ran `false` myself/),
      "and now?",
    ]);
    await harness.reopen(["--no-plan"]);
    expect(harness.records().filter((record) => record.type === "shell")).toHaveLength(2);
  });

  test("/compact: a summary takes the place of the conversation; the file keeps all of it", async () => {
    const harness = await createHarness({
      ...CHAT,
      script: [
        { text: "Answer 1." },
        { text: "Answer 2." },
        { text: "We talked about two things." },
        { text: "Answer 3." },
      ],
    });
    await harness.submit("one");
    await harness.submit("two");
    expect(await harness.agent.compact()).toMatchObject({ reason: "done" });
    await harness.submit("three");
    const last = told(harness.requests.at(-1)).join("\n");
    expect(last).toContain("We talked about two things.");
    expect(last).not.toContain("Answer 1.");
    expect(harness.requests.at(-1)?.messages.some((message) => message.role === "assistant")).toBe(false);
    expect(JSON.stringify(harness.records())).toContain("Answer 1.");
    await harness.reopen(["--no-plan"]);
    expect(harness.agent.state().ledger.map((entry) => entry.purpose)).toEqual(["main", "main", "compact", "main"]);
  });

  test("a summary that is empty or fails leaves the conversation as it was", async () => {
    const harness = await createHarness({
      ...CHAT,
      script: [...answers(2), {}, { error: { kind: "network" } }, { text: "Answer 3." }],
    });
    await harness.submit("one");
    await harness.submit("two");
    expect(await harness.agent.compact()).toMatchObject({
      reason: "error",
      error: { message: expect.stringMatching(/no summary/) as unknown },
    });
    expect(await harness.agent.compact()).toMatchObject({ reason: "error", error: { code: "provider" } });
    await harness.submit("three");
    expect(harness.requests.at(-1)?.messages.map((message) => message.role)).toEqual([
      "user",
      "assistant",
      "user",
      "assistant",
      "user",
    ]);
  });

  test("the value of a key in use is nowhere: split over two deltas, in a call, in a tool's output", async () => {
    const key = "key-of-the-test-0123456789";
    const harness = await createHarness({
      flags: ["--no-plan", "--permission-mode", "bypassPermissions"],
      usesKey: true,
      files: { "notes.txt": `the key is ${key}\n` },
      script: [
        {
          text: ["It is key-of-the-", "test-0123456789, I think."],
          calls: [{ name: "view", input: { path: "notes.txt" } }],
        },
        { text: "Seen." },
      ],
    });
    await harness.submit("what is it?");
    expect({
      shown: JSON.stringify(harness.events).includes(key),
      stored: harness.sessionText().includes(key),
      sent: JSON.stringify(harness.requests).includes(key),
    }).toEqual({ shown: false, stored: false, sent: false });
    expect(harness.lines()[1]).toMatch(/^step 1 .*text ".*\[redacted\]/);
  });
});
